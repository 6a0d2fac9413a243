"""The files of a project that a shell command names as words, so that consent can cover what is in them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from keyturn.world import World

LONGEST = 4000  # characters of one value
_SHELL = " \t\n;|&<>()`"
# wildcards, variables, `$'…'`, `{a,b}`, `~+`, and the output of a command as a part of a word
_PATTERN = r"[*?`]|\[.+\]|\$\{?[A-Za-z_]|\$'|\{.*(,|\.\.).*\}|~[+-]|[\w./-]\$\(|\)[\w./-]"
_MOST, _DIRECTORIES = 5000, 32  # places looked at, and directories that they are seen from
_DEEPEST = 3  # `sh -c "sh -c '…'"`: commands in words of commands


class TooMany(Exception):
    """A command names more than anybody could look through."""


def named_files(world: World, project: str, command: str) -> tuple[str, ...]:
    """Paths below the project, seen from it, that words of the command name; whether or not they exist.

    What a word means only to the program that gets it (`python -m tool`, `make key`) is not known here.

    Raises: TooMany for what would take long to look through: nothing of it is held to anything then.
    """
    if len(command) > LONGEST:
        raise TooMany
    from posixpath import join, normpath

    from keyturn.world.pins import inside

    places = {"PWD": project, "CLAUDE_PROJECT_DIR": project, "HOME": world.variable("HOME") or ""}
    bases = {project: None}
    looked: set[tuple[str, str]] = set()
    found: dict[str, None] = {}
    before = ""
    # a shell takes a backslash with its line break out, wherever that stands
    for word in (*_words(command, _DEEPEST), *_words(command.replace("\\\n", ""), _DEEPEST)):
        path = _filled(word, places)
        further = path.removeprefix("PATH=").split(":") if word.startswith("PATH=") else []
        if before in ("cd", "pushd", "-C"):
            if word.startswith("-"):  # `cd -P there`
                continue
            further.append(path)
        bases |= dict.fromkeys(normpath(join(base, one)) for base in (*bases,) for one in further)
        before = word
        for look in ((base, candidate) for candidate in _candidates(path) for base in bases):
            if look not in looked:
                looked.add(look)
                found |= dict.fromkeys(inside(project, *look))
        if len(looked) > _MOST or len(bases) > _DIRECTORIES:
            raise TooMany
    return tuple(sorted(found))


def _candidates(word: str) -> Iterator[str]:
    """What of a word may be a path: `--file=PATH`, `-fPATH`, `@PATH`, `PATH:/elsewhere`."""
    values = [word, word.partition("=")[2]]
    values += [word[2:]] if word.startswith("-") and not word.startswith("--") else []
    parts = [part for value in values for part in (value, *value.replace(",", ":").split(":"))]
    for text in {text: None for part in parts for text in (part, part.lstrip("@"), part.replace("\\", ""))}:
        if text and not text.startswith("-") and "://" not in text and "\0" not in text:
            yield text


def is_pattern(command: str) -> bool:
    """Whether a word seems to name files by what only the shell knows: a wildcard, a variable."""
    import re

    known = re.sub(r"\$(\{(PWD|HOME|CLAUDE_PROJECT_DIR)\}|(PWD|HOME|CLAUDE_PROJECT_DIR)\b)", "", command)
    return any(re.search(_PATTERN, word) is not None and "://" not in word for word in known.split())


def _words(text: str, deepest: int) -> Iterator[str]:
    """The words of a command, and those of commands that are words themselves."""
    import shlex

    lexer = shlex.shlex(text.replace("`", " "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""  # what is commented out here may be read on in another shell
    try:
        words = list(lexer)
    except ValueError:  # a quotation that never ends: no shell would run it, but nothing may hide in it
        words = text.replace("'", " ").replace('"', " ").split()
    for word in words:
        if not word.strip(_SHELL):  # an operator
            continue
        yield word
        if deepest and any(character in _SHELL for character in word.strip(_SHELL)):
            yield from _words(word, deepest - 1)


def _filled(word: str, places: dict[str, str]) -> str:
    for name, place in places.items():
        word = word.replace(f"${{{name}}}", place).replace(f"${name}", place)
    return places["HOME"] + word[1:] if word.startswith("~/") else word
