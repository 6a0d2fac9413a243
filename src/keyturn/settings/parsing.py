"""The bytes of a settings file as one JSON object: the same for whoever shows, trusts or uses it."""

from __future__ import annotations

from keyturn import jsontext
from keyturn.errors import ConfigurationError, frameless

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

CODE = "settings"
# the keys that keyturn uses, beside `env`
COMMANDS = ("apiKeyHelper", "awsAuthRefresh", "awsCredentialExport", "gcpAuthRefresh")
FORCED = ("forceLoginMethod", "forceLoginOrgUUID")


@frameless
def parsed(path: str, content: bytes) -> Mapping[str, Any]:
    """The object. Raises: ConfigurationError with file, line and column."""
    try:
        return jsontext.parse_object(decoded(content))
    except jsontext.NotJson as error:
        raise ConfigurationError(
            f"{path}:{error.line}:{error.column}: {error.why}",
            hint="correct the file by hand; it is strict JSON, without comments and trailing commas",
            code=CODE,
            path=path,
            line=error.line,
            column=error.column,
        ) from None


def decoded(content: bytes) -> str:
    """The text of a settings file; a byte order mark, which some editors write, means nothing.

    Raises: jsontext.NotJson.
    """
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise jsontext.NotJson("not UTF-8 text", line, column) from None
