"""Inside a hostile project nothing of it runs, nothing reaches its server, and what was ignored is said.

Every command of the table is started there, so a new one is as soon as it has a row.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from keyturn.cli.commands import COMMANDS, PRINT, SESSION
from tests.hostile_project import Ear, HostileProject
from tests.keyturns import KEYTURN
from tests.secretscan import leaks, make_secret
from tests.standins import StandIn
from tests.terminals import LONG, PtyScreen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

pytestmark = pytest.mark.system

# what a command needs to do its work; a new one is started by its name alone
WORDS: dict[str, Sequence[str]] = {
    PRINT: [PRINT, "Hello"],
    SESSION: [],
    "completion": ["completion", "bash"],
    "doctor": ["doctor", "--network"],
    "profile": ["profile", "list"],
    "run": ["run", "--", "true"],
    "status": ["status", "--verify"],
}
LASTING = ("demo", "sandbox")  # these go on until they are interrupted, or for long
ASKING = (PRINT, SESSION, "status")  # these send the key to the API
VERSIONS = (["--version"], ["--help"], ["help", "trust"])


class Visit:
    """A person with an API key and relative entries in PATH, who has changed into a hostile project."""

    def __init__(self, folder: Path, ear: Ear, api: StandIn) -> None:
        self.project = HostileProject(folder / "hostile", folder / "marks", ear)
        self.ear, self.api = ear, api
        (folder / "home").mkdir()
        self.key = make_secret("api-key")
        self.env = {
            "HOME": str(folder / "home"),
            "KEYTURN_HOME": str(folder / "keyturn"),
            "LANG": "C.UTF-8",
            "PATH": f".:bin::{Path(sys.executable).parent}:/usr/bin:/bin",
            "ANTHROPIC_API_KEY": self.key,
            "ANTHROPIC_BASE_URL": api.origin,
        }

    def run(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [KEYTURN, *words],
            cwd=self.project.folder,
            env={**self.env, **variables},
            input="Hello" if not words else "",
            capture_output=True,
            text=True,
            timeout=LONG,
            check=False,
        )

    def run_for_a_while(self, *words: str) -> str:
        """Start it, wait for its first line, interrupt it, and wait for its end."""
        with subprocess.Popen(
            [KEYTURN, *words], cwd=self.project.folder, env=self.env, stdout=subprocess.PIPE, text=True
        ) as program:
            assert program.stdout is not None
            first = program.stdout.readline()
            program.send_signal(signal.SIGINT)
            return first + program.communicate(timeout=LONG)[0]

    def nothing_happened(self) -> None:
        assert self.project.ran() == []
        assert self.ear.heard() == []


@pytest.fixture
def visit(tmp_path: Path) -> Iterator[Visit]:
    with Ear() as ear, StandIn() as api:
        yield Visit(tmp_path.resolve(), ear, api)


@pytest.mark.proves("T1", "T4", "T6", "T7")
@pytest.mark.parametrize("name", COMMANDS, ids=str)
def test_no_command_runs_or_sends_anything_for_a_hostile_project(visit: Visit, name: str) -> None:
    words = WORDS.get(name, [name])
    if name in LASTING:
        assert visit.run_for_a_while(*words)
    else:
        done = visit.run(*words)
        shown = done.stderr if name == "token" else done.stdout + done.stderr
        assert leaks(shown) == []
        assert "this should not have happened" not in done.stderr
    visit.nothing_happened()
    if name in ASKING:
        # they did what they are for: the key went where the person has pointed it
        assert visit.key in {seen.headers.get("x-api-key") for seen in visit.api.requests}
    assert not (visit.project.folder / "keyturn-home").exists()


@pytest.mark.proves("T1", "T6")
@pytest.mark.parametrize("words", VERSIONS, ids=" ".join)
def test_asking_for_help_does_not_either(visit: Visit, words: list[str]) -> None:
    assert visit.run(*words).returncode == 0
    visit.nothing_happened()


@pytest.mark.proves("T1", "T4")
def test_no_proxy_or_certificate_of_a_hostile_project_turns_traffic(visit: Visit) -> None:
    # not the machine's own names for itself, which pass no proxy; and nobody listens there
    away = "https://127.0.0.2:9"
    for words in (["-p", "Hello"], ["status", "--verify"]):
        done = visit.run(*words, ANTHROPIC_BASE_URL=away)
        assert done.returncode == 6, done.stderr
    visit.nothing_happened()


@pytest.mark.proves("T1")
def test_what_was_ignored_is_named(visit: Visit) -> None:
    said = visit.run("explain").stdout
    for name in ("settings.json", "settings.local.json"):
        assert f"ignored: project settings not trusted ({visit.project.folder}/.claude/{name})" in said
    assert "keyturn trust" in said
    ignored = visit.run("explain", "--json").stdout
    assert str(visit.project.folder / ".claude" / "settings.json") in ignored
    visit.nothing_happened()


@pytest.mark.proves("T1", "T15")
def test_a_damaged_hostile_project_stops_no_command(visit: Visit) -> None:
    for data in (b"{", b"\xff\xfe\x00", b"[" * 1_000_000, b'{"apiKeyHelper": ' + b"1" * 10_000 + b"}"):
        (visit.project.folder / ".claude" / "settings.json").write_bytes(data)
        done = visit.run("token")
        assert (done.returncode, done.stdout) == (0, f"{visit.key}\n")
    visit.nothing_happened()


@pytest.mark.proves("T5")
@pytest.mark.parametrize("kind", ["pipe", "loop", "directory", "huge"])
def test_what_is_no_settings_file_delays_no_command(visit: Visit, kind: str) -> None:
    path = visit.project.folder / ".claude" / "settings.json"
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "loop":
        path.symlink_to(path.name)
    elif kind == "directory":
        path.mkdir()
    else:
        with path.open("wb") as file:
            file.truncate(1 << 40)
    assert visit.run("token").stdout == f"{visit.key}\n"
    assert visit.run("explain").returncode == 0
    if kind == "huge":
        path.unlink()  # nobody could look through it for secrets
    visit.nothing_happened()


@pytest.mark.proves("T3", "T4")
def test_looking_at_a_hostile_project_runs_nothing_and_grants_nothing(visit: Visit) -> None:
    for words in (["trust"], ["trust", "--json"], ["trust", "--list"], ["untrust"]):
        visit.run(*words)
    shown = visit.run("trust").stdout
    for name in ("LD_PRELOAD", "PATH", "HTTPS_PROXY", "KEYTURN_HOME", "ANTHROPIC_API_KEY", "BROWSER"):
        assert f"never taken from a project: {name}" in shown
    assert visit.run("trust", "--list").stdout == "no project is trusted\n"
    visit.nothing_happened()


@pytest.mark.proves("T1", "T6")
def test_a_session_in_a_hostile_project_runs_nothing_of_it(visit: Visit) -> None:
    inside = ["/bin/sh", "-c", 'cd "$1" && exec "$2"', "sh", str(visit.project.folder), KEYTURN]
    with PtyScreen(inside, visit.env) as screen:
        screen.wait_for_prompt()
        screen.enter("/explain")
        screen.wait_for("project settings not trusted")
        screen.enter("/exit")
        assert screen.ended() == 0
        assert leaks(bytes(screen.raw)) == []
    visit.nothing_happened()


@pytest.mark.proves("T2", "T4")
def test_a_trap_is_live_the_helper_runs_once_it_is_trusted(visit: Visit) -> None:
    """The tests above would be worth nothing if these commands could not run at all."""
    (visit.project.folder / ".claude" / "settings.json").write_text("{}")
    assert visit.run("trust", "--yes", ".").returncode == 0
    visit.run("token")
    assert visit.project.ran() == ["local-helper"]


@pytest.mark.proves("T2", "T4")
def test_the_ear_hears_once_the_host_is_trusted(visit: Visit) -> None:
    settings = visit.project.folder / ".claude" / "settings.json"
    (visit.project.folder / ".claude" / "settings.local.json").unlink()
    settings.write_text(f'{{"env": {{"ANTHROPIC_BASE_URL": "{visit.ear.origin}"}}}}')
    assert visit.run("trust", "--yes", ".").returncode == 0
    with subprocess.Popen(
        [KEYTURN, "status", "--verify"],
        cwd=visit.project.folder,
        env=visit.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as program:
        heard: list[bytes] = []
        while not heard and program.poll() is None:
            heard = visit.ear.heard()
        program.kill()
    assert any(visit.key.encode() in piece for piece in heard)
    assert visit.project.ran() == []
