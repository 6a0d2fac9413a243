"""keyturn against a server that forgives nothing, in every case that logs others out, at five sizes."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bench.clients import client_named
from bench.crowd import STOP_SECONDS, Crowd
from bench.judge import Judge, fingerprint
from bench.processes import BIN, ROOT, clean_environment
from bench.result import Budget, Result, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.judge import Trial

ANSWER_SECONDS = 0.05
STOPPED_RUNS = 5  # each lasts longer than twelve seconds
LOST = "the answer to its renewal was lost at"


@dataclass(frozen=True, slots=True)
class Case:
    """What happens, and what is expected of every run of it: written before the first one."""

    words: str
    requests: range = range(1, 2)
    lost: bool = False  # the login ends, and every program says why
    may_be_lost: bool = False  # a kill between the server's rotation and our write: nobody can close that
    server: dict[str, Any] = field(default_factory=dict)
    rejected: bool = False
    again: bool = False
    harm: str = ""

    def expected(self) -> tuple[str, ...]:
        """Its row in the table of what is expected."""
        requests = " or ".join(map(str, self.requests))
        if self.lost:
            return self.words, requests, "all, and each says why", "1", "0"
        lost = "0, or 1 that says why" if self.may_be_lost else "0"
        return self.words, requests, "0, or all when lost" if self.may_be_lost else "0", lost, "1"


CASES = {
    "expired": Case("the token has expired"),
    "rejected": Case("the API has answered 401 to all", rejected=True),
    "started": Case("programs started together on an expired login"),
    "stopped": Case(f"the holder of the lock is stopped for {STOP_SECONDS:g} s", harm="stop"),
    "grace": Case(
        "the answer is lost, a server with a grace period; all ask again",
        requests=range(2, 3),
        server={"grace": 3600.0, "lost_answers": 1},
        again=True,
    ),
    "strict": Case(
        "the answer is lost, a strict server; all ask again",
        requests=range(2, 3),
        lost=True,
        server={"lost_answers": 1},
        again=True,
    ),
    "fault": Case("one 503; all ask again", requests=range(2, 3), server={"faults": 1}, again=True),
    "killed": Case(
        "the holder of the lock is killed, at a random moment",
        requests=range(1, 3),
        may_be_lost=True,
        harm="kill",
    ),
}


@dataclass(frozen=True, slots=True)
class Size:
    """How many ask."""

    processes: int
    threads: int
    runs: int

    @property
    def words(self) -> str:
        """For a table."""
        threads = f" \N{MULTIPLICATION SIGN} {self.threads} threads" if self.threads > 1 else ""
        return f"{self.processes} processes{threads}"


SIZES = (Size(2, 1, 200), Size(8, 1, 200), Size(32, 1, 20), Size(128, 1, 20), Size(8, 50, 20))
SHORT_RUNS = 2


@dataclass(frozen=True, slots=True)
class Run:
    """One run, as the judge and the programs counted it."""

    requests: int
    without: int  # who asked, lives, and has no token that works
    lost: bool  # the login has ended: a person has to log in again
    unexplained: int  # of those without a token, the ones that do not say that an answer was lost
    tokens: int  # how many different ones there are
    gone: int  # requests whose sender was dead before they were looked at

    def as_expected(self, case: Case) -> bool:
        """Whether it is what the table says."""
        if self.requests not in case.requests:
            return False
        if case.lost or (case.may_be_lost and self.lost):
            return self.lost and self.without > 0 and not self.unexplained and not self.tokens
        return not self.lost and not self.without and self.tokens == 1


Found = dict[str, dict[str, list[Run]]]


def run(_peers: str | None = None, *, short: bool = False, minutes: float = 0) -> Result:
    """Every size with every case in turn, all sizes beside one another; no run begins after `minutes`."""
    end = time.monotonic() + minutes * 60 if minutes else float("inf")
    found: Found = {name: {size.words: [] for size in SIZES} for name in CASES}
    with ThreadPoolExecutor(len(SIZES)) as pool:
        lanes = [pool.submit(_lane, size, found, SHORT_RUNS if short else size.runs, end) for size in SIZES]
        for lane in lanes:
            lane.result()
    return Result(
        name="campaign",
        title="Every way to lose a login",
        method="keyturn alone, against the strict server of the stampede, judged by counts. All ask at one "
        f"instant, and the server takes {ANSWER_SECONDS * 1e3:g} ms. What is expected of every run was "
        "written down first; a single deviation fails the bench. The sizes run beside one another on the "
        "same cores, so nothing is timed. Where all ask again, the pause that the first failure asks for is "
        "put into the past. The stop and the kill come at a random moment of the first "
        "80 ms after the lock was taken; a request whose sender is dead when it is looked at spends "
        f"nothing. Wanted were {_wanted(short=short)}; the tables say what was run.",
        tables=(
            Table(
                "Expected of every run",
                ("case", "requests", "without a token", "logins lost", "different tokens"),
                tuple(case.expected() for case in CASES.values()),
            ),
            *(_table(CASES[name].words, runs) for name, runs in found.items()),
        ),
        budgets=tuple(_budget(CASES[name], runs) for name, runs in found.items()),
        notes=(_killed_note(found),),
        numbers={
            "runs": {
                name: {size: _tally(runs) for size, runs in sizes.items()} for name, sizes in found.items()
            }
        },
    )


def _lane(size: Size, found: Found, runs: int, end: float) -> None:
    with Judge() as judge, Crowd("keyturn", judge.origin, size.processes, size.threads) as crowd:
        crowd.warm([judge.new_login(0).login(seconds_left=-60) for _ in range(size.processes + 1)])
        for number in range(runs):
            for name, case in CASES.items():
                if time.monotonic() > end:
                    return
                if case.harm == "stop" and number >= STOPPED_RUNS:
                    continue
                one = _one(name, case, size, judge, crowd)
                found[name][size.words].append(one)
                if not one.as_expected(case):
                    print(f"not as expected: {case.words}, {size.words}: {one}", file=sys.stderr)


def _one(name: str, case: Case, size: Size, judge: Judge, crowd: Crowd) -> Run:
    trial = judge.new_login(ANSWER_SECONDS, **case.server)
    if name == "started":
        return _started(trial, size, judge.origin)
    if case.rejected:
        trial.reject_access_tokens()
    login = trial.login(seconds_left=3600 if case.rejected else -60)
    rows = crowd.ask(login, rejected=case.rejected, again=case.again, harm=case.harm)
    tokens: Counter[str] = sum((Counter(row["tokens"]) for row in rows), Counter())
    errors: Counter[str] = sum((Counter(row["errors"]) for row in rows), Counter())
    return _judged(trial, tokens, errors, asked=len(rows) * size.threads)


def _started(trial: Trial, size: Size, origin: str) -> Run:
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        client_named("keyturn").keep(home, trial.login(seconds_left=-60), origin)
        argv = [str(BIN / "keyturn"), "token"]
        if size.threads > 1:
            argv = [sys.executable, "-m", "bench.ask", "keyturn", home, origin, str(size.threads)]
        env = clean_environment(home, KEYTURN_HOME=home)
        pipe = subprocess.PIPE
        programs = [
            subprocess.Popen(argv, env=env, cwd=ROOT, stdout=pipe, stderr=pipe, text=True)
            for _ in range(size.processes)
        ]
        told = [program.communicate() for program in programs]
    tokens = Counter(fingerprint(token) for printed, _ in told for token in printed.split())
    errors = Counter(complaint for _, complaint in told if complaint)
    return _judged(trial, tokens, errors, asked=size.processes * size.threads)


def _judged(trial: Trial, tokens: Counter[str], errors: Counter[str], *, asked: int) -> Run:
    verdict = trial.verdict()
    working = sum(tokens[token] for token in verdict["accepted"])
    return Run(
        requests=verdict["requests"],
        without=asked - working,
        lost=not verdict["alive"],
        unexplained=asked - working - sum(count for text, count in errors.items() if LOST in text),
        tokens=len(tokens),
        gone=verdict["gone"],
    )


def _table(title: str, sizes: dict[str, list[Run]]) -> Table:
    rows = []
    for words, runs in sizes.items():
        rows.append(
            (
                words,
                str(len(runs)),
                _range([one.requests for one in runs]),
                _range([one.without for one in runs]),
                str(sum(one.lost for one in runs)),
                _range([one.tokens for one in runs]),
            )
        )
    heads = ("who asks", "runs", "requests", "without a token", "logins lost", "different tokens")
    return Table(title[0].upper() + title[1:], heads, tuple(rows))


def _range(counts: Sequence[int]) -> str:
    if not counts:
        return "not run"
    return str(counts[0]) if len(set(counts)) == 1 else f"{min(counts)} to {max(counts)}"


def _budget(case: Case, sizes: dict[str, list[Run]]) -> Budget:
    runs = [one for found in sizes.values() for one in found]
    wrong = sum(not one.as_expected(case) for one in runs)
    return Budget(f"{case.words}: runs not as expected, of {len(runs)}", 0, wrong, "")


def _wanted(*, short: bool) -> str:
    if short:
        return f"{SHORT_RUNS} runs of each (the short form)"
    return f"200 runs for 2 and 8 processes, 20 for more, and {STOPPED_RUNS} wherever the holder is stopped"


def _killed_note(found: Found) -> str:
    runs = [one for sizes in found["killed"].values() for one in sizes]
    gone, lost = sum(one.gone > 0 for one in runs), sum(one.lost for one in runs)
    return (
        f"Of {len(runs)} kills, {gone} came between the request and the moment it was looked at. {lost} "
        "ended the login, with its one request repeated and every program saying why: on a strict server "
        "nobody survives a kill between the server's rotation and the write of its answer. That it is only "
        "there is what the crash sweep in renewal.md shows, call by call."
    )


def _tally(runs: Sequence[Run]) -> list[dict[str, int]]:
    """Equal runs are counted together."""
    names = Run.__slots__
    counted = Counter(tuple(int(getattr(one, name)) for name in names) for one in runs)
    return [{**dict(zip(names, key, strict=True)), "runs": count} for key, count in counted.items()]
