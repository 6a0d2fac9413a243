"""Secrets out of text that is about to be shown: the values this process holds, and known shapes (T15).

For the places where text comes from elsewhere and could hold anything: a wrong argument repeated in an
error, a traceback. Everything else never has a secret in its text to begin with.
"""

from __future__ import annotations

import re

from keyturn.values import Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MASK = "[secret]"
_SHORTEST = 8  # shorter values would blank out ordinary words
_SHAPES = re.compile(
    r"""
      sk-ant-[A-Za-z0-9_-]{4,}
    | eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?   # JWT
    | \b(?:AKIA|ASIA)[A-Z0-9]{12,}
    | \bya29\.[A-Za-z0-9_.-]{8,}
    | (?<=[Bb]earer[ ])[A-Za-z0-9._~+/=-]{8,}
    """,
    re.VERBOSE,
)

# the secrets of AWS have no shape of their own, but stand beside their names
_NAMED = re.compile(
    r"""(?i)((?:secret_?access_?key|session_?token|security_?token)["']?[ :=]+["']?)[a-z0-9+/=_-]{16,}"""
)


def redact(text: str, known: Iterable[str] = ()) -> str:
    """The text with every known value, in each of its spellings, and every known shape masked."""
    found = {spelling for value in known if len(value) >= _SHORTEST for spelling in spellings(value)}
    for spelling in sorted(found, key=len, reverse=True):
        text = text.replace(spelling, MASK)
    return _NAMED.sub(rf"\1{MASK}", _SHAPES.sub(MASK, text))


def held_secrets() -> Iterator[str]:
    """Every secret that is alive in this process; slow, for a crash only."""
    import gc

    for thing in gc.get_objects():
        if isinstance(thing, Secret):
            yield thing.reveal()


def spellings(value: str) -> Iterator[str]:
    """The value as it may show: plain, URL-encoded, and in base64 wherever in a text it began."""
    from base64 import b64encode
    from urllib.parse import quote

    data = value.encode("utf-8", "surrogatepass")
    yield value
    yield quote(data, safe="")
    for before, shared in ((0, 0), (1, 2), (2, 3)):
        # base64 has three alignments; at its ends a text shares bits with its neighbours
        padded = b"\0" * before + data
        whole = b64encode(padded).decode()[shared : len(padded) * 8 // 6]
        yield whole
        yield whole.replace("+", "-").replace("/", "_")
