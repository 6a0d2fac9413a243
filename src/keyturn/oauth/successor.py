"""The login that a granted renewal makes of the old one."""

from __future__ import annotations

from keyturn.errors import Rejected
from keyturn.login import ANCESTORS_KEPT, ENDS_AT, MOVED_FROM, SCOPES_LOST, Login, fingerprint
from keyturn.oauth import outcomes
from keyturn.oauth.lifetime import MADE, made_now

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.oauth.protocol import Granted
    from keyturn.world import World


def renewed(login: Login, answer: Granted, world: World) -> Login:
    """The login after a granted renewal; fields the answer leaves out keep their values (P25).

    Raises: Rejected when the answer is for another account or organisation.
    """
    said = login.replace(
        account_id=answer.account_id or login.account_id,
        organization_id=answer.organization_id or login.organization_id,
    )
    if not login.same_person(said):
        raise Rejected(
            "the authority answered a renewal with another account's token; it was not stored",
            hint=outcomes.LOGIN_HINT,
            code="account_changed",
        )
    now = world.now()
    kept = {
        name: value
        for name, value in (login.extra or {}).items()
        if name not in (MOVED_FROM, MADE, SCOPES_LOST)
    }
    if answer.login_life is not None:  # said anew: it may have been put off
        kept[ENDS_AT] = now + answer.login_life
    changed = login.replace(
        extra={**kept, **made_now(world), **_scopes_lost(login, answer)},
        access_token=answer.access_token,
        issued_at=now,
        expires_at=None if answer.life is None else now + answer.life,
        scopes=login.scopes if answer.scopes is None else answer.scopes,
        account=_name(answer) or login.account or answer.account,
        account_id=login.account_id or answer.account_id,  # of the kind that the grant named
        organization=answer.organization or login.organization,
        organization_id=login.organization_id or answer.organization_id,
    )
    new, old = answer.refresh_token, login.refresh_token
    if new is None or old is None or new == old:
        return changed
    ancestors = (*login.ancestors, fingerprint(old))[-ANCESTORS_KEPT:]
    return changed.replace(refresh_token=new, ancestors=ancestors)


def _scopes_lost(login: Login, answer: Granted) -> dict[str, object]:
    """What the login was once allowed and is no more, for the record; nothing when there is none."""
    before = (login.extra or {}).get(SCOPES_LOST)
    known = [*(before if isinstance(before, list) else []), *login.scopes]
    now = login.scopes if answer.scopes is None else answer.scopes
    lost = [scope for scope in dict.fromkeys(known) if scope not in now]
    return {SCOPES_LOST: lost} if lost else {}


def _name(answer: Granted) -> str | None:
    """What to call the account; a bare subject is a poor name where a better one is known."""
    return None if answer.account_id == f"sub:{answer.account}" else answer.account
