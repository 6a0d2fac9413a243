"""What surrounds the renewals of the stateful tests, and what is known about it from outside (I1 to I7)."""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import TYPE_CHECKING, Any

from keyturn import auth as auth_module
from keyturn.auth import Auth
from keyturn.errors import AuthError, Rejected
from keyturn.login import Login, Tombstone, fingerprint
from keyturn.oauth import grant
from keyturn.oauth.lifetime import now_for, state
from keyturn.stores import journal as journal_module
from keyturn.stores.file import FileStore, HeldFile
from keyturn.stores.memory import HeldMemory, MemoryStore
from keyturn.testing.values import make_authority, make_login
from keyturn.values import Secret
from keyturn.world import directories, files, replacing
from keyturn.world.locks import FileLock, Gates
from tests import hostile

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from keyturn.login import Record
    from keyturn.stores import Held, LoginStore
    from tests.hostile import HostileWorld, Life


class Client:
    """One process: its own store object, its own Auth with what that has kept, its own gates."""

    def __init__(self, machine: Reality) -> None:
        self.store = machine.open_store()
        self.auth = Auth(world=machine.world, store=self.store)
        self.gates = Gates()
        self.account: str | None = None


class Nobody:
    """The person of a login that nobody watches: agrees to nothing."""

    present = False

    def say(self, text: str) -> None:
        """Told to nobody."""

    show_url = say

    show_code = show_command = copy = say

    def hand_over(self, url: str, *, phone: str | None) -> None:
        raise NotImplementedError

    def confirm(self, question: str) -> bool:
        del question
        return False

    def pasted(self, descriptor: int | None, seconds: float) -> str | None:
        raise NotImplementedError


class Reality:
    """One machine with three programs; what lies in its store is looked at after each step."""

    def open_store(self) -> LoginStore:
        """The store, as a program that has just started opens it."""
        raise NotImplementedError

    def unlocked(self) -> LoginStore:
        """The same store with a lock that is granted to two at once, as network file systems may (L10)."""
        raise NotImplementedError

    def set_full(self, *, full: bool) -> None:
        """Fill the disk up, or free it."""
        raise NotImplementedError

    def prepare(self, *, grace: bool) -> None:
        """A new machine, a new authority, three programs."""
        self.folder = tempfile.mkdtemp(prefix="keyturn-stateful-")
        self.life = hostile.Life()
        self.disk = hostile.Disk(self.life)
        self.modules: list[Any] = [files, directories, journal_module, replacing]
        for module in self.modules:
            module.os = self.disk
        self.world = hostile.HostileWorld(self.folder, self.life, grace=grace)
        self.authority = self.world.authority
        self.world.watch = self._check_sent
        self.replaced: set[str] = set()  # hashes of refresh tokens known to have been replaced
        self.login_ids: list[str] = []
        self.lain: set[str] = set()  # hashes of what was in the store; others may have copies
        self.former: list[hostile.Family] = []  # of the same person, since the last logout
        self.last: Record | None = None
        self.made_open()
        self.clients = [Client(self) for _ in range(3)]

    def made_open(self) -> None:
        """For stores that the clients share."""

    def teardown(self) -> None:
        """Leave the machine as it was."""
        if hasattr(self, "folder"):
            for module in self.modules:
                module.os = os
            shutil.rmtree(self.folder)

    def attempt(self, number: int, steps: int | None, *, alone: bool) -> None:
        """One program makes a request of its API, and perhaps dies; alone unless others act meanwhile."""
        client = self.clients[number]
        module: Any = auth_module
        serves = self._serves(alone=alone)
        gates, module.GATES = module.GATES, client.gates
        try:
            outcome = self.act(lambda: self.request(client), steps)
        finally:
            module.GATES = gates
        if isinstance(outcome, hostile.Killed):
            self.clients[number] = Client(self)
        elif isinstance(outcome, AuthError):
            changed = isinstance(outcome, Rejected) and outcome.code == "login_changed"
            if changed:
                self.clients[number] = Client(self)
            assert changed or not serves or not alone, f"I7: {outcome}"

    def request(self, client: Client) -> bool:
        """One request with one retry, as the transports do it. Whether the API accepted a token."""
        credential = client.auth.credential()
        assert credential.secret is not None
        if self.authority.accepts(credential.secret.reveal()):
            return True
        again = client.auth.credential(rejected=credential)
        assert again.secret is not None
        return self.authority.accepts(again.secret.reveal())

    def _serves(self, *, alone: bool) -> bool:
        """Whether the token that is stored now is good, so that nothing may fail (I7)."""
        record, waiting = self.stored()
        login = waiting or record if alone else record
        if not isinstance(login, Login) or login.access_token is None:
            return False
        believed = state(login, now_for(login, self.world)) != "due"
        return believed and self.authority.accepts(login.access_token.reveal())

    def store_login(self, store: LoginStore, account: int, steps: int | None) -> None:
        """A person has logged in, and what was granted is stored."""
        family, access, refresh = self.authority.grant(hostile.ACCOUNTS[account])
        login = make_login(
            access_token=Secret(access),
            refresh_token=Secret(refresh),
            account=None,
            account_id=family.account,
            organization=None,
            organization_id=None,
            authority=make_authority(issuer=None),
            issued_at=self.world.now(),
            expires_at=self.world.now() + hostile.LIFE,
        )
        self.act(lambda: grant.keep(store, self.world, login, Nobody(), yes=True), steps)

    def act(self, work: Callable[[], object], steps: int | None) -> object:
        """Let a process do something, as far as it lives; what came of it."""
        before = self.life.left
        self.life.left = steps
        try:
            outcome: object = work()
        except (AuthError, hostile.Killed) as error:
            outcome = error
        self.life.left = before
        self.observe()
        return outcome

    def _check_sent(self, token: str) -> None:
        assert fingerprint(Secret(token)) not in self.replaced, f"I2: {token} was known to be replaced"

    def observe(self) -> None:
        """Look at what lies there now, and hold it against what lay there before."""
        record, waiting = self.stored()
        last, self.last = self.last, record
        if last is not None:
            assert record is not None, "I3: the record is gone"
            assert record.generation >= last.generation, "I3"
            assert record.generation > last.generation or record == last, (
                "I3: changed without a new generation"
            )
        if isinstance(record, Tombstone):
            self.former = []
        if isinstance(record, Login) and record.refresh_token is not None:
            self.lain.add(record.identity.refresh_hash)
            if record.login_id not in self.login_ids:
                self.login_ids.append(record.login_id)
                family = self.authority.family_of(record.refresh_token.reveal())
                self.former = [one for one in self.former if one.account == family.account] + [family]
            assert record.login_id == self.login_ids[-1], "I3: a former login has come back"
            assert not isinstance(last, Tombstone) or record.login_id not in self.login_ids[:-1], "L4"
        for login in (record, waiting):
            if isinstance(login, Login):
                self._check_login(login)
        if isinstance(record, Login) and waiting is None and record.quarantine is None:
            assert record.identity.refresh_hash not in self.replaced, "I3: an older token has come back"

    def _check_login(self, login: Login) -> None:
        self.replaced.update(login.ancestors)
        if login.quarantine is None:
            return
        assert login.refresh_token is not None
        reason, token = login.quarantine.reason, login.refresh_token.reveal()
        if "another account" in reason:
            return
        assert fingerprint(login.refresh_token) in self.authority.refused, "I4: nobody refused it"
        if token != self.authority.family_of(token).current:
            assert "lost" in reason, f"I5: {token} was replaced, and the answer lost; said: {reason}"

    def stored(self) -> tuple[Record | None, Login | None]:
        """What the store holds, and what waits in the journal to be stored in its place."""
        left, self.life.left = self.life.left, None
        try:
            record = self.open_store().load()
            rescued = self._held().journal.rescued()
        finally:
            self.life.left = left
        if rescued is None or record is None or rescued.replaces != record.identity:
            return record, None
        return record, rescued.login

    def _held(self) -> Held:
        held = self.unlocked().hold(seconds=0)
        assert held is not None
        return held


class Watched:
    """A part of a memory store whose every method is a point to die at."""

    def __init__(self, part: object, life: Life) -> None:
        self._part = part
        self._life = life

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._part, name)
        if callable(found):
            self._life.point()
        return found


class WatchedHeld(HeldMemory):
    """The memory store under its lock, which dies with its holder like a lock of the kernel."""

    def __init__(self, store: WatchedMemory, release: Callable[[], None]) -> None:
        super().__init__(store, release)
        self._life = store.life
        self.journal = Watched(store.journal, store.life)  # type: ignore[assignment]
        self.trouble = Watched(store.trouble, store.life)  # type: ignore[assignment]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)

    def save(self, *arguments: Any, **named: Any) -> Any:
        self._life.point()
        stored = super().save(*arguments, **named)
        self._life.point()
        return stored


class WatchedMemory(MemoryStore):
    """A memory store that every client of one test shares."""

    def __init__(self, world: HostileWorld) -> None:
        super().__init__(world)
        self.life = world.life

    def hold(self, *, seconds: float, until: Callable[[], bool] | None = None) -> HeldMemory | None:
        held = super().hold(seconds=seconds, until=until)
        return None if held is None else WatchedHeld(self, self._lock.release)


class UnlockedFile(FileStore):
    """Its lock is granted to everybody."""

    def hold(self, *, seconds: float, until: Callable[[], bool] | None = None) -> HeldFile:
        del seconds, until
        return HeldFile(self, FileLock(self.lock_path, self.world))


class UnlockedMemory:
    """A view of a memory store whose lock is granted to everybody."""

    def __init__(self, store: WatchedMemory) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def hold(self, *, seconds: float, until: Callable[[], bool] | None = None) -> HeldMemory:
        del seconds, until
        return HeldMemory(self._store, lambda: None)
