"""docs/images/stampede.svg: what 32 programs at once do to one login, by client; light and dark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.clients import TITLES
from bench.processes import ROOT
from bench.result import read

if TYPE_CHECKING:
    from collections.abc import Sequence

PICTURE = ROOT / "docs" / "images" / "stampede.svg"
CASES = {"expired": "the token has expired", "rejected": "the API said 401 to all"}
OURS, MOST = "keyturn", 32
_WIDTH, _MARGIN, _PITCH = 720, 24, 26
_COLUMNS = (250, 420, 590)
_HEADS = ("requests sent", "left without a token", "login lost")
_LENGTH = 110
_CSS = """
  svg { --page: #fbfaf8; --edge: #e4e0d9; --ink: #23272d; --soft: #5c6670; --rest: #efebe4; --good: #0b7a6c;
        --bad: #b4540a; }
  @media (prefers-color-scheme: dark) {
    svg { --page: #14181d; --edge: #2b323a; --ink: #e7eaee; --soft: #a0abb6; --rest: #232a31; --good: #45c9b4;
          --bad: #f4a259; }
  }
  text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: var(--soft); }
  .title { font-size: 19px; font-weight: 600; fill: var(--ink); }
  .ours { font-weight: 600; fill: var(--ink); }
  .small { font-size: 12px; }
  .number { font-variant-numeric: tabular-nums; fill: var(--ink); }
  .page { fill: var(--page); stroke: var(--edge); }
  .line { stroke: var(--edge); }
  .rest { fill: var(--rest); }
  .good { fill: var(--good); }
  .bad { fill: var(--bad); }
""".strip("\n")


def draw() -> None:
    """Draw what is kept; nothing when nothing is."""
    result = read("stampede")
    if result is None:
        return
    runs = result.numbers["runs"]
    body: list[str] = []
    y = 104
    for case, words in CASES.items():
        body.append(_text(_MARGIN, y, words, "ours"))
        body += [_text(x, y, head, "small") for x, head in zip(_COLUMNS, _HEADS, strict=True)]
        body.append(f'<line class="line" x1="{_MARGIN}" y1="{y + 9}" x2="{_WIDTH - _MARGIN}" y2="{y + 9}"/>')
        y += 30
        for name in (name for name in TITLES if any(run["client"] == name for run in runs[case])):
            body += _row(name, [run for run in runs[case] if run["client"] == name], y)
            y += _PITCH
        y += 22
    title = f"{MOST} programs, one login, at the same moment"
    told = "Worst of all runs. The server takes each refresh token once; a second use revokes the login."
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" role="img" '
        f'aria-labelledby="title desc">\n<title id="title">{title}</title>\n'
        f'<desc id="desc">{told} {_words(runs)}</desc>\n<style>\n{_CSS}\n</style>\n'
        f'<rect class="page" x="0.5" y="0.5" width="{_WIDTH - 1}" height="{y - 1}" rx="10"/>\n'
        + "\n".join([_text(_MARGIN, 40, title, "title"), _text(_MARGIN, 63, told), *body])
        + "\n</svg>\n"
    )


def _row(name: str, runs: Sequence[dict[str, Any]], y: int) -> list[str]:
    requests, without, lost = _worst(runs)
    first, second, third = _COLUMNS
    ends = f"{lost} of {len(runs)} runs"
    return [
        _text(_MARGIN, y, _short(name), *(("ours",) if name == OURS else ())),
        *_bar(first, y, requests, good=requests == 1),
        *_bar(second, y, without, good=without == 0),
        f'<circle class="{"bad" if lost else "good"}" cx="{third + 5}" cy="{y - 4.5}" r="5"/>',
        _text(third + 18, y, ends if lost else "never", "number"),
    ]


def _worst(runs: Sequence[dict[str, Any]]) -> tuple[int, int, int]:
    return (
        max(run["requests"] for run in runs),
        max(run["without"] for run in runs),
        sum(run["lost"] for run in runs),
    )


def _bar(x: int, y: int, count: int, *, good: bool) -> list[str]:
    width = max(count / MOST * _LENGTH, 3)
    style = "good" if good else "bad"
    return [
        f'<rect class="rest" x="{x}" y="{y - 9}" width="{_LENGTH}" height="9" rx="2"/>',
        f'<rect class="{style}" x="{x}" y="{y - 9}" width="{width:.1f}" height="9" rx="2"/>' if count else "",
        _text(x + _LENGTH + 8, y, str(count), "number"),
    ]


def _short(name: str) -> str:
    return TITLES[name].split(",")[0].split(" with ")[0]


def _words(runs: dict[str, list[dict[str, Any]]]) -> str:
    """The picture in words, for those who do not see it."""
    said = []
    for case, words in CASES.items():
        for name in TITLES:
            mine = [run for run in runs[case] if run["client"] == name]
            if mine:
                requests, without, lost = _worst(mine)
                said.append(
                    f"{words}, {_short(name)}: {requests} requests, {without} without a token, "
                    f"login lost in {lost} of {len(mine)} runs."
                )
    return " ".join(said)


def _text(x: float, y: float, text: str, *styles: str) -> str:
    named = f' class="{" ".join(styles)}"' if styles else ""
    return f'<text x="{x}" y="{y}"{named}>{text}</text>'
