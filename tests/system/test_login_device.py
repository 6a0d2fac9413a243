"""`keyturn login --device` on a real terminal: at the sandbox, at the certified server, and at Debian's."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from keyturn.sandbox import Sandbox
from keyturn.sandbox.person import confirm_device
from tests.browser import drive, sign_in_and_allow
from tests.keyturns import KEYTURN, Household, addresses
from tests.secretscan import leaks, register
from tests.servers.glewlwyd import Glewlwyd
from tests.terminals import LONG

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers import OidcProvider
    from tests.terminals import PtyScreen

pytestmark = pytest.mark.system

NOWHERE = ("--api-base-url", "https://api.example.com")  # the login is never used there


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Household]:
    with Household(tmp_path) as made:
        yield made


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(on_secret=register) as running:
        register("api-key", running.api_key)
        yield running


def code_on(screen: PtyScreen) -> str:
    """The code that stands raw and alone on its line."""
    screen.wait_for("waiting for you to confirm it there")
    lines = bytes(screen.raw).decode().replace("\r\n", "\n").split("\n")
    [code] = [line for line in lines if len(line) == 9 and line[4] == "-"]
    return code


@pytest.mark.proves("R3", "P8", "P11", "T11", "T12")
@pytest.mark.parametrize("columns", [40, 80])
def test_a_person_with_another_device_logs_a_terminal_in(
    house: Household, sandbox: Sandbox, columns: int
) -> None:
    screen = house.start("login", "--issuer", sandbox.issuer, "--device", columns=columns)
    code = code_on(screen)
    assert addresses(screen) == [f"{sandbox.issuer}/device"]
    assert screen.shows("open this page of 127.0.0.1:")
    assert screen.shows(f"│  {' '.join(code)}  │")
    assert confirm_device(f"{sandbox.issuer}/device", code.lower()).startswith("Connected")
    assert screen.ended() == 0
    assert screen.shows("logged in as developer@example.com (Example Org)")
    sandbox.expire_access_tokens()
    assert house.run("status", "--verify").returncode == 0
    assert len(sandbox.log.refreshes()) == 1


@pytest.mark.proves("P8")
def test_a_camera_sees_the_page_with_the_code_in_it_at_40_columns(house: Household, sandbox: Sandbox) -> None:
    from keyturn.cli.showing import picture

    screen = house.start("login", "--issuer", sandbox.issuer, "--device", "--qr", columns=40)
    code = code_on(screen)
    drawn = picture(f"{sandbox.issuer}/device?user_code={code}")
    assert max(len(line) for line in drawn) <= 40
    first = next(at for at, line in enumerate(screen.lines) if line == drawn[0])
    assert [line.ljust(len(drawn[0])) for line in screen.lines[first : first + len(drawn)]] == drawn
    screen.control("c")
    assert screen.ended() == 130
    assert house.contents() == {}


def test_refusing_there_ends_it_here(house: Household, sandbox: Sandbox) -> None:
    screen = house.start("login", "--issuer", sandbox.issuer, "--device")
    assert confirm_device(f"{sandbox.issuer}/device", code_on(screen), allow=False).startswith("Refused")
    assert screen.ended() == 3
    assert screen.shows("the login was refused in the browser (access_denied)")
    assert house.contents() == {}


@pytest.mark.proves("P12")
def test_an_authority_that_goes_away_for_a_moment_is_waited_for(house: Household, sandbox: Sandbox) -> None:
    screen = house.start("login", "--issuer", sandbox.issuer, "--device")
    code = code_on(screen)
    sandbox.stop()
    screen.wait_for("still trying")
    sandbox.start()
    sandbox.set(device_slow_down=1)
    confirm_device(f"{sandbox.issuer}/device", code)
    assert screen.ended() == 0


def test_the_log_of_a_program_without_a_terminal_is_enough(house: Household, sandbox: Sandbox) -> None:
    with subprocess.Popen(
        [KEYTURN, "login", "--issuer", sandbox.issuer, "--device"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=house.env,
        text=True,
    ) as login:
        assert login.stderr is not None
        code = next(line for line in login.stderr if len(line) == 10 and line[4] == "-").strip()
        confirm_device(f"{sandbox.issuer}/device", code)
        out, err = login.communicate(timeout=LONG)
    assert (login.returncode, leaks(out + err)) == (0, [])


@pytest.mark.proves("P11")
def test_at_the_certified_server(house: Household, oidc_provider: OidcProvider, artefacts: Path) -> None:
    words = ("--issuer", oidc_provider.issuer, "--client-id", oidc_provider.client_id, *NOWHERE)
    screen = house.start("login", "--device", *words, "--scope", "openid offline_access email api")
    steps = [
        {"fill": "Code", "with": code_on(screen)},
        {"click": "Continue"},
        {"click": "Yes, connect"},
        *sign_in_and_allow(),
        {"wait_for": "You can close this page"},
    ]
    drive(addresses(screen)[0], steps=steps, screenshots_dir=artefacts)
    assert screen.ended() == 0
    stored = house.stored()
    assert stored is not None
    assert stored.renewable
    assert oidc_provider.introspect(stored.access_token.reveal() if stored.access_token else "").active


def test_a_client_registers_itself_at_the_certified_server_for_device_codes(
    house: Household, oidc_provider: OidcProvider
) -> None:
    screen = house.start("login", "--device", "--issuer", oidc_provider.issuer, *NOWHERE)
    code_on(screen)
    screen.control("c")
    assert screen.ended() == 130
    assert [event["kind"] for event in oidc_provider.log()["events"]] == ["registration"]


@pytest.mark.proves("P11")
def test_at_debians_server(house: Household, glewlwyd: Glewlwyd) -> None:
    words = ("--issuer", glewlwyd.issuer, "--client-id", glewlwyd.client_id, *NOWHERE, "--scope", "openid")
    screen = house.start("login", "--device", *words)
    glewlwyd.confirm_device(code_on(screen))
    assert screen.ended() == 0
    stored = house.stored()
    assert stored is not None
    assert stored.renewable


@pytest.mark.proves("P10")
def test_a_server_that_compares_ports_is_reached_with_a_fixed_one(
    house: Household, glewlwyd: Glewlwyd
) -> None:
    port = str(glewlwyd.callback_port)
    words = ("--issuer", glewlwyd.issuer, "--client-id", glewlwyd.client_id, *NOWHERE, "--scope", "openid")
    screen = house.start("login", *words, "--callback-port", port, BROWSER="/bin/false")
    screen.wait_for("waiting for the browser")
    back = glewlwyd.authorize(addresses(screen)[0])
    assert back.startswith(f"{glewlwyd.redirect_uri}?")
    screen.enter(back)
    assert screen.ended() == 0
    assert house.stored() is not None


@pytest.mark.proves("I4")
def test_a_refusal_without_a_word_ends_no_login(house: Household, tmp_path: Path) -> None:
    with Glewlwyd(folder=tmp_path / "server", access_token_ttl=1) as server:
        words = ("--issuer", server.issuer, "--client-id", server.client_id, *NOWHERE, "--scope", "openid")
        screen = house.start("login", "--device", *words)
        server.confirm_device(code_on(screen))
        assert screen.ended() == 0
        server.revoke_all()
        done = house.run("token", "--min-ttl", "1m")
        assert (done.returncode, done.stdout) == (6, "")
        assert "status 400" in done.stderr
    stored = house.stored()
    assert stored is not None
    assert stored.quarantine is None
