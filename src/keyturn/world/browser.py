"""Showing a URL to the person: a validated URL, an argument vector, a program of this machine, no shell."""

from __future__ import annotations

import os
import re
import sys

from keyturn.errors import Refused, frameless
from keyturn.values import Value
from keyturn.world.programs import desktop_environment, find_program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Opened", "checked_url", "open_browser"]

MOMENT_SECONDS = 1.0
MAX_URL = 16 * 1024
# RFC 3986 and nothing else: a backslash or a quote means one thing to us and another to a browser
_URL = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+", re.ASCII)
# RFC 3986 allows them as they are; to a shell inside of a program's own script they mean something
_ENCODED = {ord(character): f"%{ord(character):02X}" for character in "$;'()!`"}
_SHELLS = frozenset("sh bash dash zsh ksh fish csh tcsh ash busybox cmd powershell pwsh".split())  # noqa: SIM905 - to be read
_LINUX = (("xdg-open",), ("gio", "open"), ("x-www-browser",))
_WSL = (("wslview",), ("rundll32.exe", "url.dll,FileProtocolHandler"), *_LINUX)


class Opened(Value):
    """The program that was given the URL, as an absolute path."""

    __slots__ = ("program",)
    program: str


@frameless
def open_browser(
    url: str,
    env: Mapping[str, str],
    *,
    platform: str = sys.platform,
    moment: float = MOMENT_SECONDS,
) -> Opened | None:
    """Hand the URL to the person's browser; None when there is none or none would take it.

    `BROWSER` (a list, each entry with `%s` for the URL or the URL added) rules alone when it is set. A
    program that is still there after `moment` seconds counts as opened and is left alone.
    Raises: Refused for anything but https, and http on this machine.
    """
    url = checked_url(url).translate(_ENCODED)
    for words in _commands(url, env, platform):
        program = find_program(words[0], env)
        if program and _start([program, *words[1:]], env, moment):
            return Opened(program=program)
    return None


def checked_url(url: str) -> str:
    """The URL, when it may be handed to another program.

    Raises: Refused for other schemes, http to another machine, user information and odd characters.
    """
    from keyturn.wire import origin

    hint = "check the authority's addresses: keyturn opens https, and http only on this machine"
    if len(url) > MAX_URL or not _URL.fullmatch(url):
        raise Refused("the address to open is too long or holds characters no URL has", hint=hint)
    try:
        to = origin(url)
    except ValueError as error:
        raise Refused(f"the address to open is not usable: {error}", hint=hint) from None
    if not to.confidential:
        raise Refused(f"the address to open is plain http to {to}", hint=hint, origin=str(to))
    return url


def _commands(url: str, env: Mapping[str, str], platform: str) -> Iterator[list[str]]:
    if env.get("BROWSER"):
        for entry in env["BROWSER"].split(os.pathsep):
            yield from _own_choice(entry, url)
    elif platform == "darwin":
        yield ["/usr/bin/open", url]
    elif platform == "win32":
        # rundll32 and not os.startfile, which would hand our whole environment on
        root = env.get("SYSTEMROOT") or r"C:\Windows"
        yield [rf"{root}\System32\rundll32.exe", "url.dll,FileProtocolHandler", url]
    elif env.get("WSL_DISTRO_NAME") or env.get("WSL_INTEROP"):
        yield from ([*words, url] for words in _WSL)
    elif env.get("DISPLAY") or env.get("WAYLAND_DISPLAY"):
        yield from ([*words, url] for words in _LINUX)


def _own_choice(entry: str, url: str) -> Iterator[list[str]]:
    import shlex

    try:
        words = shlex.split(entry, posix=os.name == "posix")
    except ValueError:  # a quote without its partner
        return
    if words[-1:] == ["&"]:  # the usual way to say "do not wait", which we do not anyway
        words.pop()
    if not words:
        return
    if _is_code(words):
        from keyturn.logs import logger

        logger().warning(
            "BROWSER is not used: %s would read the address as a part of a command; "
            "let it be a word of its own: BROWSER='program %%s'",
            words[0],
        )
        return
    given = [word.replace("%s", url) for word in words[1:]]
    yield [words[0], *given] if "%s" in entry else [words[0], *given, url]


def _is_code(words: list[str]) -> bool:
    """Whether the address would stand within a command that another program takes apart (`sh -c 'x %s'`).

    The address comes from the authority; a shell would run what stands behind an `&` in it.
    """
    from itertools import pairwise

    shell = False
    for previous, word in pairwise(words):
        name = os.path.basename(previous.replace("\\", "/")).lower().removesuffix(".exe")
        shell = shell or name in _SHELLS
        option = previous.startswith(("-", "/")) and previous[-1:].lower() in ("c", "k", "d")
        if "%s" in word and (any(character.isspace() for character in word) or (shell and option)):
            return True
    return False


def _start(words: list[str], env: Mapping[str, str], moment: float) -> bool:
    import subprocess
    import threading

    try:
        child = subprocess.Popen(  # noqa: S603 - an absolute program, a checked URL, no shell
            words,
            env=desktop_environment(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C at our prompt is not meant for the browser
            cwd=_root(),
        )
    except OSError:
        return False
    try:
        return child.wait(moment) == 0
    except subprocess.TimeoutExpired:
        threading.Thread(target=child.wait, name="keyturn-browser", daemon=True).start()
        return True


def _root() -> str:
    return os.path.abspath(os.sep)
