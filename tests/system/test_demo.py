"""`keyturn demo` as a newcomer runs it; and that it does not say "all happened" when something did not."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from keyturn.cli.demo import play
from keyturn.cli.terminal import Terminal
from keyturn.demo.story import STEPS
from keyturn.sandbox import Sandbox
from keyturn.world import World
from tests import secretscan
from tests.terminals import PtyScreen

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.system

KEYTURN = str(Path(sys.executable).with_name("keyturn"))
LIMIT = 120.0
SECRET = re.compile(r"sk-ant-test-|code=[^_]")
ROW = "{http://www.w3.org/2000/svg}g[@class='row']"
# A browser with a person in front of it: signs in, consents, and follows the way back.
BROWSER = """#!{python}
import sys, urllib.request
from keyturn.sandbox.person import visit
straight = urllib.request.build_opener(urllib.request.ProxyHandler({{}}))  # as browsers do
straight.open(visit(sys.argv[1], account="operations@example.com"))
"""


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """The environment of somebody with logins and settings of their own, all of which would be in the way."""
    (tmp_path / "tmp").mkdir()
    own = tmp_path / "own"
    own.mkdir()
    (own / "config.json").write_text("this must not be read", encoding="utf-8")
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "TMPDIR": str(tmp_path / "tmp"),
        "KEYTURN_HOME": str(own),
        "ANTHROPIC_API_KEY": secretscan.make_secret("api-key"),
        "ANTHROPIC_AUTH_TOKEN": secretscan.make_secret("token"),
        "ANTHROPIC_BASE_URL": "https://elsewhere.example.com",
        "CLAUDE_CODE_USE_BEDROCK": "1",
        "HTTP_PROXY": "http://127.0.0.1:1",  # loopback has no proxy (T10)
    }


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.proves("I1", "R36", "R45", "R46")
def test_the_whole_story_happens_without_account_browser_and_terminal(
    tmp_path: Path, machine: dict[str, str], artefacts: Path
) -> None:
    picture = artefacts / "timeline.svg"
    done = subprocess.run(
        [KEYTURN, "demo", "--svg", str(picture)],
        env=machine,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    told = [line for line in done.stdout.splitlines() if re.match(r"\d  ", line)]
    assert told == [f"{number}  {step.name}" for number, step in enumerate(STEPS, start=1)]
    assert "the demo completes the login itself" in " ".join(done.stdout.split())
    assert done.stdout.count("refresh requests that the authority counted: 1\n") == 2
    assert done.stdout.count("programs that failed: 0\n") == 2
    assert "✗" not in done.stdout
    assert len(ET.parse(picture).getroot().findall(ROW)) == 16  # noqa: S314 - our own text
    assert not SECRET.search(done.stdout + picture.read_text(encoding="utf-8"))
    assert files_below(tmp_path) == ["own/config.json"]


@pytest.mark.proves("P8")
def test_a_person_may_press_enter_and_read_the_story_on_a_narrow_terminal(
    tmp_path: Path, machine: dict[str, str]
) -> None:
    picture = tmp_path / "picture.svg"
    with PtyScreen([KEYTURN, "demo", "--svg", str(picture)], machine, columns=40, rows=250) as screen:
        screen.wait_for("press Enter")
        assert "/authorize?response_type=code&" in screen.raw.decode()
        screen.enter()
        assert screen.ended() == 0, "\n".join(screen.lines)
        lines = screen.lines
    assert sum(bool(re.fullmatch(r" {3}[ 1]\d  +[·━◆● ]+ \d+ ms", line)) for line in lines) == 16
    assert sum("━" in line and line.endswith(" ms") for line in lines) == 1
    assert f"all {len(STEPS)} steps happened" in " ".join(" ".join(lines).split())
    assert not SECRET.search(screen.raw.decode())


def test_the_persons_own_browser_is_used_and_ctrl_c_leaves_nothing(
    tmp_path: Path, machine: dict[str, str]
) -> None:
    browser = tmp_path / "browser"
    browser.write_text(BROWSER.format(python=sys.executable), encoding="utf-8")
    browser.chmod(0o755)
    with PtyScreen([KEYTURN, "demo"], {**machine, "BROWSER": str(browser)}, rows=100) as screen:
        screen.wait_for("the stored login is that of: operations@example.com")
        screen.wait_for("programs that were answered: 16")
        screen.control("c")
        assert screen.ended() == 130
    assert files_below(tmp_path) == ["browser", "own/config.json"]
    assert programs_in(tmp_path) == []


def programs_in(folder: Path) -> list[str]:
    """Processes whose working directory is, or was, below this folder."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cwd"):
        try:
            at = str(place.readlink())
        except OSError:
            continue
        if at.startswith(str(folder)):
            found.append(place.parent.name)
    return found


# -- what does not happen is not said to have happened


class Faulty(Sandbox):
    """A sandbox that does one thing wrong; tokens are short-lived, so that the story comes to the point."""

    def __init__(self, *, on_secret: Callable[[str, str], object], **settings: Any) -> None:
        def keep(kind: str, secret: str) -> None:
            secretscan.register(kind, secret)
            on_secret(kind, secret)

        super().__init__(on_secret=keep, **{**settings, "lifetime": 3.0})


class RefusesRegistration(Faulty):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, register_refuse=True)


class ForgetsTokens(Faulty):
    """Says that the new tokens live for a second, and forgets them at once: a second renewal is needed."""

    def set(self, **changes: object) -> None:
        super().set(**{**changes, **({"lifetime": 0.001} if "lifetime" in changes else {})})


class LosesTheAnswer(Faulty):
    """Renews, and cuts the connection before the answer: the login is lost."""

    def set(self, **changes: object) -> None:
        super().set(**changes, **({"token_drop_after": 1} if "lifetime" in changes else {}))


class RevokesNothing(Faulty):
    def revoke_all(self) -> int:
        return 1


class KeepsTokensAlive(Faulty):
    def expire_access_tokens(self) -> int:
        return 16


@pytest.mark.parametrize(
    ("sandbox", "step", "fact"),
    [
        (RefusesRegistration, 1, "did not register keyturn"),
        (ForgetsTokens, 3, r"refresh requests that the authority counted: expected 1, seen \d"),
        # how many still ask after that is a matter of the renewal's rules, not of the demo's
        (LosesTheAnswer, 3, r"(counted: expected 1, seen \d|failed: expected 0, seen \d)"),
        (KeepsTokensAlive, 4, "of them answered with 401: expected 16, seen 0"),
        (RevokesNothing, 5, "code of that error: expected login_ended, seen nothing"),
    ],
)
def test_a_step_that_does_not_happen_ends_the_demo_and_is_named(
    tmp_path: Path, machine: dict[str, str], sandbox: type[Faulty], step: int, fact: str
) -> None:
    paper = io.StringIO()
    terminal = Terminal(World(machine), stdin=io.StringIO(), stdout=paper, stderr=io.StringIO())
    status = play(Namespace(svg=str(tmp_path / "picture.svg")), terminal, sandbox)
    told = " ".join(paper.getvalue().split())
    assert status == 1, told
    assert re.search(fact, told), told
    assert f"step {step}, {STEPS[step - 1].name}: it did not happen as it should" in told
    assert f" {step + 1} {STEPS[step].name}" not in told
    assert "steps happened" not in told
    assert (tmp_path / "picture.svg").exists() == (step > 3)
    assert programs_in(tmp_path) == []


def test_the_outcome_is_json_for_a_program(tmp_path: Path, machine: dict[str, str]) -> None:
    answer, told = io.StringIO(), io.StringIO()
    terminal = Terminal(World(machine), stdin=io.StringIO(), stdout=answer, stderr=told)
    terminal.json = True
    place = str(tmp_path / "picture.svg")
    assert play(Namespace(svg=place), terminal, RefusesRegistration) == 1
    assert json.loads(answer.getvalue()) == {
        "version": 1,
        "failed": f"1, {STEPS[0].name}",
        "facts": [],
        "svg": None,
    }
    assert "did not register keyturn" in " ".join(told.getvalue().split())


def test_a_picture_that_cannot_be_written_is_said_before_the_story_begins(
    tmp_path: Path, machine: dict[str, str]
) -> None:
    place = tmp_path / "missing" / "picture.svg"
    done = subprocess.run(
        [KEYTURN, "demo", "--svg", str(place)],
        env=machine,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert (done.returncode, done.stdout) == (8, "")
    assert f"the picture cannot be written to {place}: no such file or directory" in done.stderr
