"""What `import keyturn` costs a program, and what it brings along."""

from __future__ import annotations

import sys
import tempfile
from statistics import median

from bench.processes import BIN, clean_environment, in_rounds, output
from bench.result import TIMES, Budget, Result, Table, in_pairs, package

ROUNDS = 21
SLOW_ROUNDS = 5
BARE = "`pass`"
KEYTURN = "`import keyturn`"
AUTH = "`from keyturn import Auth`"
SDK = "`import anthropic`"
HTTP = "`import httpx2`"
PROGRAMS = {
    BARE: "pass",
    KEYTURN: "import keyturn",
    AUTH: "from keyturn import Auth",
    HTTP: "import httpx2",
}
_STRANGERS = (
    "import sys; before = set(sys.modules); from keyturn import Auth; "
    "new = {name.partition('.')[0] for name in set(sys.modules) - before}; "
    "print(*sorted(new - sys.stdlib_module_names - {'keyturn'}))"
)


def run(_peers: str | None = None) -> Result:
    """Measure cold processes."""
    python = str(BIN / "python")
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        env = clean_environment(home)
        programs = {name: [python, "-c", code] for name, code in PROGRAMS.items()}
        times = in_rounds(programs, env, ROUNDS)
        slow = in_rounds({BARE: programs[BARE], SDK: [python, "-c", "import anthropic"]}, env, SLOW_ROUNDS)
        strangers = output([python, "-c", _STRANGERS], env).split()
    more = {name: _more(samples, times[BARE]) for name, samples in times.items() if name != BARE}
    more[SDK] = _more(slow[SDK], slow[BARE])
    ratios = {name: in_pairs(samples, times[BARE]) for name, samples in times.items()}
    ratios[SDK] = in_pairs(slow[SDK], slow[BARE])
    return Result(
        name="imports",
        title="Import",
        method=f"Cold processes, {ROUNDS} rounds in turn ({SLOW_ROUNDS} for the SDK); what each takes "
        "longer than `python -c pass` of the same environment in the same round, medians.",
        tables=(
            Table(
                "More than a bare interpreter",
                ("what", "ms more", f"{TIMES} whole process"),
                tuple((name, f"{more[name] * 1e3:.1f}", f"{ratios[name]:.2f}") for name in more),
            ),
        ),
        budgets=(
            Budget("`import keyturn`, more than a bare interpreter", 10, more[KEYTURN] * 1e3, "ms"),
            Budget("modules of third parties after `from keyturn import Auth`", 0, len(strangers), ""),
        ),
        numbers={
            "seconds": {**times, SDK: slow[SDK]},
            "third parties": strangers,
            "versions": [package("anthropic"), package("httpx2"), f"python {sys.version.split()[0]}"],
        },
    )


def _more(samples: list[float], bare: list[float]) -> float:
    return median(mine - other for mine, other in zip(samples, bare, strict=True))
