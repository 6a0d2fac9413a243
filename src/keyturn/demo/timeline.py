"""The picture's data: when each program asked, waited, renewed or adopted, in milliseconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Row:
    """One program; times are milliseconds. `waited` is None for one that had no need to wait.

    `sent` and `answered` are those of the refresh request, for the one that renewed.
    """

    number: int
    asked: float
    waited: float | None
    sent: float | None
    answered: float | None
    token: float
    done: float

    @property
    def renewed(self) -> bool:
        """Whether this is a program that sent the refresh request; all others adopted what it got."""
        return self.sent is not None


@dataclass(frozen=True, slots=True)
class Timeline:
    """The programs in their order, and the authority's own record of the refresh request (milliseconds)."""

    rows: tuple[Row, ...]
    began: float
    ended: float

    @property
    def length(self) -> float:
        """When the last answer was there."""
        return max(row.done for row in self.rows)

    @property
    def renewals(self) -> int:
        """How many programs sent a refresh request."""
        return sum(row.renewed for row in self.rows)

    @property
    def last_token(self) -> float:
        """When the last program had the new token."""
        return max(row.token for row in self.rows)


def timeline(answers: Sequence[dict[str, Any]], request: tuple[float, float]) -> Timeline:
    """The timeline of one round; all times are seconds of the shared clock, the authority's too."""
    start: float = min(answer["asked"] for answer in answers)

    def since(clock: float) -> float:
        return (clock - start) * 1000

    def at(clock: float | None) -> float | None:
        return None if clock is None else since(clock)

    rows = tuple(
        Row(
            number=number,
            asked=since(answer["asked"]),
            waited=at(answer.get("wanted")),
            sent=at(answer.get("sent")),
            answered=at(answer.get("answered")),
            token=since(answer["token"]),
            done=since(answer["done"]),
        )
        for number, answer in enumerate(answers, start=1)
    )
    return Timeline(rows=rows, began=since(request[0]), ended=since(request[1]))
