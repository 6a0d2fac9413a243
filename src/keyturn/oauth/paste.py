"""Reading what a person pastes after a login: `code#state`, a bare code, or the whole redirect address.

Terminals, chats and mails add blanks, line breaks, quotes and marks; all of that is taken off. What was
pasted is a secret until it is used, so no error repeats any of it.
"""

from __future__ import annotations

import hmac
import re
from urllib.parse import parse_qsl

from keyturn.errors import UsageError
from keyturn.oauth.refusal import refusal
from keyturn.values import Value

__all__ = ["Pasted", "read_paste"]

MAX_PASTE = 16 * 1024
MAX_CODE = 4096
_ONCE = ("code", "state", "error", "error_description", "iss")
# ESC [ 200 ~ and ESC [ 201 ~ as terminals send them, as they echo them, and with the escape eaten
_MARKS = re.compile(r"(?:(?:\x1b|\^\[)?\[|\x9b)20[01]~")
# soft hyphen, zero-width characters, direction marks, byte order mark
_UNSEEN = re.compile("[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff]")
_QUOTES = "\"'`<>“”‘’„‚«»‹›"  # noqa: RUF001 - the quotes of many languages
_ADDRESS = re.compile(r"^[a-z][a-z0-9+.-]*://|(?:^|[?&#])(?:code|error|state)=", re.IGNORECASE)
_AGAIN = "copy the code from the page in the browser once more, or run keyturn login again"


class Pasted(Value):
    """The code, with what came beside it; None for what was not there."""

    __slots__ = ("code", "iss", "state")
    code: str
    iss: str | None
    state: str | None

    def __repr__(self) -> str:
        matched = None if self.state is None else "[matched]"
        return f"Pasted(code=[redacted], iss={self.iss!r}, state={matched})"


def read_paste(text: str, *, expected_state: str) -> Pasted:
    """The code in a pasted text; a state that came with it is this attempt's.

    Raises: UsageError when the person should paste again; what `refusal` gives when the text carries the
    server's error for this attempt.
    """
    if len(text) > MAX_PASTE:
        raise UsageError(
            f"what was pasted is too long: {len(text)} characters", hint=_AGAIN, code="paste_too_long"
        )
    bare = _bare(text)
    if not bare:
        raise UsageError("nothing was pasted", hint=_AGAIN, code="paste_empty")
    if not (bare.isascii() and bare.isprintable()):
        raise UsageError(
            "what was pasted holds characters that no code has", hint=_AGAIN, code="paste_unusable"
        )
    parts = _from_address(bare) if _ADDRESS.search(bare) else _from_code(bare)
    _check_state(parts.get("state"), expected_state)
    if parts.get("error"):
        raise refusal(parts["error"], parts.get("error_description"))
    code = parts.get("code", "")
    if not code:
        raise UsageError("what was pasted holds no code", hint=_AGAIN, code="paste_unusable")
    if len(code) > MAX_CODE:
        raise UsageError(
            f"the pasted code is too long: {len(code)} characters", hint=_AGAIN, code="paste_too_long"
        )
    return Pasted(code=code, iss=parts.get("iss"), state=parts.get("state"))


def _bare(text: str) -> str:
    """Without marks, anything unseen, blanks and line breaks anywhere, and quotes around it."""
    seen = _UNSEEN.sub("", _MARKS.sub("", text))
    return "".join(seen.split()).strip(_QUOTES)


def _from_code(text: str) -> dict[str, str]:
    # some pages show the separator percent-encoded
    separator = "#" if "#" in text else "%23"
    code, _, state = text.partition(separator)
    if separator in state:
        raise UsageError("what was pasted has more than one # in it", hint=_AGAIN, code="paste_unusable")
    return {"code": code, "state": state} if state else {"code": code}


def _from_address(text: str) -> dict[str, str]:
    before, _, fragment = text.partition("#")
    _, asked, query = before.partition("?")
    parts: dict[str, str] = {}
    for piece in (query if asked else before, fragment):
        try:
            pairs = parse_qsl(piece, keep_blank_values=True, max_num_fields=50, errors="replace")
        except ValueError:
            raise UsageError(
                "the pasted address cannot be read", hint=_AGAIN, code="paste_unusable"
            ) from None
        for name, value in pairs:
            if name in _ONCE and parts.setdefault(name, value) != value:
                message = f"the pasted address names {name} twice"
                raise UsageError(message, hint=_AGAIN, code="paste_unusable")
    code = parts.get("code", "")
    if not (code.isascii() and code.isprintable()):
        message = "the pasted address holds a code with characters that no code has"
        raise UsageError(message, hint=_AGAIN, code="paste_unusable")
    return parts


def _check_state(state: str | None, expected: str) -> None:
    if state is not None and not hmac.compare_digest(state.encode(), expected.encode()):
        hint = "use the page of the newest attempt, or run keyturn login again"
        raise UsageError("this code belongs to another login attempt", hint=hint, code="paste_wrong_state")
