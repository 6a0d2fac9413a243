"""Proxies: which one, for which host, and what they get to see (T18)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from keyturn import ConfigurationError, Unavailable
from keyturn.logs import cleaned, mask, masked_text
from keyturn.wire import Request, Response
from keyturn.world.transport import Transport
from tests.certificates import Authority
from tests.secretscan import make_secret
from tests.web import Said, Web

if TYPE_CHECKING:
    from pathlib import Path


def post(
    url: str, env: dict[str, str] | None = None, *, seconds: float = 20.0, body: bytes = b"x=1"
) -> Response:
    request = Request(method="POST", url=url, headers={"Accept": "application/json"}, body=body)
    return Transport(env or {}).send(request, seconds=seconds)


def failure(url: str, env: dict[str, str] | None = None, **options: Any) -> Unavailable:
    with pytest.raises(Unavailable) as caught:
        post(url, env, **options)
    error = caught.value
    assert error.exit == 6
    assert error.hint
    assert error.__cause__ is None
    assert error.__context__ is None
    return error


@pytest.mark.proves("T18")
class TestProxies:
    TARGET = "http://authority.example:8080/token"

    @pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY"])
    @pytest.mark.parametrize("form", ["{url}", "127.0.0.1:{port}"])
    def test_plain_http_goes_through_the_proxy_whole(self, name: str, form: str) -> None:
        with Web() as proxy:
            assert post(self.TARGET, {name: form.format(url=proxy.url, port=proxy.port)}).status == 200
        assert proxy.asked[0].path == self.TARGET

    @pytest.mark.parametrize("name", ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"])
    def test_https_asks_the_proxy_for_a_tunnel_and_shows_it_nothing(self, name: str) -> None:
        secret = make_secret("refresh")
        with Web(Said(502)) as proxy:
            error = failure("https://authority.example/token", {name: proxy.url}, body=secret.encode())
        (asked,) = proxy.asked
        assert (asked.method, asked.path) == ("CONNECT", "authority.example:443")
        assert secret not in f"{asked}"
        assert (error.code, error.facts["sent"]) == ("proxy_unreachable", False)
        assert f"the proxy {proxy.url} cannot reach" in error.message

    def test_only_the_world_s_own_variables_count(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with Web() as proxy, Web() as web:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            monkeypatch.setenv("http_proxy", proxy.url)
            assert post(web.url).status == 200
            assert proxy.asked == []

    def test_the_https_proxy_comes_before_the_http_proxy(self) -> None:
        with Web(Said(502)) as proxy, Web(Said(502)) as other:
            failure("https://authority.example", {"HTTPS_PROXY": proxy.url, "HTTP_PROXY": other.url})
            assert (len(proxy.asked), len(other.asked)) == (1, 0)

    def test_a_proxy_that_speaks_tls_is_checked_against_the_same_authorities(self, tmp_path: Path) -> None:
        authority = Authority(tmp_path / "ca")
        with Web(tls=authority.server()) as proxy:
            trusted = {"HTTP_PROXY": proxy.url, "SSL_CERT_FILE": str(authority.file)}
            assert post(self.TARGET, trusted).status == 200
            assert failure(self.TARGET, {"HTTP_PROXY": proxy.url}).code == "tls_untrusted"
        assert len(proxy.asked) == 1

    def test_a_password_in_the_proxy_s_address_is_sent_to_it_and_never_shown(self) -> None:
        password = make_secret("password")
        with Web() as proxy:
            env = {"HTTP_PROXY": f"http://user:{password}@127.0.0.1:{proxy.port}"}
            post(self.TARGET, env)
            assert proxy.asked[0].headers["proxy-authorization"].startswith("Basic ")
        error = failure(self.TARGET, env)
        assert password not in f"{error} {error.hint} {error.facts}"

    @pytest.mark.proves("T15")
    def test_what_other_libraries_log_of_it_is_masked(self) -> None:
        password = f"{make_secret('password')}@/"
        mask(logging.NullHandler())
        Transport({"HTTP_PROXY": f"http://user:{quote(password, safe='')}@proxy:3128"}).proxy(self.TARGET)
        for spelling in (password, quote(password, safe="")):
            assert password not in masked_text(f"connecting to http://user:{spelling}@proxy:3128")
            assert quote(password, safe="") not in masked_text(f"connecting to {spelling}")
        record = logging.makeLogRecord({"msg": f"Proxy-Authorization of {password}"})
        assert password not in cleaned(record).getMessage()

    @pytest.mark.parametrize(
        "url", ["http://127.0.0.1:{port}", "http://localhost:{port}", "https://127.0.0.1:{port}"]
    )
    def test_loopback_never_goes_through_a_proxy(self, url: str) -> None:
        address = url.format(port=1)
        assert (
            Transport({"HTTP_PROXY": "http://proxy:1", "HTTPS_PROXY": "http://proxy:1"}).proxy(address)
            is None
        )

    @pytest.mark.parametrize(
        ("rules", "excluded"),
        [
            ("authority.example", True),
            ("AUTHORITY.example", True),
            ("example", True),
            (".example", True),
            ("*.example", True),
            ("*", True),
            ("other.example, authority.example", True),
            ("other.example authority.example", True),
            ("authority.example:8080", True),
            ("authority.example:9090", False),
            ("thority.example", False),
            ("authority.example.org", False),
            ("", False),
            (",", False),
            (".", False),
            (":8080", False),
            ("*:8080", True),
            ("*:9090", False),
            (".authority.example.", True),
            ("10.0.0.0/8", False),
        ],
    )
    @pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
    def test_no_proxy_names_hosts_and_their_subdomains(self, rules: str, excluded: bool, name: str) -> None:
        env = {"HTTP_PROXY": "http://proxy:3128", name: rules}
        assert (Transport(env).proxy(self.TARGET) is None) == excluded

    @pytest.mark.parametrize(
        ("host", "rules", "excluded"),
        [
            ("10.1.2.3", "10.0.0.0/8", True),
            ("10.1.2.3", "10.1.2.3", True),
            ("10.1.2.3", "10.1.2.0/30", True),
            ("10.1.2.3", "10.1.2.4/30", False),
            ("10.1.2.3", "10.1.2.3:8080", True),
            ("10.1.2.3", "10.1.2.3:80", False),
            ("10.1.2.3", "10.1.2", False),
            ("10.1.2.3", ".3", False),
            ("10.1.2.3", "*", True),
            ("[fd00::1]", "fd00::1", True),
            ("[fd00::1]", "fd00:0:0::1", True),
            ("[fd00::1]", "[fd00::1]", True),
            ("[fd00::1]", "[fd00::1]:8080", True),
            ("[fd00::1]", "[fd00::1]:80", False),
            ("[fd00::1]", "fd00::/8", True),
            ("[fd00::1]", "10.0.0.0/8", False),
            ("authority.example.", "authority.example", True),
        ],
    )
    def test_no_proxy_names_addresses_and_networks(self, host: str, rules: str, excluded: bool) -> None:
        chosen = Transport({"HTTP_PROXY": "http://proxy:3128", "NO_PROXY": rules}).proxy(
            f"http://{host}:8080/"
        )
        assert (chosen is None) == excluded

    def test_the_small_spelling_comes_first(self) -> None:
        env = {"HTTPS_PROXY": "http://large:1", "https_proxy": "http://small:1"}
        chosen = Transport(env).proxy("https://authority.example")
        assert chosen is not None
        assert (chosen.place, chosen.variable) == ("http://small:1", "https_proxy")

    def test_below_a_web_server_a_header_of_whoever_asks_is_no_proxy(self) -> None:
        env = {"REQUEST_METHOD": "GET", "HTTP_PROXY": "http://stranger:1"}
        assert Transport(env).proxy(self.TARGET) is None
        assert Transport({**env, "http_proxy": "http://proxy:1"}).proxy(self.TARGET) is not None

    @pytest.mark.parametrize("value", ["socks5://127.0.0.1:1080", "http://", "http://a b", "ftp://x", "::"])
    def test_a_value_that_is_no_proxy_is_an_error_that_names_the_variable(self, value: str) -> None:
        with pytest.raises(ConfigurationError, match="HTTPS_PROXY") as caught:
            post("https://authority.example", {"HTTPS_PROXY": value})
        assert caught.value.exit == 8

    @pytest.mark.proves("T15")
    @pytest.mark.parametrize("sign", ["/", "?", "#", "\\"])
    def test_half_a_password_is_no_port_and_its_user_no_host(self, sign: str) -> None:
        with pytest.raises(ConfigurationError, match="HTTPS_PROXY") as caught:
            Transport({"HTTPS_PROXY": f"http://user:12{sign}34@proxy:3128"}).proxy(
                "https://authority.example"
            )
        assert "12" not in f"{caught.value} {caught.value.hint} {caught.value.facts}"
