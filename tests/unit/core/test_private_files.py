"""Files that hold secrets: whose they are, how they are written, and what may lie in their place."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from keyturn import Auth, ConfigurationError
from keyturn.errors import StoreCorrupt, StoreDenied, StoreError
from keyturn.records import write_record
from keyturn.stores.file import FileStore
from keyturn.testing import FakeWorld, make_expired_login, make_login, token_answer
from keyturn.testing.stores import hold, save
from keyturn.world import directories, files
from tests.secretscan import declare_store

if TYPE_CHECKING:
    from collections.abc import Iterator

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user or mount a file system")
NOBODY = 65534


class Place:
    """A store with one login in it."""

    def __init__(self, folder: Path) -> None:
        declare_store(folder)  # the damaged and misplaced records of these tests hold tokens
        self.world = FakeWorld(folder)
        self.store = FileStore(self.world, "default")
        self.login = save(self.store, make_login())
        self.path = Path(self.store.path)
        self.directory = self.path.parent

    def refused(self, kind: type[StoreError] = StoreDenied) -> StoreError:
        with pytest.raises(kind) as caught:
            FileStore(self.world, "default").load()
        error = caught.value
        assert error.exit == 5
        assert str(self.path) in error.message
        assert error.hint
        assert self.login.access_token is not None
        assert self.login.access_token.reveal() not in f"{error} {error.hint} {error.facts}"
        return error


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


# -- what is read


@pytest.mark.proves("R5")
def test_a_record_and_its_directory_are_this_user_s_alone(place: Place) -> None:
    assert place.path.stat().st_mode & 0o777 == 0o600
    assert place.directory.stat().st_mode & 0o777 == 0o700


def test_a_permissive_umask_changes_nothing(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        test_a_record_and_its_directory_are_this_user_s_alone(Place(tmp_path))
    finally:
        os.umask(before)


def test_a_symbolic_link_is_not_followed(place: Place) -> None:
    place.path.rename(place.directory / "elsewhere.json")
    place.path.symlink_to(place.directory / "elsewhere.json")
    assert "symbolic link" in place.refused().message


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o666, 0o660])
def test_a_record_that_others_can_read_is_refused_with_the_command_that_mends_it(
    place: Place, mode: int
) -> None:
    place.path.chmod(mode)
    assert f"chmod 600 {place.path}" in (place.refused().hint or "")
    place.path.chmod(0o600)
    assert place.store.load() == place.login


@AS_ROOT
def test_a_record_of_another_user_is_refused(place: Place) -> None:
    os.chown(place.path, NOBODY, NOBODY)
    assert f"belongs to user {NOBODY}" in place.refused().message


@pytest.mark.parametrize("what", ["directory", "fifo"])
def test_what_is_no_file_is_refused_at_once(place: Place, what: str) -> None:
    place.path.unlink()
    if what == "directory":
        place.path.mkdir()
    else:
        os.mkfifo(place.path, 0o600)
    assert "not a regular file" in place.refused(StoreCorrupt).message


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (b'{"version": 1, "access_token": "test-acc', "line 1"),
        (b"\x00" * 512, "line 1"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b" " * (files.READ_LIMIT + 1), "larger than 1 MiB"),
        (b'{"version": 1, "access_token": 7}', "access_token is not a text"),
        (b'{"version": "1", "access_token": "x"}', "no version"),
        (b'{"version": true, "access_token": "x"}', "no version"),
    ],
)
def test_a_damaged_record_is_an_error_that_says_what_and_stays_where_it_is(
    place: Place, data: bytes, why: str
) -> None:
    place.path.write_bytes(data)
    assert why in place.refused(StoreCorrupt).message
    assert place.path.read_bytes() == data


def test_a_record_of_a_newer_version_is_refused_and_kept(place: Place) -> None:
    text = write_record(place.login).replace('"version": 1', '"version": 2')
    place.path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="newer keyturn") as caught:
        place.store.load()
    assert caught.value.exit == 8
    assert "upgrade" in (caught.value.hint or "")
    assert place.path.read_text(encoding="utf-8") == text


@pytest.mark.proves("L23")
def test_a_reader_that_meets_a_half_written_record_looks_once_more(place: Place) -> None:
    class MendsItself(FileStore):
        reads = 0

        def read(self) -> object:  # type: ignore[override] # as FileStore reads
            self.reads += 1
            if self.reads == 1:
                raise StoreCorrupt(f"{self.path} is damaged")
            return super().read()

    assert MendsItself(place.world, "default").load() == place.login


# -- what is written


def test_a_full_disk_or_a_limit_leaves_the_old_record_and_sends_no_grant(tmp_path: Path) -> None:
    program = (
        "import resource, signal, sys\n"
        "from keyturn import Auth\n"
        "from keyturn.testing import FakeWorld\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))\n"
        "world = FakeWorld(sys.argv[1])\n"
        "try:\n"
        "    Auth(world=world).credential()\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, len(world.requests))\n"
    )
    place = Place(tmp_path)
    with hold(place.store) as held:
        held.save(make_expired_login(), replacing=place.login.identity)
    before = place.path.read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True
    )
    assert done.stdout == "StoreDenied 0\n"
    assert place.path.read_bytes() == before
    assert sorted(path.name for path in place.directory.iterdir()) == ["default.json", "default.lock"]


def test_leftovers_of_killed_writers_are_swept_and_nothing_else(place: Place) -> None:
    stay = [
        "other.json",
        ".other.json.1-ab.tmp",
        ".default.json.json.1-ab.tmp",
        "default.json.tmp",
        "default.tmp",
    ]
    for name in (*stay, ".default.json.1-ab.tmp", ".default.json.probe.2-cd.tmp"):
        (place.directory / name).write_text("x", encoding="utf-8")
    save(place.store, place.login)
    left = {path.name for path in place.directory.iterdir()}
    assert left == {*stay, "default.json", "default.lock"}


def test_a_record_that_takes_several_writes_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    files.write_durably(str(path), "x" * 300_000)
    assert path.read_text(encoding="utf-8") == "x" * 300_000


@pytest.mark.proves("L7")
@AS_ROOT
def test_root_never_writes_in_another_user_s_directory(place: Place) -> None:
    os.chown(place.directory, NOBODY, NOBODY)
    os.chown(place.path, NOBODY, NOBODY)
    before = sorted(path.name for path in place.directory.iterdir())
    with pytest.raises(StoreDenied, match=f"belongs to user {NOBODY}") as caught:
        place.store.hold(seconds=0)
    assert "sudo" in (caught.value.hint or "")
    assert sorted(path.name for path in place.directory.iterdir()) == before


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_nothing_is_written_where_others_can_write(place: Place, mode: int) -> None:
    place.directory.chmod(mode)
    with pytest.raises(StoreDenied, match="others can write") as caught:
        place.store.hold(seconds=0)
    assert f"chmod 700 {place.directory}" in (caught.value.hint or "")
    place.directory.chmod(0o700)


def test_missing_directories_are_made_for_this_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "c"
    directories.make_private_directory(str(path))
    assert [step.stat().st_mode & 0o777 for step in (path, path.parent, path.parent.parent)] == [0o700] * 3


def test_a_directory_in_a_file_s_place_is_an_error_and_no_trace(tmp_path: Path) -> None:
    (tmp_path / "keyturn").write_text("a file", encoding="utf-8")
    world = FakeWorld(tmp_path)
    assert FileStore(world, "default").load() is None
    with pytest.raises(StoreDenied):
        FileStore(world, "default").hold(seconds=0)


# -- provisioned records (a mounted secret)


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
            "for later in (0, 3400, 3600):\n"
            "    world.set_wall_clock(1_800_000_000 + later)\n"
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

    @pytest.mark.proves("L6")
    def test_a_directory_mounted_read_only_serves_what_it_has_and_sends_no_grant(self, place: Place) -> None:
        logins = '"$1/keyturn/logins"'
        fresh, ahead, due, requests = self.run(
            Path(place.world.folder), f"mount --bind {logins} {logins} && mount -o remount,ro,bind {logins}"
        )
        assert fresh == ahead == "served stored-login"
        assert due.startswith("StoreDenied 5")
        assert "read-only" in due
        assert requests == "requests 0"

    @pytest.mark.proves("L6")
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


# -- the configuration file


@pytest.mark.parametrize(
    "data", [b"\xff\xfe{}", b" " * (files.READ_LIMIT + 1), None], ids=["bytes", "huge", "directory"]
)
def test_a_configuration_that_is_no_text_is_a_configuration_error(tmp_path: Path, data: bytes | None) -> None:
    world = FakeWorld(tmp_path)
    path = Path(world.write_config({}))
    if data is None:
        path.unlink()
        path.mkdir()
    else:
        path.write_bytes(data)
    with pytest.raises(ConfigurationError, match=r"config\.json") as caught:
        Auth(world=world).credential()
    assert caught.value.exit == 8


def test_a_renewal_in_this_process_is_seen_on_the_disk(place: Place) -> None:
    save(place.store, make_expired_login())
    place.world.script.append(token_answer("test-access-of-this-process", "test-refresh-of-this-process"))
    Auth(world=place.world).credential()
    assert "test-access-of-this-process" in place.path.read_text(encoding="utf-8")
