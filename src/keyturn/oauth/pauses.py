"""What a renewal heeds of those before it and leaves for those after: failures, pauses (L11, L19, L20)."""

from __future__ import annotations

from keyturn.errors import AuthError, ConfigurationError, Rejected
from keyturn.oauth import outcomes
from keyturn.stores.sidecar import FARTHEST_SECONDS, REJECTION_SECONDS, Trouble

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.oauth.spend import Spending

# pauses after a failure, doubled each time up to the last; jittered, so that not all come back together
PAUSE_FIRST, PAUSE_LAST = 2.0, 300.0
PAUSE_REFUSED = 60.0


def check_trouble(renewal: Spending) -> None:
    """Adopt what somebody else has just been told, and keep to the pause it asked for (L11, L20)."""
    trouble, now = renewal.held.trouble.read(), renewal.world.now()
    if trouble is not None and trouble.holds(
        renewal.login.identity.refresh_hash, now=now, since=renewal.since
    ):
        raise trouble.error(now)


def check_rejections(renewal: Spending) -> None:
    """An API that rejects what was renewed just now is not helped by one renewal after the other (L19)."""
    if not renewal.rejected:
        return
    earlier, now = renewal.held.trouble.rejection(), renewal.world.now()
    ago = earlier.ago(renewal.login.login_id, now) if earlier is not None else None
    if ago is not None:
        raise Rejected(
            f"the API rejects tokens of this login, although it was renewed for that {ago:.0f} s ago",
            hint=f"wait {REJECTION_SECONDS - ago:.0f} s for the next renewal, or {outcomes.LOGIN_HINT}",
            code=outcomes.REJECTED_AGAIN,
            retry_after=REJECTION_SECONDS - ago,
        )


def remember(renewal: Spending, failure: AuthError, pause: float) -> None:
    """Leave word for everybody else: what happened, and when to try again (L20)."""
    held, now = renewal.held, renewal.world.now()
    refresh_hash = renewal.login.identity.refresh_hash
    earlier = held.trouble.read()
    failures = 1
    if earlier is not None and earlier.refresh_hash == refresh_hash:
        failures += earlier.failures
    doubled = min(max(pause, min(PAUSE_FIRST * 2.0 ** min(failures - 1, 10), PAUSE_LAST)), FARTHEST_SECONDS)
    jitter = 0.75 + 0.5 * renewal.world.random()
    held.trouble.write(
        Trouble(
            at=now,
            code=failure.code,
            failures=failures,
            hint=failure.hint or "",
            kind="configuration" if isinstance(failure, ConfigurationError) else "unavailable",
            message=failure.message,
            refresh_hash=refresh_hash,
            retry_at=now + min(doubled * jitter, FARTHEST_SECONDS),
        )
    )
