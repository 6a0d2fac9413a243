"""32 programs find at the same instant that the stored login cannot be used."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING, TypeVar

from bench.clients import TITLES, client_named
from bench.judge import Judge, fingerprint
from bench.peers import versions
from bench.pen import Pen
from bench.processes import BIN, ROOT, clean_environment
from bench.result import TIMES, Budget, Result, Table, in_pairs, package

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench.judge import Trial

COUNT = 32
RUNS = 20
PEER_RUNS = 5  # of clients that end in the same way every time, and take their time for it
PEER_STARTS = 2  # 32 SDKs take half a minute to start
ANSWER_SECONDS = 0.05
FALSE_STARTS = 5
Item = TypeVar("Item")
OURS, FLOOR = "keyturn", "reference"
CASES = {
    "expired": f"{COUNT} running programs, the token has expired",
    "rejected": f"{COUNT} running programs, the API has answered 401 to all",
    "started": f"{COUNT} programs started together on an expired login",
}
NOTES = (
    "Authlib and huggingface_hub have no answer to a 401 from the API.",
    "Programs that take seconds to start hardly meet: what the SDK's do in the third table differs by run.",
)


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one client, as the judge counted it."""

    client: str
    requests: int
    without: int  # programs that had no working token in the end
    lost: bool  # the login is revoked: a person has to log in again
    seconds: float  # from the gun to the last answer


def run(peers: str | None = None) -> Result:
    """All three cases, each client in turn in every round."""
    names = [OURS, FLOOR, "sdk", "authlib", *(["hub"] if peers else [])]
    with Judge() as judge, contextlib.ExitStack() as stack:
        pens = []
        for name in names:
            python = peers if peers and name == "hub" else sys.executable
            pens.append(stack.enter_context(Pen(name, judge.origin, COUNT, python)))
            pens[-1].warm([judge.new_login(0).login(seconds_left=-60) for _ in range(COUNT + 1)])
        found = {
            "expired": _races(judge, pens, rejected=False),
            "rejected": _races(judge, [pen for pen in pens if client_recovers(pen.client)], rejected=True),
        }
    with Judge() as judge:
        found["started"] = _starts(judge, [OURS, FLOOR, "sdk", "authlib"])
    return Result(
        name="stampede",
        title=f"{COUNT} programs at once on one login",
        method="A strict server in a process of its own: it answers after "
        f"{ANSWER_SECONDS * 1e3:g} ms, each refresh token works once, and a second use revokes the login "
        f"with all its tokens. {RUNS} runs of keyturn and of the floor ({PEER_RUNS} of the peers; "
        f"{PEER_STARTS} where they are started), in turn. Running programs and their login have renewed "
        "before; they go off at one instant of the clock. The floor is 60 lines of standard library: a "
        "kernel lock and one more look under it, no checks and no journal.",
        tables=tuple(_table(CASES[case], runs) for case, runs in found.items()),
        budgets=tuple(budget for case, runs in found.items() for budget in _budgets(case, runs)),
        notes=NOTES,
        numbers={
            "runs": {case: [asdict(one) for one in runs] for case, runs in found.items()},
            "versions": [package("anthropic"), package("authlib"), *(versions() if peers else [])],
        },
    )


def client_recovers(name: str) -> bool:
    """Whether a client has an answer to a 401."""
    return client_named(name).recovers_from_401


def _races(judge: Judge, pens: Sequence[Pen], *, rejected: bool) -> list[Run]:
    runs = []
    for number in range(RUNS):
        for pen in _in_turn(pens, number):
            if not _takes_part(pen.client, number, PEER_RUNS):
                continue
            runs.append(_race(judge, pen, rejected=rejected))
    return runs


def _race(judge: Judge, pen: Pen, *, rejected: bool) -> Run:
    for _ in range(FALSE_STARTS):
        trial = judge.new_login(ANSWER_SECONDS)
        if rejected:
            trial.reject_access_tokens()
        rows = pen.race(trial.login(seconds_left=3600 if rejected else -60), rejected=rejected)
        if not any(row["late"] for row in rows):
            tokens = [row.get("token") for row in rows]
            return _judged(pen.client, trial, tokens, max(row["seconds"] for row in rows))
        print(f"{pen.client}: a program was not ready at the gun; again", file=sys.stderr)
    raise RuntimeError(f"{pen.client}: {FALSE_STARTS} false starts; the machine is too busy to measure")


def _starts(judge: Judge, names: Sequence[str]) -> list[Run]:
    runs = []
    for number in range(RUNS):
        for name in _in_turn(names, number):
            if not _takes_part(name, number, PEER_STARTS):
                continue
            trial = judge.new_login(ANSWER_SECONDS)
            home = tempfile.mkdtemp(prefix="bench-")
            client_named(name).keep(home, trial.login(seconds_left=-60), judge.origin)
            argv = [str(BIN / "python"), "-m", "bench.ask", name, home, judge.origin]
            if name == OURS:
                argv = [str(BIN / "keyturn"), "token"]
            tokens, seconds = _started(argv, clean_environment(home, KEYTURN_HOME=home))
            shutil.rmtree(home)
            runs.append(_judged(name, trial, tokens, seconds))
    return runs


def _started(argv: Sequence[str], env: dict[str, str]) -> tuple[list[str | None], float]:
    """The fingerprints of what all of them print, and the seconds until the last one has ended."""
    start = time.perf_counter()
    programs = [
        subprocess.Popen(
            argv, env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        for _ in range(COUNT)
    ]
    printed = [program.communicate()[0].strip() for program in programs]
    seconds = time.perf_counter() - start
    return [fingerprint(text) if text else None for text in printed], seconds


def _judged(client: str, trial: Trial, tokens: Iterable[object], seconds: float) -> Run:
    verdict = trial.verdict()
    accepted = set(verdict["accepted"])
    return Run(
        client=client,
        requests=verdict["requests"],
        without=sum(token not in accepted for token in tokens),
        lost=not verdict["alive"],
        seconds=seconds,
    )


def _in_turn(items: Sequence[Item], number: int) -> list[Item]:
    turn = number % len(items)
    return [*items[turn:], *items[:turn]]


def _takes_part(client: str, number: int, runs: int) -> bool:
    return client in (OURS, FLOOR) or number % (RUNS // runs) == 0


def _table(title: str, runs: Sequence[Run]) -> Table:
    rows = []
    for name in dict.fromkeys(
        run.client for run in sorted(runs, key=lambda run: list(TITLES).index(run.client))
    ):
        mine = [run for run in runs if run.client == name]
        rows.append(
            (
                f"**{TITLES[name]}**" if name == OURS else TITLES[name],
                str(len(mine)),
                _counts([run.requests for run in mine]),
                _counts([run.without for run in mine]),
                str(sum(run.lost for run in mine)),
                f"{median(run.seconds for run in mine) * 1e3:.0f}",
                f"{_ratio(runs, name):.2f}",
            )
        )
    heads = (
        "client",
        "runs",
        "requests",
        "without a token",
        "logins lost",
        "ms to the last",
        f"{TIMES} the floor",
    )
    return Table(title, heads, tuple(rows))


def _counts(counts: Sequence[int]) -> str:
    return str(counts[0]) if len(set(counts)) == 1 else f"{min(counts)} to {max(counts)}"


def _ratio(runs: Sequence[Run], name: str) -> float:
    mine = [run.seconds for run in runs if run.client == name]
    floor = [run.seconds for run in runs if run.client == FLOOR]
    return in_pairs(mine, floor[:: len(floor) // len(mine)])


def _budgets(case: str, runs: Sequence[Run]) -> list[Budget]:
    mine = [run for run in runs if run.client == OURS]
    what = CASES[case]
    worst, without = max(run.requests for run in mine), sum(run.without for run in mine)
    budgets = [
        Budget(f"{what}: requests in the worst of {len(mine)} runs", 1, worst, ""),
        Budget(f"{what}: left without a working token, in all runs", 0, without, ""),
        Budget(f"{what}: logins lost", 0, sum(run.lost for run in mine), ""),
    ]
    if case == "started":
        return budgets
    return [*budgets, Budget(f"{what}: time to the last token, of the floor's", 1.5, _ratio(runs, OURS))]
