"""Who is asking, what it is billed as, and where the questions go: in a line or two."""

from __future__ import annotations

from keyturn.clean import clean
from keyturn.wire import origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.models import Chosen
    from keyturn.survey import Survey

_UNUSABLE = ("expired", "rejected")


def banner(found: Survey, model: Chosen) -> list[str]:
    """The lines above the first prompt; the money warning is not among them."""
    offer = found.winner.offer if found.winner is not None else None
    if found.winner is None or offer is None:
        return [f"{model.name} · not logged in · /help"]
    who = f"{clean(offer.account, 80)} · " if offer.account else ""
    return [
        f"{who}{found.winner.source.name} · billing: {offer.billing}",
        f"{model.name} at {origin(offer.base_url)} · /help",
    ]


def needs_login(found: Survey) -> bool:
    """Whether nothing offers a credential, or only a stored login that has ended."""
    if found.winner is None:
        return found.pinned in (None, "stored-login")
    offer = found.winner.offer
    return offer is not None and found.winner.source.id == "stored-login" and offer.state in _UNUSABLE


def identity(found: Survey) -> object:
    """What must not change without the person being told: who asks, who pays, who answers."""
    offer = found.winner.offer if found.winner is not None else None
    if found.winner is None or offer is None:
        return None
    return (found.winner.source.id, offer.account, offer.billing, offer.base_url)
