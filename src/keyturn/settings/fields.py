"""Typed fields of one JSON object, with errors that name file and key."""

from __future__ import annotations

from keyturn.errors import AuthError, ConfigurationError
from keyturn.wire import origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class Fields:
    """Typed fields of one JSON object, with errors that name file and key."""

    def __init__(self, found: Mapping[str, Any], path: str, prefix: str) -> None:
        self._found = found
        self._path = path
        self._prefix = prefix

    def wrong(self, name: str, wanted: str) -> AuthError:
        """The error for a field that is not what it should be."""
        return ConfigurationError(
            f"{self._path}: {self._prefix}{name} is not {wanted}",
            hint="correct the file by hand",
            path=self._path,
        )

    def text(self, name: str) -> str | None:
        """A text without control characters; None when it is missing or blank."""
        value = self._found.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self.wrong(name, "a text")
        if any(character < " " or character == "\x7f" for character in value):
            raise self.wrong(name, "a text without control characters")
        return value.strip() or None

    def check_address(self, name: str, url: str | None) -> None:
        """Refuse what no request can be sent to."""
        try:
            if url is not None:
                origin(url)
        except ValueError as error:
            raise self.wrong(name, f"a usable address: {error}") from None

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; empty when it is missing."""
        value = self._found.get(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.wrong(name, "a list of texts")
        return tuple(value)

    def origins(self, name: str) -> tuple[str, ...]:
        """Origins, each as it is compared: an entry that is none would allow nothing, silently."""
        try:
            return tuple(str(origin(entry)) for entry in self.texts(name))
        except ValueError as error:
            raise self.wrong(name, f"a list of origins such as http://proxy:8080 ({error})") from None

    def bindings(self, name: str) -> dict[str, str]:
        """Directories and their profiles; a path that is not absolute could mean any directory."""
        found = self.mapping(name)
        for directory, profile in found.items():
            rooted = directory.startswith("/") or directory[1:3] in (":\\", ":/")
            if not (rooted and isinstance(profile, str)):
                raise self.wrong(name, "an object of absolute directory: profile")
        return {directory.rstrip("/") or "/": profile for directory, profile in found.items()}

    def mapping(self, name: str) -> dict[str, Any]:
        """An object; empty when it is missing."""
        value = self._found.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self.wrong(name, "an object")
        return value
