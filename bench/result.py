"""What one bench found: tables for people, budgets with their verdict, and the numbers, as one JSON file."""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

RESULTS = Path(__file__).parent / "results"
TIMES = "\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under their heads; the first column is what was measured."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def lines(self) -> list[str]:
        """The table as Markdown, which reads well on a terminal too."""
        widths = [max(len(row[at]) for row in (self.heads, *self.rows)) for at in range(len(self.heads))]

        def line(row: Sequence[str]) -> str:
            cells = [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]
            return f"| {' | '.join(cells)} |"

        rule = "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])])
        return [line(self.heads), f"|{rule}|", *(line(row) for row in self.rows)]


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit that was set before the measurement, and what was found."""

    what: str
    limit: float
    found: float
    unit: str = TIMES
    wish: bool = False  # a goal: said when it is missed, but no failure

    @property
    def held(self) -> bool:
        """Whether it was kept."""
        return self.found <= self.limit

    def line(self) -> str:
        """One line: the verdict, the words, both numbers."""
        verdict = "held" if self.held else "missed (a goal, not a limit)" if self.wish else "MISSED"
        found, limit = f"{self.found:.3g} {self.unit}".strip(), f"{self.limit:g} {self.unit}".strip()
        return f"{self.what}: {found}, at most {limit}: {verdict}"


@dataclass(frozen=True, slots=True)
class Result:
    """Everything one bench has to say; `numbers` are the plain samples and counts behind the tables."""

    name: str
    title: str
    method: str
    tables: tuple[Table, ...]
    budgets: tuple[Budget, ...]
    numbers: dict[str, Any]
    notes: tuple[str, ...] = ()
    date: str = field(default_factory=lambda: dt.datetime.now(tz=dt.UTC).date().isoformat())
    machine: str = field(
        default_factory=lambda: (
            f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, "
            f"{platform.python_implementation()} {platform.python_version()}"
        )
    )

    def write(self) -> None:
        """Keep it beside the others."""
        RESULTS.mkdir(exist_ok=True)
        text = json.dumps(asdict(self), indent=1, ensure_ascii=False)
        (RESULTS / f"{self.name}.json").write_text(text + "\n")

    def show(self) -> None:
        """Print it."""
        print(f"\n{self.title}\n")
        for table in self.tables:
            print(f"{table.title}\n")
            print("\n".join(table.lines()), end="\n\n")
        for budget in self.budgets:
            print(f"- {budget.line()}")
        for note in self.notes:
            print(f"- {note}")


def read(name: str) -> Result | None:
    """What was found when it was last measured."""
    path = RESULTS / f"{name}.json"
    if not path.exists():
        return None
    found = json.loads(path.read_text())
    found["tables"] = tuple(
        Table(table["title"], tuple(table["heads"]), tuple(tuple(row) for row in table["rows"]))
        for table in found["tables"]
    )
    found["budgets"] = tuple(Budget(**budget) for budget in found["budgets"])
    found["notes"] = tuple(found["notes"])
    return Result(**found)


def in_pairs(samples: Sequence[float], others: Sequence[float]) -> float:
    """The median of the ratios inside each round: what disturbs a round disturbs both of its halves."""
    return median(mine / other for mine, other in zip(samples, others, strict=True))


def spread(samples: Sequence[float]) -> str:
    """Median (lowest to highest) for a table."""
    low, middle, high = (_short(number) for number in (min(samples), median(samples), max(samples)))
    return f"{middle} ({low} to {high})"


def _short(number: float) -> str:
    return f"{number:.0f}" if abs(number) >= 100 else f"{number:.3g}"


def package(name: str) -> str:
    """Name and version of an installed package."""
    from importlib.metadata import version

    return f"{name} {version(name)}"
