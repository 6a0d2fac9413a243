"""Holes that a review found, each with the test that keeps it shut."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import pytest

from keyturn.auth import Auth
from keyturn.errors import ConfigurationError, Rejected, StoreDenied, UsageError
from keyturn.http import RequestAuth
from keyturn.login import Quarantine
from keyturn.settings.config import read_config
from keyturn.stores.file import FileStore
from keyturn.testing import FakeWorld
from keyturn.testing.stores import save
from keyturn.testing.values import make_login
from keyturn.testing.world import NOW, token_answer
from keyturn.wire import Response, origin

if TYPE_CHECKING:
    from collections.abc import Iterator

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files of other users")


@pytest.fixture
def world(tmp_path: Path) -> FakeWorld:
    return FakeWorld(tmp_path)


def logged_in(world: FakeWorld, **fields: object) -> Auth:
    save(FileStore(world, "default"), make_login(**fields))
    return Auth(world=world)


# -- requests


@pytest.mark.proves("R42", "L19")
def test_a_rejection_is_reported_even_when_the_body_cannot_be_sent_again(world: FakeWorld) -> None:
    auth = logged_in(world)
    old = auth.credential()
    world.script = [token_answer("test-new", "test-next")]

    def body() -> Iterator[bytes]:
        yield b"once"

    with httpx2.Client(
        auth=RequestAuth(auth), transport=httpx2.MockTransport(lambda _: httpx2.Response(401))
    ) as client:
        assert client.post(f"{old.base_url}/v1/messages", content=body()).status_code == 401
    assert len(world.requests) == 1
    assert auth.credential().secret.reveal() == "test-new"


def test_a_rejection_that_nothing_can_mend_is_the_callers_when_the_body_is_spent(world: FakeWorld) -> None:
    auth = logged_in(world, refresh_token=None)
    url = auth.credential().base_url
    transport = httpx2.MockTransport(lambda _: httpx2.Response(401))
    with httpx2.Client(auth=RequestAuth(auth), transport=transport) as client:
        assert client.post(url, content=iter([b"once"])).status_code == 401
        with pytest.raises(Rejected):
            client.post(url, content=b"again and again")


@pytest.mark.proves("R42", "L19")
def test_a_rejection_after_a_redirect_within_the_origin_renews(world: FakeWorld) -> None:
    auth = logged_in(world)
    world.script = [token_answer("test-new", "test-next")]

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/a":
            return httpx2.Response(307, headers={"location": "/a/"})
        good = request.headers["authorization"] == "Bearer test-new"
        return httpx2.Response(200 if good else 401)

    with httpx2.Client(
        auth=RequestAuth(auth), transport=httpx2.MockTransport(answer), follow_redirects=True
    ) as client:
        assert client.get(f"{auth.base_url}/a").status_code == 200
    assert len(world.requests) == 1


# -- configuration


def test_who_pays_is_the_persons_to_say_after_the_login_too(world: FakeWorld) -> None:
    auth = logged_in(world, billing="unknown")
    assert auth.credential().billing == "unknown"
    world.write_config({"profiles": {"default": {"billing": "subscription"}}})
    assert Auth(world=world, require_billing="subscription").credential().billing == "subscription"


def test_an_unknown_billing_class_is_refused_with_and_without_a_winner(world: FakeWorld) -> None:
    for ask in (Auth.explain, Auth.credential):
        with pytest.raises(UsageError, match="billing class 'free'"):
            ask(Auth(world=world, require_billing="free"))


@pytest.mark.proves("L3")
@pytest.mark.parametrize("key", ["authorize_url", "revoke_url", "device_url", "resource"])
def test_an_endpoint_that_the_configuration_names_otherwise_now_wants_a_new_login(
    world: FakeWorld, key: str
) -> None:
    login = make_login()
    assert login.authority is not None
    save(
        FileStore(world, "default"),
        login.replace(authority=login.authority.replace(**{key: "https://auth.example.com/pinned"})),
    )
    world.write_config({"profiles": {"default": {key: "https://auth.example.com/other"}}})
    with pytest.raises(ConfigurationError, match=key):
        Auth(world=world).credential()


@pytest.mark.parametrize("key", ["allow_http_origins", "allow_oauth_origins"])
def test_an_origin_that_is_none_is_said_and_not_passed_over(world: FakeWorld, key: str) -> None:
    world.write_config({key: ["proxy:8080"]})
    with pytest.raises(ConfigurationError, match=key):
        read_config(world)


def test_an_unknown_store_names_file_and_key(world: FakeWorld) -> None:
    path = world.write_config({"profiles": {"work": {"store": "pigeon"}}})
    with pytest.raises(ConfigurationError, match=rf"{path}: profiles\.work\.store"):
        Auth(world=world, profile="work").credential()


@pytest.mark.proves("P5")
def test_a_binding_written_by_hand_may_end_in_a_slash_or_name_a_link(
    world: FakeWorld, tmp_path: Path
) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / "link").symlink_to(real)
    world.working_directory = str(real)
    for written in (f"{real}/", str(tmp_path / "link")):
        world.write_config({"bindings": {written: "work"}})
        assert read_config(world).chosen(None, world)[0] == "work"
    world.write_config({"bindings": {"~/job": "work"}})
    with pytest.raises(ConfigurationError, match="bindings"):
        read_config(world)


@pytest.mark.proves("T5")
@pytest.mark.parametrize("place", ["file", "directory"])
def test_a_configuration_that_others_can_write_is_not_believed(world: FakeWorld, place: str) -> None:
    path = Path(world.write_config({}))
    (path if place == "file" else path.parent).chmod(0o666 if place == "file" else 0o777)
    with pytest.raises(ConfigurationError, match="others can write"):
        read_config(world)


@needs_root
@pytest.mark.proves("T5")
def test_a_configuration_of_another_user_is_not_believed(world: FakeWorld) -> None:
    os.chown(world.write_config({}), 12345, -1)
    with pytest.raises(ConfigurationError, match="belongs to user 12345"):
        read_config(world)


@pytest.mark.proves("R45", "I4")
def test_a_login_that_ended_and_still_serves_is_warned_about(world: FakeWorld) -> None:
    auth = logged_in(world, quarantine=Quarantine(at=NOW, reason="the authority rejected its refresh token"))
    (warning,) = auth.explain().warnings
    assert "ended" in warning
    assert "keyturn login" in warning


def test_an_address_below_the_same_origin_is_followed(world: FakeWorld) -> None:
    auth = logged_in(world, api_base_url="https://api.example.com")
    world.variables["ANTHROPIC_BASE_URL"] = "https://api.example.com/gateway"
    assert auth.credential().base_url == "https://api.example.com/gateway"


# -- the system


@pytest.mark.parametrize("port", ["0000065536", "00000199999", "65536", "0", "²"])
def test_no_port_is_larger_than_a_port(port: str) -> None:
    with pytest.raises(ValueError, match=r"port|malformed|ASCII"):
        origin(f"https://host.example.com:{port}/")


def test_leading_zeros_do_not_change_a_port() -> None:
    assert origin("https://host.example.com:0000443").port == 443


@pytest.mark.proves("L10")
def test_a_file_system_without_locks_is_named_and_leaks_no_descriptor(
    world: FakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", without_locks)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(StoreDenied, match="no locks"):
        FileStore(world, "default").hold(seconds=0)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_pause_in_foreign_digits_is_no_pause(world: FakeWorld) -> None:
    auth = logged_in(world, issued_at=NOW - 3400, expires_at=NOW + 200)
    world.script = [Response(status=429, headers={"retry-after": "²"}, body=b"")]
    assert auth.credential().secret is not None


@pytest.mark.proves("T8")
def test_run_does_not_hand_on_the_descriptor_of_a_token(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("sk-ant-test-descriptor", encoding="utf-8")
    with token.open() as file:
        number = file.fileno()
        env = {
            **os.environ,
            "KEYTURN_HOME": str(tmp_path / "home"),
            "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR": str(number),
        }
        look = f"import os, sys; sys.exit(7 if os.path.exists('/proc/self/fd/{number}') else 0)"
        done = subprocess.run(
            [sys.executable, "-m", "keyturn", "run", "--", sys.executable, "-c", look],
            env=env,
            pass_fds=[number],
            check=False,
        )
    assert done.returncode == 0
