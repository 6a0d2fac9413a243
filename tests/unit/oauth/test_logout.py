"""Logging out: a tombstone first, revocation after, and the truth about both."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from keyturn.errors import NoCredential, Unavailable
from keyturn.login import Quarantine, Tombstone
from keyturn.oauth import renew
from keyturn.oauth.grant import keep
from keyturn.oauth.logout import log_out, other_logins, places_of
from keyturn.stores import open_store
from keyturn.testing import answer, make_authority, make_login
from keyturn.values import Secret
from tests.persons import ScriptedPerson
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from keyturn.login import Login
    from keyturn.oauth.logout import LoggedOut
    from keyturn.wire import Request, Response
    from tests.unit.oauth.conftest import Desk


def stored(desk: Desk, profile: str = "default", **fields: Any) -> Login:
    tokens = {
        "access_token": Secret(make_secret("token")),
        "refresh_token": Secret(make_secret("refresh")),
    }
    login = make_login(profile=profile, **{**tokens, **fields})
    return keep(open_store(desk.world, profile, "file"), desk.world, login, ScriptedPerson(), yes=True)


def out(desk: Desk, *script: Any, profile: str = "default") -> LoggedOut:
    desk.world.script = list(script)
    return log_out(desk.world, profile, open_store(desk.world, profile, "file"))


def form(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(request.body.decode()).items()}


def bury(desk: Desk) -> None:
    assert isinstance(open_store(desk.world, "default", "file").load(), Tombstone)


@pytest.mark.proves("R36", "L4", "L25", "P30")
def test_both_tokens_are_revoked_the_refresh_token_first(desk: Desk) -> None:
    login = stored(desk)
    assert login.refresh_token is not None
    assert login.access_token is not None
    done = out(desk, answer({}), answer({}))
    assert (done.revoked, done.unrevoked, done.why_not) == (("refresh_token", "access_token"), (), None)
    sent = [form(request) for request in desk.sent()]
    assert [one["token_type_hint"] for one in sent] == ["refresh_token", "access_token"]
    assert [one["token"] for one in sent] == [login.refresh_token.reveal(), login.access_token.reveal()]
    assert {request.url for request in desk.sent()} == {"https://auth.example.com/revoke"}
    bury(desk)


def test_the_tombstone_stands_before_anything_is_sent(desk: Desk) -> None:
    stored(desk)

    def revoked(request: Request) -> Response:
        del request
        bury(desk)
        return answer({})

    done = out(desk, revoked, revoked)
    assert len(done.revoked) == 2


@pytest.mark.proves("R36")
def test_offline_the_login_is_gone_all_the_same(desk: Desk) -> None:
    stored(desk)
    done = out(desk, Unavailable("cannot connect to https://auth.example.com", sent=False))
    assert done.revoked == ()
    assert done.unrevoked == ("refresh_token", "access_token")
    assert done.why_not == "cannot connect to https://auth.example.com"
    bury(desk)


@pytest.mark.proves("P30")
@pytest.mark.parametrize(
    ("script", "revoked", "unrevoked", "says"),
    [
        ([answer({}, 503), answer({}, 503)], 0, 2, "example.com/revoke answered with status 503"),
        ([answer({}), answer({"error": "unsupported_token_type"}, 400)], 1, 1, "answered with status 400"),
        ([answer({}), Unavailable("it broke", sent=None)], 1, 1, "it broke"),
    ],
)  # fmt: skip
def test_what_was_only_deleted_is_told_with_the_reason(
    desk: Desk, script: list[Any], revoked: int, unrevoked: int, says: str
) -> None:
    stored(desk)
    done = out(desk, *script)
    assert (len(done.revoked), len(done.unrevoked)) == (revoked, unrevoked)
    assert says in str(done.why_not)
    bury(desk)


@pytest.mark.parametrize("authority", [None, make_authority(revoke_url=None)])
def test_where_revocation_is_not_offered_nothing_is_sent(desk: Desk, authority: Any) -> None:
    stored(desk, authority=authority)
    done = out(desk)
    assert (done.why_not, desk.sent()) == ("its authority offers no revocation", [])
    bury(desk)


def test_a_dead_login_can_be_logged_out_of(desk: Desk) -> None:
    stored(desk, quarantine=Quarantine(at=1.0, reason="the authority rejected its refresh token"))
    done = out(desk, answer({}), answer({}))
    assert done.login is not None
    bury(desk)


def test_a_stored_key_is_deleted_and_nothing_is_sent(desk: Desk) -> None:
    key = Secret(make_secret("api-key"))
    stored(desk, api_key=key, access_token=None, refresh_token=None, authority=None)
    done = out(desk)
    assert (done.revoked, done.unrevoked, done.why_not, desk.sent()) == ((), (), None, [])
    bury(desk)


@pytest.mark.parametrize("before", ["nothing", "tombstone"])
def test_without_a_login_nothing_is_changed(desk: Desk, before: str) -> None:
    if before == "tombstone":
        stored(desk)
        out(desk, answer({}), answer({}))
    record = Path(desk.home, "logins/default.json")
    text = record.read_bytes() if record.exists() else None
    done = out(desk)
    assert (done.login, done.aside) == (None, None)
    assert (record.read_bytes() if record.exists() else None) == text


def test_a_damaged_record_does_not_stand_in_the_way(desk: Desk) -> None:
    Path(desk.home, "logins").mkdir(parents=True, mode=0o700)
    record = Path(desk.home, "logins/default.json")
    record.write_text("{")
    record.chmod(0o600)
    done = out(desk)
    assert (done.login, done.aside) == (None, f"{record}.corrupt-{desk.world.now():.0f}")
    assert Path(str(done.aside)).read_text() == "{"
    bury(desk)


@pytest.mark.proves("R37")
def test_after_logout_a_running_program_is_told_to_log_in(desk: Desk) -> None:
    stored(desk)
    out(desk, answer({}), answer({}))
    with pytest.raises(NoCredential) as caught:
        renew.current(open_store(desk.world, "default", "file"), desk.world)
    assert "keyturn login" in str(caught.value.hint)


@pytest.mark.proves("L25")
def test_another_profile_of_the_same_client_and_account_is_named(desk: Desk) -> None:
    stored(desk)
    stored(desk, "twin")
    stored(desk, "other-client", authority=make_authority(client_id="another"))
    stored(desk, "other-account", account="operator@example.com", account_id="operator")
    stored(desk, "other-issuer", authority=make_authority(issuer="https://other.example.com"))
    Path(desk.home, "logins/damaged.json").touch(0o600)
    assert out(desk, answer({}), answer({})).shared_with == ("twin",)
    assert out(desk, answer({}), answer({}), profile="twin").shared_with == ()


@pytest.mark.proves("P30")
def test_the_copies_in_both_kinds_of_store_are_found(desk: Desk) -> None:
    assert [one.kind for one in places_of(desk.world, "default", "file")] == ["file"]
    stored(desk)
    Path(desk.home, "logins/old.cache").touch(0o600)
    Path(desk.home, "logins/default.cache").touch(0o600)
    assert [one.kind for one in places_of(desk.world, "default", "file")] == ["file", "keychain"]
    assert [one.kind for one in places_of(desk.world, "default", "keychain")] == ["keychain", "file"]
    assert [(name, one.kind) for name, one in other_logins(desk.world, "default")] == [("old", "keychain")]


def renewed_without_a_place(desk: Desk, login: Login) -> Login:
    """What a renewal leaves that could not save its result: the journal alone holds the living tokens."""
    newer = login.replace(
        access_token=Secret(make_secret("token")), refresh_token=Secret(make_secret("refresh"))
    )
    held = open_store(desk.world, "default", "file").hold(seconds=1)
    assert held is not None
    with held:
        held.journal.rescue(newer, login.identity)
    return newer


@pytest.mark.proves("R36", "L15")
@pytest.mark.parametrize("damaged", [False, True])
def test_what_lives_in_the_journal_alone_is_revoked_and_removed(desk: Desk, damaged: bool) -> None:
    newer = renewed_without_a_place(desk, stored(desk))
    assert newer.refresh_token is not None
    if damaged:
        Path(desk.home, "logins/default.json").write_text("{")
    done = out(desk, answer({}), answer({}))
    assert done.revoked == ("refresh_token", "access_token")
    assert form(desk.sent()[0])["token"] == newer.refresh_token.reveal()
    assert not Path(desk.home, "logins/default.journal").exists()
    bury(desk)


def test_a_stale_journal_does_not_outlive_a_new_login(desk: Desk) -> None:
    renewed_without_a_place(desk, stored(desk))
    newest = stored(desk)
    assert not Path(desk.home, "logins/default.journal").exists()
    done = out(desk, answer({}), answer({}))
    assert done.login == newest
