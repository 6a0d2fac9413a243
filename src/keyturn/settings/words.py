"""The files of a project that a shell command names as words, so that consent can cover what is in them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from keyturn.world import World

_SHELL = " \t\n;|&<>()`"
_DEEPEST = 3  # `sh -c "sh -c '…'"`: commands in words of commands


def named_files(world: World, project: str, command: str) -> tuple[str, ...]:
    """Paths below the project, seen from it, that words of the command name; whether or not they exist.

    What a word means only to the program that gets it (`python -m tool`, `make key`) is not known here.
    """
    from keyturn.world.pins import inside

    places = {"PWD": project, "CLAUDE_PROJECT_DIR": project, "HOME": world.variable("HOME") or ""}
    bases = [project]
    found: dict[str, None] = {}
    before = ""
    for word in _words(command, _DEEPEST):
        path = _filled(word, places)
        if before in ("cd", "pushd"):
            bases += [f"{base}/{path}" if not path.startswith("/") else path for base in bases[:8]]
        before = word
        for candidate in (path, path.partition("=")[2]):
            if (
                candidate
                and not candidate.startswith("-")
                and "://" not in candidate
                and "\0" not in candidate
            ):
                found |= dict.fromkeys(name for base in bases for name in inside(project, base, candidate))
    return tuple(sorted(found))


def is_pattern(command: str) -> bool:
    """Whether a word seems to name files by what only the shell knows: a wildcard, a variable."""
    import re

    known = re.sub(r"\$\{?(PWD|HOME|CLAUDE_PROJECT_DIR)\b", "", command)
    return any(
        re.search(r"[*?]|\$\{?[A-Za-z_]", word) is not None and "://" not in word for word in known.split()
    )


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
