"""One item of the operating system's secret service: each call bounded in time, each failure typed (P13)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from keyturn.errors import StoreDenied, StoreError, StoreLocked, StoreMissing, frameless

if TYPE_CHECKING:
    from collections.abc import Callable

    from keyring.backend import KeyringBackend

    from keyturn.world import World

T = TypeVar("T")

SECONDS = 5.0
# By name and never by scanning: a scan imports whatever else is installed and calls itself a keyring.
_BACKENDS = {
    "darwin": (("keyring.backends.macOS", "Keyring"),),
    "win32": (("keyring.backends.Windows", "WinVaultKeyring"),),
}
_ELSEWHERE = (("keyring.backends.SecretService", "Keyring"), ("keyring.backends.kwallet", "DBusKeyring"))


class Item:
    """The item of one profile; another KEYTURN_HOME has other items."""

    def __init__(self, world: World, profile: str) -> None:
        self._profile = profile
        self._service = _service(world)
        self._backend: KeyringBackend | None = None
        self.reads = 0
        self.writes = 0

    @property
    def where(self) -> str:
        """For people: what a keychain's own tools would show."""
        return f"the keychain item {self._service}/{self._profile}"

    @frameless
    def read(self) -> str | None:
        """The text of the item. Raises: StoreError within 5 s."""
        self.reads += 1
        return self._bounded("read", lambda backend: backend.get_password(self._service, self._profile))

    @frameless
    def write(self, text: str) -> None:
        """Set the text. Raises: StoreError within 5 s."""
        self.writes += 1
        self._bounded("write", lambda backend: backend.set_password(self._service, self._profile, text))

    def remove(self) -> None:
        """Remove the item, if it is there. Raises: StoreError within 5 s."""

        def removed(backend: KeyringBackend) -> None:
            from keyring.errors import PasswordDeleteError

            try:
                backend.delete_password(self._service, self._profile)
            except PasswordDeleteError:
                if backend.get_password(self._service, self._profile) is not None:
                    raise

        self._bounded("remove", removed)

    @frameless
    def copy_aside(self, text: str, seconds: float) -> str:
        """Keep a damaged text under another name, and say which. Raises: StoreError within 5 s."""
        first = f"{self._profile}.corrupt-{int(seconds)}"

        def copied(backend: KeyringBackend) -> str:
            name, number = first, 1
            while backend.get_password(self._service, name) not in (None, text):
                number += 1
                name = f"{first}-{number}"
            backend.set_password(self._service, name, text)
            return name

        return f"the keychain item {self._service}/{self._bounded('write', copied)}"

    def prove_reachable(self) -> None:
        """Show that the keychain answers. Raises: StoreError within 5 s."""
        self._bounded("reach", lambda _backend: None)

    def _bounded(self, verb: str, call: Callable[[KeyringBackend], T]) -> T:
        """Run a call in a thread of its own: a bus that never answers must not hang us (P13)."""
        import threading

        result: list[T] = []
        failure: list[BaseException] = []

        def work() -> None:
            try:
                if self._backend is None:
                    self._backend = _find_backend()
                result.append(call(self._backend))
            except BaseException as error:  # noqa: BLE001 - handed to the waiting thread, which types it
                failure.append(error)

        thread = threading.Thread(target=work, daemon=True, name="keyturn-keychain")
        thread.start()
        thread.join(SECONDS)
        if thread.is_alive():
            raise StoreLocked(
                f"the keychain did not answer within {SECONDS:g} s ({verb} {self.where})",
                hint="it may be waiting for a password on another screen; unlock it, "
                "or use the file store: keyturn login --store file",
            )
        if failure:
            raise _typed(failure[0], verb, self.where) from None
        return result[0]


def _service(world: World) -> str:
    home = world.variable("KEYTURN_HOME")
    if home is None:
        return "keyturn"
    from hashlib import sha256

    return f"keyturn-{sha256(home.encode()).hexdigest()[:16]}"


def _find_backend() -> KeyringBackend:
    import importlib
    import sys

    for module, name in _BACKENDS.get(sys.platform, _ELSEWHERE):
        try:
            backend_class = getattr(importlib.import_module(module), name)
            backend_class.priority  # noqa: B018 - it raises, with the reason, where the backend cannot work
        except Exception:  # noqa: BLE001, S112 - third-party code that says "not here" in many ways
            continue
        backend: KeyringBackend = backend_class()
        return backend
    raise StoreMissing(
        "this machine has no secret service that answers",
        hint="over ssh or in a container there is often none; use the file store: keyturn login --store file",
    )


def _typed(error: BaseException, verb: str, where: str) -> StoreError:
    if isinstance(error, StoreError):
        return error
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if "KeyringLocked" in kinds or "LockedException" in kinds:
        return StoreLocked(
            f"the keychain is locked ({verb} {where})",
            hint="unlock it (macOS: security unlock-keychain; Linux: log in to the desktop), "
            "or use the file store: keyturn login --store file",
        )
    if "NoKeyringError" in kinds or "InitError" in kinds or "SecretServiceNotAvailableException" in kinds:
        return StoreMissing(
            f"the keychain cannot be used here ({verb} {where})",
            hint="start the desktop's secret service, or use the file store: keyturn login --store file",
        )
    return StoreDenied(
        f"the keychain refused to {verb} {where} ({type(error).__name__})",
        hint="allow keyturn in the keychain's own program, or use the file store: keyturn login --store file",
    )
