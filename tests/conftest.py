"""What holds for every test: no secret may show (T19), and where CI is true nothing may be skipped."""

from __future__ import annotations

import os
import re
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import secretscan

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from tests.servers import OidcProvider
    from tests.servers.glewlwyd import Glewlwyd
    from tests.servers.secret_service import SecretService

ARTEFACTS = Path(__file__).parent / "artefacts"

_captured: list[tuple[str, str]] = []  # what a test printed and nobody read, with its name
_arguments: set[str] = set()  # the command lines of every program that a test started


# -- the secret scan


def pytest_configure(config: pytest.Config) -> None:
    """Begin this run's own list of secrets; a run inside a test has its own."""
    descriptor, name = tempfile.mkstemp(prefix=secretscan.REGISTRY_PREFIX)
    os.close(descriptor)
    config.stash[_outer_registry] = os.environ.get(secretscan.REGISTRY)
    os.environ[secretscan.REGISTRY] = name
    config.stash[_began] = time.time()
    sys.addaudithook(_note_arguments)
    _heed_signals()


def _heed_signals() -> None:
    """Let the programs that tests start hear Ctrl-C and a hang-up, also when this run itself does not.

    Whoever starts a run in the background of a script, or under nohup, hands on that these are ignored.
    """
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, handler)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Forget the list of secrets."""
    Path(os.environ.pop(secretscan.REGISTRY)).unlink()
    outer = config.stash.get(_outer_registry, None)
    if outer is not None:
        os.environ[secretscan.REGISTRY] = outer


_outer_registry = pytest.StashKey[str | None]()
_began = pytest.StashKey[float]()


def _note_arguments(event: str, args: tuple[Any, ...]) -> None:
    if event in {"subprocess.Popen", "os.exec", "os.posix_spawn"}:
        words = args[1]
        _arguments.add(words if isinstance(words, str) else " ".join(os.fsdecode(word) for word in words))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep what the test printed, logged or failed with."""
    _captured.extend((report.nodeid, text) for _, text in report.sections)
    if report.failed:
        _captured.append((report.nodeid, report.longreprtext))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Look for every secret everywhere; each place where one shows is an error of the whole run."""
    scan = secretscan.Scan.of_registry(Path(os.environ[secretscan.REGISTRY]))
    places = [(f"output of {name}", scan.find(text)) for name, text in _captured]
    places += [
        (f"arguments of {command.split()[0]}", scan.find(command)) for command in _arguments if command
    ]
    factory: pytest.TempPathFactory = session.config._tmp_path_factory  # type: ignore[attr-defined]
    for folder in (factory.getbasetemp(), ARTEFACTS):
        places += [(f"file {path}", kinds) for path, kinds in scan.find_in_files(folder)]
    places += _of_this_machine(scan, session.config.stash[_began])
    shown = sorted({f"{place}: {', '.join(kinds)}" for place, kinds in places if kinds})
    if not shown:
        return
    report = pytest.TestReport(
        nodeid="no secret shows (T19)",
        location=("tests/conftest.py", None, "no secret shows (T19)"),
        keywords={},
        outcome="failed",
        longrepr="A secret that a test made shows in:\n" + "\n".join(f"  {line}" for line in shown),
        when="teardown",
    )
    session.config.hook.pytest_runtest_logreport(report=report)
    session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _of_this_machine(scan: secretscan.Scan, since: float) -> Iterator[tuple[str, list[str]]]:
    """Where else a secret could have got to: this process, its core files, the temporary folder (T9, T17)."""
    yield from ((f"environment: {name}", scan.find(value)) for name, value in os.environ.items())
    for name in ("environ", "cmdline"):  # what other processes see of this one
        try:
            yield f"/proc/self/{name}", scan.find(Path(f"/proc/self/{name}").read_bytes())
        except OSError:
            continue  # no Linux
    for core in Path.cwd().glob("core*"):
        if core.is_file() and core.stat().st_mtime >= since:
            yield f"core file {core}", scan.find(core.read_bytes())
    for path, kinds in scan.find_left_behind(Path(tempfile.gettempdir()), since):
        yield f"left behind {path}", kinds


# -- nothing is skipped in CI


def _nothing_may_be_skipped() -> bool:
    return os.environ.get("CI", "").lower() not in {"", "0", "false"}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure where CI is true: a test that does not run there runs nowhere."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and _nothing_may_be_skipped():
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and CI is true: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn the skip of a whole file into a failure where CI is true."""
    report = yield
    if report.skipped and _nothing_may_be_skipped():
        report.outcome = "failed"
        report.longrepr = f"{collector.nodeid} was skipped, and CI is true: {report.longrepr}"
    return report


# -- real servers, each started by the test that asks for it


@pytest.fixture
def oidc_provider(tmp_path: Path) -> Iterator[OidcProvider]:
    """The certified authorization server on a free loopback port, new for this test."""
    from tests.servers import OidcProvider

    with OidcProvider(log_folder=tmp_path) as provider:
        yield provider


@pytest.fixture
def glewlwyd(tmp_path: Path) -> Iterator[Glewlwyd]:
    """Debian's authorization server on a free loopback port, new for this test."""
    from tests.servers.glewlwyd import Glewlwyd

    with Glewlwyd(folder=tmp_path / "glewlwyd") as server:
        yield server


@pytest.fixture
def secret_service() -> Iterator[SecretService]:
    """An unlocked secret service on a bus of its own; `.env` is what a program needs to find it."""
    from tests.servers.secret_service import SecretService

    with SecretService("unlocked") as service:
        yield service


@pytest.fixture
def artefacts(request: pytest.FixtureRequest) -> Path:
    """A folder for what a person wants to look at after the run, such as screenshots; empty at the start."""
    folder = ARTEFACTS / re.sub(r"[^A-Za-z0-9_]+", "-", str(request.node.name)).strip("-")
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    return folder
