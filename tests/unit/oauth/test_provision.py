"""Logins for machines that nobody logs in on: a token answer or a key from standard input (L5)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from keyturn.errors import AuthError, ConfigurationError, LoginRefused, Refused, UsageError
from keyturn.login import Login
from keyturn.oauth.grant import keep
from keyturn.oauth.provision import from_api_key, from_json
from keyturn.stores import open_store
from keyturn.testing import make_login
from keyturn.values import Secret
from tests.persons import ScriptedPerson
from tests.secretscan import make_secret
from tests.unit.oauth.conftest import API, ISSUER, Desk, contents, metadata, profile

if TYPE_CHECKING:
    from keyturn.settings.config import Profile

HEADLESS = {"present": False}


def text(**changes: Any) -> str:
    told = {
        "access_token": make_secret("token"),
        "refresh_token": make_secret("refresh"),
        "token_type": "Bearer",
        "expires_in": 3600,
        **changes,
    }
    return json.dumps({name: value for name, value in told.items() if value is not None})


def provide(desk: Desk, said: str, *, at: Profile | None = None, yes: bool = False) -> Login | None:
    at = at or profile()
    store = open_store(desk.world, at.name, "file")
    return from_json(said, desk.world, at, store, ScriptedPerson(**HEADLESS), yes=yes)  # type: ignore[arg-type] # a person who is not there


def test_a_token_answer_becomes_a_login_that_renews_where_the_profile_says(desk: Desk) -> None:
    desk.world.script = [metadata()]
    login = provide(desk, text(scope="a b"), at=profile(billing="subscription"))
    assert login is not None
    assert login == desk.stored()
    assert login.authority is not None
    assert (login.authority.token_url, login.authority.client_id) == (f"{ISSUER}/token", "example-client")
    assert (login.api_base_url, login.scopes, login.billing) == (API, ("a", "b"), "subscription")
    assert login.expires_at == desk.world.now() + 3600
    assert login.renewable


def test_expires_at_is_the_time_itself(desk: Desk) -> None:
    desk.world.script = [metadata()]
    login = provide(desk, text(expires_in=None, expires_at=desk.world.now() + 77.5))
    assert login is not None
    assert login.expires_at == desk.world.now() + 77.5


def test_an_expired_token_is_taken_with_a_refresh_token(desk: Desk) -> None:
    desk.world.script = [metadata()]
    login = provide(desk, text(expires_in=None, expires_at=5))
    assert login is not None
    assert login.renewable


def test_endpoints_named_one_by_one_need_no_network_and_no_authorize_url(desk: Desk) -> None:
    plain = profile(issuer=None, token_url=f"{ISSUER}/token")
    login = provide(desk, text(), at=plain)
    assert login is not None
    assert login.authority is not None
    assert login.authority.token_url == f"{ISSUER}/token"
    assert desk.sent() == []


def test_without_a_refresh_token_no_authority_is_needed(desk: Desk) -> None:
    login = provide(desk, text(refresh_token=None), at=profile(issuer=None, client_id=None))
    assert login is not None
    assert (login.authority, login.renewable) == (None, False)
    assert desk.sent() == []


# -- a container runs it at every start


@pytest.mark.proves("L5")
def test_the_same_answer_again_changes_nothing_and_needs_no_network(desk: Desk) -> None:
    said = text()
    desk.world.script = [metadata()]
    assert provide(desk, said) is not None
    before = contents(desk.home)
    assert provide(desk, said) is None
    assert contents(desk.home) == before
    assert len(desk.sent()) == 1


@pytest.mark.proves("L5")
def test_the_answer_that_the_login_descends_from_changes_nothing(desk: Desk) -> None:
    said = text()
    desk.world.script = [metadata()]
    first = provide(desk, said)
    assert isinstance(first, Login)
    held = open_store(desk.world, "default", "file").hold(seconds=1)
    assert held is not None
    with held:
        renewed = first.replace(
            refresh_token=Secret(make_secret("refresh")), ancestors=(first.identity.refresh_hash,)
        )
        held.save(renewed, replacing=first.identity)
    before = contents(desk.home)
    assert provide(desk, said) is None
    assert contents(desk.home) == before


@pytest.mark.proves("L5")
@pytest.mark.parametrize("former", [False, True])
def test_a_login_that_another_profile_holds_is_refused(desk: Desk, former: bool) -> None:
    token = make_secret("refresh")
    theirs = make_login(profile="work", access_token=Secret(make_secret("token")))
    theirs = theirs.replace(refresh_token=Secret(token))
    if former:
        mark = theirs.identity.refresh_hash
        theirs = theirs.replace(refresh_token=Secret(make_secret("refresh")), ancestors=(mark,))
    keep(open_store(desk.world, "work", "file"), desk.world, theirs, ScriptedPerson())
    before = contents(desk.home)
    with pytest.raises(Refused, match="profile work holds this login already") as caught:
        provide(desk, text(refresh_token=token))
    assert (caught.value.exit, caught.value.code) == (7, "held_by_another_profile")
    assert "keyturn --profile work" in str(caught.value.hint)
    assert contents(desk.home) == before


def test_a_damaged_record_of_another_profile_is_no_obstacle(desk: Desk) -> None:
    Path(desk.home, "logins").mkdir(parents=True, mode=0o700)
    other = Path(desk.home, "logins/work.json")
    other.touch(0o600)
    desk.world.script = [metadata()]
    assert provide(desk, text()) is not None


def test_another_account_is_replaced_only_with_yes(desk: Desk) -> None:
    developer, operator = (
        {"uuid": name, "email_address": f"{name}@example.com"} for name in ("developer", "operator")
    )
    desk.world.script = [metadata(), metadata(), metadata()]
    provide(desk, text(account=developer))
    before = contents(desk.home)
    with pytest.raises(LoginRefused, match="operator@"):
        provide(desk, text(account=operator))
    assert contents(desk.home) == before
    replaced = provide(desk, text(account=operator), yes=True)
    assert replaced is not None
    assert replaced.account == "operator@example.com"


# -- what is no token answer


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("", "it is empty"),
        (" \n", "it is empty"),
        ("token", "(line 1, column 1)"),
        ('{"access_token": ', "a value is missing (line 1, column 18)"),
        ("[]", "not an object"),
        ('{"a": 1, "a": 2}', "'a' is there twice"),
        ("{}", "holds no access_token"),
        ('{"access_token": 5}', "its access_token is no token"),
        ('{"access_token": "two words"}', "its access_token is no token"),
        ('{"error": "invalid_grant"}', "it answered with an error"),
        ('{"access_token": "tttttttt", "token_type": "mac"}', "not of the type Bearer"),
        ('{"access_token": "tttttttt", "expires_in": "soon"}', "its expires_in is not a number of seconds"),
        ('{"access_token": "tttttttt", "expires_at": "2030-01-01"}', "expires_at is not a time in Unix"),
        ('{"access_token": "tttttttt", "expires_at": "soon"}', "expires_at is not a time in Unix"),
        ('{"access_token": "tttttttt", "expires_at": "1800000000000"}', "expires_at is not a time in Unix"),
        ('{"access_token": "tttttttt", "expires_at": true}', "expires_at is not a time in Unix"),
        ('{"access_token": "tttttttt", "expires_at": 1800000000000}', "expires_at is not a time in Unix"),
        ('{"access_token": "tttttttt", "expires_at": 5}', "its token has expired already"),
    ],
)
def test_what_is_no_token_answer_is_said_and_shown_how_it_looks(desk: Desk, said: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        provide(desk, said, at=profile(issuer=None))
    assert caught.value.message.startswith("standard input is not a token answer: ")
    assert says in caught.value.message
    assert '"access_token"' in str(caught.value.hint)
    assert '"expires_at": 1800000000' in str(caught.value.hint)
    assert "tttttttt" not in caught.value.message
    assert caught.value.exit == 2
    assert contents(desk.home) == {}


@pytest.mark.parametrize(
    ("fields", "kind", "says"),
    [
        ({"issuer": None}, ConfigurationError, "not known where and as whom to use it"),
        ({"client_id": None}, ConfigurationError, "not known where and as whom to use it"),
        ({"api_base_url": None}, ConfigurationError, "does not name the API"),
        ({"api_base_url": "http://api.example.com"}, Refused, "without encryption"),
        ({"issuer": "http://auth.example.com"}, Refused, "plain http on another machine"),
    ],
)
def test_a_login_must_know_where_it_is_renewed_and_used(
    desk: Desk, fields: dict[str, Any], kind: type[AuthError], says: str
) -> None:
    desk.world.script = [metadata()]
    with pytest.raises(kind, match=says) as caught:
        provide(desk, text(), at=profile(**fields))
    assert caught.value.hint
    assert contents(desk.home) == {}


# -- keys


def keep_key(desk: Desk, said: str, *, at: Profile | None = None, yes: bool = False) -> Login:
    at = at or profile(api_base_url=None)
    person = ScriptedPerson(present=False)
    return from_api_key(said, desk.world, at, open_store(desk.world, at.name, "file"), person, yes=yes)


def test_a_key_is_stored_without_blanks_around_it(desk: Desk) -> None:
    key = make_secret("api-key")
    login = keep_key(desk, f"  {key}\r\n")
    assert login == desk.stored()
    assert login.api_key is not None
    assert login.api_key.reveal() == key
    assert (login.kind, login.billing, login.api_base_url, login.renewable) == (
        "api_key",
        "metered",
        None,
        False,
    )


def test_a_key_belongs_to_the_api_that_its_profile_names(desk: Desk) -> None:
    assert keep_key(desk, make_secret("api-key"), at=profile()).api_base_url == API
    with pytest.raises(Refused, match="without encryption"):
        keep_key(desk, make_secret("api-key"), at=profile(api_base_url="http://api.example.com"))


def test_another_key_replaces_a_key_and_no_login(desk: Desk) -> None:
    keep_key(desk, make_secret("api-key"))
    keep_key(desk, make_secret("api-key"))
    keep(open_store(desk.world, "default", "file"), desk.world, make_login(), ScriptedPerson(), yes=True)
    before = contents(desk.home)
    with pytest.raises(LoginRefused, match="it was not replaced by an API key"):
        keep_key(desk, make_secret("api-key"))
    assert contents(desk.home) == before


@pytest.mark.parametrize(
    ("said", "kind", "says"),
    [
        ("", UsageError, "no API key came"),
        ("\n", UsageError, "no API key came"),
        ("sk-ant-test-one\nsk-ant-test-two", ConfigurationError, "a line break at position 16"),
        ("sk-ant-test one", ConfigurationError, "a space at position 12"),
        ("sk-ant-test-\x07", ConfigurationError, "a control character"),
        ("sk-ant-test-ü", ConfigurationError, "a character that is not ASCII"),
    ],
)
def test_what_is_no_key_is_named_without_showing_it(
    desk: Desk, said: str, kind: type[AuthError], says: str
) -> None:
    with pytest.raises(kind, match=says) as caught:
        keep_key(desk, said)
    assert "sk-ant-test" not in f"{caught.value.message} {caught.value.hint}"
    assert contents(desk.home) == {}
