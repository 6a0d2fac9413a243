"""Files that hold secrets: whose they are, how they are written, and what may lie in their place."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from keyturn import Auth, ConfigurationError
from keyturn.errors import StoreCorrupt, StoreDenied
from keyturn.records import write_record
from keyturn.stores.file import FileStore
from keyturn.testing import FakeWorld, make_expired_login, token_answer
from keyturn.testing.stores import hold, save
from keyturn.world import directories, files
from tests.places import AS_ROOT, NOBODY, Place


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
    assert [path.name for path in place.directory.iterdir() if path.suffix in (".tmp", ".probe")] == []


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
