"""The timeline: its data, its form for a terminal, and its form as a picture."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from keyturn.demo.chart import ASCII, UNICODE, chart
from keyturn.demo.picture import picture
from keyturn.demo.timeline import timeline
from tests.unit.demo.conftest import RENEWER, START, answer

if TYPE_CHECKING:
    from keyturn.demo.timeline import Timeline

SVG = "{http://www.w3.org/2000/svg}"
IMAGES = Path(__file__).parents[3] / "docs" / "images"
BAR = re.compile(r"^ ?(\d+)  (.*?) {1,}(?:(renewed|adopted) +)?(\d+) ms$")


def rows_of(lines: list[str]) -> list[tuple[int, str, int]]:
    """Number, bar and time of each line that is a program's."""
    found = [match for line in lines if (match := BAR.match(line))]
    return [(int(match[1]), match[2], int(match[4])) for match in found]


def test_times_are_counted_from_the_first_that_asked(found: Timeline) -> None:
    assert found.rows[0].asked == 0
    assert found.rows[3].asked == pytest.approx(3)
    assert [found.began, found.ended] == pytest.approx([30, 270])
    assert found.last_token == pytest.approx(315)
    assert found.length == pytest.approx(365)


def test_who_sent_the_refresh_request_renewed_and_all_others_adopted(found: Timeline) -> None:
    assert [row.number for row in found.rows if row.renewed] == [RENEWER + 1]
    assert found.renewals == 1


def test_a_program_that_came_late_did_not_wait() -> None:
    late = {key: value for key, value in answer(0).items() if key not in ("wanted", "served")}
    assert timeline([late], (START, START)).rows[0].waited is None


@pytest.mark.parametrize("width", [40, 59, 60, 77, 100])
def test_the_chart_fits_the_width_and_has_a_line_for_every_program(found: Timeline, width: int) -> None:
    lines = chart(found, width)
    assert max(map(len, lines)) <= width
    assert [number for number, _, _ in rows_of(lines)] == list(range(1, 17))


def test_the_chart_shows_one_renewal_and_fifteen_that_adopt(found: Timeline) -> None:
    bars = {number: bar for number, bar, _ in rows_of(chart(found, 80))}
    assert [number for number, bar in bars.items() if UNICODE.asks in bar] == [RENEWER + 1]
    assert [number for number, bar in bars.items() if bar.endswith(UNICODE.renewed)] == [RENEWER + 1]
    assert sum(bar.endswith(UNICODE.adopted) for bar in bars.values()) == 15


def test_the_chart_puts_marks_where_the_times_are(found: Timeline) -> None:
    lengths = [len(bar) for _, bar, _ in rows_of(chart(found, 80))]
    assert lengths == sorted(lengths), "each program of this round has its token later than the one before"
    assert [time for _, _, time in rows_of(chart(found, 80))] == list(range(300, 316))


def test_a_terminal_without_unicode_gets_plain_characters(found: Timeline) -> None:
    text = "\n".join(chart(found, 80, marks=ASCII))
    assert text.isascii()
    assert text.count(ASCII.renewed) == 2, "one in the picture, one in the legend"


def test_the_picture_is_xml_with_a_row_for_every_program(found: Timeline) -> None:
    root = ET.fromstring(picture(found))  # noqa: S314 - our own text
    rows = [group for group in root.iter(f"{SVG}g") if group.get("class") == "row"]
    said = [row.findtext(f"{SVG}title") or "" for row in rows]
    assert [text.partition(":")[0] for text in said] == [f"program {number}" for number in range(1, 17)]
    assert [text for text in said if "renewed" in text] == [said[RENEWER]]
    assert sum(bar.get("class") == "renew" for bar in rows[RENEWER].iter(f"{SVG}rect")) == 1


def test_the_picture_draws_times_to_scale(found: Timeline) -> None:
    root = ET.fromstring(picture(found))  # noqa: S314 - our own text
    widths = {
        rect.get("class"): float(rect.attrib["width"])
        for group in root.iter(f"{SVG}g")
        for rect in [*group.iter(f"{SVG}rect"), *root.findall(f"{SVG}rect[@class='band']")]
    }
    assert widths["renew"] / widths["band"] == pytest.approx(260 / 240, rel=0.01)


@pytest.mark.parametrize("name", ["timeline.svg", "explain.svg"])
def test_the_pictures_of_the_readme_stand_alone_and_can_be_read_by_everybody(name: str) -> None:
    text = (IMAGES / name).read_text(encoding="utf-8")
    root = ET.fromstring(text)  # noqa: S314 - our own text
    assert root.findtext(f"{SVG}title")
    assert root.findtext(f"{SVG}desc")
    assert root.get("role") == "img"
    assert "prefers-color-scheme: dark" in text
    outside = re.findall(r'(?:href|src)=|url\(|@import|@font-face|https?://[^"\s<]+', text)
    assert set(outside) <= {"http://www.w3.org/2000/svg", "https://api.anthropic.com"}
    assert "sk-ant-" not in text


def test_the_timeline_of_the_readme_is_one_of_sixteen_programs_and_one_renewal() -> None:
    root = ET.fromstring((IMAGES / "timeline.svg").read_text(encoding="utf-8"))  # noqa: S314 - our own text
    titles = [group.findtext(f"{SVG}title") or "" for group in root.iter(f"{SVG}g")]
    assert len(titles) == 16
    assert sum("renewed" in title for title in titles) == 1
