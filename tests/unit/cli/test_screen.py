"""On a real terminal: its own width is kept to, a secret is warned about, Ctrl-C ends with 130."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from keyturn.cli.layout import cells
from tests.secretscan import make_secret

KEYTURN = Path(sys.executable).with_name("keyturn")


def on_screen(
    *words: str, home: Path, columns: int, typed: bytes = b"", after: str = "", **variables: str
) -> tuple[int, str]:
    """Run a command on a pseudo-terminal; type something when `after` is there to be read."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = {
        "HOME": str(home),
        "KEYTURN_HOME": str(home),
        "PATH": "/usr/bin:/bin",
        "TERM": "xterm",
        **variables,
    }
    with subprocess.Popen(
        [KEYTURN, *words],
        env=env,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=_own_the_terminal,  # noqa: PLW1509 - no other thread runs here
    ) as process:
        os.close(theirs)
        seen = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            seen += piece
            if typed and after.encode() in seen:
                os.write(ours, typed)
                typed = b""
        status = process.wait(30)
    os.close(ours)
    return status, seen.decode().replace("\r\n", "\n")


def _own_the_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.mark.parametrize("columns", [40, 80])
@pytest.mark.parametrize("words", [["explain"], ["status"], ["--help"], ["run", "--help"]])
def test_no_line_is_wider_than_the_screen(tmp_path: Path, columns: int, words: list[str]) -> None:
    status, seen = on_screen(
        *words, home=tmp_path, columns=columns, NO_COLOR="1", ANTHROPIC_API_KEY=make_secret("api-key")
    )
    assert status == 0
    assert [line for line in seen.splitlines() if cells(line) > columns] == []
    assert len(seen.splitlines()) > 5


def test_a_screen_has_colours_unless_they_are_not_wanted(tmp_path: Path) -> None:
    assert (
        "\x1b[32mselected\x1b[0m"
        in on_screen("explain", home=tmp_path, columns=80, ANTHROPIC_API_KEY=make_secret("api-key"))[1]
    )
    assert "\x1b" not in on_screen("explain", home=tmp_path, columns=80, NO_COLOR="1")[1]


@pytest.mark.proves("T16")
def test_a_secret_on_the_screen_is_warned_about_once(tmp_path: Path) -> None:
    key = make_secret("api-key")
    status, seen = on_screen("token", home=tmp_path, columns=40, ANTHROPIC_API_KEY=key, NO_COLOR="1")
    assert status == 0
    assert seen.count("warning: this is a secret") == 1
    assert seen.endswith(f"\n{key}\n")


def test_ctrl_c_ends_with_130(tmp_path: Path) -> None:
    status, seen = on_screen("sandbox", home=tmp_path, columns=80, typed=b"\x03", after="runs until Ctrl-C")
    assert status == 130
    assert "Traceback" not in seen
    assert "keyturn login --profile sandbox --issuer http://127.0.0.1:" in seen
