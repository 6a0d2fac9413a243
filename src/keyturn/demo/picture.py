"""The picture as SVG: calm, light and dark by the reader's own setting, nothing loaded from anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .timeline import Row, Timeline

_WIDTH = 720
_MARGIN = 24
_LEFT, _RIGHT = 112, 560
_TOP, _PITCH = 124, 21
_BAR = 8
_TICKS = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000)
_MOST_TICKS = 8
_NAMED = 'role="img" aria-labelledby="title desc"'
_SUBTITLE = "One program renews; the others wait and adopt what it got. No second request, no login lost."
_CSS = """
  svg { --page: #fbfaf8; --edge: #e4e0d9; --ink: #23272d; --soft: #5c6670; --line: #e9e5de; --wait: #cbd2d9;
        --renew: #b4540a; --adopt: #0b7a6c; --then: #8b96a1; --band: #b4540a14; }
  @media (prefers-color-scheme: dark) {
    svg { --page: #14181d; --edge: #2b323a; --ink: #e7eaee; --soft: #a0abb6; --line: #232a31; --wait: #434d58;
          --renew: #f4a259; --adopt: #45c9b4; --then: #77838f; --band: #f4a2591f; }
  }
  text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: var(--soft); }
  .title { font-size: 19px; font-weight: 600; fill: var(--ink); }
  .small { font-size: 12px; }
  .number { font-variant-numeric: tabular-nums; }
  .end { text-anchor: end; }
  .middle { text-anchor: middle; }
  .page { fill: var(--page); stroke: var(--edge); }
  .grid { stroke: var(--line); }
  .band { fill: var(--band); }
  .brink { stroke: var(--renew); stroke-dasharray: 2 3; }
  .wait { fill: var(--wait); }
  .renew { fill: var(--renew); }
  .adopt { fill: var(--adopt); }
  .then { stroke: var(--then); stroke-width: 1.5; }
  .done { fill: var(--page); stroke: var(--then); stroke-width: 1.5; }
  .strong { font-weight: 600; fill: var(--renew); }
""".strip("\n")


def picture(found: Timeline) -> str:
    """The SVG document, 720 units wide; what varies in it are numbers, so there is nothing to escape."""
    count = len(found.rows)
    bottom = _TOP + count * _PITCH
    height = bottom + 78
    scale = _Scale(found)
    title = f"{count} programs, one expired login, {found.renewals} renewal"
    desc = (
        f"{count} processes ask for a credential at the same moment. {found.renewals} sends a refresh "
        f"request, which takes {found.ended - found.began:.0f} milliseconds at the authority; the others "
        f"wait and adopt the new token. The last has it after {found.last_token:.0f} milliseconds."
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" {_NAMED}>',
        f'<title id="title">{title}</title>',
        f'<desc id="desc">{desc}</desc>',
        f"<style>\n{_CSS}\n</style>",
        f'<rect class="page" x="0.5" y="0.5" width="{_WIDTH - 1}" height="{height - 1}" rx="10"/>',
        _text(_MARGIN, 40, title, "title"),
        _text(_MARGIN, 63, _SUBTITLE),
        *_background(found, scale, bottom),
        *(_row(row, scale, _TOP + at * _PITCH) for at, row in enumerate(found.rows)),
        *_legend(bottom + 54),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


class _Scale:
    """Milliseconds to units of the picture."""

    def __init__(self, found: Timeline) -> None:
        self.step = next((tick for tick in _TICKS if found.length / tick <= _MOST_TICKS), _TICKS[-1])
        self.end = max(found.length, 1.0) * 1.02

    def x(self, time: float) -> float:
        """Where a time lies."""
        return round(_LEFT + max(0.0, time) / self.end * (_RIGHT - _LEFT), 1)

    def ticks(self) -> range:
        """The times that are written below."""
        return range(0, int(self.end) + 1, self.step)


def _background(found: Timeline, scale: _Scale, bottom: int) -> list[str]:
    began, ended = scale.x(found.began), scale.x(found.ended)
    top = _TOP - 10
    parts = []
    for time in scale.ticks():
        x = scale.x(time)
        parts.append(f'<line class="grid" x1="{x}" y1="{top}" x2="{x}" y2="{bottom}"/>')
        parts.append(_text(x, bottom + 18, f"{time}" if time else "0 ms", "small", "number", "middle"))
    width, tall = round(ended - began, 1), bottom - top
    parts.append(f'<rect class="band" x="{began}" y="{top}" width="{width}" height="{tall}"/>')
    parts += [f'<line class="brink" x1="{x}" y1="{top}" x2="{x}" y2="{bottom}"/>' for x in (began, ended)]
    said = f"the one refresh request, at the authority: {found.ended - found.began:.0f} ms"
    return [
        *parts,
        _text(began, top - 8, said, "small", "strong"),
        _text(_WIDTH - _MARGIN, top - 8, "has the token", "small", "end"),
    ]


def _row(row: Row, scale: _Scale, top: int) -> str:
    middle = top + _PITCH / 2
    asked, token, done = scale.x(row.asked), scale.x(row.token), scale.x(row.done)
    word = "renewed" if row.renewed else "adopted"
    told = (
        f"program {row.number}: asked at {row.asked:.0f} ms, {word} at {row.token:.0f} ms, "
        f"answered by the API at {row.done:.0f} ms"
    )
    styles = ("small", "strong") if row.renewed else ("small",)
    parts = [
        f'<g class="row"><title>{told}</title>',
        _text(_MARGIN, middle + 4.5, f"program {row.number}", "number"),
        _then(token, done, middle),
        _bar("wait", asked, token, middle),
    ]
    if row.sent is not None and row.answered is not None:
        parts.append(_bar("renew", scale.x(row.sent), scale.x(row.answered), middle))
    parts += [
        _mark(token, middle, renewed=row.renewed),
        _text(_RIGHT + 16, middle + 4.5, word, *styles),
        _text(_WIDTH - _MARGIN, middle + 4.5, f"{row.token:.0f} ms", "number", "end", *styles),
        "</g>",
    ]
    return "\n".join(parts)


def _legend(y: int) -> list[str]:
    return [
        _bar("wait", 24, 48, y - 4),
        _text(55, y, "has asked, waits", "small"),
        _bar("renew", 170, 194, y - 4),
        _text(201, y, "renews", "small"),
        _mark(264, y - 4, renewed=True),
        _text(275, y, "has renewed", "small"),
        _mark(370, y - 4, renewed=False),
        _text(381, y, "adopts the new token", "small"),
        _then(528, 550, y - 4),
        _text(559, y, "then: 200 of the API", "small"),
    ]


def _text(x: float, y: float, text: str, *styles: str) -> str:
    named = f' class="{" ".join(styles)}"' if styles else ""
    return f'<text x="{x}" y="{y}"{named}>{text}</text>'


def _bar(style: str, start: float, end: float, middle: float) -> str:
    width = max(1.0, round(end - start, 1))
    return (
        f'<rect class="{style}" x="{start}" y="{middle - _BAR / 2}" width="{width}" height="{_BAR}" rx="2"/>'
    )


def _mark(x: float, y: float, *, renewed: bool) -> str:
    if renewed:
        return f'<circle class="renew" cx="{x}" cy="{y}" r="5.5"/>'
    return f'<path class="adopt" d="M{x} {y - 5.5}l5.5 5.5l-5.5 5.5l-5.5 -5.5z"/>'


def _then(start: float, end: float, y: float) -> str:
    return (
        f'<line class="then" x1="{start}" y1="{y}" x2="{end}" y2="{y}"/>'
        f'<circle class="done" cx="{end}" cy="{y}" r="2.5"/>'
    )
