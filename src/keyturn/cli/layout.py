"""Text laid out in columns of a terminal, by what characters take there and not by how many they are."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_WIDE = ("W", "F")


def cells(text: str) -> int:
    """How many columns a text takes: two for East Asian wide characters, none for combining ones."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(
        0 if combining(character) else 2 if east_asian_width(character) in _WIDE else 1 for character in text
    )


def pad(text: str, width: int) -> str:
    """The text, filled with spaces to a width."""
    return text + " " * (width - cells(text))


def wrap(text: str, width: int, *, whole: bool = False) -> list[str]:
    """Lines of at most `width` columns, parted at spaces; a longer word is parted where it must be.

    With `whole` no word is: an address or a path stays on a line of its own, for copying.
    """
    lines = [""]
    for word in text.split():
        rest = word
        gap = " " if lines[-1] else ""
        if cells(lines[-1]) + len(gap) + cells(rest) <= width:
            lines[-1] += gap + rest
            continue
        if lines[-1]:
            lines.append("")
        while cells(rest) > width and not whole:
            piece = _fitting(rest, width)
            lines[-1:] = [piece, ""]
            rest = rest[len(piece) :]
        lines[-1] = rest
    return [line for line in lines if line] or [""]


def pairs(rows: Iterable[tuple[str, str]], width: int, *, indent: int = 0) -> list[str]:
    """Two columns; where the terminal is too narrow for them, the second goes below the first."""
    rows = list(rows)
    first = max((cells(left) for left, _ in rows), default=0)
    room = width - indent - first - 2
    lines: list[str] = []
    for left, right in rows:
        margin = " " * indent
        if room < min(24, max((cells(right) for _, right in rows), default=0)):
            lines += [margin + line for line in wrap(left, width - indent)]
            lines += [f"{margin}    {line}" for line in wrap(right, width - indent - 4)] if right else []
            continue
        head, *tail = wrap(right, room)
        lines.append(f"{margin}{pad(left, first)}  {head}".rstrip())
        lines += [f"{margin}{' ' * first}  {line}" for line in tail]
    return lines


def table(rows: Sequence[Sequence[str]], width: int) -> list[str] | None:
    """Columns as wide as they must be, the last one wrapped; None when there is no room for that one."""
    widths = [max(cells(row[at]) for row in rows) for at in range(len(rows[0]) - 1)]
    room = width - sum(widths) - 2 * len(widths)
    if room < 30:  # noqa: PLR2004 - shorter lines than that are no column of text
        return None
    lines: list[str] = []
    for row in rows:
        head, *tail = wrap(row[-1], room)
        start = "  ".join(pad(cell, size) for cell, size in zip(row, widths, strict=False))
        lines.append(f"{start}  {head}".rstrip())
        lines += [" " * (sum(widths) + 2 * len(widths)) + line for line in tail]
    return lines


def _fitting(text: str, width: int) -> str:
    end = max(1, width)
    while end > 1 and cells(text[:end]) > width:
        end -= 1
    return text[:end]
