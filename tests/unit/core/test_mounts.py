"""Records that are provisioned, mounted, or on a file system that says no (L6)."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.places import AS_ROOT, NOBODY, Place

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


# -- provisioned records (a mounted secret)


@pytest.mark.system  # another user runs this interpreter, whose libraries that user must be able to read
class TestProvisioned:
    """As Kubernetes mounts a secret: a link to a file of root's in a directory that nobody may write in."""

    PROGRAM = (
        "import sys\n"
        "from keyturn import Auth\n"
        "from keyturn.testing import FakeWorld, token_answer\n"
        "world = FakeWorld(sys.argv[1])\n"
        "world.advance(float(sys.argv[2]))\n"
        "world.script.append(token_answer('test-access-never-asked-for'))\n"
        "auth = Auth(world=world)\n"
        "try:\n"
        "    credential = auth.credential()\n"
        "    print('served', auth.explain().row('stored-login').state)\n"
        "    auth.credential(rejected=credential)\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, getattr(error, 'exit', None), error)\n"
        "print('requests', len(world.requests))\n"
    )

    @pytest.fixture
    def mounted(self) -> Iterator[Place]:
        with tempfile.TemporaryDirectory(prefix="keyturn-mounted-") as folder:
            place = Place(Path(folder))
            data = place.directory / "..data"
            data.mkdir()
            place.path.rename(data / "default.json")
            place.path.symlink_to("..data/default.json")
            (data / "default.json").chmod(0o444)
            for step in (data, place.directory, place.directory.parent, Path(folder)):
                step.chmod(0o555)
            yield place

    def ask(self, mounted: Place, later: float = 0.0) -> list[str]:
        done = subprocess.run(
            [
                *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
                *(sys.executable, "-c", self.PROGRAM, mounted.world.folder, str(later)),
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
        )
        assert done.stderr == ""
        return done.stdout.splitlines()

    @AS_ROOT
    def test_it_is_read_and_never_renewed_from(self, mounted: Place) -> None:
        served, rejected, requests = self.ask(mounted)
        assert served == "served selected"
        assert rejected.startswith("Rejected 4")
        assert "provisioned" in rejected
        assert requests == "requests 0"

    @AS_ROOT
    def test_when_it_ends_the_error_says_so(self, mounted: Place) -> None:
        rejected, requests = self.ask(mounted, 3600.0)
        assert "has expired and cannot be renewed: its record is provisioned" in rejected
        assert requests == "requests 0"

    @AS_ROOT
    def test_one_that_others_can_write_is_not_taken(self, mounted: Place) -> None:
        (mounted.directory / "..data" / "default.json").chmod(0o666)
        denied, requests = self.ask(mounted)
        assert denied.startswith("StoreDenied 5")
        assert requests == "requests 0"


# -- file systems that say no


@AS_ROOT
class TestMounts:
    """In a mount namespace of its own, which ends with the process."""

    def run(self, folder: Path, mounts: str) -> list[str]:
        program = (
            "import sys\n"
            "from keyturn import Auth\n"
            "from keyturn.testing import FakeWorld, token_answer\n"
            "world = FakeWorld(sys.argv[1])\n"
            "world.script.append(token_answer('test-access-' + 'x' * 20))\n"
            "for passed in (0, 3400, 200):\n"
            "    world.advance(passed)\n"
            "    try:\n"
            "        print('served', Auth(world=world).credential().source)\n"
            "    except Exception as error:\n"
            "        print(type(error).__name__, error.exit, error, error.hint)\n"
            "print('requests', len(world.requests))\n"
        )
        shell = f'{mounts} && exec "$2" -c "$3" "$1"'
        command = ["unshare", "-m", "sh", "-c", shell, "sh", str(folder), sys.executable, program]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.stderr == ""
        return done.stdout.splitlines()

    @pytest.mark.proves("L6", "P31")
    def test_a_directory_mounted_read_only_serves_what_it_has_and_sends_no_grant(self, place: Place) -> None:
        logins = '"$1/keyturn/logins"'
        fresh, ahead, due, requests = self.run(
            Path(place.world.folder), f"mount --bind {logins} {logins} && mount -o remount,ro,bind {logins}"
        )
        assert fresh == ahead == "served stored-login"
        assert due.startswith("StoreDenied 5")
        assert "read-only" in due
        assert requests == "requests 0"

    @pytest.mark.proves("L6", "P31")
    def test_a_record_mounted_by_itself_is_not_renewed_from(self, place: Place) -> None:
        record = '"$1/keyturn/logins/default.json"'
        before = place.path.read_bytes()
        fresh, ahead, due, requests = self.run(
            Path(place.world.folder), f'cp {record} "$1/copy" && mount --bind "$1/copy" {record}'
        )
        assert fresh == ahead == "served stored-login"
        assert due.startswith("StoreDenied 5")
        assert "mount the directory instead" in due
        assert requests == "requests 0"
        assert place.path.read_bytes() == before

    def test_a_full_disk_sends_no_grant_and_leaves_the_record(self, place: Place) -> None:
        logins = '"$1/keyturn/logins"'
        fill = 'dd if=/dev/zero of="$1/keyturn/logins/filler" bs=4096 2>/dev/null; true'
        fresh, ahead, due, requests = self.run(
            Path(place.world.folder),
            f'cp {logins}/default.json "$1/copy" && mount -t tmpfs -o size=64k,mode=700 tmpfs {logins} '
            f'&& cp -p "$1/copy" {logins}/default.json && {{ {fill}; }}',
        )
        assert fresh == ahead == "served stored-login"
        assert due.startswith("StoreDenied 5")
        assert "no space left" in due
        assert "free some space" in due
        assert requests == "requests 0"
