"""`keyturn doctor` names what is wrong, where, and the one command that repairs it; it changes nothing."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from keyturn.cli.doctor import exit_status
from keyturn.cli.layout import cells
from keyturn.doctor import examine
from keyturn.errors import Unavailable
from keyturn.login import Quarantine
from keyturn.records import write_record
from keyturn.stores.journal import Intent, JournalFile
from keyturn.stores.sidecar import SideCarFile, Trouble
from keyturn.testing.world import NOW, answer
from keyturn.world.locks import FileLock
from keyturn.world.mounts import Mount, mount_of, parse_mounts

if TYPE_CHECKING:
    from collections.abc import Callable

    from keyturn.login import Login
    from tests.unit.cli.conftest import Machine

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory to somebody else")
ISSUER = {"profiles": {"default": {"issuer": "https://auth.example.com"}}}


def logins(keyturn: Machine) -> Path:
    return Path(keyturn.world.state_dir(), "logins")


def findings(keyturn: Machine, *words: str, status: int | None = None) -> dict[str, Any]:
    done = keyturn("doctor", "--json", *words)
    found = {one["code"]: one for one in done.json["findings"]}
    if status is not None:
        assert done.status == status, found
    return found


def test_on_a_clean_machine_nothing_is_wrong(keyturn: Machine) -> None:
    done = keyturn("doctor")
    assert (done.status, done.out) == (0, "nothing is wrong\n")
    assert keyturn("doctor", "--json").json == {"version": 1, "findings": []}
    assert not Path(keyturn.world.state_dir()).exists()


def test_with_a_healthy_login_nothing_is_wrong_either(keyturn: Machine) -> None:
    keyturn.log_in()
    assert keyturn.drawn("doctor").lines == ["\x1b[32mnothing is wrong\x1b[0m"]


def damage(keyturn: Machine, _login: Login) -> None:
    (logins(keyturn) / "default.json").write_text("{", encoding="utf-8")


def open_to_others(keyturn: Machine, _login: Login) -> None:
    (logins(keyturn) / "default.json").chmod(0o644)


def open_directory(keyturn: Machine, _login: Login) -> None:
    logins(keyturn).chmod(0o770)


def listed_directory(keyturn: Machine, _login: Login) -> None:
    logins(keyturn).chmod(0o755)


def linked(keyturn: Machine, _login: Login) -> None:
    record = logins(keyturn) / "default.json"
    record.rename(record.with_name("elsewhere.json"))
    record.symlink_to(record.with_name("elsewhere.json"))


def wrong_config(keyturn: Machine, _login: Login) -> None:
    Path(keyturn.world.write_config({})).write_text('{"profiles": ]', encoding="utf-8")


def unknown_store(keyturn: Machine, _login: Login) -> None:
    keyturn.world.write_config({"profiles": {"default": {"store": "cloud"}}})


def edited_since(keyturn: Machine, _login: Login) -> None:
    keyturn.world.write_config({"profiles": {"default": {"issuer": "https://other.example.com"}}})


def wrong_certificates(keyturn: Machine, _login: Login) -> None:
    keyturn.variables["SSL_CERT_FILE"] = "/nowhere/certificates.pem"


def wrong_proxy(keyturn: Machine, _login: Login) -> None:
    keyturn.world.write_config(ISSUER)
    keyturn.variables["HTTPS_PROXY"] = "ftp://proxy.example.com"


def battery(keyturn: Machine, _login: Login) -> None:
    keyturn.world.set_wall_clock(86400.0)


def future(keyturn: Machine, _login: Login) -> None:
    keyturn.world.set_wall_clock(NOW - 7200)


def ended(keyturn: Machine, login: Login) -> None:
    dead = login.replace(quarantine=Quarantine(at=NOW, reason="the authority rejected its refresh token"))
    (logins(keyturn) / "default.json").write_text(write_record(dead), encoding="utf-8")


def unsettled(keyturn: Machine, login: Login, attempt: int = 1) -> None:
    JournalFile(str(logins(keyturn) / "default.journal")).begin(
        Intent(
            at=NOW - 600,
            attempt=attempt,
            generation=login.generation,
            login_id=login.login_id,
            refresh_hash=login.identity.refresh_hash,
        )
    )


def lost_twice(keyturn: Machine, login: Login) -> None:
    unsettled(keyturn, login, 2)


def stale(keyturn: Machine, login: Login) -> None:
    unsettled(keyturn, login.replace(generation=login.generation + 1))


def waiting(keyturn: Machine, login: Login) -> None:
    journal = JournalFile(str(logins(keyturn) / "default.journal"))
    journal.rescue(login.replace(generation=login.generation + 1), login.identity)


def failed(keyturn: Machine, login: Login) -> None:
    SideCarFile(str(logins(keyturn) / "default.state")).write(
        Trouble(
            at=NOW - 30,
            code="timeout",
            failures=3,
            hint="",
            kind="unavailable",
            message="https://auth.example.com did not answer",
            refresh_hash=login.identity.refresh_hash,
            retry_at=NOW + 90,
        )
    )


def left_over(keyturn: Machine, _login: Login) -> None:
    path = logins(keyturn) / ".default.json.1-abc.tmp"
    path.touch(mode=0o600)
    os.utime(path, (NOW - 600, NOW - 600))


def aside(keyturn: Machine, _login: Login) -> None:
    path = logins(keyturn) / "default.json.corrupt-1700000000"
    path.touch(mode=0o600)


def sibling(keyturn: Machine, login: Login) -> None:
    cached = login.replace(refresh_token=None, issued_at=NOW - 3 * 86400)
    path = logins(keyturn) / "default.cache"
    path.write_text(write_record(cached), encoding="utf-8")
    path.chmod(0o600)


def sibling_file(keyturn: Machine, _login: Login) -> None:
    keyturn.world.write_config({"profiles": {"default": {"store": "keychain"}}})


CASES: list[tuple[Callable[[Machine, Login], None], str, str, int, str, str]] = [
    (damage, "store_corrupt", "error", 5, "is damaged", "keyturn login --profile default"),
    (open_to_others, "store_denied", "error", 5, "others can read", "chmod 600"),
    (open_directory, "store_mode", "error", 5, "others can write in it (mode 0770)", "chmod 700"),
    (listed_directory, "store_mode", "warning", 5, "others can list it", "chmod 700"),
    (linked, "store_denied", "error", 5, "is a symbolic link", "rm"),
    (wrong_config, "configuration", "error", 8, "config.json:1:14", "${EDITOR:-vi} +1 "),
    (unknown_store, "configuration", "error", 8, "no store named 'cloud'", "${EDITOR:-vi} "),
    (edited_since, "configuration", "error", 8, "another issuer", "keyturn login --profile default"),
    (wrong_certificates, "configuration", "error", 8, "SSL_CERT_FILE", "unset SSL_CERT_FILE"),
    (wrong_proxy, "configuration", "error", 8, "HTTPS_PROXY", "unset HTTPS_PROXY"),
    (battery, "clock", "error", 8, "1970-01-02", "timedatectl"),
    (future, "record_from_the_future", "warning", 8, "made 2 h from now", "timedatectl"),
    (ended, "login_ended", "warning", 4, "rejected its refresh token", "keyturn login --profile default"),
    (unsettled, "renewal_unsettled", "note", 0, "10 min ago", "keyturn token --profile default"),
    (lost_twice, "answer_lost", "error", 4, "cannot be renewed", "keyturn login --profile default"),
    (stale, "journal_stale", "note", 0, "not stored any more", "rm"),
    (waiting, "login_waits_in_journal", "error", 5, "waits here", "keyturn token --profile default"),
    (failed, "renewal_failed", "note", 0, "next try is in 90 s", "keyturn doctor --network"),
    (aside, "damaged_copy", "warning", 5, "may still be alive", "rm"),
    (sibling, "stale_sibling", "warning", 5, "3 days old", "keyturn login --profile default --store file"),
    (sibling_file, "stale_sibling", "warning", 5, "it is not used", "--store keychain"),
]


@pytest.mark.proves("P26", "L7", "L13", "L15", "L20", "T5")
@pytest.mark.parametrize(
    ("arrange", "code", "severity", "status", "says", "repair"),
    CASES,
    ids=[case[0].__name__ for case in CASES],
)
def test_each_trouble_is_named_with_its_place_and_its_repair(
    keyturn: Machine,
    arrange: Callable[[Machine, Login], None],
    code: str,
    severity: str,
    status: int,
    says: str,
    repair: str,
) -> None:
    arrange(keyturn, keyturn.log_in())
    before = snapshot(keyturn)
    found = findings(keyturn, status=status)
    assert found[code]["severity"] == severity
    assert says in found[code]["message"]
    assert repair in found[code]["repair"]
    assert found[code]["where"] or code == "clock"
    assert snapshot(keyturn) == before
    line = next(line for line in keyturn("doctor").lines if line.startswith(f"{severity}: {code}: "))
    assert says in line
    for columns in (40, 80):
        drawn = keyturn.drawn("doctor", columns=columns, NO_COLOR="1")
        assert drawn.status == status
        assert max(map(cells, drawn.lines)) <= columns
        assert "".join(repair.split()) in "".join("".join(drawn.lines).split())


def snapshot(keyturn: Machine) -> dict[str, tuple[int, int, bytes | None]]:
    """Every file with its mode, time and content."""
    found = {}
    for path in Path(keyturn.world.folder).rglob("*"):
        state = path.lstat()
        text = path.read_bytes() if path.is_file() else None
        found[str(path)] = (state.st_mode, 0 if path.is_dir() else state.st_mtime_ns, text)
    return found


@AS_ROOT
def test_a_directory_of_somebody_else_is_named(keyturn: Machine) -> None:
    keyturn.log_in()
    os.chown(logins(keyturn), 12345, 12345)
    found = findings(keyturn, status=5)["store_owner"]
    assert "belongs to user 12345, and this is user 0" in found["message"]
    assert found["repair"] == "sudo -u '#12345' keyturn doctor"


def test_a_killed_writer_s_file_needs_no_repair(keyturn: Machine) -> None:
    left_over(keyturn, keyturn.log_in())
    assert findings(keyturn, status=0)["leftover"]["repair"] is None


def test_a_file_that_no_profile_could_have_is_put_into_no_command(keyturn: Machine) -> None:
    keyturn.log_in()
    damaged = logins(keyturn) / "a; rm -r b.json"
    damaged.write_text("{")
    damaged.chmod(0o600)
    assert findings(keyturn, status=0) == {}


def test_a_file_that_is_being_written_is_no_leftover(keyturn: Machine) -> None:
    left_over(keyturn, keyturn.log_in())
    os.utime(logins(keyturn) / ".default.json.1-abc.tmp", (NOW - 1, NOW - 1))
    assert findings(keyturn, status=0) == {}


@pytest.mark.proves("L8", "L11")
def test_a_lock_names_its_holder_and_since_when(keyturn: Machine) -> None:
    keyturn.log_in()
    path = str(logins(keyturn) / "default.lock")
    lock = FileLock(path, keyturn.world)
    lock.acquire(seconds=0)
    try:
        keyturn.world.advance(10)
        found = findings(keyturn, status=0)["lock_held"]
        assert (found["severity"], found["where"]) == ("note", path)
        assert f"process {os.getpid()} on {os.uname().nodename} has held it for 10 s" in found["message"]
        keyturn.world.advance(80)
        found = findings(keyturn, status=5)["lock_held"]
        assert (found["severity"], found["repair"]) == ("warning", f"kill {os.getpid()}")
    finally:
        lock.release()
    assert findings(keyturn) == {}


@pytest.mark.parametrize(
    ("said", "repair"),
    [
        ("4242 other.example 0", "ssh other.example kill 4242"),
        ("4242 ;reboot 0", "ssh ';reboot' kill 4242"),
        ("-1 {host} 0", "fuser -v {path}"),
        ("x;y {host} 0", "fuser -v {path}"),
    ],
)
def test_no_process_of_this_machine_is_named_for_one_elsewhere(
    keyturn: Machine, said: str, repair: str
) -> None:
    keyturn.log_in()
    path = logins(keyturn) / "default.lock"
    lock = FileLock(str(path), keyturn.world)
    lock.acquire(seconds=0)
    try:
        path.write_text(said.format(host=keyturn.world.host()))
        found = findings(keyturn, status=5)["lock_held"]
        assert found["repair"] == repair.format(path=path)
    finally:
        lock.release()


@pytest.mark.proves("L10")
@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "9p", "fuse.sshfs"])
def test_a_network_file_system_is_named_with_what_it_means(keyturn: Machine, kind: str) -> None:
    keyturn.log_in()
    table = (
        Mount(kind="ext4", path="/", read_only=False),
        Mount(kind=kind, path=str(logins(keyturn)), read_only=False),
    )
    [found] = examine(keyturn.world, mounts=table)
    assert (found.code, found.severity) == ("network_file_system", "note")
    assert f"({kind})" in found.message
    assert "two machines may be granted one lock" in found.message
    assert "wait up to 120 s" in found.message
    assert found.repair == "KEYTURN_HOME=/a/local/directory keyturn login"


def test_the_mount_table_is_read_as_the_kernel_writes_it() -> None:
    text = (
        "22 1 254:0 / / rw,relatime - ext4 /dev/root rw\n"
        "40 22 0:35 /x /home/a\\040b rw,nosuid shared:1 master:2 - nfs4 host:/x ro,vers=4\n"
        "41 22 0:36 / /home/a\\040b/c ro - tmpfs none rw\n"
        "what is this\n"
    )
    table = parse_mounts(text)
    assert [(one.kind, one.path, one.read_only) for one in table] == [
        ("ext4", "/", False),
        ("nfs4", "/home/a b", True),
        ("tmpfs", "/home/a b/c", True),
    ]
    for path, kind in (("/home/a b/d", "nfs4"), ("/home/a b/c/d", "tmpfs"), ("/home/a bc", "ext4")):
        found = mount_of(path, table)
        assert found is not None
        assert found.kind == kind


@pytest.mark.proves("L21")
@pytest.mark.parametrize(
    ("ahead", "severity", "status"), [(0, None, 0), (-80, None, 0), (95, "warning", 8), (-90000, "error", 8)]
)
def test_with_network_the_clock_is_held_against_the_server_s(
    keyturn: Machine, ahead: float, severity: str | None, status: int
) -> None:
    keyturn.world.write_config(ISSUER)
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(NOW - ahead))
    keyturn.world.script = [answer({}, 404, date=date)]
    found = findings(keyturn, "--network", status=status)
    assert (found["clock"]["severity"] if found else None) == severity
    [request] = keyturn.world.requests
    assert request.url == "https://auth.example.com/"
    assert "authorization" not in {name.lower() for name in request.headers}


def test_a_server_that_does_not_answer_is_found_with_network_only(keyturn: Machine) -> None:
    keyturn.world.write_config(ISSUER)
    assert findings(keyturn, status=0) == {}
    keyturn.world.script = [Unavailable("auth.example.com cannot be reached", sent=False)]
    found = findings(keyturn, "--network", status=6)["unreachable"]
    assert found["where"] == "https://auth.example.com"
    assert "profile default cannot reach it" in found["message"]


def test_a_proxy_is_worth_a_note(keyturn: Machine) -> None:
    keyturn.world.write_config(ISSUER)
    keyturn.variables["HTTPS_PROXY"] = "http://user:sk-ant-test-proxy@proxy.example.com:3128"
    found = findings(keyturn, status=0)["proxy"]
    assert found["severity"] == "note"
    assert "sk-ant-test" not in str(found)


def test_a_home_that_is_no_path_ends_the_look_with_its_own_finding(keyturn: Machine) -> None:
    done = keyturn("doctor", "--json", KEYTURN_HOME="relative")
    assert done.status == 8
    assert [one["where"] for one in done.json["findings"]] == ["KEYTURN_HOME"]


def test_the_worst_class_is_the_exit_status(keyturn: Machine) -> None:
    login = keyturn.log_in()
    wrong_certificates(keyturn, login)
    assert findings(keyturn, status=8)
    damage(keyturn, login)
    found = examine(keyturn.world)
    assert {one.exit for one in found if one.severity == "error"} == {5, 8}
    assert exit_status(found) == 5
