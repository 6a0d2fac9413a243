"""docs/benchmarks.md, written from the kept results alone."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

from bench.processes import ROOT
from bench.result import read

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.result import Result

PAGE = ROOT / "docs" / "benchmarks.md"

_HEAD = """# Benchmarks

`make bench` measures all of this again but the last part, which takes long, and writes this page and
`bench/results/*.json` (every sample) anew; `.venv/bin/python -m bench NAME` measures one part, `campaign
--short` a little of the last one, without keeping it; `--peers` adds those that need their own environment.
Figures are ratios and counts from one run that has the others in it; a time in milliseconds is only context.
Each budget was set before the first measurement, and a missed one fails the run. Nothing here touches the
network: servers are on loopback, and secrets are fake.
"""


def write(names: Iterable[str]) -> None:
    """Put what is kept of these benches on the page, in this order."""
    parts = [_HEAD]
    for name in names:
        result = read(name)
        if result is not None:
            parts.append("\n".join(_section(result)))
    PAGE.write_text("\n".join(parts))


def _section(result: Result) -> Iterable[str]:
    yield f"## {result.title}"
    yield ""
    yield from wrap(result.method, 116)
    yield ""
    yield f"Repeat it: `.venv/bin/python -m bench {result.name}`. {result.date}: {result.machine}."
    if versions := result.numbers.get("versions"):
        yield f"With {', '.join(versions)}."
    yield ""
    if result.name == "stampede":
        yield "![Requests, programs without a token and logins lost, by client](images/stampede.svg)"
        yield ""
    for table in result.tables:
        yield f"**{table.title}**"
        yield ""
        yield from table.lines()
        yield ""
    yield from (f"- {line}" for line in (*(one.line() for one in result.budgets), *result.notes))
    yield ""
