"""What a login needs beside its store: a clock that is right."""

from __future__ import annotations

import time

from keyturn.doctor.findings import CLOCK, error, note, warning

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from keyturn.doctor.findings import Finding
    from keyturn.world import World

# keyturn is younger than this: an earlier date is a clock that lost its battery
_EARLIEST = 1_760_000_000.0
_SET_CLOCK = "sudo timedatectl set-ntp true"


def examine(world: World) -> Iterator[Finding]:
    """Look at the clocks of this machine."""
    if world.now() < _EARLIEST:
        day = time.strftime("%Y-%m-%d", time.gmtime(world.now()))
        text = f"the clock of this machine says {day}, so every login looks fresh to it"
        yield error("clock", text, None, _SET_CLOCK, CLOCK)
    if not hasattr(time, "CLOCK_BOOTTIME"):
        text = "this system has no clock that counts suspend: after a sleep, tokens are found dead by use"
        yield note("no_boot_clock", text, None)
    elif time.clock_gettime(time.CLOCK_BOOTTIME) + 1 < time.monotonic():
        text = "the clock that counts suspend (CLOCK_BOOTTIME) is behind the one that does not"
        yield warning("clock", text, None, "cat /proc/self/timens_offsets", CLOCK)
