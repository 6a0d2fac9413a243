"""The session as a person meets it: the installed program on a pseudo-terminal, against the sandbox."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from keyturn.sandbox import Sandbox
from keyturn.stores import login_of, open_store
from keyturn.world import World
from tests import secretscan
from tests.logins import store_login
from tests.terminals import PtyScreen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keyturn.login import Login

pytestmark = pytest.mark.system

KEYTURN = str(Path(sys.executable).with_name("keyturn"))
ANSWER = "This is the keyturn sandbox, no model is behind it. You asked: “{}”."
# A browser with a person in front of it: signs in with this account, consents, and follows the way back.
BROWSER = """#!{python}
import sys, urllib.request
from keyturn.sandbox.person import visit
urllib.request.urlopen(visit(sys.argv[1], account="{account}"))
"""


class Start(Protocol):
    def __call__(self, *words: str, columns: int = ..., **variables: str) -> PtyScreen: ...


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        secretscan.register("api-key", running.api_key)
        yield running


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "keyturn home"


@pytest.fixture
def start(tmp_path: Path, home: Path) -> Iterator[Start]:
    """Starts keyturn on a terminal; at the end nothing secret may have been shown."""
    screens = []

    def started(*words: str, columns: int = 80, **variables: str) -> PtyScreen:
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KEYTURN_HOME": str(home), **variables}
        screen = PtyScreen([KEYTURN, *words], env, columns=columns)
        screens.append(screen)
        return screen

    yield started
    for screen in screens:
        with screen:
            assert secretscan.leaks(bytes(screen.raw)) == []


def browser(tmp_path: Path, account: str) -> str:
    path = tmp_path / "browser"
    path.write_text(BROWSER.format(python=sys.executable, account=account), encoding="utf-8")
    path.chmod(0o755)
    return f'"{path}"'


def configure(sandbox: Sandbox, home: Path) -> None:
    """What `keyturn login` remembers of the sandbox."""
    home.mkdir(mode=0o700, exist_ok=True)
    profile = (
        f'{{"issuer": "{sandbox.issuer}", "client_id": "{sandbox.client_id}", '
        f'"api_base_url": "{sandbox.api_base_url}", "oauth_beta": true, "billing": "subscription"}}'
    )
    text = f'{{"version": 1, "profiles": {{"default": {profile}}}}}'
    (home / "config.json").write_text(text, encoding="utf-8")


def stored(home: Path) -> Login | None:
    return login_of(open_store(World({"KEYTURN_HOME": str(home)}), "default", "file").load())


@pytest.mark.parametrize("columns", [80, 40])
def test_a_person_asks_looks_around_and_leaves(
    sandbox: Sandbox, home: Path, start: Start, tmp_path: Path, columns: int
) -> None:
    store_login(sandbox, home)
    screen = start(columns=columns)
    screen.wait_for("developer@example.com (Example Org) · stored login · billing: subscription")
    screen.wait_for(f"claude-opus-5-5 at {sandbox.api_base_url} · /help")
    screen.wait_for_prompt()

    screen.enter("Where do my words go?")
    screen.wait_for(ANSWER.format("Where do my words go?"))
    screen.wait_for_prompt()
    screen.enter("And again?")
    screen.wait_for(ANSWER.format("And again?"), "It is question 2 of this conversation.")
    screen.wait_for_prompt()

    screen.enter("/status")
    screen.wait_for("account developer@example.com (Example Org)", "state usable")
    screen.wait_for_prompt()
    screen.enter("/explain")
    screen.wait_for("winner stored login", "without it")
    screen.wait_for_prompt()
    screen.enter("/model claude-sandbox-small")
    screen.wait_for("model: claude-sandbox-small (/model)")
    screen.wait_for_prompt()
    screen.enter("/hlep")
    screen.wait_for("there is no /hlep; did you mean /help?")
    screen.wait_for_prompt()
    screen.enter("//help is a word")
    screen.wait_for(ANSWER.format("/help is a word"), "It is question 3")
    screen.wait_for_prompt()

    screen.enter("/exit")
    assert screen.ended() == 0
    assert [event.facts.get("status") for event in sandbox.log.events("api")] == [200, 200, 200]
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert b"words" not in path.read_bytes(), f"{path} keeps what was asked"


def test_ctrl_c_ends_an_answer_and_the_session_goes_on(sandbox: Sandbox, home: Path, start: Start) -> None:
    sandbox.set(word_delay=0.3)
    store_login(sandbox, home)
    screen = start()
    screen.wait_for_prompt()
    screen.enter("tell me a long story")
    screen.wait_for("This is the keyturn")
    screen.control("c")
    screen.wait_for("interrupted")
    screen.wait_for_prompt()
    assert not screen.shows("You asked")
    sandbox.set(word_delay=0.0)
    screen.enter("go on")
    # what was read of the first answer is part of the conversation
    screen.wait_for(ANSWER.format("go on"), "It is question 2")
    screen.wait_for_prompt()
    screen.type("half a question")
    screen.wait_for("> half a question")
    screen.control("c")
    screen.wait_for_prompt()
    screen.control("c")
    screen.wait_for("to leave: Ctrl-D or /exit")
    screen.wait_for_prompt()
    screen.control("d")
    assert screen.ended() == 0


def test_a_server_that_is_silent_is_named_and_need_not_be_waited_for(
    sandbox: Sandbox, home: Path, start: Start
) -> None:
    store_login(sandbox, home)
    sandbox.set(api_delay=30.0)
    screen = start()
    screen.wait_for_prompt()
    screen.enter("is anybody there?")
    screen.wait_for(f"waiting for {sandbox.api_base_url}; Ctrl-C stops waiting")
    sandbox.set(api_delay=0.0)
    screen.control("c")
    screen.wait_for("interrupted")
    screen.wait_for_prompt()
    screen.enter("and now?")
    screen.wait_for(ANSWER.format("and now?"))
    assert not screen.shows("It is question 2")  # nothing was read of the first answer


@pytest.mark.parametrize("columns", [80, 40])
def test_pasted_lines_are_one_question_and_history_is_at_hand(
    sandbox: Sandbox, home: Path, start: Start, columns: int
) -> None:
    store_login(sandbox, home)
    screen = start(columns=columns)
    screen.wait_for_prompt()
    screen.paste("first line\n/exit is the second\n\nfourth")
    screen.wait_for("> first line", "/exit is the second", "fourth")
    screen.enter()
    screen.wait_for(ANSWER.format("first line /exit is the second fourth"))
    screen.wait_for_prompt()
    screen.type("\x1b[A")
    screen.wait_for("fourth")
    screen.control("c")
    screen.wait_for_prompt()
    screen.type("one\x1b\rtwo")  # Alt-Enter
    screen.enter()
    screen.wait_for(ANSWER.format("one two"))
    assert len(sandbox.log.events("api")) == 2


def test_what_is_typed_while_an_answer_streams_waits_for_the_prompt(
    sandbox: Sandbox, home: Path, start: Start
) -> None:
    sandbox.set(word_delay=0.15)
    store_login(sandbox, home)
    screen = start()
    screen.wait_for_prompt()
    screen.enter("slowly please")
    screen.wait_for("This is the")
    screen.type("typed ahead")
    screen.wait_for(ANSWER.format("slowly please"))
    screen.wait_for("> typed ahead")
    screen.enter()
    screen.wait_for(ANSWER.format("typed ahead"))


@pytest.mark.proves("R45", "R46")
def test_a_login_that_is_revoked_is_explained_with_the_way_back_and_mended_in_the_session(
    sandbox: Sandbox, home: Path, start: Start, tmp_path: Path
) -> None:
    configure(sandbox, home)
    store_login(sandbox, home)
    screen = start(BROWSER=browser(tmp_path, "developer@example.com"))
    screen.wait_for_prompt()
    screen.enter("before")
    screen.wait_for(ANSWER.format("before"))
    screen.wait_for_prompt()
    sandbox.revoke_all()
    screen.enter("this one is lost")
    screen.wait_for("error: the stored login has ended", "hint: log in again: /login")
    screen.wait_for_prompt()
    screen.enter("/login")
    screen.wait_for("stored in profile default")
    screen.wait_for_prompt()
    screen.enter("after")
    # the question that failed is not part of the conversation: this is the second, not the third
    screen.wait_for(ANSWER.format("after"), "It is question 2")
    screen.wait_for_prompt()
    screen.enter("/exit")
    assert screen.ended() == 0


@pytest.mark.proves("R34", "R35")
def test_login_replaces_the_login_after_asking_and_the_session_goes_on_as_the_new_account(
    sandbox: Sandbox, home: Path, start: Start, tmp_path: Path
) -> None:
    configure(sandbox, home)
    store_login(sandbox, home)
    screen = start(BROWSER=browser(tmp_path, "billing@example.com"))
    screen.wait_for("developer@example.com (Example Org)")
    screen.wait_for_prompt()
    screen.enter("/login")
    screen.wait_for("replace the login of developer@example.com", "billing@example.com", "[y/N]")
    screen.enter("y")
    screen.wait_for("billing@example.com (Other Org) · stored login")
    screen.wait_for_prompt()
    screen.enter("who am I")
    screen.wait_for(ANSWER.format("who am I"))
    assert sandbox.log.events("api")[-1].facts["account"] == "billing@example.com"
    kept = stored(home)
    assert kept is not None
    assert kept.account == "billing@example.com"


@pytest.mark.proves("R35")
def test_login_while_a_key_wins_logs_in_and_says_what_still_wins(
    sandbox: Sandbox, home: Path, start: Start, tmp_path: Path
) -> None:
    configure(sandbox, home)
    screen = start(
        BROWSER=browser(tmp_path, "developer@example.com"),
        ANTHROPIC_API_KEY=sandbox.api_key,
        ANTHROPIC_BASE_URL=sandbox.api_base_url,
    )
    screen.wait_for("ANTHROPIC_API_KEY · billing: metered")
    screen.wait_for_prompt()
    screen.enter("/login")
    screen.wait_for("ANTHROPIC_API_KEY still comes first", "env -u ANTHROPIC_API_KEY keyturn")
    screen.wait_for_prompt()
    assert stored(home) is not None


@pytest.mark.proves("R36", "R37")
def test_after_logout_nothing_is_asked_without_a_login_and_the_next_run_logs_in_first(
    sandbox: Sandbox, home: Path, start: Start, tmp_path: Path
) -> None:
    configure(sandbox, home)
    store_login(sandbox, home)
    screen = start()
    screen.wait_for_prompt()
    screen.enter("/logout")
    screen.wait_for("was removed", "not logged in")
    screen.wait_for_prompt()
    screen.enter("anybody?")
    screen.wait_for("error: no credential found", "hint: log in: /login")
    screen.wait_for_prompt()
    screen.control("d")
    assert screen.ended() == 0
    assert stored(home) is None
    assert not sandbox.log.events("api")

    again = start(BROWSER=browser(tmp_path, "developer@example.com"))
    again.wait_for("not logged in", "stored in profile default")
    again.wait_for_prompt()
    again.enter("hello")
    again.wait_for(ANSWER.format("hello"))
    again.enter("/exit")
    assert again.ended() == 0


@pytest.mark.proves("R37")
def test_a_first_login_that_is_given_up_ends_the_program_and_changes_nothing(
    sandbox: Sandbox, home: Path, start: Start
) -> None:
    configure(sandbox, home)
    screen = start()
    screen.wait_for("not logged in", "waiting for the browser")
    screen.control("c")
    assert screen.ended() == 130
    assert stored(home) is None
    assert not sandbox.log.events("token")


@pytest.mark.parametrize("columns", [80, 40])
def test_money_that_is_spent_otherwise_than_thought_is_said_at_the_start(
    sandbox: Sandbox, home: Path, start: Start, columns: int
) -> None:
    store_login(sandbox, home)
    screen = start(
        columns=columns, ANTHROPIC_API_KEY=sandbox.api_key, ANTHROPIC_BASE_URL=sandbox.api_base_url
    )
    screen.wait_for("warning: ANTHROPIC_API_KEY is billed by use, while the stored login (subscription)")
    screen.wait_for("env -u ANTHROPIC_API_KEY keyturn")
    screen.wait_for_prompt()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"api_fail_next": 3}, "is overloaded (529)"),
        ({"api_cut_next": 1}, "broke off"),
        ({"api_reject_next": 2}, "rejected the credential"),
    ],
)
def test_a_request_that_fails_is_explained_and_the_next_one_works(
    sandbox: Sandbox, home: Path, start: Start, fault: dict[str, int], words: str
) -> None:
    store_login(sandbox, home)
    screen = start()
    screen.wait_for_prompt()
    sandbox.set(**fault)
    screen.enter("this one fails")
    screen.wait_for(words, "hint:")
    screen.wait_for_prompt()
    screen.enter("this one works")
    screen.wait_for(ANSWER.format("this one works"))
    assert not screen.shows("It is question 2")


@pytest.mark.proves("I6")
def test_a_login_of_another_account_made_elsewhere_is_told_before_it_is_used(
    sandbox: Sandbox, home: Path, start: Start
) -> None:
    store_login(sandbox, home)
    screen = start()
    screen.wait_for_prompt()
    screen.enter("as the developer")
    screen.wait_for(ANSWER.format("as the developer"))
    screen.wait_for_prompt()
    store_login(sandbox, home, account="billing@example.com")
    sandbox.expire_access_tokens()  # so that the next request looks at once
    screen.enter("as whom?")
    screen.wait_for("the login changed to another account", "hint: ask again", "billing@example.com")
    screen.wait_for_prompt()
    screen.enter("as billing")
    screen.wait_for(ANSWER.format("as billing"))
    assert sandbox.log.events("api")[-1].facts["account"] == "billing@example.com"


def test_without_a_terminal_on_both_ends_a_session_is_not_begun(
    sandbox: Sandbox, home: Path, start: Start
) -> None:
    store_login(sandbox, home)
    for screen in (start("--no-input"), start(CI="true")):
        assert screen.ended() == 2
        assert screen.shows("there is nothing to ask")
