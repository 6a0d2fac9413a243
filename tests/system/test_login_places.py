"""Places that cannot be written: noticed before anybody is sent to a browser, and nothing is lost by it."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from keyturn.sandbox import Sandbox
from tests.keyturns import Household
from tests.secretscan import make_secret, register
from tests.servers import need

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from subprocess import CompletedProcess

pytestmark = pytest.mark.system

# Runs a program with KEYTURN_HOME on a small file system of its own, holding what KEYTURN_HOME held before,
# in the state that $1 names; says at the end whether the files there are still the same.
_PLACE = """
set -eu
cp -a "$KEYTURN_HOME" "$TMPDIR/before"
mount -t tmpfs -o size=128k,mode=700 tmpfs "$KEYTURN_HOME"
cp -a "$TMPDIR/before/." "$KEYTURN_HOME/"
case $1 in
  full) cat /dev/zero > "$KEYTURN_HOME/filler" 2>/dev/null || true ;;
  read-only) mount -o remount,ro "$KEYTURN_HOME" ;;
esac
shift
status=0
"$@" || status=$?
diff -r -x filler -x '*.lock' "$TMPDIR/before" "$KEYTURN_HOME" >&2 && echo "unchanged" >&2
exit $status
"""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Household]:
    with Household(tmp_path) as made:
        yield made


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(on_secret=register) as running:
        yield running


def on_a_place(house: Household, state: str, *words: str, piped: str = "") -> CompletedProcess[str]:
    own = [] if os.geteuid() == 0 else ["--map-root-user"]
    before = [need("unshare", "util-linux"), *own, "--mount", "sh", "-c", _PLACE, "sh", state]
    (house.folder / "tmp").mkdir()
    return house.run(*words, piped=piped, before=before, TMPDIR=str(house.folder / "tmp"))


def as_others_are() -> list[str]:
    """Root may write anywhere; without that right the modes of files count for it too."""
    if os.geteuid() != 0:
        return []
    return [need("setpriv", "util-linux"), "--bounding-set", "-dac_override,-dac_read_search", "--"]


@pytest.mark.proves("P14", "L6")
@pytest.mark.parametrize(
    ("state", "says", "hint"),
    [
        ("full", "no space left on device", "free some space and try again; the stored login is unchanged"),
        ("read-only", "read-only file system", "set KEYTURN_HOME to a writable directory"),
    ],
)
def test_a_place_that_takes_nothing_is_noticed_before_the_browser(
    house: Household, sandbox: Sandbox, state: str, says: str, hint: str
) -> None:
    assert house.run("login", "--with-api-key", piped=make_secret("api-key")).returncode == 0
    words = ("login", "--yes", "--issuer", sandbox.issuer, "--no-browser")
    done = on_a_place(house, state, *words)
    assert done.returncode == 5
    assert says in done.stderr
    assert f"hint: {hint}" in done.stderr or f"; {hint}" in done.stderr
    assert "http://127" not in done.stderr.replace(sandbox.issuer, "")
    assert done.stderr.endswith("unchanged\n")
    assert sandbox.log.count("register") == 0


@pytest.mark.parametrize("state", ["full", "read-only"])
def test_a_key_is_not_lost_for_one_that_cannot_be_stored(house: Household, state: str) -> None:
    assert house.run("login", "--with-api-key", piped=make_secret("api-key")).returncode == 0
    done = on_a_place(house, state, "login", "--with-api-key", piped=make_secret("api-key"))
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr.endswith("unchanged\n")


def test_a_place_that_takes_something_takes_a_login(house: Household) -> None:
    house.home.mkdir(mode=0o700)
    done = on_a_place(house, "usable", "login", "--with-api-key", piped=make_secret("api-key"))
    assert done.returncode == 0
    assert "unchanged" not in done.stderr


@pytest.mark.proves("P14")
def test_a_directory_without_the_right_to_write_is_noticed_before_the_browser(
    house: Household, sandbox: Sandbox
) -> None:
    assert house.run("login", "--with-api-key", piped=make_secret("api-key")).returncode == 0
    before = house.contents()
    (house.home / "logins").chmod(0o500)
    words = ("login", "--yes", "--issuer", sandbox.issuer, "--no-browser")
    done = house.run(*words, before=as_others_are())
    (house.home / "logins").chmod(0o700)
    assert done.returncode == 5
    assert f"keyturn: error: {house.home}/logins" in done.stderr
    assert "\nhint: " in done.stderr
    assert "http://127" not in done.stderr
    assert sandbox.log.count("register") == 0
    assert house.contents() == before


@pytest.mark.proves("P14")
def test_a_configuration_that_cannot_be_remembered_is_noticed_before_the_browser(
    house: Household, sandbox: Sandbox
) -> None:
    del house.env["KEYTURN_HOME"]
    place = house.folder / ".config/keyturn"
    place.mkdir(parents=True, mode=0o700)
    place.chmod(0o500)
    done = house.run("login", "--issuer", sandbox.issuer, "--no-browser", before=as_others_are())
    assert done.returncode == 5
    assert f"{place}/config.json" in done.stderr
    assert sandbox.log.count("register") == 0
    assert not (house.folder / ".local/state/keyturn/logins/default.json").exists()


def test_a_configuration_that_needs_no_change_may_be_read_only(house: Household, sandbox: Sandbox) -> None:
    del house.env["KEYTURN_HOME"]
    place = house.folder / ".config/keyturn"
    place.mkdir(parents=True, mode=0o700)
    remembered = {"issuer": sandbox.issuer, "client_id": sandbox.client_id}
    (place / "config.json").write_text(json.dumps({"version": 1, "profiles": {"default": remembered}}))
    place.chmod(0o500)
    said = json.dumps(sandbox.issue())
    words = ("login", "--from-json", "-", "--issuer", sandbox.issuer, "--client-id", sandbox.client_id)
    assert house.run(*words, piped=said, before=as_others_are()).returncode == 0


@pytest.mark.proves("L7")
def test_a_home_of_somebody_else_is_not_written_in(house: Household, sandbox: Sandbox) -> None:
    theirs = "/proc/1" if os.geteuid() != 0 else str(house.home)
    house.home.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(house.home, 65534, 65534)
    words = ("login", "--yes", "--issuer", sandbox.issuer, "--no-browser")
    done = house.run(*words, KEYTURN_HOME=theirs)
    assert done.returncode == 5
    assert "belongs to user" in done.stderr
    assert "hint: run keyturn as the user whose login it is, without sudo" in done.stderr
    assert "http://127" not in done.stderr
    assert house.contents() == {}
