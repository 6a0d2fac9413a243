"""What must be found after a crash: written down before the first one was tried.

A phase is told from what is there afterwards and from the calls that had returned, never from the number of
the call. `sent` counts the refresh requests that arrive at the authority: the dead program's, and those of
the two programs that come after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Ending = Literal["a token", "the login has ended"]


class Phase(StrEnum):
    """How far the dead program had come."""

    LOCKED = "lock held, intent not written"
    INTENDED = "intent written, request not sent whole"
    SENT = "request sent, answer not read"
    READ = "answer read, nothing of it written"
    WRITTEN = "new record written, not yet in its place"
    SAVED = "saved, intent not cleared"
    CLEARED = "intent cleared, lock held"


@dataclass(frozen=True, slots=True)
class Expected:
    """What the next program gets, and how many refresh requests arrive in all."""

    ending: Ending
    sent: int
    words: str = ""


RENEWS = Expected("a token", 1, "renews, with the only request")
ADOPTS = Expected("a token", 1, "adopts, without a request")
REPEATS = Expected("a token", 2, "sends once more, gets the answer again")
# the one window that no client can close (I5): here the login explains itself
EXPLAINS = Expected(
    "the login has ended", 2, "sends once more; the login ends, and says when its answer was lost"
)

STRICT = {
    Phase.LOCKED: RENEWS,
    Phase.INTENDED: RENEWS,
    Phase.SENT: EXPLAINS,
    Phase.READ: EXPLAINS,
    Phase.WRITTEN: ADOPTS,
    Phase.SAVED: ADOPTS,
    Phase.CLEARED: ADOPTS,
}
# a server that gives the same answer again for a while (RFC 9700 section 4.14.2 leaves that to it)
WITH_GRACE = {**STRICT, Phase.SENT: REPEATS, Phase.READ: REPEATS}
