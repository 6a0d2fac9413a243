"""Commands that renew credentials elsewhere: checked first, one at a time, seldom, seen to help."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from keyturn import Auth
from keyturn.commands import refresh
from keyturn.errors import Refused, Rejected
from keyturn.settings.layers import Setting
from keyturn.testing import FakeWorld
from keyturn.testing.commands import Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from keyturn.scene import Scene


class Credentials:
    """What the command renews: `valid` once it did its work, which it does when `works`."""

    def __init__(self, folder: Path, *, works: bool = True, **variables: str) -> None:
        self.world = FakeWorld(folder, variables)
        self.valid = False
        self.works = works
        self.asked = 0
        self.said: list[str] = []
        self.world.tell = self.said.append

    def script(self, **fields: object) -> None:
        self.world.outcomes.append(Outcome(does=self._run, **fields))

    def _run(self, _: object) -> None:
        self.valid = self.works

    def needed(self) -> bool:
        self.asked += 1
        return not self.valid

    @property
    def scene(self) -> Scene:
        return Auth(world=self.world).scene()

    @property
    def setting(self) -> Setting:
        path = f"{self.world.folder}/.claude/settings.json"
        return Setting(key="awsAuthRefresh", scope="user", value="aws sso login", path=path)

    def refresh(self, **options: object) -> bool:
        return refresh(self.scene, self.setting, needed=self.needed, **options)  # type: ignore[arg-type] # of a test

    def error(self, **options: object) -> Rejected:
        with pytest.raises(Rejected) as caught:
            self.refresh(**options)
        return caught.value


@pytest.mark.proves("P16")
class TestCheckFirst:
    def test_valid_credentials_run_nothing(self, tmp_path: Path) -> None:
        credentials = Credentials(tmp_path)
        credentials.valid = True
        assert credentials.refresh() is False
        assert credentials.world.commands == []
        assert not (tmp_path / "keyturn").exists(), "nothing was written either"

    def test_expired_ones_run_it_once(self, tmp_path: Path) -> None:
        credentials = Credentials(tmp_path)
        credentials.script()
        assert credentials.refresh() is True
        assert credentials.refresh() is False
        assert len(credentials.world.commands) == 1
        assert credentials.world.commands[0].line == "aws sso login"
        assert credentials.world.commands[0].seconds == 180

    def test_a_command_that_changes_nothing_is_one_clear_error(self, tmp_path: Path) -> None:
        credentials = Credentials(tmp_path, works=False)
        credentials.script()
        error = credentials.error()
        assert (error.code, error.exit) == ("refresh_no_change", 4)
        assert "awsAuthRefresh in " in error.message
        assert error.hint

    def test_what_counts_is_whether_it_helped_and_not_its_exit_status(self, tmp_path: Path) -> None:
        credentials = Credentials(tmp_path)
        credentials.script(status=1)
        assert credentials.refresh() is True

    def test_new_credentials_may_count_as_help_before_they_are_valid(self, tmp_path: Path) -> None:
        credentials = Credentials(tmp_path, works=False)
        credentials.script()
        assert credentials.refresh(helped=lambda: True) is True

    @pytest.mark.parametrize(
        ("outcome", "code"),
        [
            ({"status": 255, "stderr": "no network"}, "command_exit"),
            ({"takes": 500}, "command_timeout"),
            ({"signal": 15}, "command_signal"),
            ({"status": 127}, "command_not_found"),
            ({"missing": "there is no directory"}, "command_not_started"),
        ],
    )
    def test_each_way_to_fail_is_told(self, tmp_path: Path, outcome: dict[str, object], code: str) -> None:
        credentials = Credentials(tmp_path, works=False)
        credentials.script(**outcome)
        assert credentials.error().code == code


@pytest.mark.proves("P17")
def test_what_it_says_on_either_stream_is_passed_on(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path)
    credentials.script(stdout="open https://sso.example.com", stderr="code AB-CD")
    credentials.refresh()
    said = "".join(credentials.said)
    assert "keyturn: running awsAuthRefresh in " in said
    assert "open https://sso.example.com" in said
    assert "code AB-CD" in said


@pytest.mark.proves("P16")
class TestSeldom:
    def test_after_a_failure_nobody_runs_it_for_five_minutes(self, tmp_path: Path) -> None:
        credentials = Credentials(tmp_path, works=False)
        credentials.script(status=1, stderr="denied")
        assert credentials.error().code == "command_exit"
        credentials.world.advance(299)
        error = credentials.error()
        assert error.code == "refresh_paused"
        assert "denied" in error.message
        assert "in 1 s" in error.message
        assert len(credentials.world.commands) == 1

    @pytest.mark.parametrize("asked", [False, True])
    def test_who_waited_for_a_failure_is_told_just_that_also_who_was_asked(
        self, tmp_path: Path, asked: bool
    ) -> None:
        credentials = Credentials(tmp_path, works=False)
        credentials.script(status=1, stderr="denied")
        first = credentials.error()
        # no time has passed: as for a process that began to wait before the other one failed
        second = credentials.error(asked=asked)
        assert (second.code, second.message) == (first.code, first.message)
        assert len(credentials.world.commands) == 1

    def test_and_then_it_is_tried_again(self, tmp_path: Path) -> None:
        credentials = Credentials(tmp_path, works=False)
        credentials.script(status=1)
        credentials.error()
        credentials.world.advance(301)
        credentials.works = True
        credentials.script()
        assert credentials.refresh() is True

    def test_a_person_who_asks_is_not_kept_waiting(self, tmp_path: Path) -> None:
        credentials = Credentials(tmp_path, works=False)
        credentials.script(status=1)
        credentials.error()
        credentials.world.advance(1)
        credentials.works = True
        credentials.script()
        assert credentials.refresh(asked=True) is True

    def test_success_forgets_the_failure(self, tmp_path: Path) -> None:
        credentials = Credentials(tmp_path, works=False)
        credentials.script(status=1)
        credentials.error()
        credentials.world.advance(1)
        credentials.works = True
        credentials.script()
        credentials.refresh(asked=True)
        credentials.valid = False
        credentials.script()
        assert credentials.refresh() is True

    def test_one_account_s_failure_does_not_hold_up_another(self, tmp_path: Path) -> None:
        credentials = Credentials(tmp_path, works=False)
        credentials.script(status=1)
        credentials.error(subject="profile a")
        credentials.world.advance(1)
        credentials.works = True
        credentials.script()
        assert credentials.refresh(subject="profile b") is True

    def test_a_clock_that_was_set_back_makes_nobody_wait_for_ever(self, tmp_path: Path) -> None:
        credentials = Credentials(tmp_path, works=False)
        credentials.script(status=1)
        credentials.error()
        credentials.world.set_wall_clock(credentials.world.now() - 86400)
        credentials.works = True
        credentials.script()
        assert credentials.refresh() is True

    def test_a_damaged_note_costs_one_attempt(self, tmp_path: Path) -> None:
        credentials = Credentials(tmp_path, works=False)
        credentials.script(status=1)
        credentials.error()
        (note,) = (tmp_path / "keyturn" / "commands").glob("*.json")
        note.write_text('{"at": "yesterday"}')
        credentials.works = True
        credentials.script()
        assert credentials.refresh() is True

    def test_ctrl_c_is_no_failure(self, tmp_path: Path) -> None:
        credentials = Credentials(tmp_path)

        def interrupted(_: object) -> None:
            raise KeyboardInterrupt

        credentials.world.outcomes.append(Outcome(does=interrupted))
        with pytest.raises(KeyboardInterrupt):
            credentials.refresh()
        credentials.script()
        assert credentials.refresh() is True


@pytest.mark.proves("L24")
def test_inside_of_a_command_none_is_run(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path, KEYTURN_IN_HELPER="1")
    with pytest.raises(Refused) as caught:
        credentials.refresh()
    assert caught.value.code == "command_recursion"


PROGRAM = """
import os, sys
from keyturn.auth import Auth
from keyturn.commands import refresh
from keyturn.errors import AuthError
scene = Auth().scene()
done = os.environ["HOME"] + "/valid"
with open(os.environ["HOME"] + "/begun", "a") as file:
    file.write("x")
try:
    print(refresh(scene, scene.settings.get("awsAuthRefresh"), needed=lambda: not os.path.exists(done)))
except AuthError as error:
    print(error.code)
"""


def together(home: Path, line: str, count: int) -> list[str]:
    """What programs of their own say that find the same credentials expired; the command waits for all."""
    (home / ".claude").mkdir()
    (home / ".claude" / "settings.json").write_text(json.dumps({"awsAuthRefresh": line}))
    env = {"HOME": str(home), "KEYTURN_HOME": str(home / "keyturn"), "PATH": os.environ["PATH"]}
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for _ in range(count)
    ]
    tick = threading.Event()
    while not (home / "begun").exists() or len((home / "begun").read_text()) < count:
        tick.wait(0.02)
    (home / "go").touch()
    return [program.communicate()[0].strip() for program in programs]


WAIT = 'echo run >> "$HOME/runs"; while [ ! -e "$HOME/go" ]; do sleep 0.05; done; '


@pytest.mark.proves("P16")
def test_eight_processes_run_it_once_and_all_adopt_what_it_did(tmp_path: Path) -> None:
    said = together(tmp_path, WAIT + 'touch "$HOME/valid"', 8)
    assert set(said) <= {"True", "False"}, said  # False: it began to look when all was done
    assert said.count("True") >= 1
    assert (tmp_path / "runs").read_text() == "run\n"


@pytest.mark.proves("P16")
def test_eight_processes_run_a_failing_one_once_and_all_are_told(tmp_path: Path) -> None:
    said = together(tmp_path, WAIT + "exit 3", 8)
    assert set(said) <= {"command_exit", "refresh_paused"}, said
    assert "command_exit" in said
    assert (tmp_path / "runs").read_text() == "run\n"
