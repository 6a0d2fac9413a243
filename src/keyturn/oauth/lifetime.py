"""When a login is due: decided purely, from its times and what was rejected.

Its age is measured by a clock that nobody sets and that counts suspend (L21): since the token was made where
that was since this machine started, else since this process first saw it. A jump of the wall clock then
neither ends a fresh token nor keeps a dead one.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from keyturn.login import Login
    from keyturn.values import Secret
    from keyturn.world import World

    State = Literal["fresh", "ahead", "due"]


# in a record: boot of the machine and its clock when the token was made
MADE = "made_at_boot_clock"


def now_for(login: Login, world: World) -> float:
    """The time that counts for a login, in Unix seconds of whoever made it or first saw it."""
    made = (login.extra or {}).get(MADE)
    known = None
    if isinstance(made, dict) and made.get("boot") is not None and made.get("boot") == world.boot():
        clock = made.get("clock")
        if isinstance(clock, int | float) and clock <= world.clock():
            known = (login.issued_at, float(clock))
    return world.steady(f"{login.login_id}:{login.generation}:{login.issued_at}", known)


def made_now(world: World) -> dict[str, object]:
    """What goes into a record beside `issued_at`; nothing where boots cannot be told apart."""
    boot = world.boot()
    return {} if boot is None else {MADE: {"boot": boot, "clock": world.clock()}}


def state(login: Login, now: float, rejected: Secret | None = None) -> State:
    """`fresh`: serve it. `ahead`: serve it, and renew if nobody else is at it. `due`: it cannot be served.

    Renew ahead below min(300 s, 20 % of the life), due below min(30 s, 5 %). Without a known life, or
    with an API key, only a rejection makes it due.
    """
    if login.api_key is not None:
        return "due" if rejected is not None and rejected == login.api_key else "fresh"
    if login.access_token is None or (rejected is not None and rejected == login.access_token):
        return "due"
    if login.expires_at is None:
        return "fresh"
    left = login.expires_at - now
    life = max(login.expires_at - login.issued_at, 0.0)
    if left < min(30.0, life * 0.05) or left <= 0:
        return "due"
    return "ahead" if left < min(300.0, life * 0.2) else "fresh"
