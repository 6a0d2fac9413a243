"""`keyturn -p` as a script calls it: the installed program, against the sandbox."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from keyturn.sandbox import Sandbox
from tests import secretscan
from tests.logins import store_login

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.system

KEYTURN = str(Path(sys.executable).with_name("keyturn"))
ANSWER = "This is the keyturn sandbox, no model is behind it. You asked: “{}”."
LONG = 60.0


class Asker:
    """Runs `keyturn` without a terminal, in an environment of its own."""

    def __init__(self, sandbox: Sandbox, directory: Path) -> None:
        self.sandbox = sandbox
        self.home = directory / "keyturn home"
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "KEYTURN_HOME": str(self.home),
            "LANG": "C.UTF-8",
        }

    def begin(self, *words: str, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [KEYTURN, *words],
            env={**self.env, **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *words: str, piped: str = "", **variables: str) -> tuple[int, str, str]:
        with self.begin(*words, **variables) as process:
            out, err = process.communicate(piped, timeout=LONG)
        assert secretscan.leaks(out + err) == []
        return process.returncode, out, err


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        secretscan.register("api-key", running.api_key)
        yield running


@pytest.fixture
def ask(sandbox: Sandbox, tmp_path: Path) -> Asker:
    return Asker(sandbox, tmp_path)


@pytest.fixture
def logged_in(ask: Asker) -> Asker:
    store_login(ask.sandbox, ask.home)
    return ask


def test_the_answer_and_a_final_newline_are_all_that_is_printed(logged_in: Asker) -> None:
    assert logged_in("-p", "What is this?") == (0, ANSWER.format("What is this?") + "\n", "")


@pytest.mark.parametrize("words", [["--json", "-p"], ["-p", "--json"]])
def test_as_json_the_answer_is_one_object(logged_in: Asker, words: list[str]) -> None:
    status, out, err = logged_in(*words, "What is this?", ANTHROPIC_MODEL="claude-test")
    assert (status, err) == (0, "")
    assert json.loads(out) == {
        "version": 1,
        "model": "claude-test",
        "text": ANSWER.format("What is this?"),
        "stop_reason": "end_turn",
    }


def test_text_and_what_is_piped_in_are_one_question(logged_in: Asker) -> None:
    status, out, err = logged_in("-p", "Review:", piped="- old\n+ new\n")
    assert (status, out, err) == (0, ANSWER.format("Review: - old + new") + "\n", "")


def test_keyturn_alone_in_a_pipe_asks_what_is_piped_in(logged_in: Asker) -> None:
    assert logged_in(piped="Hello\n") == (0, ANSWER.format("Hello") + "\n", "")


def test_the_model_is_the_one_that_is_named(logged_in: Asker) -> None:
    # the sandbox answers for any name; the API's own error for a wrong one is a unit test
    assert logged_in("-p", "Hello", "--model", "claude-sandbox-small")[0] == 0
    assert logged_in("-p", "Hello", ANTHROPIC_MODEL="two words")[0] == 8


def test_nothing_to_ask_is_a_usage_error_and_asks_no_server(logged_in: Asker) -> None:
    status, out, err = logged_in("-p")
    assert (status, out) == (2, "")
    assert "there is nothing to ask" in err
    assert not logged_in.sandbox.log.events("api")


@pytest.mark.proves("R37")
def test_without_a_credential_it_exits_3_and_opens_no_browser(ask: Asker) -> None:
    status, out, err = ask("-p", "Hello", BROWSER="/bin/false")
    assert (status, out) == (3, "")
    assert "keyturn login" in err
    status, out, err = ask("-p", "Hello", "--json")
    assert (status, err) == (3, "")
    assert json.loads(out)["error"]["code"] == "no_credential"


@pytest.mark.proves("R45")
def test_a_login_that_ended_exits_4_and_names_the_command(logged_in: Asker) -> None:
    logged_in.sandbox.revoke_all()
    status, out, err = logged_in("-p", "Hello")
    assert (status, out) == (4, "")
    assert "log in again: keyturn login" in err


def test_one_401_is_answered_by_one_renewal_and_one_retry(logged_in: Asker) -> None:
    logged_in.sandbox.set(api_reject_next=1)
    assert logged_in("-p", "Hello")[0] == 0
    assert [event.facts["status"] for event in logged_in.sandbox.log.events("api")] == [401, 200]
    assert len(logged_in.sandbox.log.events("token")) == 1


@pytest.mark.proves("L19")
def test_a_second_401_is_final_and_another_within_the_minute_renews_nothing(logged_in: Asker) -> None:
    logged_in.sandbox.set(api_reject_next=3)
    assert logged_in("-p", "Hello")[0] == 4
    status, _, err = logged_in("-p", "Hello")
    assert status == 4
    assert "the API rejects tokens of this login, although it was renewed for that" in err
    assert [event.facts["status"] for event in logged_in.sandbox.log.events("api")] == [401, 401, 401]
    assert len(logged_in.sandbox.log.events("token")) == 1
    assert logged_in("-p", "Hello")[0] == 0  # the token was never dead


def test_a_rejected_key_exits_4_and_names_its_variable(ask: Asker) -> None:
    status, out, err = ask(
        "-p",
        "Hello",
        ANTHROPIC_API_KEY=secretscan.make_secret("api-key"),
        ANTHROPIC_BASE_URL=ask.sandbox.api_base_url,
    )
    assert (status, out) == (4, "")
    assert "ANTHROPIC_API_KEY" in err


@pytest.mark.parametrize(
    ("fault", "words"),
    [({"api_fail_next": 3}, "is overloaded"), ({"api_cut_next": 1}, "broke off")],
)
def test_trouble_of_the_server_exits_6(logged_in: Asker, fault: dict[str, int], words: str) -> None:
    logged_in.sandbox.set(**fault)
    status, out, err = logged_in("-p", "Hello")
    assert status == 6
    assert words in err
    # what came before the break stays, with its newline
    assert out == ("This\n" if "api_cut_next" in fault else "")


def test_a_server_that_is_not_there_exits_6(ask: Asker) -> None:
    key = secretscan.make_secret("api-key")
    status, out, err = ask(
        "-p", "Hello", ANTHROPIC_API_KEY=key, ANTHROPIC_BASE_URL="http://127.0.0.1:9", NO_PROXY="*"
    )
    assert (status, out) == (6, "")
    assert "connection refused" in err


def test_an_address_the_login_is_not_for_exits_7_before_anything_is_sent(logged_in: Asker) -> None:
    status, out, err = logged_in("-p", "Hello", ANTHROPIC_BASE_URL="https://elsewhere.example")
    assert (status, out) == (7, "")
    assert "https://elsewhere.example" in err
    assert logged_in("-p", "Hello", "--require-billing", "metered")[0] == 7
    assert not logged_in.sandbox.log.events("api")


def test_without_the_official_client_it_names_the_extra_and_exits_8(logged_in: Asker, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    missing.mkdir()
    (missing / "anthropic.py").write_text("raise ImportError('not installed')\n", encoding="utf-8")
    status, out, err = logged_in("-p", "Hello", PYTHONPATH=str(missing))
    assert (status, out) == (8, "")
    assert "pip install 'keyturn[session]'" in err


def test_ctrl_c_ends_it_with_130_and_what_came_stays(logged_in: Asker) -> None:
    logged_in.sandbox.set(word_delay=0.3)
    with logged_in.begin("-p", "Hello") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        assert process.stdout.read(4) == "This"
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(LONG) == 130
    assert rest.endswith("\n")
    assert "You asked" not in rest


def test_an_open_pipe_that_says_nothing_is_explained_and_waited_for(logged_in: Asker) -> None:
    with logged_in.begin("-p", "Review:") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        assert "still reading standard input" in process.stderr.readline()
        process.stdin.write("late\n")
        process.stdin.close()
        assert process.stdout.read() == ANSWER.format("Review: late") + "\n"
        assert process.wait(LONG) == 0


@pytest.mark.parametrize(
    ("shell", "status", "words"),
    [
        ('"$0" -p Hello >/dev/full', 1, "no space left"),
        ('"$0" -p Hello >&-', 1, "closed"),
        ('"$0" -p Hello <&-', 0, ""),
    ],
)
def test_odd_streams_end_in_an_error_or_an_answer_never_in_a_traceback(
    logged_in: Asker, shell: str, status: int, words: str
) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", shell, KEYTURN],
        env=logged_in.env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )
    assert done.returncode == status
    assert words in done.stderr
    assert "Traceback" not in done.stderr
