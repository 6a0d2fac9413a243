"""The model of renewal in docs/model: spin finds no fault in it, and one in it without each mechanism."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.servers import need

MODEL = Path(__file__).parents[2] / "docs" / "model" / "renewal.pml"
SMALL = ("K=2", "CRASHES=1", "FULL=0", "LOGINS=0")

pytestmark = pytest.mark.system


def check(folder: Path, *defines: str, always: bool = False) -> str:
    """What spin says of the model: its safety, or with `always` that everybody gets an answer."""
    flags = [f"-D{define}" for define in defines]
    subprocess.run([need("spin", "spin"), *flags, "-a", MODEL], cwd=folder, check=True, capture_output=True)
    kind = ["-DNFAIR=4"] if always else ["-DSAFETY", "-DNOCLAIM"]
    subprocess.run(
        [need("gcc", "gcc"), "-O1", "-w", "-DCOLLAPSE", *kind, "-o", "pan", "pan.c"], cwd=folder, check=True
    )
    done = subprocess.run(
        ["./pan", "-m100000", *(["-a", "-f"] if always else [])],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert "max search depth too small" not in done.stdout
    return done.stdout


@pytest.mark.proves("I1", "I2", "I3", "I4", "I5", "L13", "L15")
@pytest.mark.parametrize(
    "bounds",
    [
        ("K=2", "CRASHES=2"),
        ("K=3", "CRASHES=1", "FULL=0", "LOGINS=0"),
        ("K=2", "CRASHES=1", "GRACE"),
    ],
    ids=" ".join,
)
def test_the_protocol_has_no_fault_in_any_order_of_steps(tmp_path: Path, bounds: tuple[str, ...]) -> None:
    said = check(tmp_path, *bounds)
    assert "errors: 0" in said, said


@pytest.mark.proves("L2", "L10", "I3")
def test_a_lock_that_is_granted_twice_overwrites_nothing_newer(tmp_path: Path) -> None:
    said = check(tmp_path, "K=2", "CRASHES=0", "LOSSES=0", "FULL=1", "SPLIT_LOCK")
    assert "errors: 0" in said, said


@pytest.mark.proves("I5")
def test_everybody_gets_an_answer_whoever_dies(tmp_path: Path) -> None:
    said = check(tmp_path, *SMALL, always=True)
    assert "errors: 0" in said, said


@pytest.mark.parametrize(
    ("without", "fault"),
    [
        (("NO_LOCK",), "assertion violated  !(known[mine])"),
        (("NO_REREAD",), "assertion violated  !(known[mine])"),
        (("NO_INTENT",), "assertion violated (attempt>1)"),
        (("NO_RESCUE",), "assertion violated  !(known[mine])"),
        (("OWN_IDENTITY",), "assertion violated  !(known[mine])"),
        (("SPLIT_LOCK", "NO_CAS"), "assertion violated (stored==over)"),
        (("LOCK_OUTLIVES",), "invalid end state"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_without_a_mechanism_its_race_is_found(tmp_path: Path, without: tuple[str, ...], fault: str) -> None:
    said = check(tmp_path, "K=2", *without)
    assert fault in said, said


def test_a_lock_that_outlives_its_holder_makes_others_wait_for_ever(tmp_path: Path) -> None:
    said = check(tmp_path, *SMALL, "LOCK_OUTLIVES", always=True)
    assert "acceptance cycle" in said, said
