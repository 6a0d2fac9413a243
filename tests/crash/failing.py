"""A renewal in which one system call after the other fails, as it does on a disk that is full or broken.

Expected, whichever call it is: when the request had been sent, the program that sent it gets its token all
the same; else it gets an error of the store, and nothing was spent. The next program, with a sound disk, has
a token by the only request; and the record is unchanged or whole.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.crash.nursery import RENEWAL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.crash.renewals import Renewal, Renewals

# what asks something of the disk; a socket is asked by others
DISK = (
    "openat",
    "newfstatat",
    "read",
    "pread64",
    "write",
    "pwrite64",
    "fsync",
    "rename",
    "unlink",
    "getdents64",
)


@dataclass(frozen=True, slots=True)
class Failure:
    """One call that failed, and what is not as expected."""

    call: str
    sent: bool
    faults: tuple[str, ...]


def failures(renewals: Renewals, error: str, names: Sequence[str] = DISK) -> Iterator[Failure]:
    """Let each call of these names fail once with this error."""
    for name in names:
        for number in itertools.count(1):
            renewal = renewals.one(RENEWAL, f"inject={name}:error={error}:when={number}")
            failed = [call for call in renewal.calls if "(INJECTED)" in call.rest]
            if not failed:
                break
            yield Failure(f"{failed[0].text} ({number})", renewal.sent, tuple(_judge(renewals, renewal)))


def _judge(renewals: Renewals, renewal: Renewal) -> Iterator[str]:
    answer, now = renewal.answer, renewal.stored()
    if answer is None:
        yield "the program broke"
    elif renewal.sent and "token" not in answer:
        yield f"its token was kept from the program that got it: {answer['kind']}: {answer['error']}"
    elif "error" in answer and not answer["kind"].startswith("Store"):
        yield f"the error is no store's: {answer['kind']}: {answer['error']}"
    if not renewal.sent and now != renewal.old:
        yield "the record was changed"
    answers = [renewals.next(renewal.home) for _ in range(2)]
    if wrong := [one["error"] for one in answers if "error" in one]:
        yield f"the next program got: {wrong}"
        return
    if (sent := renewals.requests()) != 1:
        yield f"{sent} requests were sent"
    yield from renewals.unlike(renewal.stored(), answers)
    if left := renewal.left_behind():
        yield f"left behind: {left}"
