"""The company network: a proxy that looks into TLS, wants a password, and changes its authority meanwhile."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

from keyturn.sandbox import Sandbox
from tests.certificates import Authority
from tests.front import Front
from tests.keyturns import Household
from tests.logins import store_login
from tests.places import AS_ROOT
from tests.secretscan import leaks, make_secret, register
from tests.servers import need
from tests.servers.mitmproxy import Mitmproxy
from tests.terminals import LONG
from tests.web import Web

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.system, pytest.mark.proves("T18", "P36")]

ROOT = str(Path(__file__).parents[2])
AUTHORITY, API = "auth.company.example", "api.company.example"
# The person's browser: inside the company it would go through the proxy too; here it goes to the sandbox at
# once, which it knows by its inner name, and comes back with the public one.
BROWSER = """#!{python}
import http.client, sys
sys.path.insert(0, {root!r})
from urllib.parse import urlsplit
from keyturn.sandbox.person import visit
from tests.front import renamed
names = {names!r}
back = urlsplit(renamed(visit(renamed(sys.argv[1], names)), {{b: a for a, b in names.items()}}))
connection = http.client.HTTPConnection("127.0.0.1", back.port, timeout=60)
connection.request("GET", f"{{back.path}}?{{back.query}}", headers={{"Host": back.netloc}})
connection.getresponse().read()
"""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Household]:
    with Household(tmp_path) as made:
        yield made


class Company:
    """A sandbox that is known inside by names which only the proxy can reach."""

    def __init__(self, sandbox: Sandbox, house: Household) -> None:
        self.names = {f"https://{AUTHORITY}": sandbox.issuer, f"https://{API}": sandbox.api_base_url}
        self.authority, self.api = Front(sandbox.issuer, self.names), Front(sandbox.api_base_url, self.names)
        self.sandbox, self.house = sandbox, house
        program = house.folder / "browser"
        program.write_text(
            BROWSER.format(python=sys.executable, root=ROOT, names=self.names), encoding="utf-8"
        )
        program.chmod(0o755)
        self.browser = f'"{program}"'

    @property
    def hosts(self) -> dict[str, int]:
        """Where the proxy finds them."""
        return {AUTHORITY: self.authority.port, API: self.api.port}

    def log_in(self) -> None:
        """By the browser, through whatever the house's variables say."""
        at = ("--issuer", f"https://{AUTHORITY}", "--api-base-url", f"https://{API}", "--oauth-beta")
        screen = self.house.start("login", *at, BROWSER=self.browser)
        assert screen.ended() == 0, screen.lines
        assert screen.shows("logged in as developer@example.com (Example Org)")


@pytest.fixture
def company(house: Household) -> Iterator[Company]:
    with Sandbox(on_secret=register) as sandbox:
        made = Company(sandbox, house)
        with made.authority, made.api:
            yield made


def test_everything_goes_through_the_proxy_once_its_authority_is_named(
    company: Company, house: Household, tmp_path: Path
) -> None:
    password = f"me:{make_secret('password')}"
    at = ("--issuer", f"https://{AUTHORITY}", "--no-browser")
    with Mitmproxy(tmp_path / "proxy", company.hosts, password=password) as proxy:
        # each thing that stands in the way is told from the others, with the next command
        house.env["HTTPS_PROXY"] = f"http://{proxy.place}"
        done = house.run("login", *at)
        assert done.returncode == 6
        assert f"the proxy http://{proxy.place} wants a user name and a password (407)" in done.stderr
        house.env["HTTPS_PROXY"] = f"http://me:{make_secret('password')}@{proxy.place}"
        done = house.run("login", *at)
        assert done.returncode == 6
        assert "does not take the user name and password of HTTPS_PROXY" in done.stderr
        house.env["HTTPS_PROXY"] = f"http://{password}@{proxy.place}"
        done = house.run("login", *at)
        assert done.returncode == 6
        assert f"https://{AUTHORITY} presents a certificate of mitmproxy" in done.stderr
        assert "export SSL_CERT_FILE=/path/to/ca.pem" in done.stderr
        assert proxy.seen() == []
        key = make_secret("api-key")
        at_api = f"https://{API}"
        done = house.run("doctor", "--network", "--json", ANTHROPIC_API_KEY=key, ANTHROPIC_BASE_URL=at_api)
        assert done.returncode == 6
        found = next(one for one in json.loads(done.stdout)["findings"] if one["code"] == "tls_untrusted")
        assert found["repair"] == "export SSL_CERT_FILE=/path/to/ca.pem"

        # and then login, verification, API, renewal and revocation go one way
        house.env["SSL_CERT_FILE"] = str(proxy.authority)
        company.log_in()
        done = house.run("status", "--verify")
        assert done.returncode == 0, done.stderr
        assert "You asked: “Through?”." in house.run("-p", "Through?").stdout
        company.sandbox.expire_access_tokens()
        assert "You asked: “Again?”." in house.run("-p", "Again?").stdout
        assert len(company.sandbox.log.refreshes(result="granted")) == 1
        hosts = examined(house)
        assert hosts.keys() == {f"https://{AUTHORITY}", f"https://{API}"}
        assert all(said.startswith("reached; mitmproxy vouches for it, until ") for said in hosts.values())
        done = house.run("logout")
        assert done.returncode == 0
        assert "revoked at the authority" in done.stdout
        seen = set(proxy.seen())
    assert {
        f"GET {AUTHORITY}/.well-known/oauth-authorization-server",
        f"POST {AUTHORITY}/register",
        f"POST {AUTHORITY}/token",
        f"POST {AUTHORITY}/revoke",
        f"GET {API}/v1/models",
        f"POST {API}/v1/messages",
    } <= seen
    assert len(company.authority.asked) + len(company.api.asked) == len(proxy.seen())


@AS_ROOT
def test_a_container_without_authorities_is_not_taken_for_an_inspected_network(
    house: Household, tmp_path: Path
) -> None:
    hide = 'mount -t tmpfs tmpfs /etc/ssl/certs && exec "$@"'
    container = [need("unshare", "util-linux"), "--mount", "sh", "-c", hide, "sh"]
    with Web(tls=Authority(tmp_path / "ca").server()) as web:
        done = house.run("login", "--issuer", web.url, "--no-browser", before=container)
    assert done.returncode == 6
    assert "this machine knows no certificate authority at all" in done.stderr
    assert "apt-get install ca-certificates" in done.stderr
    done = house.run("doctor", "--json", before=container)
    assert done.returncode == 8
    assert [one["code"] for one in json.loads(done.stdout)["findings"]] == ["tls_nobody"]


def examined(house: Household) -> dict[str, str]:
    """What the doctor says of each host, when nothing needs a person."""
    done = house.run("doctor", "--network", "--json")
    assert done.returncode == 0, done.stdout
    found = json.loads(done.stdout)["findings"]
    assert {one["code"] for one in found} == {"proxy", "server"}
    return {one["where"]: one["message"] for one in found if one["code"] == "server"}


# A program that runs all day and asks once for each line it reads, by one client that it made in the morning.
PROGRAM = """
import sys, anthropic, keyturn
client = keyturn.anthropic()
for line in sys.stdin:
    asked = dict(model="claude-sandbox", max_tokens=99, messages=[{"role": "user", "content": line.strip()}])
    try:
        print(client.with_options(max_retries=0).messages.create(**asked).content[0].text[:200], flush=True)
    except anthropic.APIConnectionError as error:
        print(f"not connected: {error.__cause__}", flush=True)
"""


class Program:
    """The program, in a process of its own."""

    def __init__(self, house: Household) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            env=house.env,
            cwd=house.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=LONG)

    def ask(self, question: str) -> str:
        """What it says to one question."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{question}\n")
        self._process.stdin.flush()
        said = self._process.stdout.readline()
        assert leaks(said) == []
        return said


def test_a_running_program_follows_a_proxy_that_changes_its_authority(
    company: Company, house: Household, tmp_path: Path
) -> None:
    store_login(company.sandbox, house.home, api_base_url=f"https://{API}")
    trusted = tmp_path / "trusted.pem"
    with Mitmproxy(tmp_path / "one", company.hosts) as proxy:
        trusted.write_bytes(proxy.authority.read_bytes())
        # the way to the proxy itself is encrypted here, and TLS goes through TLS
        house.env |= {"HTTPS_PROXY": f"https://{proxy.place}", "SSL_CERT_FILE": str(trusted)}
        program = Program(house)
        assert "You asked: “One?”." in program.ask("One?")
    with program, Mitmproxy(tmp_path / "two", company.hosts, port=proxy.port) as proxy:
        said = program.ask("Two?")
        assert f"the proxy https://{proxy.place} presents a certificate of mitmproxy, and the auth" in said
        assert "trusted here is another, perhaps its predecessor" in said
        assert f"add its certificate to the file of SSL_CERT_FILE: cat ca.pem >> {trusted}" in said
        with trusted.open("ab") as file:
            file.write(proxy.authority.read_bytes())
        assert "You asked: “Two?”." in program.ask("Two?")
        assert proxy.seen() == [f"POST {API}/v1/messages"]


def test_a_running_program_follows_a_client_certificate_that_is_renewed(
    company: Company, house: Household, tmp_path: Path
) -> None:
    authority, clients = Authority(tmp_path / "ca"), Authority(tmp_path / "clients", "clients of the company")
    pair = tmp_path / "client.pem"
    front = Front(company.sandbox.api_base_url)
    front.tls = authority.server(client_authority=clients)
    house.env |= {"SSL_CERT_FILE": str(authority.file), "CLAUDE_CODE_CLIENT_CERT": str(pair)}
    with front:
        store_login(company.sandbox, house.home, api_base_url=front.url)
        pair.write_bytes(clients.signed("old", ends=dt.timedelta(minutes=-1)).read_bytes())
        with Program(house) as program:
            assert f"{front.url} says that the client certificate has expired" in program.ask("Now?")
            pair.write_bytes(clients.signed("new").read_bytes())
            assert "You asked: “Now?”." in program.ask("Now?")
        pair.unlink()
        done = house.run("-p", "And without?")
        assert done.returncode == 8
        assert f"CLAUDE_CODE_CLIENT_CERT names a file that cannot be read: {pair}" in done.stderr
    assert front.asked == ["POST /v1/messages"]
