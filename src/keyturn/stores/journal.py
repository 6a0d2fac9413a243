"""The journal of one profile: what was about to be sent, and a login that found no other place (L13, L15).

64 KiB, made and fsynced before the first grant of a login, then overwritten in place: a full disk cannot
take it away. Two areas, so that a crash while the second is written leaves the first readable.
"""

from __future__ import annotations

import os
import stat

from keyturn import jsontext
from keyturn.errors import StoreCorrupt, StoreDenied, StoreError, frameless
from keyturn.login import Identity, Login
from keyturn.records import read_record, write_record
from keyturn.values import Value
from keyturn.world import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SIZE = 64 * 1024
_INTENT_AT, _LOGIN_AT = 0, 4096


class Intent(Value):
    """A refresh token that may have been spent: `attempt` counts its sendings, `at` is in Unix seconds."""

    __slots__ = ("at", "attempt", "generation", "login_id", "refresh_hash")
    at: float
    attempt: int
    generation: int
    login_id: str
    refresh_hash: str

    def is_about(self, identity: Identity) -> bool:
        """Whether it speaks of what is stored now; else somebody has saved since, and it is stale."""
        return (self.login_id, self.generation, self.refresh_hash) == (
            identity.login_id,
            identity.generation,
            identity.refresh_hash,
        )


class Rescued(Value):
    """A renewed login that its store could not take, and the identity it was meant to replace."""

    __slots__ = ("login", "replaces")
    login: Login
    replaces: Identity

    def is_for(self, login: Login) -> bool:
        """Whether it waits for the place of this one; a keychain's cache names no refresh token."""
        return (self.replaces.login_id, self.replaces.generation) == (login.login_id, login.generation)


class JournalFile:
    """The file; every call is made under the profile's lock."""

    def __init__(self, path: str) -> None:
        self.path = path

    def intent(self) -> Intent | None:
        """The pending intent. Raises: StoreDenied."""
        found = self._area(_INTENT_AT, _LOGIN_AT)
        if found is None:
            return None
        try:
            return Intent(**{name: found[name] for name in Intent.fields})
        except KeyError:
            return None

    @frameless
    def rescued(self) -> Rescued | None:
        """The login that waits for its store. Raises: StoreDenied."""
        found = self._area(_LOGIN_AT, SIZE)
        if found is None:
            return None
        try:
            login = read_record(str(found["login"]), self.path)
            replaces = Identity(**{name: found["replaces"][name] for name in Identity.fields})
        except (KeyError, TypeError, StoreCorrupt):
            return None
        return Rescued(login=login, replaces=replaces) if isinstance(login, Login) else None

    def glimpse(self) -> Rescued | None:
        """As `rescued`, for those without the lock: what they cannot read is not there."""
        try:
            return self.rescued()
        except StoreError:
            return None

    def begin(self, intent: Intent) -> None:
        """Make the intent durable; from here on the token counts as sent. Raises: StoreDenied."""
        self._write(_INTENT_AT, _LOGIN_AT, {name: getattr(intent, name) for name in Intent.fields})

    @frameless
    def rescue(self, login: Login, replaces: Identity) -> None:
        """Make a login durable that its store did not take. Raises: StoreDenied."""
        self._write(
            _LOGIN_AT,
            SIZE,
            {
                "login": write_record(login),
                "replaces": {name: getattr(replaces, name) for name in Identity.fields},
            },
        )

    def take_back(self) -> None:
        """Forget the intent alone, durably. Raises: StoreDenied."""
        self._blank((_INTENT_AT, _LOGIN_AT))

    def clear(self) -> None:
        """Forget both, durably, after a save.

        A disk that refuses is no error: what stays speaks of a token that is not stored any more, and is
        dropped by the next one to look. The caller's renewed login must not be lost over it.
        """
        try:
            self._blank((_LOGIN_AT, SIZE), (_INTENT_AT, _LOGIN_AT))
        except StoreDenied:
            return

    def _blank(self, *areas: tuple[int, int]) -> None:
        if files.mark(self.path) is None:
            return
        descriptor = self._open()
        try:
            for start, end in areas:
                if os.pread(descriptor, 1, start) not in (b"", b" "):
                    os.pwrite(descriptor, b" " * (end - start), start)
            os.fsync(descriptor)
        except OSError as error:
            raise files.denied(self.path, error) from None
        finally:
            os.close(descriptor)

    def remove(self) -> None:
        """Remove the file: with the login it was for. Raises: StoreDenied."""
        files.remove_durably(self.path)

    def _area(self, start: int, end: int) -> dict[str, Any] | None:
        if files.mark(self.path) is None:
            return None
        descriptor = self._open()
        try:
            found = os.pread(descriptor, end - start, start)
        except OSError as error:
            raise files.denied(self.path, error) from None
        finally:
            os.close(descriptor)
        return _unseal(found)

    def _write(self, start: int, end: int, value: dict[str, Any]) -> None:
        data = _seal(value)
        if len(data) > end - start:
            raise StoreDenied(f"{self.path}: a login of {len(data)} bytes does not fit", path=self.path)
        descriptor = self._open()
        try:
            if os.fstat(descriptor).st_size < SIZE:
                self._fill(descriptor)
                files.sync_directory(os.path.dirname(self.path))
            done = 0
            while done < len(data):
                done += os.pwrite(descriptor, data[done:], start + done)
            os.fsync(descriptor)
        except OSError as error:
            raise files.denied(self.path, error) from None
        finally:
            os.close(descriptor)

    def _fill(self, descriptor: int) -> None:
        """Real blocks, not a hole: a later write in place must not need new ones."""
        done = 0
        try:
            while done < SIZE:
                done += os.pwrite(descriptor, b" " * (SIZE - done), done)
            os.fsync(descriptor)
        except OSError:
            os.unlink(self.path)  # it was never whole and says nothing: a full disk is not filled further
            raise

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
        try:
            descriptor = os.open(self.path, flags, 0o600)
        except OSError as error:
            raise files.denied(self.path, error) from None
        try:
            state = os.fstat(descriptor)
        except OSError as error:
            os.close(descriptor)
            raise files.denied(self.path, error) from None
        if not stat.S_ISREG(state.st_mode) or (
            hasattr(os, "geteuid") and (state.st_uid != os.geteuid() or stat.S_IMODE(state.st_mode) & 0o077)
        ):
            os.close(descriptor)
            raise StoreDenied(
                f"{self.path} is not a file of yours alone", hint=f"remove it: rm {self.path}", path=self.path
            )
        return descriptor


def _seal(value: dict[str, Any]) -> bytes:
    from hashlib import sha256

    body = jsontext.dump(value).encode()
    return f"{sha256(body).hexdigest()} {len(body)}\n".encode() + body


def _unseal(found: bytes) -> dict[str, Any] | None:
    """The value of an area, or None for one that is empty, or torn by a crash before its fsync."""
    from hashlib import sha256

    header, _, rest = found.partition(b"\n")
    words = header.split()
    if len(words) != 2 or not words[1].isdigit():  # noqa: PLR2004 - hash and length
        return None
    body = rest[: int(words[1])]
    if sha256(body).hexdigest().encode() != words[0]:
        return None
    try:
        return jsontext.parse_object(body.decode())
    except ValueError:
        return None
