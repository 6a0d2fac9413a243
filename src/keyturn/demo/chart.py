"""The picture for a terminal: one line a program, as wide as there is room."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from .timeline import Row, Timeline

_NARROW = 60
_NARROWEST_BAR = 8


class Marks(NamedTuple):
    """The characters of the picture."""

    waits: str
    asks: str
    renewed: str
    adopted: str


UNICODE = Marks(waits="·", asks="━", renewed="●", adopted="◆")
ASCII = Marks(waits=".", asks="=", renewed="O", adopted="*")
_STYLES = {"waits": "dim", "asks": "yellow", "renewed": "yellow", "adopted": "green"}


def chart(
    found: Timeline, width: int, *, marks: Marks = UNICODE, style: Callable[..., str] = lambda text, *_: text
) -> list[str]:
    """Lines of at most `width` columns. `style` colours a text by names, as `Terminal.style` does."""
    wordy = width >= _NARROW
    room = max(_NARROWEST_BAR, width - (21 if wordy else 12))
    unit = found.last_token / (room - 1)
    lines = [style(_scale(found, room), "dim")]
    for row in found.rows:
        word = f"  {'renewed' if row.renewed else 'adopted'}" if wordy else ""
        tail = f"{word} {row.token:>4.0f} ms"
        styles = ("bold",) if row.renewed else ("dim",)
        lines.append(f"{row.number:>2}  {_bar(row, room, unit, marks, style)}{style(tail, *styles)}")
    return [*lines, "", *_legend(width, marks, style)]


def _scale(found: Timeline, room: int) -> str:
    end = f"{found.last_token:.0f} ms"
    return f"    0{end:>{room - 1}}"


def _bar(row: Row, room: int, unit: float, marks: Marks, style: Callable[..., str]) -> str:
    cells = ["" for _ in range(room)]

    def at(time: float) -> int:
        return min(room - 1, max(0, round(time / unit)))

    for cell in range(at(row.asked), at(row.token)):
        cells[cell] = "waits"
    if row.sent is not None and row.answered is not None:
        for cell in range(at(row.sent), at(row.answered)):
            cells[cell] = "asks"
    cells[at(row.token)] = "renewed" if row.renewed else "adopted"
    # neighbours of one kind are one piece, so that a terminal gets one colour for all of them
    pieces: list[tuple[str, int]] = []
    for kind in cells:
        if pieces and pieces[-1][0] == kind:
            pieces[-1] = (kind, pieces[-1][1] + 1)
        else:
            pieces.append((kind, 1))
    return "".join(
        style(getattr(marks, kind) * count, _STYLES[kind]) if kind else " " * count for kind, count in pieces
    )


def _legend(width: int, marks: Marks, style: Callable[..., str]) -> list[str]:
    entries = (
        ("waits", "has asked and waits"),
        ("asks", "refresh request"),
        ("renewed", "has renewed"),
        ("adopted", "has adopted the new token"),
    )
    lines: list[str] = []
    length = width
    for kind, text in entries:
        mark = getattr(marks, kind) * (2 if kind in ("waits", "asks") else 1)
        piece = f"{style(mark, _STYLES[kind])} {text}"
        size = len(mark) + 1 + len(text)
        if length + 3 + size > width:
            lines.append(f"{piece}")
            length = size
        else:
            lines[-1] += f"   {piece}"
            length += 3 + size
    return lines
