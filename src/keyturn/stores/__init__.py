"""Where logins are kept, and what every such place must be able to do.

`StoreContract` in `keyturn.testing` is this page as tests; a new store passes it or is none.
"""

from __future__ import annotations

from keyturn.errors import ConfigurationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Literal, Protocol, Self

    from keyturn.login import Identity, Login, Record
    from keyturn.stores.journal import Intent, Rescued
    from keyturn.stores.sidecar import Rejection, Trouble
    from keyturn.world import World

    class Journal(Protocol):
        """What was about to be sent, and what could be saved nowhere else (L13, L15)."""

        @property
        def path(self) -> str:
            """Where it lies, for people."""

        def intent(self) -> Intent | None:
            """The pending intent. Raises: StoreError."""

        def rescued(self) -> Rescued | None:
            """The login that waits for its store. Raises: StoreError."""

        def begin(self, intent: Intent) -> None:
            """Make an intent durable. Raises: StoreError."""

        def rescue(self, login: Login, replaces: Identity) -> None:
            """Make a login durable that its store did not take. Raises: StoreError."""

        def take_back(self) -> None:
            """Forget the intent alone: a login may wait in the same journal. Raises: StoreError."""

        def clear(self) -> None:
            """Forget both, after a save; never an error: what stays is stale, and dropped later."""

        def remove(self) -> None:
            """Leave nothing behind. Raises: StoreError."""

    class SideCar(Protocol):
        """How the last renewal failed, for everybody (L11, L20), and what rejections caused (L19)."""

        def read(self) -> Trouble | None:
            """The last trouble, if any."""

        def write(self, trouble: Trouble) -> None:
            """Remember a failure; never an error."""

        def clear(self) -> None:
            """Forget the trouble alone; never an error."""

        def rejection(self) -> Rejection | None:
            """The last renewal that a rejection caused (L19)."""

        def write_rejection(self, rejection: Rejection) -> None:
            """Remember one, in place of all trouble; never an error."""

        def remove(self) -> None:
            """Leave nothing behind; never an error."""

    class Claim(Protocol):
        """The sole right to send one refresh token (L10, L26). Leaving the `with` block gives it back."""

        def __enter__(self) -> Self: ...
        def __exit__(
            self,
            kind: type[BaseException] | None,
            error: BaseException | None,
            trace: TracebackType | None,
            /,
        ) -> None: ...

        def take(self, *, seconds: float, overtaken: Callable[[], bool]) -> bool:
            """Take it; False when `overtaken` came true. Raises: Unavailable after `seconds`, StoreError."""

        def check(self) -> None:
            """The last thing before the token is sent: is it still ours? Raises: Unavailable."""

        def holds(self) -> bool:
            """Whether nobody else can have taken the next one, and the journal with it, meanwhile."""

    class Held(Protocol):
        """A store whose lock this caller holds. Leaving the `with` block gives the lock back."""

        def __enter__(self) -> Self: ...
        def __exit__(
            self,
            kind: type[BaseException] | None,
            error: BaseException | None,
            trace: TracebackType | None,
            /,
        ) -> None: ...

        def load(self) -> Record | None:
            """The record as it is now, whole. Raises: StoreError."""

        @property
        def journal(self) -> Journal:
            """What was about to be sent, and what could be saved nowhere else (L13, L15)."""

        @property
        def trouble(self) -> SideCar:
            """How the last renewal failed, for everybody (L11, L20)."""

        def claim(self, refresh_hash: str) -> Claim | None:
            """What to take before a token is sent, where this lock may be granted twice; else None."""

        def check_savable(self) -> None:
            """Refuse, without writing, what would make a save fail for sure. Raises: StoreDenied."""

        def prove_writable(self) -> None:
            """Show that a save would succeed, before anything is spent on one. Raises: StoreDenied."""

        def save(self, record: Record, *, replacing: Identity | None, verify: bool = False) -> Record:
            """Compare-and-swap (L2): write if what is stored still has the identity `replacing`.

            Returns the record as stored, with its new generation. With `verify` it is read back and
            compared before that (P14). Raises: StoreChanged (nothing was written), StoreError.
            """

        def set_aside(self) -> str | None:
            """Move a damaged record out of the way of a new login; where to. Raises: StoreError."""

    class LoginStore(Protocol):
        """One profile's place in a store."""

        @property
        def kind(self) -> str:
            """`file`, `keychain` or `memory`."""

        @property
        def where(self) -> str:
            """Where the record lies, for people."""

        @property
        def key(self) -> str:
            """The same for every object that means the same place: names the in-process gate (L9)."""

        def glance(self) -> Record | Literal["unseen"] | None:
            """What is known without asking a keychain or a person; perhaps without the refresh token.

            "unseen": a login was kept here, and only `load` can tell about it. Raises: StoreError.
            """

        def load(self) -> Record | None:
            """The record, whole. Raises: StoreError within 5 s."""

        def waiting(self) -> Rescued | None:
            """The login that waits in the journal for this place, seen without the lock (L15)."""

        def mark(self) -> object:
            """A value that changes whenever the record does; costs a stat (L18)."""

        @property
        def read_only(self) -> bool:
            """Whether what `glance` or `load` last saw is a provisioned record, never to be renewed from."""

        def hold(self, *, seconds: float, until: Callable[[], bool] | None = None) -> Held | None:
            """Take the lock between processes; with 0 seconds, try once.

            None when `until` came true while waiting, or when it was tried once and somebody has it.
            Raises: Unavailable naming the holder, StoreDenied.
            """


KINDS = ("auto", "file", "keychain")


def open_store(world: World, profile: str, kind: str) -> LoginStore:
    """The place of a profile; nothing is opened or made before it is used.

    Raises: ConfigurationError for a kind this version does not know.
    """
    import sys

    if kind == "auto":
        kind = "keychain" if sys.platform == "darwin" else "file"
    if kind == "file":
        from keyturn.stores.file import FileStore

        return FileStore(world, profile)
    if kind == "keychain":
        from keyturn.stores.keychain import KeychainStore

        return KeychainStore(world, profile)
    raise ConfigurationError(
        f"this version of keyturn has no store named {kind!r}",
        hint=f"use one of: {', '.join(KINDS)}",
        profile=profile,
    )


def login_of(record: Record | Literal["unseen"] | None) -> Login | None:
    """The login in a record, if it is one."""
    from keyturn.login import Login as Kind

    return record if isinstance(record, Kind) else None
