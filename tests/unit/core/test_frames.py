"""No error of keyturn has a secret in a variable of its frames: crash reporters show them (T15)."""

from __future__ import annotations

import base64
import errno
import os
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

import keyturn
from keyturn import jsontext
from keyturn.errors import AuthError, StoreDenied, Unavailable
from keyturn.oauth import provision, renew
from keyturn.records import write_record
from keyturn.settings.config import change_config, read_config
from keyturn.stores.file import FileStore
from keyturn.stores.journal import JournalFile
from keyturn.stores.keychain import KeychainStore
from keyturn.stores.secret_service import Item
from keyturn.testing import (
    FakeWorld,
    answer,
    make_authority,
    make_expired_login,
    make_login,
    token_answer,
)
from keyturn.testing.stores import error_of, hold, save
from keyturn.values import Secret
from keyturn.variables import secret_variable
from keyturn.wire import Response
from keyturn.world import World, files
from keyturn.world.transport import Transport
from tests.secretscan import make_secret
from tests.web import Said, Web

if TYPE_CHECKING:
    from collections.abc import Callable

    from keyturn.login import Login

HOUSE = str(Path(keyturn.__file__).parent)
TESTS = str(Path(__file__).parents[2])


def is_test(path: str) -> bool:
    return path.startswith(TESTS) and not path.startswith(HOUSE)


def shown(error: BaseException) -> str:
    """All that a crash reporter shows of an error, this test's own frames left out."""
    found = traceback.TracebackException.from_exception(error, capture_locals=True)
    said: list[str] = []

    def look(one: traceback.TracebackException | None) -> None:
        if one is None:
            return
        said.extend(one.format_exception_only())
        said.extend(f"{frame.name}: {frame.locals}" for frame in one.stack if not is_test(frame.filename))
        look(one.__cause__)
        look(one.__context__)

    look(found)
    return "\n".join(said)


class Fixture:
    """A machine whose every secret is known."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.world = FakeWorld(folder)
        self.store = FileStore(self.world, "default")
        self.access, self.refresh = make_secret("token"), make_secret("refresh")
        self.new_access, self.new_refresh = make_secret("token"), make_secret("refresh")
        self.password = make_secret("password")
        self.login = make_expired_login(
            access_token=Secret(self.access),
            refresh_token=Secret(self.refresh),
            authority=make_authority(client_secret=Secret(self.password)),
        )

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.access, self.refresh, self.new_access, self.new_refresh, self.password)

    def stored(self) -> Login:
        return save(self.store, self.login)

    def put(self, text: str) -> None:
        self.stored()
        Path(self.store.path).write_text(text, encoding="utf-8")

    def record(self, **fields: Any) -> str:
        return jsontext.dump({**jsontext.parse_object(write_record(self.login)), **fields})

    def renewal(self, *answers: Response | Exception) -> None:
        self.stored()
        self.world.script = list(answers)
        renew.current(self.store, self.world)

    def grant(self, **fields: Any) -> Response:
        return token_answer(self.new_access, self.new_refresh, **fields)


@pytest.fixture
def at(tmp_path: Path) -> Fixture:
    return Fixture(tmp_path)


def damaged(at: Fixture, text: str) -> None:
    at.put(text)
    at.store.load()


def full_disk(at: Fixture, patched: pytest.MonkeyPatch) -> None:
    at.stored()

    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    patched.setattr(os, "write", full)
    with hold(at.store) as held:
        held.save(at.login.replace(generation=1), replacing=at.login.replace(generation=1).identity)


def full_journal(at: Fixture, patched: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    patched.setattr(os, "pwrite", full)
    JournalFile(str(at.folder / "a.journal")).rescue(at.login, at.login.identity)


def keychain(at: Fixture, patched: pytest.MonkeyPatch, verb: str) -> None:
    class Refusing:
        def get_password(self, *_: str) -> str:
            if verb == "read":
                raise ValueError("it is locked")
            return write_record(at.login)[:-9]

        def set_password(self, *_: str) -> None:
            raise ValueError("it is locked")

    patched.setattr("keyturn.stores.secret_service._find_backend", Refusing)
    store = KeychainStore(at.world, "default", Item(at.world, "default"))
    if verb == "save":
        patched.setattr(KeychainStore, "load", lambda _: None)
        with hold(store) as held:
            held.save(at.login, replacing=None)
    elif verb == "set aside":
        with hold(store) as held:
            held.set_aside()
    else:
        store.load()


def variable(at: Fixture, text: str) -> None:
    at.world.variables["ANTHROPIC_API_KEY"] = text
    secret_variable(at.world, "ANTHROPIC_API_KEY")


def proxy(at: Fixture, scheme: str, certificate: str = "") -> None:
    env = {"HTTPS_PROXY": f"{scheme}://user:{at.password}@proxy:1", "SSL_CERT_FILE": certificate}
    Transport(env).prepare("https://authority.example")


def config(at: Fixture, **fields: Any) -> None:
    at.world.write_config({"profiles": {"default": {"client_secret": at.password, **fields}}})
    read_config(at.world)


def torn_config(at: Fixture) -> None:
    path = at.world.write_config({})
    Path(path).write_text(f'{{"version": 1, "client_secret": "{at.password}"', encoding="utf-8")
    read_config(at.world)


def changed_config(at: Fixture) -> None:
    at.world.write_config({})

    def change(raw: dict[str, Any]) -> None:
        raw["profiles"] = {"default": {"client_secret": at.password, "billing": "wrong"}}

    change_config(at.world, change)


def id_token(claims: dict[str, str]) -> str:
    return f"e30.{base64.urlsafe_b64encode(jsontext.dump(claims).encode()).decode().rstrip('=')}.c2ln"


def relative_home(at: Fixture) -> None:
    World({"KEYTURN_HOME": "here", "ANTHROPIC_API_KEY": at.access}).state_dir()


def provisioned(at: Fixture, text: str) -> None:
    profile = read_config(at.world).profile("default")
    person: Any = None
    provision.from_json(text, at.world, profile, at.store, person, yes=True)


def broken_network(at: Fixture) -> None:
    world = World(at.world.variables)
    with Web(Said(by_hand=lambda handler: handler.connection.close())) as web:
        authority = make_authority(token_url=f"{web.url}/token", client_secret=Secret(at.password))
        save(at.store, at.login.replace(authority=authority, issued_at=1e9, expires_at=1e9 + 60))
        renew.current(FileStore(world, "default"), world)


def not_a_connection(at: Fixture, patched: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("can't start new thread")

    patched.setattr(httpx2, "Client", fail)
    broken_network(at)


CASES: dict[str, Callable[[Fixture, pytest.MonkeyPatch], object]] = {
    "a record cut off": lambda at, _: damaged(at, at.record()[:-20]),
    "a record that is a list": lambda at, _: damaged(at, f'["{at.refresh}"]'),
    "a record with a wrong field": lambda at, _: damaged(at, at.record(issued_at="yesterday")),
    "a record with a key twice": lambda at, _: damaged(at, f'{{"a": "{at.refresh}", "a": "{at.access}"}}'),
    "a record of a newer keyturn": lambda at, _: damaged(at, at.record(version=9)),
    "a record with a wrong authority": lambda at, _: damaged(
        at, at.record(authority={"client_secret": at.password})
    ),
    "a record too long": lambda at, _: damaged(at, at.record(a="x" * files.READ_LIMIT)),
    "a full disk": full_disk,
    "a full disk for the journal": full_journal,
    "a keychain that cannot be read": lambda at, patched: keychain(at, patched, "read"),
    "a keychain with a damaged item": lambda at, patched: keychain(at, patched, "load"),
    "a keychain that cannot be written": lambda at, patched: keychain(at, patched, "save"),
    "a keychain that cannot be set aside": lambda at, patched: keychain(at, patched, "set aside"),
    "a variable with a line break": lambda at, _: variable(at, f"{at.access}\n{at.access}"),
    "a proxy of another kind": lambda at, _: proxy(at, "socks5"),
    "a proxy, and no certificates": lambda at, _: proxy(at, "http", "/nowhere"),
    "a wrong configuration": lambda at, _: config(at, billing="wrong"),
    "a configuration cut off": lambda at, _: torn_config(at),
    "a wrong change of the configuration": lambda at, _: changed_config(at),
    "a relative home": lambda at, _: relative_home(at),
    "what is no token answer": lambda at, _: provisioned(at, f'{{"refresh_token": "{at.refresh}"'),
    "a token answer without authority": lambda at, _: provisioned(
        at, f'{{"access_token": "{at.access}", "refresh_token": "{at.refresh}"}}'
    ),
    "a lost answer": lambda at, _: at.renewal(Unavailable("no answer", sent=None)),
    "a refusal": lambda at, _: at.renewal(answer({"error": "invalid_grant"}, status=400)),
    "a wrong client": lambda at, _: at.renewal(answer({"error": "invalid_client"}, status=401)),
    "a failing server": lambda at, _: at.renewal(
        Response(status=503, headers={}, body=at.new_access.encode())
    ),
    "an unreadable answer": lambda at, _: at.renewal(
        answer({"access_token": [at.new_access], "refresh_token": at.new_refresh})
    ),
    "another account": lambda at, _: at.renewal(
        at.grant(account={"uuid": "another"}), Unavailable("no"), Unavailable("no")
    ),
    "a broken connection": lambda at, _: broken_network(at),
    "no connection at all": not_a_connection,
}  # fmt: skip


@pytest.mark.proves("T15")
@pytest.mark.parametrize("case", CASES)
def test_an_error_shows_no_secret_in_the_variables_of_its_frames(
    at: Fixture, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    with monkeypatch.context() as patched, pytest.raises(AuthError) as caught:
        CASES[case](at, patched)
    text = shown(caught.value)
    Path(f"{at.world.config_dir()}/config.json").unlink(missing_ok=True)  # a secret is at home in it
    assert caught.value.message in text
    for secret in at.secrets:
        assert secret not in text


def test_the_scan_would_find_one() -> None:
    secret = make_secret("token")

    def raising(plain: str) -> None:
        raise StoreDenied(f"of {len(plain)} characters")

    error = error_of(StoreDenied, lambda: raising(secret))
    assert secret not in shown(error), "this file's own frames are left out"
    inner = traceback.TracebackException.from_exception(error, capture_locals=True)
    assert any(secret in str(frame.locals) for frame in inner.stack)


def test_a_login_that_is_fine_is_loaded_as_ever(at: Fixture) -> None:
    login = save(at.store, make_login())
    assert at.store.load() == login
