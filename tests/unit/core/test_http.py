"""Credentials on requests of any httpx2 client: their audience, one retry after a 401, redirects."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from keyturn import Auth, Refused, Rejected
from keyturn.http import RequestAuth
from keyturn.stores.file import FileStore
from keyturn.testing import FakeWorld, make_login, token_answer
from keyturn.testing.stores import save
from keyturn.values import OAUTH_BETA, Secret
from tests.secretscan import make_secret
from tests.web import Said, Web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from tests.web import Asked

UNAUTHORIZED = Said(401, body=b'{"error": {"type": "authentication_error"}}')


def synchronous(
    auth: Auth, method: str, url: str, *, follow: bool = False, **options: Any
) -> httpx2.Response:
    with httpx2.Client(auth=RequestAuth(auth), trust_env=False, follow_redirects=follow) as client:
        return client.request(method, url, **options)


def asynchronous(
    auth: Auth, method: str, url: str, *, follow: bool = False, **options: Any
) -> httpx2.Response:
    async def send() -> httpx2.Response:
        async with httpx2.AsyncClient(
            auth=RequestAuth(auth), trust_env=False, follow_redirects=follow
        ) as client:
            return await client.request(method, url, **options)

    return asyncio.run(send())


@pytest.fixture(params=[synchronous, asynchronous])
def send(request: pytest.FixtureRequest) -> Callable[..., httpx2.Response]:
    chosen: Callable[..., httpx2.Response] = request.param
    return chosen


class Machine:
    """A login for the API of a test server, with an authority that grants one renewal."""

    def __init__(self, folder: Path, api: Web, **fields: object) -> None:
        self.world = FakeWorld(folder)
        self.old, self.new = make_secret("token"), make_secret("token")
        store = FileStore(self.world, "default")
        save(store, make_login(access_token=Secret(self.old), api_base_url=api.url, **fields))
        self.world.script.append(token_answer(self.new, make_secret("refresh")))
        self.auth = Auth(world=self.world)


def tokens(asked: list[Asked]) -> list[str]:
    return [one.headers.get("authorization", "").removeprefix("Bearer ") for one in asked]


@pytest.mark.proves("R42")
class TestAfterA401:
    def test_it_renews_and_asks_once_more(self, tmp_path: Path, send: Callable[..., httpx2.Response]) -> None:
        with Web(UNAUTHORIZED, Said(body=b'{"ok": true}')) as api:
            machine = Machine(tmp_path, api)
            response = send(machine.auth, "POST", f"{api.url}/v1/messages", json={"a": 1})
        assert response.json() == {"ok": True}
        assert tokens(api.asked) == [machine.old, machine.new]
        assert [one.body for one in api.asked] == [b'{"a":1}', b'{"a":1}']
        assert len(machine.world.requests) == 1

    def test_a_second_401_is_the_caller_s(self, tmp_path: Path, send: Callable[..., httpx2.Response]) -> None:
        with Web(UNAUTHORIZED) as api:
            machine = Machine(tmp_path, api)
            response = send(machine.auth, "GET", f"{api.url}/v1/models")
        assert response.status_code == 401
        assert len(api.asked) == 2
        assert len(machine.world.requests) == 1

    def test_a_late_401_for_a_replaced_token_costs_nothing(
        self, tmp_path: Path, send: Callable[..., httpx2.Response]
    ) -> None:
        with Web(UNAUTHORIZED, Said()) as api:
            machine = Machine(tmp_path, api)
            machine.auth.credential()
            other = Auth(world=machine.world)
            other.credential(rejected=other.credential())  # somebody else was told before
            response = send(machine.auth, "GET", f"{api.url}/v1/models")
        assert response.status_code == 200
        assert tokens(api.asked) == [machine.old, machine.new]
        assert len(machine.world.requests) == 1

    def test_a_body_that_can_be_read_only_once_is_not_sent_again(
        self, tmp_path: Path, send: Callable[..., httpx2.Response]
    ) -> None:
        def pieces() -> Iterator[bytes]:
            yield b"once"

        async def apieces() -> AsyncIterator[bytes]:
            yield b"once"

        content = pieces() if send is synchronous else apieces()
        with Web(UNAUTHORIZED) as api:
            machine = Machine(tmp_path, api)
            machine.world.script.append(token_answer("test-new", "test-next"))
            response = send(machine.auth, "POST", f"{api.url}/v1/messages", content=content)
        assert response.status_code == 401
        assert [one.body for one in api.asked] == [b"once"]
        assert len(machine.world.requests) == 1, "the next request has a new token"

    @pytest.mark.parametrize(
        ("body", "again"),
        [
            (b'{"error": {"type": "permission_error", "message": "OAuth token has been revoked"}}', True),
            (b'{"error": {"message": "OAuth token has expired."}}', True),
            (b'{"error": {"type": "permission_error", "message": "not allowed to use this model"}}', False),
            (b"", False),
        ],
    )
    def test_a_403_counts_as_a_401_when_it_says_that_the_token_is_over(
        self, tmp_path: Path, send: Callable[..., httpx2.Response], body: bytes, again: bool
    ) -> None:
        with Web(Said(403, body=body), Said()) as api:
            machine = Machine(tmp_path, api)
            response = send(machine.auth, "GET", f"{api.url}/v1/models")
        assert response.status_code == (200 if again else 403)
        assert len(machine.world.requests) == (1 if again else 0)
        if not again:
            assert response.content == body

    @pytest.mark.proves("P22")
    def test_a_rejected_key_of_the_environment_is_an_error_that_names_it(
        self, tmp_path: Path, send: Callable[..., httpx2.Response]
    ) -> None:
        with Web(UNAUTHORIZED) as api:
            world = FakeWorld(
                tmp_path, {"ANTHROPIC_API_KEY": make_secret("api-key"), "ANTHROPIC_BASE_URL": api.url}
            )
            with pytest.raises(Rejected, match="ANTHROPIC_API_KEY"):
                send(Auth(world=world), "GET", f"{api.url}/v1/models")
        assert len(api.asked) == 1


@pytest.mark.proves("T13")
class TestAudience:
    def test_a_request_to_another_origin_is_refused_before_it_is_sent(
        self, tmp_path: Path, send: Callable[..., httpx2.Response]
    ) -> None:
        with Web() as api, Web() as other:
            machine = Machine(tmp_path, api)
            with pytest.raises(Refused) as caught:
                send(machine.auth, "GET", f"{other.url}/v1/models")
            assert other.asked == api.asked == []
        assert caught.value.exit == 7
        assert api.url in caught.value.message
        assert other.url in caught.value.message

    @pytest.mark.parametrize("kind", ["key", "token"])
    def test_a_redirect_to_another_origin_loses_the_credential(
        self, tmp_path: Path, send: Callable[..., httpx2.Response], kind: str
    ) -> None:
        with Web() as other, Web(Said(307, {"Location": f"{other.url}/taken"})) as api:
            name = "ANTHROPIC_API_KEY" if kind == "key" else "ANTHROPIC_AUTH_TOKEN"
            secret = make_secret("api-key")
            world = FakeWorld(tmp_path, {name: secret, "ANTHROPIC_BASE_URL": api.url})
            response = send(Auth(world=world), "POST", f"{api.url}/v1", follow=True, json={})
            assert response.status_code == 200
        assert secret in " ".join(api.asked[0].headers.values())
        (taken,) = other.asked
        assert taken.path == "/taken"
        assert "x-api-key" not in taken.headers
        assert "authorization" not in taken.headers
        assert secret not in " ".join(taken.headers.values())

    @pytest.mark.parametrize("follow", [True, False])
    def test_a_transport_that_makes_another_request_of_it_takes_no_key_anywhere(
        self, tmp_path: Path, *, follow: bool
    ) -> None:
        class Rebuilding(httpx2.BaseTransport):
            def __init__(self) -> None:
                self.inner = httpx2.HTTPTransport()

            def handle_request(self, request: httpx2.Request) -> httpx2.Response:
                made = httpx2.Request(
                    request.method, request.url, headers=request.headers, content=request.read()
                )
                return self.inner.handle_request(made)

        with Web() as other, Web(Said(307, {"Location": f"{other.url}/taken"}), UNAUTHORIZED) as api:
            secret = make_secret("api-key")
            world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": secret, "ANTHROPIC_BASE_URL": api.url})
            with httpx2.Client(
                auth=RequestAuth(Auth(world=world)), transport=Rebuilding(), follow_redirects=follow
            ) as client:
                client.post(f"{api.url}/v1", json={})
                with pytest.raises(Refused, match="does not tell where its requests go") as caught:
                    client.post(f"{api.url}/v1", json={})
            assert "hand the request on" in (caught.value.hint or "")
            shown = "".join(value for one in (*other.asked, *api.asked) for value in one.headers.values())
            assert secret not in shown

    def test_a_transport_that_hands_the_request_on_sends_the_key(self, tmp_path: Path) -> None:
        class Counting(httpx2.BaseTransport):
            def __init__(self) -> None:
                self.inner, self.count = httpx2.HTTPTransport(), 0

            def handle_request(self, request: httpx2.Request) -> httpx2.Response:
                self.count += 1
                return self.inner.handle_request(request)

        secret, counting = make_secret("api-key"), Counting()
        with Web() as api:
            world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": secret, "ANTHROPIC_BASE_URL": api.url})
            auth = Auth(world=world)
            with httpx2.Client(auth=RequestAuth(auth), transport=counting) as client:
                client.post(f"{api.url}/v1", json={}, headers={"x-api-key": "theirs"})
        assert [one.headers["x-api-key"] for one in api.asked] == [secret]
        assert counting.count == 1

    def test_a_redirect_within_the_origin_keeps_it(
        self, tmp_path: Path, send: Callable[..., httpx2.Response]
    ) -> None:
        secret = make_secret("api-key")
        with Web(Said(307, {"Location": "/there"}), Said()) as api:
            world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": secret, "ANTHROPIC_BASE_URL": api.url})
            send(Auth(world=world), "GET", f"{api.url}/here", follow=True)
        assert [one.headers.get("x-api-key") for one in api.asked] == [secret, secret]

    @pytest.mark.proves("L19")
    def test_a_401_after_a_redirect_to_another_origin_is_not_about_the_credential(
        self, tmp_path: Path, send: Callable[..., httpx2.Response]
    ) -> None:
        with Web(UNAUTHORIZED) as other, Web(Said(307, {"Location": f"{other.url}/x"})) as api:
            machine = Machine(tmp_path, api)
            response = send(machine.auth, "GET", f"{api.url}/v1", follow=True)
        assert response.status_code == 401
        assert machine.world.requests == []
        assert len(api.asked) == len(other.asked) == 1

    def test_a_trace_of_the_caller_s_own_is_still_called_on_both_tries(
        self, tmp_path: Path, send: Callable[..., httpx2.Response]
    ) -> None:
        started: list[str] = []

        def note(event: str, info: dict[str, Any]) -> None:
            del info
            if event.endswith("send_request_headers.started"):
                started.append(event)

        async def anote(event: str, info: dict[str, Any]) -> None:
            note(event, info)

        trace = note if send is synchronous else anote
        with Web(UNAUTHORIZED, Said()) as api:
            machine = Machine(tmp_path, api)
            send(machine.auth, "GET", f"{api.url}/v1", extensions={"trace": trace})
        assert len(started) == 2


class TestHeaders:
    def test_a_credential_of_the_client_s_own_is_replaced(
        self, tmp_path: Path, send: Callable[..., httpx2.Response]
    ) -> None:
        with Web() as api:
            machine = Machine(tmp_path, api)
            send(machine.auth, "GET", f"{api.url}/v1", headers={"X-Api-Key": "theirs"})
        assert tokens(api.asked) == [machine.old]
        assert "x-api-key" not in api.asked[0].headers

    @pytest.mark.parametrize("listed", [None, "other-beta", f"{OAUTH_BETA}, other-beta"])
    def test_the_beta_of_an_oauth_token_joins_the_betas_of_the_request(
        self, tmp_path: Path, send: Callable[..., httpx2.Response], listed: str | None
    ) -> None:
        headers = {} if listed is None else {"anthropic-beta": listed}
        with Web() as api:
            machine = Machine(tmp_path, api, oauth_beta=True)
            send(machine.auth, "GET", f"{api.url}/v1", headers=headers)
        sent = api.asked[0].headers["anthropic-beta"].replace(" ", "").split(",")
        assert sorted(sent) == sorted({OAUTH_BETA, *(["other-beta"] if listed else [])})
