"""The one function that makes foreign text safe to show (T14): what servers, stores and helpers say.

Terminals obey control characters, and readers are deceived by marks that reorder or hide text: an account
name could clear the screen, or a path look like another. All of that is taken out.
"""

from __future__ import annotations

LIMIT = 300
# Invisible or reordering characters beyond the controls; each pair is a first and a last code point.
_HIDDEN = (
    (0x00AD, 0x00AD),  # soft hyphen
    (0x034F, 0x034F),  # combining grapheme joiner
    (0x061C, 0x061C),  # Arabic letter mark
    (0x115F, 0x1160),  # Hangul fillers
    (0x17B4, 0x17B5),  # Khmer inherent vowels
    (0x180B, 0x180F),  # Mongolian selectors
    (0x200B, 0x200F),  # zero width space and joiners, left-to-right and right-to-left mark
    (0x2028, 0x202E),  # line and paragraph separator, embeddings and overrides
    (0x2060, 0x206F),  # word joiner, isolates, deprecated format characters
    (0x3164, 0x3164),  # Hangul filler
    (0xD800, 0xDFFF),  # halves of characters, which no stream can write
    (0xFE00, 0xFE0F),  # variation selectors, which can carry hidden bytes
    (0xFEFF, 0xFEFF),  # byte order mark
    (0xFFA0, 0xFFA0),  # halfwidth Hangul filler
    (0xFFF9, 0xFFFB),  # interlinear annotation
    (0x1BCA0, 0x1BCA3),  # shorthand format controls
    (0x1D173, 0x1D17A),  # musical format controls
    (0xE0000, 0xE0FFF),  # tags and further variation selectors
)


def clean(text: str, limit: int = LIMIT, *, lines: bool = False) -> str:
    """The text without what moves, reorders or hides, at most `limit` characters long.

    Whitespace becomes single spaces; with `lines`, line breaks stay and only the rest of a line is joined.
    """
    text = text[: 8 * limit]  # what is far beyond the limit is not worth the look
    if lines:
        kept = "\n".join(" ".join(visible(line).split()) for line in text.splitlines())
    else:
        kept = " ".join(visible(text).split())
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"


def visible(text: str) -> str:
    """The text without what moves, reorders or hides; every space and line break becomes a space."""
    if text.isprintable() and text.isascii():
        return text
    return "".join(_replaced(character) for character in text)


def _replaced(character: str) -> str:
    code = ord(character)
    if code < 0x20 or 0x7F <= code <= 0x9F:  # noqa: PLR2004 - C0, DEL and C1
        # a line break parts words; an escape parts nothing, and what follows it is then only text
        return " " if character.isspace() else ""
    return "" if any(first <= code <= last for first, last in _HIDDEN) else character
