"""Whom the transport trusts, and as whom it shows itself (T17, T18)."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from keyturn import ConfigurationError, Unavailable
from keyturn.wire import Request, Response
from keyturn.world.transport import Transport
from tests.certificates import Authority
from tests.web import Web

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
                assert (error.code, error.facts["sent"]) == ("tls_untrusted", False)
                assert "SSL_CERT_FILE" in (error.hint or "")
                assert "keyturn test authority, an authority that is not trusted here" in error.message
            assert web.asked == []

    def test_another_host_name_than_the_certificate_s_is_refused(self, authority: Authority) -> None:
        with Web(tls=authority.server()) as web:
            error = failure(f"https://localhost:{web.port}", {"SSL_CERT_FILE": str(authority.file)})
        assert error.code == "tls_name"
        assert "it is for 127.0.0.1" in error.message

    def test_a_client_certificate_is_shown(self, authority: Authority) -> None:
        pem = str(authority.signed("client"))
        trust = {"SSL_CERT_FILE": str(authority.file)}
        with Web(tls=authority.server(client_authority=authority)) as web:
            assert post(web.url, {**trust, "CLAUDE_CODE_CLIENT_CERT": pem}).status == 200
            assert (
                post(web.url, {**trust, "CLAUDE_CODE_CLIENT_CERT": pem, "CLAUDE_CODE_CLIENT_KEY": pem}).status
                == 200
            )
            error = failure(web.url, trust)
        assert (error.code, error.facts["sent"]) == ("tls_client", False)
        assert "asks for a client certificate" in error.message
        assert "CLAUDE_CODE_CLIENT_CERT=" in (error.hint or "")

    @pytest.mark.proves("P36")
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
            # nor by the second look at a certificate that was not believed
            del env["SSL_CERT_FILE"]
            words = [sys.executable, "-c", program, web.url]
            done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
            assert "of keyturn test authority" in done.stderr
            assert not log.exists()
            # that the variable would do something, with the context that Python makes by default
            env["SSL_CERT_FILE"] = str(authority.file)
            subprocess.run(
                [sys.executable, "-c", "import ssl; ssl.create_default_context()"], env=env, check=True
            )
            assert log.exists()
