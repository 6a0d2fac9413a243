"""Makes the README's pictures anew, each from a real run: the demo's timeline, and `keyturn explain`.

    .venv/bin/python scripts/pictures.py

The run of `keyturn explain` has a home of its own, whose path is shown as /home/you; nothing else is changed.
"""

from __future__ import annotations

import json
import os
import pty
import re
import secrets
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

IMAGES = Path(__file__).parent.parent / "docs" / "images"
KEYTURN = [sys.executable, "-m", "keyturn"]
COLUMNS = 84
LOGIN = (
    "login",
    "--from-json",
    "-",
    "--billing",
    "subscription",
    "--api-base-url",
    "https://api.anthropic.com",
)
SHOWN_HOME = "/home/you"

_CELL, _LINE, _MARGIN = 7.9, 20, 24
_STYLE = re.compile(r"\x1b\[([0-9;]*)m")
_CLASSES = {"1": "bold", "2": "dim", "31": "red", "32": "green", "33": "yellow", "34": "blue"}
_NAMED = 'role="img" aria-labelledby="title desc"'
_CSS = """
  svg { --page: #fbfaf8; --edge: #e4e0d9; --ink: #23272d; --dim: #626c76; --red: #b3261e; --green: #0b7a6c;
        --yellow: #a04a08; --blue: #2b5fb0; }
  @media (prefers-color-scheme: dark) {
    svg { --page: #14181d; --edge: #2b323a; --ink: #e7eaee; --dim: #98a3ae; --red: #ff8f85; --green: #45c9b4;
          --yellow: #f4a259; --blue: #8ab4f8; }
  }
  text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
         fill: var(--ink); white-space: pre; }
  .page { fill: var(--page); stroke: var(--edge); }
  .bold { font-weight: 600; }
  .dim { fill: var(--dim); }
  .red { fill: var(--red); }
  .green { fill: var(--green); font-weight: 600; }
  .yellow { fill: var(--yellow); font-weight: 600; }
  .blue { fill: var(--blue); }
""".strip("\n")


class Piece(NamedTuple):
    """Text of one style at a column."""

    column: int
    text: str
    style: str


def main() -> None:
    """Write both pictures."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    subprocess.run([*KEYTURN, "demo", "--no-input", "--svg", str(IMAGES / "timeline.svg")], check=True)
    lines = explained()
    (IMAGES / "explain.svg").write_text(drawn("keyturn explain", lines), encoding="utf-8")
    print(f"written: {IMAGES}/timeline.svg and explain.svg")


def explained() -> list[str]:
    """What a terminal gets from `keyturn explain` when somebody logged in also has a key set."""
    home = Path("/tmp") / secrets.token_hex(2)  # noqa: S108 - its name is as long as SHOWN_HOME, for the layout
    home.mkdir(mode=0o700)
    key = f"sk-ant-test-{secrets.token_hex(16)}"
    env = {"HOME": str(home), "TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LANG": "C.UTF-8"}
    answer = json.dumps(
        {
            "access_token": f"{key}-login",
            "expires_in": 28800,
            "account": {"email_address": "developer@example.com"},
        }
    )
    try:
        subprocess.run(
            [*KEYTURN, *LOGIN],
            input=answer,
            text=True,
            env=env,
            check=True,
        )
        shown = on_a_terminal([*KEYTURN, "explain"], {**env, "ANTHROPIC_API_KEY": key})
    finally:
        shutil.rmtree(home)
    if key in shown:
        sys.exit("pictures: a secret shows in the output of keyturn explain")
    return shown.replace(str(home), SHOWN_HOME).splitlines()


def on_a_terminal(command: list[str], env: dict[str, str]) -> str:
    """All that a command writes to a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, env=env, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    found = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # how Linux says that the last writer has gone
            break
        if not piece:
            break
        found += piece
    os.close(ours)
    if process.wait() != 0:
        sys.exit(f"pictures: {' '.join(command)} ended with {process.returncode}")
    return found.decode().replace("\r\n", "\n")


def drawn(command: str, lines: list[str]) -> str:
    """The terminal as an SVG, light and dark; every piece sits in its column, whatever the font."""
    rows = [
        [Piece(0, "$", "dim"), Piece(2, command, "bold")],
        [],
        *(pieces(line) for line in lines),
    ]
    width = round(2 * _MARGIN + COLUMNS * _CELL)
    height = 2 * _MARGIN + len(rows) * _LINE - 8
    plain = "\n".join(_STYLE.sub("", line) for line in lines)
    texts = [_text(piece, _MARGIN + 12 + at * _LINE) for at, row in enumerate(rows) for piece in row]
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {_NAMED}>',
            f'<title id="title">{command}</title>',
            f'<desc id="desc">{escape(plain)}</desc>',
            f"<style>\n{_CSS}\n</style>",
            f'<rect class="page" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="10"/>',
            *texts,
            "</svg>",
            "",
        )
    )


def pieces(line: str) -> list[Piece]:
    """A line's words, each with its style, its column, and what stands close to it."""
    found: list[Piece] = []
    column, style = 0, ""
    parts = _STYLE.split(line)
    for at, part in enumerate(parts):
        if at % 2:
            style = " ".join(_CLASSES[code] for code in part.split(";") if code in _CLASSES)
            continue
        # a gap of two columns parts what is laid out in columns: no space is left to the font
        words = re.finditer(r"\S+(?: \S+)*", part)
        found += [Piece(column + match.start(), match.group(), style) for match in words]
        column += len(part)
    return found


def _text(piece: Piece, y: int) -> str:
    x, length = _MARGIN + piece.column * _CELL, len(piece.text) * _CELL
    named = f' class="{piece.style}"' if piece.style else ""
    held = f'textLength="{length:.1f}" lengthAdjust="spacingAndGlyphs"'
    return f'<text{named} x="{x:.1f}" y="{y}" {held}>{escape(piece.text)}</text>'


if __name__ == "__main__":
    main()
