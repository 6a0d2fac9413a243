"""A login by browser: what is sent, what is stored, and what the person is shown on both sides."""

from __future__ import annotations

import base64
import hashlib
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from keyturn.errors import AuthError, ConfigurationError, LoginRefused, Rejected, Unavailable
from keyturn.oauth.asking import PERSON_SECONDS, Wish
from keyturn.testing import answer
from keyturn.wire import Response
from tests.persons import CODE, Browser, ScriptedPerson, asked, comes_back, fetch
from tests.unit.oauth.conftest import API, ISSUER, Desk, contents, metadata, profile, tokens

if TYPE_CHECKING:
    from keyturn.wire import Request
    from tests.persons import Shown


def form(body: bytes) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(body.decode()).items()}


@pytest.mark.proves("R3", "R4", "P14", "T11")
def test_a_login_ends_in_the_store_and_on_a_page_that_says_so(desk: Desk) -> None:
    login = desk.log_in(metadata(), tokens())
    assert desk.stored() == login
    assert (login.who, login.api_base_url, login.generation) == ("developer@example.com", API, 1)
    assert login.authority is not None
    assert (login.authority.issuer, login.authority.client_id) == (ISSUER, "example-client")
    page = desk.browser.page() if desk.browser else None
    assert page is not None
    assert (page.status, page.kind) == (200, "success")
    assert "developer@example.com" in page.page
    assert desk.person.urls[0] == desk.world.browsed[0]
    assert f"{ISSUER} has logged in developer@example.com" in desk.person.said


def test_the_code_is_exchanged_with_the_verifier_of_its_challenge(desk: Desk) -> None:
    desk.log_in(metadata(), tokens(), at=profile(scopes=("inference", "profile"), resource=API))
    query = asked(desk.world.browsed[0])
    exchange = desk.sent()[-1]
    sent = form(exchange.body)
    digest = hashlib.sha256(sent["code_verifier"].encode()).digest()
    assert query["code_challenge"] == base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert (query["code_challenge_method"], query["scope"]) == ("S256", "inference profile")
    assert (exchange.method, exchange.url) == ("POST", f"{ISSUER}/token")
    assert (sent["grant_type"], sent["code"], sent["client_id"]) == (
        "authorization_code",
        CODE,
        "example-client",
    )
    assert sent["redirect_uri"] == query["redirect_uri"]
    assert (sent["resource"], query["resource"]) == (API, API)
    assert 43 <= len(sent["code_verifier"]) <= 128


def test_openid_gets_a_nonce_of_its_own_and_nobody_else_one(desk: Desk) -> None:
    for scopes in (("openid",), ("openid",), ("a",)):
        desk.log_in(metadata(), tokens(), at=profile(scopes=scopes))
    first, second, other = (asked(url) for url in desk.world.browsed)
    assert len(first["nonce"]) == 43
    assert first["nonce"] not in (second["nonce"], first["state"], first["code_challenge"])
    assert "nonce" not in other


def test_every_attempt_has_its_own_state_and_verifier(desk: Desk) -> None:
    desk.log_in(metadata(), tokens())
    desk.log_in(metadata(), tokens())
    first, second = (asked(url) for url in desk.world.browsed)
    assert first["state"] != second["state"]
    assert first["code_challenge"] != second["code_challenge"]


def test_an_address_of_its_own_is_shown_for_a_browser_on_another_machine(desk: Desk) -> None:
    desk.log_in(metadata(), tokens(), at=profile(paste_redirect_uri=f"{ISSUER}/paste"))
    direct, by_paste = (asked(url) for url in desk.person.urls)
    assert by_paste["redirect_uri"] == f"{ISSUER}/paste"
    assert direct["redirect_uri"].startswith("http://127.0.0.1:")
    assert direct["state"] != by_paste["state"]
    assert direct["code_challenge"] != by_paste["code_challenge"]
    assert len(desk.world.browsed) == 1


def test_without_a_browser_the_person_is_told_to_open_the_address(desk: Desk) -> None:
    person = ScriptedPerson(pastes=[lambda urls: comes_back(urls[0])])
    desk.world.browser = None
    desk.log_in(metadata(), tokens(), person=person, browser=NoBrowser())
    assert "no browser could be opened here; open the address yourself" in person.said
    assert desk.stored() is not None


class NoBrowser(Browser):
    def __call__(self, url: str) -> bool:
        del url
        return False


@pytest.mark.proves("T11")
def test_strangers_at_the_callback_do_not_disturb_the_login(desk: Desk) -> None:
    strangers: list[Shown] = []

    def visit(url: str) -> Shown:
        right = comes_back(url)
        base = right.partition("/callback")[0]
        wrong = [
            (f"{base}/favicon.ico?", "GET"),
            (right, "HEAD"),
            (f"{base}/other?{right.partition('?')[2]}", "GET"),
            (comes_back(url, state="x" * 43), "GET"),
            (comes_back(url, state=None), "GET"),
            (comes_back(url, code=None, error="access_denied", state="x" * 43), "GET"),
        ]
        strangers.extend(fetch(address, method) for address, method in wrong)
        return fetch(right)

    login = desk.log_in(metadata(), tokens(), browser=Browser(visit))
    assert desk.shown() == "success"
    assert [one.status for one in strangers] == [404, 405, 404, 400, 400, 400]
    assert [one.kind for one in strangers[3:]] == ["wrong-state"] * 3
    assert desk.stored() == login
    assert len(desk.sent()) == 2


@pytest.mark.proves("T11")
def test_a_second_code_for_the_same_attempt_does_not_count(desk: Desk) -> None:
    late: list[Shown] = []

    def exchanged(request: Request) -> Response:
        del request  # while the first code is exchanged, another one comes with the right state
        late.append(fetch(comes_back(desk.world.browsed[0], code="another-code")))
        return tokens()

    desk.log_in(metadata(), exchanged)
    assert (late[0].status, late[0].kind, desk.shown()) == (409, "used", "success")
    assert [form(request.body).get("code") for request in desk.sent()] == [None, CODE]


@pytest.mark.parametrize(
    ("error", "kind", "status", "page"),
    [
        ("access_denied", LoginRefused, 3, "refused"),
        ("invalid_scope", ConfigurationError, 8, "failed"),
        ("temporarily_unavailable", Unavailable, 6, "failed"),
        ("\x1b]0;you\x07", ConfigurationError, 8, "failed"),
    ],
)
def test_a_refusal_of_the_authority_ends_the_attempt(
    desk: Desk, error: str, kind: type[AuthError], status: int, page: str
) -> None:
    desk.log_in(metadata(), tokens())
    before = contents(desk.home)
    came = Browser(code=None, error=error, error_description="the person said\x1b[2J no")
    with pytest.raises(kind) as caught:
        desk.log_in(metadata(), browser=came)
    assert caught.value.exit == status
    assert "the person said [2J no" in caught.value.message
    assert "\x1b" not in caught.value.message
    assert desk.shown() == page
    assert contents(desk.home) == before


@pytest.mark.parametrize(
    ("iss", "promised", "fine"),
    [
        (ISSUER, True, True),
        (ISSUER, False, True),
        (None, False, True),
        (None, True, False),
        ("https://evil.example", True, False),
        ("https://evil.example", False, False),
        (f"{ISSUER}/", False, False),
    ],
)
def test_the_answer_must_come_from_the_authority_that_was_asked(
    desk: Desk, iss: str | None, promised: bool, fine: bool
) -> None:
    told = metadata(authorization_response_iss_parameter_supported=promised)
    if fine:
        assert desk.log_in(told, tokens(), browser=Browser(iss=iss)).account == "developer@example.com"
        return
    with pytest.raises(Rejected) as caught:
        desk.log_in(told, browser=Browser(iss=iss))
    assert (caught.value.code, caught.value.exit) == ("wrong_issuer", 4)
    assert ISSUER in caught.value.message
    assert desk.shown() == "failed"
    assert contents(desk.home) == {}
    assert len(desk.sent()) == 1


def slow(person_seconds: float, desk: Desk) -> ScriptedPerson:
    def wait(seconds: float) -> None:
        desk.world.advance(min(seconds, person_seconds))

    return ScriptedPerson(bored=wait)


def test_nobody_finishes_within_five_minutes(desk: Desk) -> None:
    with pytest.raises(LoginRefused) as caught:
        desk.log_in(metadata(), person=slow(60.0, desk), browser=NoBrowser())
    assert caught.value.message == "nobody finished the login in the browser within 5 minutes"
    assert (caught.value.exit, caught.value.code) == (3, "login_timeout")
    assert desk.world.clock() == 1000.0 + PERSON_SECONDS
    assert contents(desk.home) == {}


def test_after_a_failure_the_port_is_free(desk: Desk) -> None:
    with pytest.raises(LoginRefused):
        desk.log_in(metadata(), browser=Browser(code=None, error="access_denied"))
    port = int(asked(desk.world.browsed[0])["redirect_uri"].split(":")[2].partition("/")[0])
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family) as again:
            again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            again.bind((address, port))


def test_a_port_in_use_is_said_before_the_browser_opens(desk: Desk) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"port {port} for the browser's answer is taken"):
            desk.log_in(metadata(), wish=Wish(browser=True, callback_port=port, yes=False))
    assert desk.world.browsed == []
    assert desk.person.urls == []


@pytest.mark.parametrize(
    ("configured", "redirect"),
    [
        ("http://localhost/callback", "http://localhost:PORT/callback"),
        ("http://127.0.0.1/oauth/callback", "http://127.0.0.1:PORT/oauth/callback"),
        ("http://localhost", "http://localhost:PORT"),  # servers compare letter by letter
        ("http://localhost/", "http://localhost:PORT/"),
    ],
)
def test_the_registered_redirect_address_is_used(desk: Desk, configured: str, redirect: str) -> None:
    desk.log_in(metadata(), tokens(), at=profile(redirect_uri=configured))
    sent = asked(desk.world.browsed[0])["redirect_uri"]
    port = sent.split(":")[2].partition("/")[0]
    assert sent == redirect.replace("PORT", port)
    assert desk.shown() == "success"


@pytest.mark.parametrize(
    "configured",
    [
        "https://127.0.0.1/callback",
        "http://example.com/callback",
        "http://127.0.0.1:port/callback",
        "http://127.0.0.1:99999/callback",
        "http://127.0.0.1/callback?x=1",
        "http://[::1",
        "urn:ietf:wg:oauth:2.0:oob",
    ],
)
def test_a_redirect_address_that_nobody_can_answer_on_is_refused(desk: Desk, configured: str) -> None:
    with pytest.raises(ConfigurationError, match="redirect_uri of profile default") as caught:
        desk.log_in(metadata(), at=profile(redirect_uri=configured))
    assert caught.value.exit == 8
    assert contents(desk.home) == {}


def raw(text: bytes, kind: str = "application/json") -> Response:
    return Response(status=200, headers={"content-type": kind}, body=text)


T = "t" * 20


@pytest.mark.parametrize(
    ("told", "kind", "says"),
    [
        (answer({"error": "invalid_grant", "error_description": "used"}, 400), Rejected, "grant: used)"),
        (answer({"error": "invalid_client"}, 401), ConfigurationError, "this client (invalid_client)"),
        (answer({"error": "unauthorized_client"}, 400), ConfigurationError, "unauthorized_client"),
        (answer({}, 500), Unavailable, "it answered with status 500"),
        (answer({}, 429, retry_after="9"), Unavailable, "it answered with status 429"),
        (answer({}, 302), Unavailable, "it answered with status 302"),
        (answer({"token_type": "Bearer"}), Unavailable, "its answer holds no access_token"),
        (answer({"access_token": ""}), Unavailable, "its access_token is no token"),
        (answer({"access_token": "two words"}), Unavailable, "its access_token is no token"),
        (answer({"access_token": 5}), Unavailable, "its access_token is no token"),
        (answer({"access_token": T, "token_type": "mac"}), Unavailable, "not of the type Bearer"),
        (answer({"access_token": T, "refresh_token": 7}), Unavailable, "its refresh_token is no token"),
        (answer({"access_token": T, "error": "x"}), Unavailable, "error in an answer of success"),
        (answer({"access_token": T, "expires_in": "soon"}), Unavailable, "expires_in is not a number"),
        (answer({"access_token": T, "expires_in": [1]}), Unavailable, "expires_in is not a number"),
        (raw(b"<p>", "text/html"), Unavailable, "its answer is not JSON"),
        (raw(b'{"a'), Unavailable, "its answer is not JSON"),
        (Unavailable(f"{ISSUER} did not answer within 30 s", sent=None), Unavailable, "within 30 s"),
    ],
)  # fmt: skip
def test_a_token_answer_that_cannot_be_used_changes_nothing(
    desk: Desk, told: Any, kind: type[AuthError], says: str
) -> None:
    desk.log_in(metadata(), tokens())
    before = contents(desk.home)
    with pytest.raises(kind) as caught:
        desk.log_in(metadata(), told)
    assert type(caught.value) is kind
    assert says in caught.value.message
    assert caught.value.hint
    assert ISSUER in caught.value.message
    assert desk.shown() == "failed"
    assert contents(desk.home) == before


@pytest.mark.parametrize("life", [0, -5, None, "3600", 1e300])
def test_a_life_that_is_not_positive_is_unknown(desk: Desk, life: Any) -> None:
    login = desk.log_in(metadata(), tokens(expires_in=life))
    assert login.expires_at == (desk.world.now() + 3600 if life == "3600" else None)


def test_a_code_that_never_left_is_sent_once_more(desk: Desk) -> None:
    desk.log_in(metadata(), Unavailable("cannot connect", sent=False), tokens())
    assert desk.sent()[-1] == desk.sent()[-2]


def test_a_code_that_may_have_arrived_is_not_sent_again(desk: Desk) -> None:
    with pytest.raises(Unavailable):
        desk.log_in(metadata(), Unavailable("it broke", sent=None))
    assert len(desk.sent()) == 2


def test_an_authority_that_wants_json_gets_json(desk: Desk) -> None:
    desk.log_in(metadata(), tokens(), at=profile(token_request="json"))
    exchange = desk.sent()[-1]
    assert exchange.headers["Content-Type"] == "application/json"
    assert f'"state": "{asked(desk.world.browsed[0])["state"]}"'.encode() in exchange.body


def test_endpoints_named_one_by_one_need_no_discovery(desk: Desk) -> None:
    plain = profile(
        issuer=None, authorize_url=f"{ISSUER}/a?tenant=1", token_url=f"{ISSUER}/t", revoke_url=f"{ISSUER}/r"
    )
    login = desk.log_in(tokens(), at=plain)
    assert desk.world.browsed[0].startswith(f"{ISSUER}/a?tenant=1&response_type=code")
    assert [request.url for request in desk.sent()] == [f"{ISSUER}/t"]
    assert login.authority is not None
    assert (login.authority.issuer, login.authority.revoke_url) == (None, f"{ISSUER}/r")
