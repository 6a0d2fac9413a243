"""The one transport, against real servers on loopback: TLS, proxies, limits, and names of failures."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from keyturn import ConfigurationError, Unavailable
from keyturn.wire import Request, Response
from keyturn.world.transport import ANSWER_LIMIT, Transport
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


class TestOneExchange:
    def test_a_request_and_its_answer_are_values(self) -> None:
        with Web(Said(418, {"X-Told": "Yes"}, b'{"a": 1}')) as web:
            response = post(f"{web.url}/token")
        (asked,) = web.asked
        assert (asked.method, asked.path, asked.body) == ("POST", "/token", b"x=1")
        assert asked.headers["accept"] == "application/json"
        assert (response.status, response.body, response.headers["x-told"]) == (418, b'{"a": 1}', "Yes")

    @pytest.mark.proves("T13", "L14")
    def test_a_redirect_is_an_answer_and_not_followed(self) -> None:
        with Web() as other, Web(Said(307, {"Location": f"{other.url}/taken"})) as web:
            response = post(f"{web.url}/token")
            assert other.asked == []
        assert response.status == 307

    @pytest.mark.proves("L14")
    def test_nothing_is_sent_twice(self) -> None:
        with Web(Said(503)) as web:
            assert post(web.url).status == 503
        assert len(web.asked) == 1

    @pytest.mark.proves("T15")
    def test_a_failure_holds_neither_request_nor_secret(self) -> None:
        secret = make_secret("refresh")
        with Web(Said(by_hand=lambda handler: handler.connection.shutdown(socket.SHUT_RDWR))) as web:
            error = failure(web.url, body=secret.encode())
        assert (error.code, error.facts["sent"]) == ("broken", None)
        assert secret not in f"{error!r} {error.hint} {error.facts}"


@pytest.mark.proves("P2")
class TestFailures:
    def test_a_refused_connection_was_not_sent(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            error = failure(f"http://127.0.0.1:{free.getsockname()[1]}")
        assert (error.code, error.facts["sent"]) == ("connect", False)

    def test_a_name_that_does_not_exist_was_not_sent(self) -> None:
        error = failure("https://authority.invalid/token")
        assert (error.code, error.facts["sent"]) == ("dns", False)
        assert "authority.invalid" in error.message

    def test_an_answer_that_never_comes(self) -> None:
        with Web(Said(by_hand=lambda _: time.sleep(1.5))) as web:
            error = failure(web.url, seconds=0.3)
        assert (error.code, error.facts["sent"]) == ("timeout", None)

    @pytest.mark.parametrize("part", ["headers", "body", "body without length"])
    def test_an_answer_that_drips_is_cut_at_the_same_limit(self, part: str) -> None:
        def drip(handler: Any) -> None:
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            length = b"" if part == "body without length" else b"Content-Length: 2\r\n"
            whole = head + length + b"X-Padding: " + b"x" * 12 + b"\r\n\r\n{}"
            at_once = len(head) if part == "headers" else len(whole) - 2
            if part == "body without length":
                whole = whole[:-2] + b"{" + b" " * 12 + b"}"
            handler.wfile.write(whole[:at_once])
            for position in range(at_once, len(whole)):
                time.sleep(0.12 if part != "body" else 0.4)
                handler.wfile.write(whole[position : position + 1])

        with Web(Said(by_hand=drip)) as web:
            assert failure(web.url, seconds=0.5).code == "timeout"

    @pytest.mark.proves("T13", "L14")
    def test_an_answer_of_two_megabytes_is_not_read_to_its_end(self) -> None:
        with Web(Said(body=b" " * (2 * ANSWER_LIMIT))) as web:
            error = failure(web.url)
        assert (error.code, error.facts["sent"]) == ("broken", None)

    def test_an_answer_of_one_megabyte_is(self) -> None:
        with Web(Said(body=b" " * ANSWER_LIMIT)) as web:
            assert len(post(web.url).body) == ANSWER_LIMIT

    def test_something_that_is_not_http(self) -> None:
        def greet(handler: Any) -> None:
            handler.wfile.write(b"SSH-2.0-server\r\n")

        with Web(Said(by_hand=greet)) as web:
            assert failure(web.url).facts["sent"] is None


@pytest.mark.proves("T18")
class TestTls:
    @pytest.fixture
    def authority(self, tmp_path: Path) -> Authority:
        return Authority(tmp_path / "ca")

    @pytest.mark.parametrize("name", ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"])
    def test_a_named_authority_is_trusted_beside_the_system_s(self, authority: Authority, name: str) -> None:
        with Web(tls=authority.server()) as web:
            assert post(web.url, {name: str(authority.file)}).status == 200

    def test_an_unknown_authority_is_not(self, authority: Authority, tmp_path: Path) -> None:
        other = Authority(tmp_path / "other", "another authority")
        with Web(tls=authority.server()) as web:
            for env in ({}, {"SSL_CERT_FILE": str(other.file)}):
                error = failure(web.url, env)
                assert (error.code, error.facts["sent"]) == ("tls", False)
                assert "SSL_CERT_FILE" in (error.hint or "")
            assert web.asked == []

    def test_another_host_name_than_the_certificate_s_is_refused(self, authority: Authority) -> None:
        with Web(tls=authority.server()) as web:
            error = failure(f"https://localhost:{web.port}", {"SSL_CERT_FILE": str(authority.file)})
        assert error.code == "tls"

    def test_a_client_certificate_is_shown(self, authority: Authority) -> None:
        pem = str(authority.signed("client"))
        trust = {"SSL_CERT_FILE": str(authority.file)}
        with Web(tls=authority.server(client_authority=authority)) as web:
            assert post(web.url, {**trust, "CLAUDE_CODE_CLIENT_CERT": pem}).status == 200
            assert (
                post(web.url, {**trust, "CLAUDE_CODE_CLIENT_CERT": pem, "CLAUDE_CODE_CLIENT_KEY": pem}).status
                == 200
            )
            failure(web.url, trust)

    def test_a_replaced_file_counts_from_the_next_request(self, authority: Authority, tmp_path: Path) -> None:
        other = Authority(tmp_path / "other", "another authority")
        named = tmp_path / "trusted.pem"
        named.write_bytes(other.file.read_bytes())
        transport = Transport({"SSL_CERT_FILE": str(named)})
        request = Request(method="GET", url="", headers={}, body=b"")
        with Web(tls=authority.server()) as web:
            with pytest.raises(Unavailable):
                transport.send(request.replace(url=web.url), seconds=20)
            named.write_bytes(authority.file.read_bytes())
            os.utime(named, ns=(1, 1))
            assert transport.send(request.replace(url=web.url), seconds=20).status == 200

    @pytest.mark.parametrize("name", ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "CLAUDE_CODE_CLIENT_CERT"])
    @pytest.mark.parametrize("there", [False, True])
    def test_a_file_that_cannot_be_used_is_named(self, tmp_path: Path, name: str, there: bool) -> None:
        path = tmp_path / "certificate.pem"
        if there:
            path.write_text("nothing of that kind", encoding="utf-8")
        with pytest.raises(ConfigurationError, match=name) as caught:
            post("https://127.0.0.1:1", {name: str(path)})
        assert caught.value.exit == 8

    @pytest.mark.proves("T17")
    def test_no_key_log_is_written(self, authority: Authority, tmp_path: Path) -> None:
        log = tmp_path / "keys.log"
        program = (
            "import os, sys\n"
            "from keyturn.wire import Request\n"
            "from keyturn.world.transport import Transport\n"
            "request = Request(method='GET', url=sys.argv[1], headers={}, body=b'')\n"
            "print(Transport(os.environ).send(request, seconds=20).status)"
        )
        with Web(tls=authority.server()) as web:
            env = {**os.environ, "SSLKEYLOGFILE": str(log), "SSL_CERT_FILE": str(authority.file)}
            done = subprocess.run(
                [sys.executable, "-c", program, web.url], env=env, capture_output=True, text=True, check=True
            )
            assert done.stdout == "200\n"
            assert not log.exists()
            # that the variable would do something, with the context that Python makes by default
            env["SSL_CERT_FILE"] = str(authority.file)
            subprocess.run(
                [sys.executable, "-c", "import ssl; ssl.create_default_context()"], env=env, check=True
            )
            assert log.exists()


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
        assert (error.code, error.facts["sent"]) == ("connect", False)
        assert "through the proxy" in error.message

    def test_the_https_proxy_comes_before_the_http_proxy(self) -> None:
        with Web(Said(502)) as proxy, Web(Said(502)) as other:
            failure("https://authority.example", {"HTTPS_PROXY": proxy.url, "HTTP_PROXY": other.url})
            assert (len(proxy.asked), len(other.asked)) == (1, 0)

    def test_a_proxy_that_speaks_tls_is_checked_against_the_same_authorities(self, tmp_path: Path) -> None:
        authority = Authority(tmp_path / "ca")
        with Web(tls=authority.server()) as proxy:
            trusted = {"HTTP_PROXY": proxy.url, "SSL_CERT_FILE": str(authority.file)}
            assert post(self.TARGET, trusted).status == 200
            assert failure(self.TARGET, {"HTTP_PROXY": proxy.url}).code == "tls"
        assert len(proxy.asked) == 1

    def test_a_password_in_the_proxy_s_address_is_sent_to_it_and_never_shown(self) -> None:
        password = make_secret("password")
        with Web() as proxy:
            env = {"HTTP_PROXY": f"http://user:{password}@127.0.0.1:{proxy.port}"}
            post(self.TARGET, env)
            assert proxy.asked[0].headers["proxy-authorization"].startswith("Basic ")
        error = failure(self.TARGET, env)
        assert password not in f"{error} {error.hint} {error.facts}"

    @pytest.mark.parametrize(
        "url", ["http://127.0.0.1:{port}", "http://localhost:{port}", "https://127.0.0.1:{port}"]
    )
    def test_loopback_never_goes_through_a_proxy(self, url: str) -> None:
        address = url.format(port=1)
        assert (
            Transport({"HTTP_PROXY": "http://proxy:1", "HTTPS_PROXY": "http://proxy:1"}).proxy_for(address)
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
        ],
    )
    @pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
    def test_no_proxy_names_hosts_and_their_subdomains(self, rules: str, excluded: bool, name: str) -> None:
        env = {"HTTP_PROXY": "http://proxy:3128", name: rules}
        assert (Transport(env).proxy_for(self.TARGET) is None) == excluded

    @pytest.mark.parametrize("value", ["socks5://127.0.0.1:1080", "http://", "http://a b", "ftp://x", "::"])
    def test_a_value_that_is_no_proxy_is_an_error_that_names_the_variable(self, value: str) -> None:
        with pytest.raises(ConfigurationError, match="HTTPS_PROXY") as caught:
            post("https://authority.example", {"HTTPS_PROXY": value})
        assert caught.value.exit == 8


def test_preparing_is_done_before_and_needs_no_server() -> None:
    transport = Transport({})
    transport.prepare("https://authority.example/token")
    assert isinstance(transport.tls(), ssl.SSLContext)
    assert transport.tls() is transport.tls()


def test_threads_share_one_transport() -> None:
    transport = Transport({})
    got: list[int] = []
    with Web() as web:
        request = Request(method="GET", url=web.url, headers={}, body=b"")
        threads = [
            threading.Thread(target=lambda: got.append(transport.send(request, seconds=20).status))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert got == [200] * 8
