"""keyturn(1), from the same data as `--help`: `python scripts/manual.py FILE` (make docs)."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from keyturn import __version__
from keyturn.cli.commands import COMMANDS, PRINT, SESSION
from keyturn.cli.dispatch import parser_of

if TYPE_CHECKING:
    from argparse import Action
    from collections.abc import Iterator

    from keyturn.cli.commands import Command

ROOT = Path(__file__).resolve().parent.parent
_WIDTH = 80
_ROW = re.compile(r"^\| (.+?) \| (.+?) \|(?: .*\|)?$", re.MULTILINE)


def manual() -> str:
    """The page, in the macros of man(7)."""
    return "\n".join([*_head(), *_commands(), *_common(), *_tables(), *_tail()]) + "\n"


def _head() -> Iterator[str]:
    decisions = (ROOT / "docs/decisions.md").read_text(encoding="utf-8")
    newest = max(re.findall(r"^## (\d{4}-\d\d-\d\d) ", decisions, re.MULTILINE))
    yield f'.TH KEYTURN 1 {newest} "keyturn {__version__}" "User Commands"'
    yield ".SH NAME"
    yield r"keyturn \- get, keep, renew and explain the credential a program needs to talk to Claude"
    yield ".SH SYNOPSIS"
    for name in (SESSION, PRINT):
        yield rf"\fB{_text(_name(COMMANDS[name]))}\fR [\fIoptions\fR]"
        yield ".PP"
    yield r"\fBkeyturn\fR [\fIoptions\fR] \fICOMMAND\fR [\fIoptions\fR]"
    yield ".SH DESCRIPTION"
    yield "Each command's own help says the same:"
    yield r"\fBkeyturn\fR \fICOMMAND\fR \fB\-\-help\fR."
    yield "keyturn is not affiliated with Anthropic."


def _commands() -> Iterator[str]:
    yield ".SH COMMANDS"
    for command in COMMANDS.values():
        yield f'.SS "{_text(_name(command))}"'
        yield f"{_sentence(command.summary)}"
        for typed, does in command.examples:
            yield from (".TP", rf"\fB{_text(typed)}\fR", _text(does))
        options = _options(command, common=False)
        if options:
            yield ".PP"
            yield "Options:"
            yield from options


def _common() -> Iterator[str]:
    yield ".SH OPTIONS"
    yield "These mean the same before and after every command:"
    own = {
        option for action in _actions(COMMANDS["logout"], common=False) for option in action.option_strings
    }
    for action in _actions(COMMANDS["logout"], common=True):
        if action.option_strings and not own & set(action.option_strings):
            yield from _option(action)


def _tables() -> Iterator[str]:
    """What the pages of docs/ list: exit statuses and variables."""
    for title, page, section in (
        ("EXIT STATUS", "commands.md", "Exit status"),
        ("ENVIRONMENT", "configuration.md", "Variables"),
    ):
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        body = text.split(f"\n## {section}\n", 1)[1].split("\n## ", 1)[0]
        yield f".SH {title}"
        for name, about in _ROW.findall(body):
            if set(name) - set("- "):
                yield from (".TP", rf"\fB{_plain(name)}\fR", _plain(about))


def _tail() -> Iterator[str]:
    yield ".SH FILES"
    yield "Directories are those of the system; KEYTURN_HOME is both at once."
    for name, about in (
        ("config.json", "the configuration"),
        ("logins/NAME.json", "the login of a profile, for its owner alone"),
    ):
        yield from (".TP", rf"\fI{_text(name)}\fR", _text(about))
    yield ".SH SEE ALSO"
    yield r"\fBcurl\fR(1), \fBssh\fR(1)"


def _options(command: Command, *, common: bool) -> list[str]:
    return [line for action in _actions(command, common=common) for line in _option(action)]


def _option(action: Action) -> Iterator[str]:
    names = ", ".join(rf"\fB{_text(name)}\fR" for name in action.option_strings)
    value = action.metavar if isinstance(action.metavar, str) else None
    if value is None and action.choices:
        value = "|".join(str(word) for word in action.choices)
    if action.nargs == 0:
        value = None
    shown = " ".join(part for part in (names, rf"\fI{_text(value)}\fR" if value else "") if part)
    yield from (".TP", shown, _sentence(action.help or ""))


def _actions(command: Command, *, common: bool) -> list[Action]:
    return list(parser_of(command, _WIDTH).actions(common=common))


def _name(command: Command) -> str:
    return "keyturn" if command.name == SESSION else f"keyturn {command.name}"


def _sentence(text: str) -> str:
    return f"{_text(text[:1].upper() + text[1:])}."


def _plain(markdown: str) -> str:
    """A table's cell without its marks."""
    return _text(re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", markdown).replace("`", "").replace("**", ""))


def _text(text: str) -> str:
    """Text in which nothing is a command of roff, and dashes can be copied."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-").replace('"', r"\(dq").replace("'", r"\(aq")
    for character, name in (("…", "..."), ("“", r"\(lq"), ("”", r"\(rq"), ("≤", "<=")):
        escaped = escaped.replace(character, name)
    return rf"\&{escaped}" if escaped.startswith(".") else escaped


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(manual(), encoding="utf-8")
    print(f"the man page is {target}; look at it: man {target}")
