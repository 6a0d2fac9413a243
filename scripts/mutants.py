"""Take one mechanism of renewal out at a time, and see whether the tests that carry its number notice.

Each mutant is a small change of text, made in a copy of the tree. `python -m scripts.mutants [NUMBER …]`
prints a table: killed, survived, or stale (the text to change is no longer there); ends with 1 unless all
are killed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.mutations_renewal import RENEWAL
from scripts.mutations_stores import STORES
from scripts.requirements import proofs_of_tests

if TYPE_CHECKING:
    from scripts.mutant import Mutant

MUTANTS = (*RENEWAL, *STORES)
ROOT = Path(__file__).resolve().parents[1]
LIMIT_SECONDS = 600.0
FOLDERS = ("src", "tests", "scripts", "docs", "requirements")
FILES = ("pyproject.toml", "README.md", "Makefile")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one mutant, and by which test."""

    mutant: Mutant
    result: str
    by: str


def main(wanted: list[str]) -> int:
    """Try the mutants that carry one of the numbers, or all."""
    chosen = [mutant for mutant in MUTANTS if not wanted or set(wanted) & set(mutant.numbers)]
    proofs: dict[str, set[str]] = {}
    for proof in proofs_of_tests(ROOT):
        if proof.test.startswith("tests/unit/"):
            proofs.setdefault(proof.number, set()).add(proof.test)
    verdicts = []
    print("| number | taken out | result | by |\n|---|---|---|---|")
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for verdict in pool.map(lambda mutant: tried(mutant, proofs), chosen):
            numbers = " ".join(verdict.mutant.numbers)
            print(f"| {numbers} | {verdict.mutant.what} | {verdict.result} | {verdict.by} |", flush=True)
            verdicts.append(verdict)
    killed = sum(verdict.result == "killed" for verdict in verdicts)
    print(f"\n{len(verdicts)} mutants, {killed} killed")
    return 0 if killed == len(verdicts) else 1


def tried(mutant: Mutant, proofs: dict[str, set[str]]) -> Verdict:
    """Run the unit tests that carry the mutant's numbers against it.

    Those of the rarest number first, the stateful ones last: the first that fails ends it.
    """
    rarity = {
        test: min(len(proofs[one]) for one in mutant.numbers if test in proofs.get(one, ()))
        for number in mutant.numbers
        for test in proofs.get(number, ())
    }
    tests = sorted(rarity, key=lambda test: ("stateful" in test, rarity[test], test))
    with tempfile.TemporaryDirectory(prefix="keyturn-mutant-") as folder:
        copy = Path(folder)
        for name in FOLDERS:
            shutil.copytree(
                ROOT / name,
                copy / name,
                ignore=shutil.ignore_patterns("node_modules", "__pycache__", "artefacts"),
            )
        for name in FILES:
            shutil.copy(ROOT / name, copy / name)
        changed = copy / "src" / "keyturn" / mutant.file
        text = changed.read_text(encoding="utf-8")
        if text.count(mutant.old) != 1:
            return Verdict(mutant, "stale", f"{mutant.file}: {text.count(mutant.old)} places")
        changed.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
        return Verdict(mutant, *run(copy, tests))


def run(copy: Path, tests: list[str]) -> tuple[str, str]:
    """The result, and the first test that noticed."""
    if not tests:
        return "survived", "no unit test carries the number"
    env = {
        **os.environ,
        "PYTHONPATH": str(copy / "src"),
        "KEYTURN_SOAK": "200",
        "KEYTURN_FIRST_FAULT": "1",
    }
    argv = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(
            argv, cwd=copy, timeout=LIMIT_SECONDS, env=env, capture_output=True, text=True, check=False
        )
    except subprocess.TimeoutExpired:
        return "survived", f"{len(tests)} tests, none of which had failed after {LIMIT_SECONDS:.0f} s"
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    if done.returncode == 1 and failed:
        return "killed", failed[0].split(" - ")[0].split("::", 1)[-1]
    if done.returncode == 0:
        return "survived", f"{len(tests)} tests"
    return "broken", (done.stdout + done.stderr).strip().splitlines()[-1][:100]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
