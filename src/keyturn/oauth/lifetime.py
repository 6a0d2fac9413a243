"""When a login is due: decided purely, from its times and what was rejected."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from keyturn.login import Login
    from keyturn.values import Secret

    State = Literal["fresh", "ahead", "due"]


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
