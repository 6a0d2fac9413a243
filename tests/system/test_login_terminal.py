"""`keyturn login` on a terminal and behind a pipe: addresses, pasting, the chooser, keys, and stopping it."""

from __future__ import annotations

import base64
import json
import re
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from keyturn.sandbox import Sandbox
from keyturn.sandbox.person import visit
from keyturn.sandbox.place import AUTHORITY_PORT
from tests.browser import drive
from tests.keyturns import KEYTURN, Household, addresses
from tests.persons import asked
from tests.secretscan import leaks, make_secret, register
from tests.standins import StandIn
from tests.terminals import LONG

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.terminals import PtyScreen

pytestmark = pytest.mark.system

NO_BROWSER = "/bin/false"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Household]:
    with Household(tmp_path) as made:
        yield made


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(on_secret=note) as running:
        register("api-key", running.api_key)
        yield running


def note(kind: str, secret: str) -> None:
    """A code that is pasted shows on the terminal; without its verifier it is worth nothing."""
    if kind != "code":
        register(kind, secret)


def pasted(address: str) -> str:
    """What the sandbox's last page shows for copying: `code#state`."""
    answer = asked(visit(address))
    return f"{answer['code']}#{answer['state']}"


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


# -- addresses and pasting


@pytest.mark.proves("R3", "P8")
@pytest.mark.parametrize("columns", [40, 80])
def test_each_address_stands_raw_on_one_line_however_narrow_the_terminal(
    house: Household, sandbox: Sandbox, columns: int
) -> None:
    screen = house.start("login", "--issuer", sandbox.issuer, columns=columns, BROWSER=NO_BROWSER)
    screen.wait_for("waiting for the browser; a code can be pasted here:")
    direct, short, by_paste = addresses(screen)
    assert asked(direct)["redirect_uri"].startswith("http://127.0.0.1:")
    assert asked(by_paste)["redirect_uri"] == f"{sandbox.issuer}/paste"
    raw = bytes(screen.raw).decode()
    assert len(short) <= 40
    for address in (direct, by_paste):
        assert len(address) > columns
        assert f"\r\n{address}\r\n" in raw
        assert f"\x1b]8;;{address}\x1b\\(the same, as a link)\x1b]8;;\x1b\\" in raw
    assert "no browser could be opened here; open the address yourself" in raw.replace("\r\n", " ")
    screen.control("c")
    assert screen.ended() == 130


@pytest.mark.proves("P8")
def test_the_short_address_leads_a_browser_to_the_long_one(
    house: Household, sandbox: Sandbox, artefacts: Path
) -> None:
    screen = house.start("login", "--issuer", sandbox.issuer, BROWSER=NO_BROWSER)
    screen.wait_for("waiting for the browser; a code can be pasted here:")
    visit = drive(
        addresses(screen)[1],
        steps=[{"click": "Continue"}, {"click": "Allow"}],
        until="/callback",
        screenshots_dir=artefacts,
    )
    assert "You are logged in" in visit.text
    assert screen.ended() == 0


@pytest.mark.proves("P8")
def test_the_letter_c_and_enter_copy_the_address(house: Household, sandbox: Sandbox) -> None:
    screen = house.start("login", "--issuer", sandbox.issuer, "--no-browser", columns=40)
    screen.wait_for("paste it here:")
    [address] = addresses(screen)
    screen.enter("c")
    screen.wait_for("the address was sent to your clipboard")
    sent = base64.b64encode(address.encode())
    assert b"\x1b]52;c;" + sent + b"\x07" in screen.raw
    screen.enter(pasted(address))
    assert screen.ended() == 0


@pytest.mark.proves("P9")
def test_a_waiting_login_is_finished_from_another_terminal(house: Household, sandbox: Sandbox) -> None:
    screen = house.start("login", "--issuer", sandbox.issuer, "--no-browser")
    screen.wait_for("paste it here:")
    done = house.run("login", "--code-file", "-", piped=pasted(addresses(screen)[0]))
    assert done.returncode == 0
    assert done.stdout.startswith("logged in as developer@example.com (Example Org)")
    assert screen.ended() == 3
    assert screen.shows("another terminal has taken this login over")
    assert house.stored() is not None


@pytest.mark.proves("P9")
def test_a_login_outlives_the_terminal_that_it_was_begun_in(house: Household, sandbox: Sandbox) -> None:
    screen = house.start("login", "--issuer", sandbox.issuer, "--begin", columns=40)
    assert screen.ended() == 0
    [address] = addresses(screen)
    done = house.run("login", "--code-file", "-", piped=pasted(address))
    assert done.returncode == 0
    assert house.config()["profiles"]["default"]["issuer"] == sandbox.issuer


@pytest.mark.proves("P9")
@pytest.mark.parametrize("way", ["typed", "bracketed", "wrapped"])
def test_a_code_is_pasted_into_a_narrow_terminal(house: Household, sandbox: Sandbox, way: str) -> None:
    screen = house.start("login", "--issuer", sandbox.issuer, "--no-browser", columns=40)
    screen.wait_for("its last page shows a code; paste it here:")
    [address] = addresses(screen)
    code = pasted(address)
    if way == "typed":
        screen.enter(code)
    elif way == "bracketed":
        screen.paste(code)
        screen.enter()
    else:  # as a mail or a chat breaks it
        screen.type(f'"{code[:20]}\r {code[20:]}"\r')
    assert screen.ended() == 0
    assert screen.shows("logged in as developer@example.com (Example Org)")
    assert house.stored() is not None


def test_a_wrong_code_may_be_pasted_again(house: Household, sandbox: Sandbox) -> None:
    screen = house.start("login", "--issuer", sandbox.issuer, "--no-browser")
    screen.wait_for("paste it here:")
    [address] = addresses(screen)
    screen.enter(f"{pasted(address).partition('#')[0]}#{'x' * 43}")
    screen.wait_for("this code belongs to another login attempt")
    screen.enter(pasted(address))
    assert screen.ended() == 0


def test_a_bare_code_asks_whether_the_account_is_right(house: Household, sandbox: Sandbox) -> None:
    screen = house.start("login", "--issuer", sandbox.issuer, "--no-browser")
    screen.wait_for("paste it here:")
    screen.enter(pasted(addresses(screen)[0]).partition("#")[0])
    screen.wait_for("is that you: developer@example.com (Example Org)? [y/N]")
    screen.enter("n")
    assert screen.ended() == 3
    assert house.contents() == {}


@pytest.mark.proves("R4")
def test_the_code_of_the_page_comes_through_a_pipe(house: Household, sandbox: Sandbox) -> None:
    with subprocess.Popen(
        [KEYTURN, "login", "--issuer", sandbox.issuer, "--no-browser"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=house.env,
        text=True,
    ) as login:
        assert login.stdin is not None
        assert login.stderr is not None
        address = next(line for line in login.stderr if line.startswith("http")).strip()
        login.stdin.write(pasted(address))
        out, err = login.communicate(timeout=LONG)
    assert (login.returncode, leaks(out + err)) == (0, [])
    assert out.startswith("logged in as developer@example.com (Example Org); stored in profile default")
    assert "\x1b" not in err


def test_an_empty_or_closed_pipe_is_said(house: Household, sandbox: Sandbox) -> None:
    words = ("login", "--issuer", sandbox.issuer, "--no-browser")
    closed = house.run(*words, before=("sh", "-c", 'exec "$@" <&-', "sh"))
    for done in (house.run(*words), closed):
        assert (done.returncode, done.stdout) == (2, "")
        assert "keyturn: error: standard input ended before a code came" in done.stderr
        assert "hint: log in on a terminal, or pipe the code in" in done.stderr
    assert house.contents() == {}


# -- stopping it


@pytest.mark.parametrize("typed", ["", "half a code"])
def test_ctrl_c_at_the_paste_prompt_frees_the_port_and_changes_nothing(
    house: Household, sandbox: Sandbox, typed: str
) -> None:
    screen = house.start("login", "--issuer", sandbox.issuer, BROWSER=NO_BROWSER)
    screen.wait_for("a code can be pasted here:")
    port = int(asked(addresses(screen)[0])["redirect_uri"].split(":")[2].partition("/")[0])
    assert not is_free(port)
    screen.type(typed)
    screen.control("c")
    assert screen.ended() == 130
    assert is_free(port)
    assert house.contents() == {}
    assert b"Traceback" not in screen.raw


def test_ctrl_d_at_the_paste_prompt_leaves_the_browser_its_chance(house: Household, sandbox: Sandbox) -> None:
    screen = house.start("login", "--issuer", sandbox.issuer, BROWSER=NO_BROWSER)
    screen.wait_for("a code can be pasted here:")
    screen.control("d")
    screen.wait_for("nothing can be pasted any more; still waiting for the browser")
    subprocess.run([house.browser().strip('"'), addresses(screen)[0]], check=True, timeout=LONG)
    assert screen.ended() == 0
    assert 'data-kind="success"' in house.shown.read_text()


def test_ctrl_c_at_the_question_for_the_api_changes_nothing(house: Household) -> None:
    with StandIn() as authority:
        screen = house.start("login", "--issuer", authority.origin)
        screen.wait_for("address of the API this login is for (https://…):")
        screen.control("c")
        assert screen.ended() == 130
    assert house.contents() == {}


def test_ctrl_c_at_the_question_for_the_account_changes_nothing(house: Household, sandbox: Sandbox) -> None:
    screen = house.start("login", "--issuer", sandbox.issuer, "--no-browser")
    screen.wait_for("paste it here:")
    screen.enter(pasted(addresses(screen)[0]).partition("#")[0])
    screen.wait_for("is that you:")
    screen.control("c")
    assert screen.ended() == 130
    assert house.contents() == {}


def log_in(house: Household, sandbox: Sandbox, account: str = "developer@example.com") -> PtyScreen:
    return house.start("login", "--issuer", sandbox.issuer, BROWSER=house.browser(account))


@pytest.mark.proves("R35")
@pytest.mark.parametrize(("answer", "status"), [("y", 0), ("n", 3), ("^C", 130), ("^D", 3)])
def test_replacing_another_account_is_a_question(
    house: Household, sandbox: Sandbox, answer: str, status: int
) -> None:
    assert log_in(house, sandbox).ended() == 0
    before = house.contents()
    screen = log_in(house, sandbox, "billing@example.com")
    screen.wait_for(
        "replace the login of developer@example.com (Example Org) at",
        "by the login of billing@example.com (Other Org) at",
        "[y/N]",
    )
    if answer.startswith("^"):
        screen.control(answer[1])
    else:
        screen.enter(answer)
    assert screen.ended() == status
    assert (house.contents() == before) is (status != 0)
    kind = {0: "success", 3: "failed", 130: "unsettled"}[status]
    assert f'data-kind="{kind}"' in house.shown.read_text()


# -- the chooser


@pytest.mark.proves("R2")
def test_the_chooser_on_a_terminal(house: Household) -> None:
    screen = house.start("login")
    screen.wait_for("how do you reach Claude?", "5) just trying", "choose 1-5 (Enter: stop):")
    screen.enter("6")
    screen.wait_for("that is none of them; type a number from 1 to 5")
    screen.enter()
    assert screen.ended() == 3
    assert screen.shows("nothing was chosen, nothing was changed")
    assert house.contents() == {}


@pytest.mark.parametrize("entered", [(), ("1",), ("2",)])
@pytest.mark.parametrize(("key", "status"), [("c", 130), ("d", 3)])
def test_the_chooser_can_be_left_at_every_question(
    house: Household, entered: tuple[str, ...], key: str, status: int
) -> None:
    screen = house.start("login")
    screen.wait_for("choose 1-5")
    for line in entered:
        screen.enter(line)
        screen.wait_for({"1": "its issuer (https://…):", "2": "API key (not shown):"}[line])
    screen.control(key)
    assert screen.ended() == status
    assert b"Traceback" not in screen.raw
    assert house.contents() == {}
    if status == 3:
        assert screen.lines[-2].startswith("keyturn: error: standard input ended before an answer came")


def test_the_chooser_ends_in_a_login_at_an_organisation(house: Household, sandbox: Sandbox) -> None:
    screen = house.start("login", BROWSER=house.browser())
    screen.wait_for("choose 1-5")
    screen.enter("1")
    screen.wait_for("its issuer")
    screen.enter(sandbox.issuer)
    assert screen.ended() == 0
    assert screen.shows(f"verified: {sandbox.api_base_url} takes it")
    assert house.config() == {"version": 1, "profiles": {"default": {"issuer": sandbox.issuer}}}


def test_the_chooser_finds_the_sandbox_of_this_machine(house: Household) -> None:
    with Sandbox(authority_port=AUTHORITY_PORT, on_secret=note):
        screen = house.start("login", BROWSER=house.browser())
        screen.wait_for("choose 1-5")
        screen.enter("5")
        assert screen.ended() == 0
    assert screen.shows("has accounts to choose from, and takes any password")
    assert screen.shows("logged in as developer@example.com (Example Org)")
    assert screen.shows("takes it")


# -- keys


@pytest.mark.proves("T16")
def test_a_key_is_typed_without_being_shown(house: Household, sandbox: Sandbox) -> None:
    words = ("login", "--with-api-key", "--api-base-url", sandbox.api_base_url)
    screen = house.start(*words)
    screen.wait_for("API key (not shown):")
    screen.enter(sandbox.api_key)
    assert screen.ended() == 0
    assert screen.shows("the API key is stored in profile default")
    assert not re.search(rb"sk-ant", screen.raw)
    done = house.run("status", "--verify")
    assert done.returncode == 0
    assert "billing: metered" in done.stdout


def test_a_key_that_the_api_refuses_ends_the_chooser_with_the_next_command(
    house: Household, sandbox: Sandbox
) -> None:
    house.home.mkdir(mode=0o700)
    (house.home / "config.json").write_text(
        json.dumps({"profiles": {"default": {"api_base_url": sandbox.api_base_url}}})
    )
    screen = house.start("login")
    screen.wait_for("choose 1-5")
    screen.enter("2")
    screen.wait_for("API key (not shown):")
    screen.enter(make_secret("api-key"))
    assert screen.ended() == 4
    assert screen.shows("it is stored, but does not work:")
    assert screen.shows("hint: log in again: keyturn login; or remove it: keyturn logout")


def test_a_key_from_a_pipe_is_never_in_the_arguments(house: Household) -> None:
    key = make_secret("api-key")
    done = house.run("login", "--with-api-key", piped=f"{key}\n")
    assert done.returncode == 0
    assert house.run("token", secret=True).stdout == f"{key}\n"
    assert house.run("login", "--with-api-key", piped=b"\xff\xfe\x00").returncode == 8


@pytest.mark.proves("L5")
def test_a_token_answer_is_provided_and_provided_again(house: Household, sandbox: Sandbox) -> None:
    said = json.dumps(sandbox.issue())
    at = ("--issuer", sandbox.issuer, "--client-id", sandbox.client_id)
    done = house.run("login", "--from-json", "-", *at, piped=said)
    assert done.returncode == 0
    assert done.stdout.startswith("logged in as developer@example.com (Example Org); stored in profile")
    before = house.contents()
    sandbox.stop()  # a container starts again, and there is no network yet
    again = house.run("login", "--from-json", "-", *at, piped=said)
    assert (again.returncode, again.stdout) == (
        0,
        "profile default holds this login already; nothing was changed\n",
    )
    assert house.contents() == before
    other = house.run("login", "--profile", "other", "--from-json", "-", *at, piped=said)
    assert other.returncode == 7
    assert "profile default holds this login already" in other.stderr
    assert house.contents() == before


def test_a_token_answer_that_was_renewed_since_is_known_as_the_former_one(
    house: Household, sandbox: Sandbox
) -> None:
    said = json.dumps(sandbox.issue())
    words = ("login", "--from-json", "-", "--issuer", sandbox.issuer, "--client-id", sandbox.client_id)
    assert house.run(*words, piped=said).returncode == 0
    sandbox.expire_access_tokens()
    assert house.run("status", "--verify").returncode == 0
    before = house.contents()
    again = house.run(*words, piped=said)
    assert "nothing was changed" in again.stdout
    assert house.contents() == before
    assert len(sandbox.log.refreshes()) == 1
