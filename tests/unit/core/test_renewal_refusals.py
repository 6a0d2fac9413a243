"""What ends a login, and what does not (I4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keyturn import ConfigurationError, Rejected, Unavailable
from keyturn.testing import answer, make_expired_login, token_answer
from keyturn.testing.world import NOW
from keyturn.wire import Response

if TYPE_CHECKING:
    from pathlib import Path


from tests.machine import HOUR, Machine, aged


@pytest.fixture
def expired(tmp_path: Path) -> Machine:
    return Machine(tmp_path, make_expired_login())


@pytest.fixture
def ahead(tmp_path: Path) -> Machine:
    return Machine(tmp_path, aged(HOUR, 200.0))


# -- what ends a login, and what does not (I4)


@pytest.mark.proves("I4", "L16", "R45")
class TestTheOneDefiniteEnd:
    @pytest.mark.parametrize("status", [400, 401])
    def test_invalid_grant_quarantines_the_refresh_token_and_deletes_nothing(
        self, expired: Machine, status: int
    ) -> None:
        expired.world.script.append(answer({"error": "invalid_grant"}, status))
        with pytest.raises(Rejected, match="login has ended") as caught:
            expired.auth().credential()
        assert caught.value.exit == 4
        assert "keyturn login" in (caught.value.hint or "")
        assert "/login" in (caught.value.hint or "")
        stored = expired.stored()
        assert stored.quarantine is not None
        assert stored.quarantine.at == NOW
        assert stored.refresh_token == expired.login.refresh_token

    def test_a_quarantined_token_is_never_sent_again(self, expired: Machine) -> None:
        expired.world.script.append(answer({"error": "invalid_grant"}, 400))
        for auth in (expired.auth(), expired.auth(), expired.auth()):
            with pytest.raises(Rejected, match="rejected its refresh token"):
                auth.credential()
        assert len(expired.world.requests) == 1

    def test_the_access_token_serves_until_its_own_end(self, ahead: Machine) -> None:
        ahead.world.script.append(answer({"error": "invalid_grant"}, 400))
        auth = ahead.auth()
        assert auth.credential().secret == ahead.login.access_token
        assert ahead.stored().quarantine is not None
        ahead.world.advance(60)
        assert auth.credential().secret == ahead.login.access_token
        ahead.world.advance(150)
        with pytest.raises(Rejected, match="has expired and cannot be renewed"):
            auth.credential()
        assert len(ahead.world.requests) == 1


JSON = {"content-type": "application/json"}
HTML = {"content-type": "text/html"}
KEPT = {
    "the name is not resolved": Unavailable("the name cannot be resolved", code="dns", sent=False),
    "the connection is refused": Unavailable("cannot connect", code="connect", sent=False),
    "the connection is reset": Unavailable("the connection broke", code="broken", sent=None),
    "TLS fails": Unavailable("no trusted TLS connection", code="tls", sent=False),
    "no answer in time": Unavailable("did not answer", code="timeout", sent=None),
    "429": answer({"error": "rate_limited"}, 429, retry_after="17"),
    "500": Response(status=500, headers=HTML, body=b"<h1>Internal Server Error</h1>"),
    "502": Response(status=502, headers={}, body=b""),
    "503 with the word of the end": answer({"error": "invalid_grant"}, 503),
    "403 with the word of the end": answer({"error": "invalid_grant"}, 403),
    "404 with the word of the end": answer({"error": "invalid_grant"}, 404),
    "a redirect": Response(status=302, headers={"location": "https://elsewhere.example"}, body=b""),
    "a page of HTML": Response(status=200, headers=HTML, body=b"<html>Welcome to the hotel</html>"),
    "a page of HTML with 400": Response(status=400, headers=HTML, body=b'{"error": "invalid_grant"}'),
    "the end in another content type": Response(
        status=400, headers={"content-type": "text/plain"}, body=b'{"error": "invalid_grant"}'
    ),
    "the end without content type": Response(status=400, headers={}, body=b'{"error": "invalid_grant"}'),
    "truncated JSON": Response(status=200, headers=JSON, body=b'{"access_token": "test-acce'),
    "a truncated error": Response(status=400, headers=JSON, body=b'{"error": "invalid_gra'),
    "an empty 400": Response(status=400, headers=JSON, body=b""),
    "an empty 401": Response(status=401, headers={}, body=b""),
    "a list": Response(status=200, headers=JSON, body=b"[]"),
    "an error that is no text": answer({"error": {"type": "invalid_grant"}}, 400),
    "another error": answer({"error": "temporarily_unavailable"}, 400),
    "an error of another letter case": answer({"error": "Invalid_Grant"}, 400),
    "an error in an answer of success": answer({"error": "invalid_grant", "access_token": "x" * 20}),
    "no access token": answer({"token_type": "Bearer"}),
    "an empty access token": answer({"access_token": "", "token_type": "Bearer"}),
    "an access token that is no text": answer({"access_token": 7}),
    "an access token with a line break": answer({"access_token": "test-acc\r\ness"}),
    "a refresh token that is no text": answer({"access_token": "x" * 20, "refresh_token": 7}),
    "a token of another type": answer({"access_token": "x" * 20, "token_type": "mac"}),
    "bytes that are no text": Response(status=200, headers=JSON, body=b"\xff\xfe"),
}


@pytest.mark.proves("I4", "P2", "R7")
@pytest.mark.parametrize("said", KEPT.values(), ids=KEPT)
class TestEverythingElseKeepsTheLogin:
    def test_not_a_byte_of_it_changes_and_the_next_try_may_succeed(
        self, expired: Machine, said: Response | Exception
    ) -> None:
        before = expired.bytes()
        expired.world.script.append(said)
        auth = expired.auth()
        with pytest.raises(Unavailable) as caught:
            auth.credential()
        assert caught.value.exit == 6
        assert expired.bytes() == before
        expired.world.advance(1000)  # any pause is over by then (L20)
        expired.grants()
        assert auth.credential().secret.reveal() == expired.access

    @pytest.mark.proves("I7")
    def test_while_the_token_serves_nobody_hears_of_it(
        self, ahead: Machine, said: Response | Exception
    ) -> None:
        before = ahead.bytes()
        ahead.world.script.append(said)
        assert ahead.auth().credential().secret == ahead.login.access_token
        assert ahead.bytes() == before


@pytest.mark.parametrize(
    "error", ["invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope"]
)
@pytest.mark.parametrize("status", [400, 401])
def test_a_client_set_up_wrongly_is_a_configuration_error_and_keeps_the_login(
    expired: Machine, error: str, status: int
) -> None:
    before = expired.bytes()
    expired.world.script.append(answer({"error": error}, status))
    with pytest.raises(ConfigurationError, match=error) as caught:
        expired.auth().credential()
    assert caught.value.exit == 8
    assert expired.bytes() == before


def test_what_the_server_asks_for_patience_is_a_fact_of_the_error(expired: Machine) -> None:
    expired.world.script.append(answer({}, 429, retry_after="17"))
    with pytest.raises(Unavailable) as caught:
        expired.auth().credential()
    assert caught.value.facts["retry_after"] == 17.0
    assert caught.value.facts["status"] == 429


@pytest.mark.parametrize("text", ["Bearer", "bearer", "BEARER"])
def test_the_type_of_a_token_is_read_in_any_case(expired: Machine, text: str) -> None:
    expired.world.script.append(token_answer(expired.access, expired.refresh, token_type=text))
    assert expired.auth().credential().secret.reveal() == expired.access


def test_a_network_s_error_says_what_it_kept_from_happening(expired: Machine) -> None:
    expired.world.script.append(Unavailable("cannot connect to https://auth.example.com", sent=False))
    with pytest.raises(Unavailable) as caught:
        expired.auth().credential()
    assert caught.value.message == (
        "the login in profile default could not be renewed: "
        "cannot connect to https://auth.example.com; it is kept"
    )
    assert caught.value.facts["sent"] is False
