"""What every step is handed, and how a step says what it found: facts, each expected and seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .crowd import Crowd
    from .screen import Screen
    from .stage import Stage
    from .timeline import Timeline


class Mismatch(Exception):
    """What was seen is not what was expected; it has been shown already."""


@dataclass
class Props:
    """The stage, the screen, and what one step leaves to the next.

    `explain` gives the lines of `keyturn explain`; `stdin` is the descriptor of a person who may be asked.
    """

    stage: Stage
    screen: Screen
    explain: Callable[[], list[str]]
    stdin: int | None = None
    crowd: Crowd | None = None
    timeline: Timeline | None = None
    facts: list[dict[str, object]] = field(default_factory=list)

    def check(self, name: str, expected: object, seen: object) -> None:
        """Show and keep a fact. Raises: Mismatch when the two differ."""
        holds = expected == seen
        self.facts.append({"name": name, "expected": expected, "seen": seen, "holds": holds})
        if not holds:
            self.screen.failed(name, expected, seen)
            raise Mismatch(name)
        self.screen.fact(name, seen)

    def confirm(self, name: str, *, seen: bool) -> None:
        """As `check`, for what either happened or did not."""
        self.check(name, expected=True, seen=seen)

    @property
    def programs(self) -> Crowd:
        """The sixteen programs. Raises: RuntimeError before they were started."""
        if self.crowd is None:
            raise RuntimeError("the programs of the demo were not started")
        return self.crowd

    def progress(self, what: str, count: int) -> None:
        """Show on the live line how many programs have answered."""
        self.screen.live(f"{what}: {count} of 16")
