"""Clients of others on keyturn's transport: what changes counts, what fails explains itself."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
from typing import TYPE_CHECKING

import httpx2
import pytest

from keyturn.auth import Auth
from keyturn.errors import ConfigurationError, Unavailable
from keyturn.settings.watch import LOOK_SECONDS
from keyturn.testing import FakeWorld
from keyturn.world.following import AsyncFollowing, Following
from keyturn.world.transport import Transport
from tests.certificates import Authority
from tests.middle import NAME, Middle
from tests.web import Said, Web

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Ask = Callable[[str], int]
    Client = Callable[[dict[str, str]], Ask]

pytestmark = pytest.mark.proves("T18", "P36")


def of_a_program(env: dict[str, str]) -> Ask:
    client = httpx2.Client(transport=Following(Transport(env), httpx2.Limits()), trust_env=False)
    return lambda url: client.get(url).status_code


def of_a_program_with_a_loop(env: dict[str, str]) -> Ask:
    async def asked(url: str) -> int:
        transport = AsyncFollowing(Transport(env), httpx2.Limits())
        async with httpx2.AsyncClient(transport=transport, trust_env=False) as client:
            return (await client.get(url)).status_code

    return lambda url: asyncio.run(asked(url))


@pytest.fixture(params=[of_a_program, of_a_program_with_a_loop])
def client(request: pytest.FixtureRequest) -> Client:
    made: Client = request.param
    return made


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


def test_a_client_presents_the_certificate_that_is_there_now(authority: Authority, tmp_path: Path) -> None:
    pair = tmp_path / "client.pem"
    pair.write_bytes(authority.signed("client", ends=dt.timedelta(minutes=-1)).read_bytes())
    ask = of_a_program({"SSL_CERT_FILE": str(authority.file), "CLAUDE_CODE_CLIENT_CERT": str(pair)})
    with Web(tls=authority.server(client_authority=authority)) as web:
        with pytest.raises(httpx2.TransportError, match="says that the client certificate") as caught:
            ask(web.url)
        assert isinstance(caught.value.__cause__, Unavailable)
        pair.write_bytes(authority.signed("client").read_bytes())
        os.utime(pair, (1, 1))
        assert ask(web.url) == 200


def test_a_client_goes_through_the_proxy_that_is_named_now(authority: Authority) -> None:
    env = {"SSL_CERT_FILE": str(authority.file)}
    ask = of_a_program(env)
    with Web(tls=authority.server(NAME)) as web, Middle(web.port) as one, Middle(web.port) as other:
        for proxy in (one, other, one):
            env["HTTPS_PROXY"] = proxy.url
            assert ask(f"https://{NAME}") == 200
        assert (len(one.asked), len(other.asked)) == (1, 1)  # the first connection is still good


def test_what_it_kept_is_limited_and_ends_with_it(authority: Authority) -> None:
    env = {"SSL_CERT_FILE": str(authority.file)}
    with Web(tls=authority.server(NAME)) as web, Middle(web.port) as proxy:
        with httpx2.Client(transport=Following(Transport(env), httpx2.Limits()), trust_env=False) as client:
            for number in range(12):
                env["HTTPS_PROXY"] = f"http://user{number}@127.0.0.1:{proxy.port}"
                assert client.get(f"https://{NAME}").status_code == 200
        assert len(proxy.asked) == 12


def test_inspection_is_explained_in_keyturn_s_words(client: Client, authority: Authority) -> None:
    with Web(tls=authority.server(NAME)) as web, Middle(web.port) as proxy:
        with pytest.raises(httpx2.ConnectError, match="of keyturn test authority") as caught:
            client({"HTTPS_PROXY": proxy.url})(f"https://{NAME}")
        assert web.asked == []
    cause = caught.value.__cause__
    assert isinstance(cause, Unavailable)
    assert (cause.code, cause.facts["proxy"]) == ("tls_untrusted", proxy.url)


@pytest.mark.parametrize("url", [f"https://{NAME}", f"http://{NAME}"])
def test_a_proxy_that_wants_a_password_is_no_answer_of_the_server(client: Client, url: str) -> None:
    with (
        Middle(password="user:word") as proxy,
        pytest.raises(httpx2.ProxyError, match="wants a user name and a password") as caught,
    ):
        client({"HTTP_PROXY": proxy.url})(url)
    assert isinstance(caught.value.__cause__, Unavailable)


def test_a_file_that_cannot_be_used_stops_the_request(client: Client) -> None:
    with pytest.raises(ConfigurationError, match="SSL_CERT_FILE"):
        client({"SSL_CERT_FILE": "/nowhere/ca.pem"})("https://127.0.0.1:1")


def test_a_server_that_breaks_off_is_the_client_s_own_error(client: Client) -> None:
    with (
        Web(Said(by_hand=lambda handler: handler.connection.close())) as web,
        pytest.raises(httpx2.RemoteProtocolError) as caught,
    ):
        client({})(web.url)
    assert not isinstance(caught.value.__cause__, Unavailable)


class TestSettings:
    """Proxies and certificates may stand in the `env` block of a settings file, but of no project's."""

    def test_a_proxy_of_the_settings_counts_and_is_followed(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path, {"HTTPS_PROXY": "http://environment:1"})
        Auth(world=world).explain()
        url = "https://authority.example"
        assert str(world.transport.proxy(url)) == "Proxy(http://environment:1 of HTTPS_PROXY)"
        self.put(tmp_path / ".claude" / "settings.json", HTTPS_PROXY="http://settings:1")
        world.advance(LOOK_SECONDS + 1)
        assert str(world.transport.proxy(url)) == "Proxy(http://settings:1 of HTTPS_PROXY)"
        self.put(tmp_path / ".claude" / "settings.json", HTTPS_PROXY="")
        world.advance(LOOK_SECONDS + 1)
        assert world.transport.proxy(url) is None

    @pytest.mark.proves("T4")
    def test_one_of_a_project_never_does(self, tmp_path: Path) -> None:
        project = tmp_path / "project"
        self.put(
            project / ".claude" / "settings.json", HTTPS_PROXY="http://project:1", SSL_CERT_FILE="/p.pem"
        )
        world = FakeWorld(tmp_path)
        world.working_directory = str(project)
        Auth(world=world).explain()
        assert world.transport.proxy("https://authority.example") is None
        assert not world.network_variable("SSL_CERT_FILE")

    @staticmethod
    def put(path: Path, **variables: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"env": variables}), encoding="utf-8")


def test_tls_goes_through_a_proxy_that_is_spoken_to_over_tls(client: Client, authority: Authority) -> None:
    with Web(tls=authority.server(NAME)) as web, Middle(web.port, tls=authority.server()) as proxy:
        ask = client({"HTTPS_PROXY": proxy.url, "SSL_CERT_FILE": str(authority.file)})
        assert ask(f"https://{NAME}") == 200
        assert [asked.path for asked in proxy.asked] == [f"{NAME}:443"]
