"""A real small file system that fills up, or is closed, in the middle of a renewal.

Expected in every row, written down before the first was tried: the program that renews gets its token, the
record is as it was before or whole, the next program gets the same token without a request, and when the
harm is undone the login is saved, by one request in all.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from keyturn.sandbox import Sandbox
from tests.logins import store_login
from tests.places import AS_ROOT, NOBODY
from tests.secretscan import leaks, register
from tests.terminals import LONG

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.system, AS_ROOT]

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(on_secret=register) as running:
        yield running


def suffer(sandbox: Sandbox, folder: Path, harm: str, options: str, *before: str) -> dict[str, Any]:
    """Renew on a tmpfs with these options, in a mount namespace that ends with the process."""
    made = folder / "made"
    made.mkdir(mode=0o700)
    store_login(sandbox, made, expires_at=1.0, issued_at=0.5)
    record = (made / "logins" / "default.json").read_bytes()
    with tempfile.TemporaryDirectory(prefix="keyturn-small-") as home:
        mount = f'mount -t tmpfs -o {options} tmpfs "$0" && exec "$@"'
        program = [*before, sys.executable, "-m", "tests.crash.mounted", harm]
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", mount, home, *program],
            input=record,
            capture_output=True,
            env={**os.environ, "KEYTURN_HOME": home, "HOME": home, "PYTHONDONTWRITEBYTECODE": "1"},
            cwd=ROOT,
            timeout=LONG,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        assert os.listdir(home) == []  # noqa: PTH208 - it was mounted elsewhere
    assert leaks(done.stdout + done.stderr) == []
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.proves("L15", "I2", "I5")
@pytest.mark.parametrize(
    ("harm", "options", "before"),
    [
        ("no byte free", "size=192k,mode=0700", ()),
        ("no inode free", "size=1m,nr_inodes=24,mode=0700", ()),
        (
            "closed to its user",
            f"size=1m,mode=0700,uid={NOBODY},gid={NOBODY}",
            ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
        ),
    ],
)
def test_the_token_is_kept_beside_the_record_until_that_can_be_written(
    tmp_path: Path, sandbox: Sandbox, harm: str, options: str, before: tuple[str, ...]
) -> None:
    found = suffer(sandbox, tmp_path, harm, options, *before)
    token = found["renewing"]["token"]
    assert found["renewing"]["record"] == found["before"]
    assert found["meanwhile"]["record"] == found["before"]
    assert found["meanwhile"]["token"] == token
    assert found["afterwards"]["token"] == found["at last"]["token"] == token
    assert found["afterwards"]["record"] != found["before"]
    assert found["at last"]["record"] == found["afterwards"]["record"]
    assert found["at last"]["left"] == []
    assert len(sandbox.log.refreshes()) == 1


@pytest.mark.proves("L6", "I5")
def test_while_a_renewal_holds_its_lock_the_kernel_remounts_nothing_read_only(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    found = suffer(sandbox, tmp_path, "remounted read-only", "size=1m,mode=0700")
    assert "busy" in found["refusals"][0]
    assert len({found[who]["token"] for who in ("renewing", "meanwhile", "afterwards", "at last")}) == 1
    assert found["renewing"]["record"] != found["before"]
    assert len(sandbox.log.refreshes()) == 1
