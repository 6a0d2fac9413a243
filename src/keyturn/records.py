"""The text of a record and the record of a text: strict in types, kind to what it does not know."""

from __future__ import annotations

from keyturn import jsontext
from keyturn.errors import ConfigurationError, StoreCorrupt, frameless
from keyturn.login import Authority, Login, Moved, Quarantine, Tombstone
from keyturn.values import API_ORIGIN, Secret, Value
from keyturn.wire import origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from keyturn.login import Record
    from keyturn.wire import Origin

VERSION = 1
# three thousand years: beyond that a number is no time in seconds
TIME_LIMIT = 1e11


@frameless
def read_record(text: str, where: str) -> Record:
    """The record of a store.

    Raises: StoreCorrupt naming `where`; ConfigurationError when a newer keyturn wrote it.
    """
    try:
        found = jsontext.parse_object(text) if text.strip() else None
    except jsontext.NotJson as error:
        raise _damaged(where, str(error)) from None
    if found is None:
        raise _damaged(where, "it is empty")
    version = found.get("version")
    if type(version) is not int:
        raise _damaged(where, "it has no version")
    if version > VERSION:
        raise ConfigurationError(
            f"{where} was written by a newer keyturn (format {version}, this one knows {VERSION})",
            hint="upgrade: pip install --upgrade keyturn",
        )
    try:
        return _Reader(found).record()
    except _WrongField as error:
        raise _damaged(where, str(error)) from None


def write_record(record: Record) -> str:
    """The text of a record, readable by a person, with every field it came with."""
    if isinstance(record, Tombstone):
        fields: dict[str, Any] = {
            "version": VERSION,
            "state": "logged_out",
            "generation": record.generation,
            "at": record.at,
        }
        return jsontext.dump(fields, indent=1) + "\n"
    if isinstance(record, Moved):
        said = {"state": "moved", "generation": record.generation, "at": record.at, "to": record.to}
        return jsontext.dump({"version": VERSION, **said}, indent=1) + "\n"
    fields = {**(record.extra or {}), "version": VERSION, "state": "login"}
    for name in Login.__slots__:
        if name == "extra":
            continue
        value = getattr(record, name)
        if isinstance(value, Secret):
            value = value.reveal()
        elif isinstance(value, Value):
            value = {
                **(fields.get(name) or {}),
                **{
                    key: item.reveal() if isinstance(item := getattr(value, key), Secret) else item
                    for key in value.fields
                },
            }
        fields[name] = value
    return jsontext.dump(fields, indent=1) + "\n"


class _WrongField(ValueError):
    pass


class _Reader:
    """Takes typed fields out of a JSON object and says which one is wrong, never what it held."""

    def __init__(self, found: dict[str, Any]) -> None:
        self._found = found

    def record(self) -> Record:
        state = self._found.get("state", "login")
        if state == "logged_out":
            return Tombstone(generation=self.integer("generation"), at=self.number("at") or 0.0)
        if state == "moved":
            to = self.text("to")
            if to is None:
                raise _WrongField("it does not say where its login was moved to")
            return Moved(generation=self.integer("generation"), at=self.number("at") or 0.0, to=to)
        if state != "login":
            raise _WrongField("its state is unknown")
        key, token = self.secret("api_key"), self.secret("access_token")
        refresh = self.secret("refresh_token")
        if key is None and token is None and refresh is None:
            raise _WrongField("it holds neither a token nor a key")
        known = {*Login.__slots__, "version", "state"}
        self.address("api_base_url")
        return Login(
            access_token=token,
            account=self.text("account"),
            account_id=self.text("account_id"),
            ancestors=self.texts("ancestors"),
            api_base_url=self.text("api_base_url"),
            api_key=key,
            authority=self.authority(),
            billing=self.text("billing") or "unknown",
            expires_at=self.number("expires_at"),
            extra=self.unknown(known),
            generation=self.integer("generation"),
            issued_at=self.number("issued_at") or 0.0,
            login_id=self.text("login_id") or "",
            oauth_beta=self._found.get("oauth_beta") is True,
            organization=self.text("organization"),
            organization_id=self.text("organization_id"),
            profile=self.text("profile") or "",
            quarantine=self.quarantine(),
            refresh_token=refresh,
            scopes=self.texts("scopes"),
        )

    def unknown(self, known: set[str]) -> dict[str, Any]:
        """What this version does not know, also inside of what it knows (P25)."""
        extra = {name: value for name, value in self._found.items() if name not in known}
        for name, kind in (("authority", Authority), ("quarantine", Quarantine)):
            inner = self._found.get(name)
            if isinstance(inner, dict) and (
                unknown := {k: v for k, v in inner.items() if k not in kind.fields}
            ):
                extra[name] = unknown
        return extra

    def authority(self) -> Authority | None:
        inner = self.inner("authority")
        if inner is None:
            return None
        token_url, client_id = inner.text("token_url"), inner.text("client_id")
        if not token_url or not client_id:
            raise _WrongField("its authority names no token_url or no client_id")
        if not inner.address("token_url").confidential:
            raise _WrongField("its token_url is an address that secrets would reach without encryption")
        return Authority(
            client_id=client_id,
            client_secret=inner.secret("client_secret"),
            device_url=inner.text("device_url"),
            issuer=inner.text("issuer"),
            authorize_url=inner.text("authorize_url"),
            resource=inner.text("resource"),
            revoke_url=inner.text("revoke_url"),
            token_request=inner.text("token_request") or "form",
            token_url=token_url,
        )

    def quarantine(self) -> Quarantine | None:
        inner = self.inner("quarantine")
        if inner is None:
            return None
        return Quarantine(at=inner.number("at") or 0.0, reason=inner.text("reason") or "it was rejected")

    def inner(self, name: str) -> _Reader | None:
        value = self._found.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise _WrongField(f"its field {name} is not an object")
        return _Reader(value)

    def text(self, name: str) -> str | None:
        value = self._found.get(name)
        if value is not None and not isinstance(value, str):
            raise _WrongField(f"its field {name} is not a text")
        return value or None

    def address(self, name: str) -> Origin:
        try:
            return origin(self.text(name) or API_ORIGIN)
        except ValueError as error:
            raise _WrongField(f"its field {name} is no address: {error}") from None

    def secret(self, name: str) -> Secret | None:
        value = self.text(name)
        if value is None:
            return None
        if not value.isascii() or not value.isprintable() or " " in value:
            raise _WrongField(f"its field {name} holds a character no header can carry")
        return Secret(value)

    def texts(self, name: str) -> tuple[str, ...]:
        value = self._found.get(name)
        # a login is worth more than its list of scopes: anything but a list of texts counts as none
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            return ()
        return tuple(value)

    def number(self, name: str) -> float | None:
        value = self._found.get(name)
        if value is None:
            return None
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not -TIME_LIMIT < value < TIME_LIMIT
        ):
            raise _WrongField(f"its field {name} is not a time in seconds")
        return float(value)

    def integer(self, name: str) -> int:
        value = self._found.get(name, 0)
        if type(value) is not int or value < 0:
            raise _WrongField(f"its field {name} is not a counting number")
        return value


def _damaged(where: str, why: str) -> StoreCorrupt:
    return StoreCorrupt(
        f"{where} is damaged: {why}",
        hint="log in again: keyturn login (the damaged record is then moved aside, not deleted)",
        where=where,
    )
