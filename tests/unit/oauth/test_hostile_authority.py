"""Answers that no authority should give, over a real connection: limits hold, and nothing is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from keyturn.errors import AuthError, ConfigurationError, Refused, Unavailable
from keyturn.oauth.asking import Wish
from keyturn.oauth.login import log_in
from keyturn.settings.config import Profile
from keyturn.stores import open_store
from keyturn.world import World
from tests.persons import Browser, ScriptedPerson
from tests.standins import METADATA, OPENID, Reply, StandIn
from tests.unit.oauth.conftest import contents

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from keyturn.wire import Request, Response

TWO_MEBIBYTES = b'{"padding": "' + b"x" * (2 << 20) + b'"}'


class HurriedWorld(World):
    """This machine, with 0.3 s for what may take 30 s."""

    def send(self, request: Request, *, seconds: float = 30.0) -> Response:
        assert seconds in {10.0, 30.0}
        return super().send(request, seconds=0.3)

    def open_browser(self, url: str) -> bool:
        self.browser = Browser()
        return self.browser(url)


class Desk:
    def __init__(self, folder: Path) -> None:
        self.home = folder / "keyturn"
        self.world = HurriedWorld({"HOME": str(folder), "KEYTURN_HOME": str(self.home)})

    def log_in(self, issuer: str, **fields: Any) -> Any:
        told = {
            "name": "default",
            "issuer": issuer,
            "api_base_url": "https://api.example.com",
            "scopes": (),
            "store": "file",
            "token_request": "form",
        }
        profile = Profile(**{**told, **fields})
        wish = Wish(browser=True, callback_port=0, yes=False)
        store = open_store(self.world, "default", "file")
        return log_in(self.world, profile, store, ScriptedPerson(), wish)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def authority() -> Iterator[StandIn]:
    with StandIn() as running:
        yield running


def test_a_faultless_authority_is_logged_in_at(desk: Desk, authority: StandIn) -> None:
    login = desk.log_in(authority.origin)
    assert login.account == "developer@example.com"
    assert [seen.path for seen in authority.requests] == [METADATA, "/register", "/token"]
    assert authority.asked("/token")[0].form["client_id"] == "registered-client"
    assert "Cookie" not in authority.requests[0].headers


@pytest.mark.parametrize(
    ("reply", "kind", "says"),
    [
        (Reply(b"<html>", headers={"Content-Type": "text/html"}), ConfigurationError, "answer with JSON"),
        (Reply(TWO_MEBIBYTES), Unavailable, "more than 1 MiB"),
        (Reply(b'{"issuer": ', stall=True), Unavailable, "did not answer within 0.3 s"),
        (Reply(b"", 500), Unavailable, "answers with status 500"),
        (Reply(b"[" * 100_000), ConfigurationError, "does not answer with JSON"),
    ],
)
def test_metadata_that_is_none_ends_the_attempt(
    desk: Desk, authority: StandIn, reply: Reply, kind: type[AuthError], says: str
) -> None:
    authority.answers[METADATA] = reply
    with pytest.raises(kind, match=says) as caught:
        desk.log_in(authority.origin)
    assert authority.origin in caught.value.message
    assert caught.value.hint
    assert len(authority.requests) == 1
    assert contents(desk.home) == {}


@pytest.mark.proves("T10")
def test_a_redirect_of_the_metadata_is_not_followed(desk: Desk, authority: StandIn) -> None:
    with StandIn() as other:
        authority.answers[METADATA] = Reply(status=302, headers={"Location": f"{other.origin}{METADATA}"})
        with pytest.raises(ConfigurationError, match="redirects, which is not followed"):
            desk.log_in(authority.origin)
        assert other.requests == []


def test_openid_discovery_is_asked_second(desk: Desk, authority: StandIn) -> None:
    authority.answers[OPENID] = authority.answers.pop(METADATA)
    desk.log_in(authority.origin)
    assert [seen.path for seen in authority.requests][:2] == [METADATA, OPENID]


def test_nobody_at_the_address_is_said_with_the_address(desk: Desk) -> None:
    with StandIn() as gone:
        pass
    with pytest.raises(Unavailable, match=f"cannot connect to {gone.origin}") as caught:
        desk.log_in(gone.origin)
    assert "check the network" in str(caught.value.hint)


def test_to_plain_http_on_another_machine_nothing_is_sent(desk: Desk, authority: StandIn) -> None:
    authority.answers[METADATA] = Reply(authority.metadata(token_endpoint="http://192.0.2.1/token"))
    with pytest.raises(Refused, match="plain http on another machine"):
        desk.log_in(authority.origin)
    assert len(authority.requests) == 1


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(TWO_MEBIBYTES), "more than 1 MiB"),
        (Reply(b"<p>hello", headers={"Content-Type": "text/html"}), "its answer is not JSON"),
        (Reply(b'{"access_token"', stall=True), "did not answer within 0.3 s"),
        (Reply(b'{"access_token": "tttttttttt'), "its answer is not JSON"),
        (Reply({"access_token": "t" * 20, "expires_in": "later"}), "expires_in is not a number of seconds"),
        (Reply({"token_type": "Bearer"}), "its answer holds no access_token"),
        (Reply(status=307, headers={"Location": "http://127.0.0.1:9/"}), "it answered with status 307"),
        (Reply(b"", 502), "it answered with status 502"),
    ],
)
def test_a_token_answer_that_is_none_leaves_the_former_login(
    desk: Desk, authority: StandIn, reply: Reply, says: str
) -> None:
    desk.log_in(authority.origin)
    before = contents(desk.home)
    authority.requests.clear()
    authority.answers["/token"] = reply
    with pytest.raises(Unavailable, match=says) as caught:
        desk.log_in(authority.origin)
    assert caught.value.exit == 6
    assert authority.origin in caught.value.message
    assert caught.value.hint
    assert len(authority.asked("/token")) == 1  # a code that was sent is never sent again
    assert desk.world.browser.page().kind == "failed"
    assert contents(desk.home) == before


def test_what_the_authority_says_is_cleaned_before_it_is_shown(desk: Desk, authority: StandIn) -> None:
    authority.answers["/token"] = Reply(
        {"error": "invalid_grant", "error_description": "\x1b[2J\u202eevil\u200b" + "x" * 5000}, 400
    )
    with pytest.raises(AuthError) as caught:
        desk.log_in(authority.origin)
    assert len(caught.value.message) < 500
    assert not set("\x1b\u202e\u200b") & set(caught.value.message)
    assert "\x1b" not in desk.world.browser.page().page
