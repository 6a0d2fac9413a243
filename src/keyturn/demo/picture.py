"""The picture as SVG: calm, light and dark by the reader's own setting, nothing loaded from anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .timeline import Row, Timeline

_WIDTH = 720
_LEFT, _RIGHT = 112, 580
_TOP, _PITCH = 122, 21
_BAR = 8
_TICKS = (20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000)
_MOST_TICKS = 8

_CSS = """
  svg { --page: #fbfaf8; --edge: #e4e0d9; --ink: #23272d; --soft: #5c6670; --line: #e9e5de; --wait: #cbd2d9;
        --renew: #b4540a; --adopt: #0b7a6c; --then: #9aa5b1; --band: #b4540a14; }
  @media (prefers-color-scheme: dark) {
    svg { --page: #14181d; --edge: #2b323a; --ink: #e7eaee; --soft: #a0abb6; --line: #232a31; --wait: #434d58;
          --renew: #f4a259; --adopt: #45c9b4; --then: #66727e; --band: #f4a2591f; }
  }
  text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: var(--ink); }
  .title { font-size: 19px; font-weight: 600; }
  .soft { fill: var(--soft); }
  .small { font-size: 12px; }
  .number { font-variant-numeric: tabular-nums; }
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
    """The SVG document, 720 units wide; made of numbers alone, so there is nothing to escape."""
    count = len(found.rows)
    bottom = _TOP + count * _PITCH
    height = bottom + 92
    scale = _Scale(found)
    renewals = (
        f"{found.renewals} of them renews it" if found.renewals == 1 else f"{found.renewals} of them renew it"
    )
    title = f"{count} programs, one expired login: {renewals}"
    desc = (
        f"{count} processes ask for a credential at the same moment, {found.renewals} sends a refresh request, "
        f"which takes {found.ended - found.began:.0f} milliseconds at the authority; the others wait for the lock "
        f"and adopt the new token. The last one has it after {found.last_token:.0f} milliseconds."
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        'aria-labelledby="title desc">',
        f'<title id="title">{title}</title>',
        f'<desc id="desc">{desc}</desc>',
        f"<style>\n{_CSS}\n</style>",
        f'<rect class="page" x="0.5" y="0.5" width="{_WIDTH - 1}" height="{height - 1}" rx="10"/>',
        f'<text class="title" x="24" y="40">{title}</text>',
        '<text class="soft" x="24" y="63">The others wait for its lock and adopt what it got. '
        "No second request, no login lost.</text>",
        *_background(found, scale, bottom),
        *(_row(row, scale, _TOP + at * _PITCH) for at, row in enumerate(found.rows)),
        *_legend(bottom + 62),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


class _Scale:
    """Milliseconds to units of the picture."""

    def __init__(self, found: Timeline) -> None:
        self.step = next((t for t in _TICKS if found.length / t <= _MOST_TICKS), _TICKS[-1])
        self.end = max(found.length, 1.0) * 1.02

    def x(self, time: float) -> float:
        """Where a time lies."""
        return round(_LEFT + max(0.0, time) / self.end * (_RIGHT - _LEFT), 1)

    def ticks(self) -> list[int]:
        """The times that are written below."""
        return list(range(0, int(self.end) + 1, self.step))


def _background(found: Timeline, scale: _Scale, bottom: int) -> list[str]:
    began, ended = scale.x(found.began), scale.x(found.ended)
    top = _TOP - 12
    parts = []
    for time in scale.ticks():
        x = scale.x(time)
        parts.append(f'<line class="grid" x1="{x}" y1="{top}" x2="{x}" y2="{bottom}"/>')
        label = f"{time} ms" if time == 0 else f"{time}"
        parts.append(
            f'<text class="soft small number" x="{x}" y="{bottom + 18}" text-anchor="middle">{label}</text>'
        )
    return [
        *parts,
        f'<rect class="band" x="{began}" y="{top}" width="{round(ended - began, 1)}" height="{bottom - top}"/>',
        f'<line class="brink" x1="{began}" y1="{top}" x2="{began}" y2="{bottom}"/>',
        f'<line class="brink" x1="{ended}" y1="{top}" x2="{ended}" y2="{bottom}"/>',
        f'<text class="small strong" x="{round((began + ended) / 2, 1)}" y="{top - 7}" text-anchor="middle">'
        f"the one refresh request, at the authority: {found.ended - found.began:.0f} ms</text>",
        f'<text class="soft small" x="{_RIGHT + 18}" y="{top - 7}">has the token after</text>',
    ]


def _row(row: Row, scale: _Scale, top: int) -> str:
    middle = top + _PITCH / 2 - 2
    asked, token, done = scale.x(row.asked), scale.x(row.token), scale.x(row.done)
    word = "renewed" if row.renewed else "adopted"
    y = middle - _BAR / 2
    parts = [
        f'<g class="row"><title>program {row.number}: asked at {row.asked:.0f} ms, {word}, '
        f"token at {row.token:.0f} ms, answer at {row.done:.0f} ms</title>",
        f'<text class="soft number" x="24" y="{middle + 4.5}">program {row.number}</text>',
        f'<line class="then" x1="{token}" y1="{middle}" x2="{done}" y2="{middle}"/>',
        f'<circle class="done" cx="{done}" cy="{middle}" r="2.5"/>',
        f'<rect class="wait" x="{asked}" y="{y}" width="{max(1.0, round(token - asked, 1))}" height="{_BAR}" rx="2"/>',
    ]
    if row.sent is not None and row.answered is not None:
        sent, back = scale.x(row.sent), scale.x(row.answered)
        parts.append(
            f'<rect class="renew" x="{sent}" y="{y}" width="{round(back - sent, 1)}" height="{_BAR}" rx="2"/>'
        )
        parts.append(f'<circle class="renew" cx="{token}" cy="{middle}" r="5.5"/>')
    else:
        parts.append(f'<path class="adopt" d="M{token} {middle - 5.5}l5.5 5.5l-5.5 5.5l-5.5 -5.5z"/>')
    style = "strong" if row.renewed else "soft"
    parts.append(
        f'<text class="{style} small" x="{_RIGHT + 18}" y="{middle + 4.5}">{word}</text>'
        f'<text class="{style} small number" x="{_WIDTH - 24}" y="{middle + 4.5}" text-anchor="end">'
        f"{row.token:.0f} ms</text></g>"
    )
    return "\n".join(parts)


def _legend(y: int) -> list[str]:
    return [
        f'<rect class="wait" x="24" y="{y - 8}" width="26" height="{_BAR}" rx="2"/>',
        f'<text class="small soft" x="57" y="{y}">has asked, waits</text>',
        f'<rect class="renew" x="172" y="{y - 8}" width="26" height="{_BAR}" rx="2"/>',
        f'<text class="small soft" x="205" y="{y}">renews</text>',
        f'<circle class="renew" cx="272" cy="{y - 4}" r="5.5"/>',
        f'<text class="small soft" x="284" y="{y}">has renewed</text>',
        f'<path class="adopt" d="M378 {y - 9.5}l5.5 5.5l-5.5 5.5l-5.5 -5.5z"/>',
        f'<text class="small soft" x="390" y="{y}">adopts the new token</text>',
        f'<line class="then" x1="532" y1="{y - 4}" x2="556" y2="{y - 4}"/>',
        f'<circle class="done" cx="558" cy="{y - 4}" r="2.5"/>',
        f'<text class="small soft" x="568" y="{y}">then asks the API: 200</text>',
    ]
