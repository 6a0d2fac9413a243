"""When a Google token is due: decided from its times, as for logins, on a clock that nobody sets (L21)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from keyturn.values import Secret
    from keyturn.vertex.grant import Token
    from keyturn.world import World

    State = Literal["fresh", "ahead", "due"]


def state_of(token: Token, world: World, rejected: Secret | None = None) -> State:
    """`fresh`: serve it. `ahead`: serve it if it cannot be renewed. `due`: it cannot be served.

    Renew ahead below min(300 s, 20 % of the life), due below min(30 s, 5 %), as spec section 6 says.
    """
    if rejected is not None and rejected == token.secret:
        return "due"
    if token.lives is None:
        return "fresh"
    life = token.lives
    left = life - (world.clock() - token.clock)
    if left < min(30.0, life * 0.05) or left <= 0:
        return "due"
    return "ahead" if left < min(300.0, life * 0.2) else "fresh"
