"""The client certificate: as two files, with a passphrase, replaced while a program runs (T18, P36)."""

from __future__ import annotations

import datetime as dt
import os
from typing import TYPE_CHECKING

import pytest

from keyturn import ConfigurationError, Unavailable
from keyturn.wire import Request
from keyturn.world.transport import Transport
from tests.certificates import Authority
from tests.secretscan import make_secret
from tests.web import Web

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.proves("T18", "P36")

CERTIFICATE, KEY, PASSPHRASE = (
    "CLAUDE_CODE_CLIENT_CERT",
    "CLAUDE_CODE_CLIENT_KEY",
    "CLAUDE_CODE_CLIENT_KEY_PASSPHRASE",
)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


@pytest.fixture
def web(authority: Authority) -> Iterator[Web]:
    with Web(tls=authority.server(client_authority=authority)) as running:
        yield running


def ask(transport: Transport, web: Web) -> int:
    return transport.send(Request(method="GET", url=web.url, headers={}, body=b""), seconds=20).status


def configured(authority: Authority, **variables: str) -> Transport:
    return Transport({"SSL_CERT_FILE": str(authority.file), **variables})


class TestPassphrase:
    def test_an_encrypted_key_is_opened_with_its_passphrase(self, authority: Authority, web: Web) -> None:
        word = make_secret("password")
        pair = str(authority.signed("client", passphrase=word))
        assert ask(configured(authority, **{CERTIFICATE: pair, PASSPHRASE: word}), web) == 200

    def test_without_one_nobody_is_asked_and_the_variable_is_named(
        self, authority: Authority, web: Web
    ) -> None:
        pair = str(authority.signed("client", passphrase=make_secret("password")))
        with pytest.raises(ConfigurationError, match="has a passphrase") as caught:
            ask(configured(authority, **{CERTIFICATE: pair}), web)
        assert PASSPHRASE in (caught.value.hint or "")

    def test_a_wrong_one_is_said_and_not_shown(self, authority: Authority, web: Web) -> None:
        word = make_secret("password")
        pair = str(authority.signed("client", passphrase=make_secret("password")))
        with pytest.raises(ConfigurationError, match=f"or {PASSPHRASE} is wrong") as caught:
            ask(configured(authority, **{CERTIFICATE: pair, PASSPHRASE: word}), web)
        assert word not in f"{caught.value} {caught.value.hint} {caught.value.facts}"
        assert caught.traceback[-1].frame.f_locals.get("passphrase") is None


class TestWrongFiles:
    def test_a_key_without_a_certificate_is_an_error(self, authority: Authority, web: Web) -> None:
        pair = str(authority.signed("client"))
        with pytest.raises(ConfigurationError, match=f"{KEY} is set, and {CERTIFICATE} is not"):
            ask(configured(authority, **{KEY: pair}), web)

    def test_a_key_of_another_certificate_is_said_to_be_one(self, authority: Authority, web: Web) -> None:
        one, other = str(authority.signed("one")), str(authority.signed("other"))
        with pytest.raises(ConfigurationError, match="do not belong together"):
            ask(configured(authority, **{CERTIFICATE: one, KEY: other}), web)

    @pytest.mark.parametrize("name", [CERTIFICATE, KEY])
    def test_the_file_that_is_not_there_is_named(self, authority: Authority, web: Web, name: str) -> None:
        pair = str(authority.signed("client"))
        variables = {CERTIFICATE: pair, KEY: pair, name: "/nowhere/client.pem"}
        with pytest.raises(ConfigurationError, match=f"{name} names a file that cannot be read"):
            ask(configured(authority, **variables), web)


class TestRefusedByTheServer:
    """Nothing of the request was read, so that a refresh token in it is not spent."""

    def test_one_of_an_authority_that_the_server_does_not_know(
        self, authority: Authority, web: Web, tmp_path: Path
    ) -> None:
        pair = str(Authority(tmp_path / "other", "another authority").signed("client"))
        error = refusal(configured(authority, **{CERTIFICATE: pair}), web)
        assert "does not know the authority of the client certificate" in error.message

    def test_one_that_has_expired(self, authority: Authority, web: Web, tmp_path: Path) -> None:
        pair = authority.signed("client", ends=dt.timedelta(minutes=-1)).rename(tmp_path / "my client.pem")
        error = refusal(configured(authority, **{CERTIFICATE: str(pair)}), web)
        assert "expired" in error.message
        assert f"openssl x509 -noout -subject -issuer -dates -in '{pair}'" in (error.hint or "")


def refusal(transport: Transport, web: Web) -> Unavailable:
    with pytest.raises(Unavailable) as caught:
        ask(transport, web)
    assert (caught.value.code, caught.value.facts["sent"]) == ("tls_client", False)
    assert web.asked == []
    return caught.value


class TestReplacedWhileRunning:
    def test_a_new_pair_counts_from_the_next_request(
        self, authority: Authority, web: Web, tmp_path: Path
    ) -> None:
        named = tmp_path / "client.pem"
        put(named, authority.signed("client", ends=dt.timedelta(minutes=-1)).read_bytes(), 1)
        transport = configured(authority, **{CERTIFICATE: str(named)})
        refusal(transport, web)
        put(named, authority.signed("client").read_bytes(), 2)
        assert ask(transport, web) == 200

    def test_between_the_two_files_of_a_new_pair_the_old_pair_serves(
        self, authority: Authority, web: Web, tmp_path: Path
    ) -> None:
        certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
        variables = {CERTIFICATE: str(certificate), KEY: str(key)}
        old, new = authority.signed("old").read_bytes(), authority.signed("new").read_bytes()
        put(certificate, old, 1)
        put(key, old, 1)
        transport = configured(authority, **variables)
        assert ask(transport, web) == 200
        put(certificate, new, 2)
        assert ask(transport, web) == 200
        with pytest.raises(ConfigurationError, match="do not belong together"):
            ask(configured(authority, **variables), web)  # who starts now has no old pair
        put(key, new, 2)
        assert ask(transport, web) == 200
        certificate.unlink()
        assert ask(transport, web) == 200

    def test_trust_that_is_taken_back_does_not_live_on_beside_a_broken_pair(
        self, authority: Authority, web: Web, tmp_path: Path
    ) -> None:
        trusted, pair = tmp_path / "trusted.pem", tmp_path / "client.pem"
        put(trusted, authority.pem, 1)
        put(pair, authority.signed("client").read_bytes(), 1)
        transport = Transport({"SSL_CERT_FILE": str(trusted), CERTIFICATE: str(pair)})
        assert ask(transport, web) == 200
        put(trusted, Authority(tmp_path / "other", "another").pem, 2)
        pair.unlink()
        with pytest.raises(ConfigurationError):
            ask(transport, web)


def put(path: Path, data: bytes, time: int) -> None:
    """Write a file whose time tells it from the one before, however coarse the clock of the disk is."""
    path.write_bytes(data)
    os.utime(path, (time, time))
