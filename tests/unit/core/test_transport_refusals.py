"""Why a connection could not be made: each cause in its own words, with its own next command (T18, P36)."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization as form
from hypothesis import given
from hypothesis import strategies as st

from keyturn import Unavailable
from keyturn.wire import Request
from keyturn.world.certificates import read
from keyturn.world.transport import Transport
from tests.certificates import Authority
from tests.middle import NAME, Middle
from tests.secretscan import make_secret
from tests.web import Said, Web

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.proves("T18", "P36")


def failure(url: str, env: dict[str, str]) -> Unavailable:
    request = Request(method="POST", url=url, headers={}, body=make_secret("refresh").encode())
    with pytest.raises(Unavailable) as caught:
        Transport(env).send(request, seconds=20)
    error = caught.value
    assert error.facts["sent"] is False
    assert error.__cause__ is None
    assert error.__context__ is None
    return error


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


class TestCertificates:
    def test_an_authority_of_the_company_is_named_with_the_variable_to_set(
        self, authority: Authority
    ) -> None:
        with Web(tls=authority.server(send=authority.pem)) as web:
            error = failure(web.url, {})
            assert web.asked == []
        assert error.code == "tls_untrusted"
        assert (
            "a certificate of keyturn test authority, an authority that is not trusted here" in error.message
        )
        assert error.hint == (
            "if your company inspects TLS, name its certificate: export SSL_CERT_FILE=/path/to/ca.pem"
        )

    def test_a_file_that_is_named_already_is_where_the_authority_is_missing(
        self, authority: Authority, tmp_path: Path
    ) -> None:
        other = Authority(tmp_path / "an other;one", "another authority")
        with Web(tls=authority.server()) as web:
            error = failure(web.url, {"NODE_EXTRA_CA_CERTS": str(other.file)})
        assert f"add its certificate to the file of NODE_EXTRA_CA_CERTS: cat ca.pem >> '{other.file}'" in str(
            error.hint
        )

    def test_a_chain_with_a_gap_is_told_from_inspection(self, authority: Authority, tmp_path: Path) -> None:
        between = Authority(tmp_path / "between", "keyturn test intermediate", above=authority)
        trust = {"SSL_CERT_FILE": str(authority.file)}
        with Web(tls=between.server(tells_issuer=True)) as web:
            error = failure(web.url, trust)
        assert error.code == "tls_incomplete"
        assert "does not send the certificate of keyturn test intermediate" in error.message
        assert "must send the whole chain" in (error.hint or "")
        with Web(tls=between.server(tells_issuer=True, send=between.pem)) as web:
            assert Transport(trust).send(get(web.url), seconds=20).status == 200

    def test_the_command_of_the_hint_closes_the_gap(self, authority: Authority, tmp_path: Path) -> None:
        between = Authority(tmp_path / "between", "keyturn test intermediate", above=authority)
        both = tmp_path / "both.pem"
        both.write_bytes(authority.pem + between.pem)
        with Web(tls=between.server(tells_issuer=True)) as web:
            assert Transport({"SSL_CERT_FILE": str(both)}).send(get(web.url), seconds=20).status == 200

    def test_an_organisation_that_is_trusted_leaves_a_gap_and_a_stranger_does_not(
        self, tmp_path: Path
    ) -> None:
        works = Authority(tmp_path / "works", "Works Root", organisation="Example Works")
        between = Authority(tmp_path / "1", "Works Issuing", above=works, organisation="Example Works")
        stranger = Authority(tmp_path / "2", "Inspection", organisation="A Company That Looks In")
        trust = {"SSL_CERT_FILE": str(works.file)}
        for authority, code in ((between, "tls_incomplete"), (stranger, "tls_untrusted")):
            with Web(tls=authority.server()) as web:
                error = failure(web.url, trust)
            assert error.code == code
            assert (
                f"{authority.file.stem} ({'Example Works' if code == 'tls_incomplete' else 'A Comp'}"
                in str(error)
            )

    def test_one_that_signed_itself_is_said_to_have(self, authority: Authority, tmp_path: Path) -> None:
        pair = tmp_path / "self.pem"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        key = authority.key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
        pair.write_bytes(authority.pem + key)
        context.load_cert_chain(pair)
        with Web(tls=context) as web:
            error = failure(web.url, {})
        assert error.code == "tls_untrusted"
        assert "has signed itself (keyturn test authority)" in error.message

    def test_an_expired_one_says_since_when(self, authority: Authority) -> None:
        with Web(tls=authority.server(begins=dt.timedelta(days=-9), ends=dt.timedelta(days=-3))) as web:
            error = failure(web.url, {"SSL_CERT_FILE": str(authority.file)})
        day = (dt.datetime.now(dt.UTC) - dt.timedelta(days=3)).date()
        assert error.code == "tls_expired"
        assert f"has expired on {day} (of keyturn test authority)" in error.message
        assert "date -u" in (error.hint or "")

    def test_one_of_tomorrow_is_mostly_a_wrong_clock(self, authority: Authority) -> None:
        with Web(tls=authority.server(begins=dt.timedelta(days=2), ends=dt.timedelta(days=3))) as web:
            error = failure(web.url, {"SSL_CERT_FILE": str(authority.file)})
        assert error.code == "tls_not_yet"
        assert "begins only on" in error.message
        assert "date -u" in (error.hint or "")

    def test_one_for_another_name_says_for_which(self, authority: Authority) -> None:
        with Web(tls=authority.server("api.example", "www.example")) as web:
            error = failure(web.url, {"SSL_CERT_FILE": str(authority.file)})
        assert error.code == "tls_name"
        assert "it is for api.example, www.example" in error.message

    def test_a_server_without_tls_is_not_called_distrusted(self) -> None:
        with Web() as web:
            error = failure(f"https://127.0.0.1:{web.port}", {})
        assert error.code == "tls"
        assert "does not speak TLS" in error.message

    @given(st.binary(max_size=200))
    def test_bytes_that_are_no_certificate_are_none(self, data: bytes) -> None:
        assert read(data) is None

    @given(st.data())
    def test_a_certificate_with_a_flaw_never_breaks_the_look(self, one: bytes, data: st.DataObject) -> None:
        good = bytearray(one)
        for _ in range(data.draw(st.integers(1, 3))):
            good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
        found = read(bytes(good[: data.draw(st.integers(1, len(good)))]))
        assert found is None or found.issuer.isprintable()


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A certificate with all that the look reads, in DER."""
    authority = Authority(tmp_path_factory.mktemp("ca"), organisation="Example Works")
    text = authority.signed("server", "127.0.0.1", NAME, tells_issuer=True).read_text()
    return ssl.PEM_cert_to_DER_cert(text[: text.index("-----BEGIN PRIVATE")])


def get(url: str) -> Request:
    return Request(method="GET", url=url, headers={}, body=b"")


TARGET = f"https://{NAME}"


class TestProxies:
    def test_inspection_is_named_with_the_proxy_it_happens_behind(self, authority: Authority) -> None:
        with Web(tls=authority.server(NAME)) as web, Middle(web.port) as proxy:
            error = failure(TARGET, {"HTTPS_PROXY": proxy.url})
            assert web.asked == []
        assert error.code == "tls_untrusted"
        assert "of keyturn test authority" in error.message
        assert f"through the proxy {proxy.url}" in error.message

    def test_and_with_its_authority_everything_goes_through(self, authority: Authority) -> None:
        password = make_secret("password")
        env = {"SSL_CERT_FILE": str(authority.file)}
        with Web(tls=authority.server(NAME)) as web, Middle(web.port, password=f"user:{password}") as proxy:
            env["HTTPS_PROXY"] = f"http://user:{password}@127.0.0.1:{proxy.port}"
            assert Transport(env).send(get(TARGET), seconds=20).status == 200

    @pytest.mark.parametrize("url", [TARGET, f"http://{NAME}"])
    def test_one_that_wants_a_password_says_so(self, url: str) -> None:
        with Middle(password="user:word") as proxy:
            error = failure(url, {"http_proxy": proxy.url})
        assert error.code == "proxy_password"
        assert f"the proxy {proxy.url} wants a user name and a password (407)" in error.message
        assert error.hint == f"export http_proxy=http://USER:PASSWORD@127.0.0.1:{proxy.port}"

    @pytest.mark.parametrize("url", [TARGET, f"http://{NAME}"])
    def test_a_wrong_password_is_said_and_not_shown(self, url: str) -> None:
        password = make_secret("password")
        with Middle(password="user:word") as proxy:
            error = failure(url, {"http_proxy": f"http://user:{password}@127.0.0.1:{proxy.port}"})
        assert error.code == "proxy_password"
        assert "does not take the user name and password of http_proxy" in error.message
        assert password not in f"{error} {error.hint} {error.facts}"

    def test_one_that_forbids_the_host_names_both(self) -> None:
        with Middle(refuse=403) as proxy:
            error = failure(TARGET, {"HTTPS_PROXY": proxy.url})
        assert error.code == "proxy_refused"
        assert f"the proxy {proxy.url} refuses to connect to {TARGET} (403 Forbidden)" in error.message
        # what is excepted already stays so
        assert f'export NO_PROXY="$NO_PROXY,{NAME}"' in (error.hint or "")

    @pytest.mark.parametrize("status", [502, 503, 504])
    def test_one_that_cannot_reach_the_host_is_not_to_blame(self, status: int) -> None:
        with Middle(refuse=status) as proxy:
            error = failure(TARGET, {"HTTPS_PROXY": proxy.url})
        assert error.code == "proxy_unreachable"
        assert f"cannot reach {TARGET} ({status}" in error.message

    def test_one_that_is_not_there_is_named_with_its_variable(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # nobody listens there, and nobody else can
            place = f"http://127.0.0.1:{taken.getsockname()[1]}"
            error = failure(TARGET, {"HTTPS_PROXY": place})
        assert error.code == "connect"
        assert f"cannot connect to the proxy {place}: connection refused" in error.message
        assert "env -u HTTPS_PROXY" in (error.hint or "")

    def test_one_without_a_name_in_the_dns_is_named_too(self) -> None:
        error = failure(TARGET, {"HTTPS_PROXY": "http://proxy.invalid:3128"})
        assert error.code == "dns"
        assert "the name of the proxy http://proxy.invalid:3128 cannot be resolved" in error.message

    def test_one_that_speaks_no_tls_is_written_with_http(self) -> None:
        with Middle() as proxy:
            error = failure(TARGET, {"HTTPS_PROXY": f"https://127.0.0.1:{proxy.port}"})
        assert "does not speak TLS" in error.message
        assert f"export HTTPS_PROXY=http://127.0.0.1:{proxy.port}" in (error.hint or "")

    def test_one_that_is_not_trusted_itself_is_not_taken_for_the_server(self, authority: Authority) -> None:
        password = make_secret("password")
        with Middle(tls=authority.server()) as proxy:
            error = failure(TARGET, {"HTTPS_PROXY": f"https://user:{password}@127.0.0.1:{proxy.port}"})
            assert proxy.asked == []
        assert error.code == "tls_untrusted"
        assert (
            f"the proxy https://127.0.0.1:{proxy.port} presents a certificate of keyturn test"
            in error.message
        )
        assert password not in f"{error} {error.hint} {error.facts}"

    def test_through_one_with_tls_the_inner_certificate_is_the_one_that_is_named(
        self, authority: Authority, tmp_path: Path
    ) -> None:
        inner = Authority(tmp_path / "inner", "an inner authority")
        trust = {"SSL_CERT_FILE": str(authority.file)}
        with Web(tls=inner.server(NAME)) as web, Middle(web.port, tls=authority.server()) as proxy:
            error = failure(TARGET, {"HTTPS_PROXY": proxy.url, **trust})
            assert web.asked == []
        assert "a certificate of an inner authority" in error.message

    def test_what_a_proxy_says_is_cleaned(self) -> None:
        def rude(handler: object) -> None:
            handler.connection.sendall(b"HTTP/1.1 403 \x1b[2JNo\xe2\x80\xae way\r\n\r\n")  # type: ignore[attr-defined]

        with Web(Said(by_hand=rude)) as proxy:
            error = failure(TARGET, {"HTTPS_PROXY": proxy.url})
        assert error.message.isprintable()
