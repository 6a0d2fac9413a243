"""What is kept of an answer: the renewed login, a verdict, and neither over something newer (L15, L16)."""

from __future__ import annotations

from keyturn.errors import AuthError, Rejected, StoreChanged, StoreError
from keyturn.login import Login, Quarantine
from keyturn.oauth import outcomes, protocol
from keyturn.oauth.successor import renewed
from keyturn.stores import login_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.login import Identity
    from keyturn.oauth.protocol import Granted
    from keyturn.oauth.spend import Spending
    from keyturn.stores import Held


def save(renewal: Spending, answer: Granted) -> Login:
    """Store what was granted; the login as it is stored now. Raises: Rejected, StoreError."""
    held, login = renewal.held, renewal.login
    try:
        new = renewed(login, answer, renewal.world)
    except Rejected:
        if answer.refresh_token not in (None, renewal.refresh_token):
            # nobody may be left with a pair that works; the stored one is known to be replaced, and must
            # not be sent again (I2)
            _revoke(renewal, answer)
            quarantine(renewal, "the authority answered its renewal with another account's token")
        else:
            held.journal.take_back()
        raise
    try:
        stored = keep(held, new, renewal.replaces)
    except StoreChanged:
        # Only a lock that two could hold at once lets this happen (L10): what is stored by now rules (I3).
        return _overtaken(renewal, answer)
    except StoreError as refusal:
        return _rescue(renewal, new, refusal)
    held.journal.clear()
    return stored


def _overtaken(renewal: Spending, answer: Granted) -> Login:
    if login_of(renewal.held.load()) is None:
        _revoke(renewal, answer)  # logged out: nobody may be left with a token that works (L4)
    return latest(renewal)


def latest(renewal: Spending) -> Login:
    """What another machine has stored meanwhile. Raises: StoreChanged when that is of no use here."""
    from keyturn.oauth.lifetime import now_for, state

    there = login_of(renewal.held.load())
    if there is None:
        raise StoreChanged(
            "the login was logged out while it was renewed; nothing was stored", hint=outcomes.LOGIN_HINT
        )
    if there.same_person(renewal.login) and state(there, now_for(there, renewal.world)) != "due":
        return there
    raise StoreChanged("the login was replaced while it was renewed; nothing was written", hint="try again")


def _rescue(renewal: Spending, new: Login, refusal: StoreError) -> Login:
    """The one declared plaintext place: better there than gone (L15)."""
    try:
        renewal.held.journal.rescue(new, renewal.replaces)
    except StoreError:
        raise refusal from None
    from keyturn.logs import logger

    try:  # noqa: SIM105 - contextlib is not imported on this way
        logger().warning(
            "the renewed login could not be saved for good (%s); it waits in %s until that is mended",
            refusal.message,
            renewal.held.journal.path,
        )
    except Exception:  # noqa: BLE001, S110 - the handlers are the program's own, and the login is kept
        pass
    return new


def keep(held: Held, login: Login, replaces: Identity) -> Login:
    """Save a login over the one it was made from. Raises: StoreChanged, StoreError."""
    stored = held.save(login, replacing=replaces)
    if not isinstance(stored, Login):
        raise StoreChanged("the store turned a login into something else")
    return stored


def _revoke(renewal: Spending, answer: Granted) -> None:
    for hint, token in (("refresh_token", answer.refresh_token), ("access_token", answer.access_token)):
        if token is None or not renewal.authority.revoke_url:
            continue
        try:
            renewal.world.send(protocol.revocation(renewal.authority, token, hint))
        except AuthError:
            continue


def quarantine(renewal: Spending, reason: str) -> None:
    """The one definite end (I4): marked, not deleted, and never over a newer login (I3, L16).

    A verdict that the store cannot take waits in the journal, as a login would: else the next caller sends
    the dead token again, or the one before it (I2).
    """
    journal = renewal.held.journal
    dead = renewal.login.replace(quarantine=Quarantine(at=renewal.world.now(), reason=reason))
    try:
        keep(renewal.held, dead, renewal.replaces)
    except StoreChanged:
        pass  # the verdict is worth nothing more than the record it was about
    except StoreError:
        try:  # noqa: SIM105 - contextlib is not imported on this way
            journal.rescue(dead, renewal.replaces)
        except StoreError:
            pass  # the intent stays, and with it the count of sendings
        return
    journal.clear()
