"""An answer, made harmless for a terminal while it streams (T14): it may say anything and move nothing.

`keyturn.clean` is for what servers say in passing; it joins lines, which an answer needs.
"""

from __future__ import annotations

# Left alone are the joiners and direction marks that emoji and right-to-left words need.
_REORDERING = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
_INVISIBLE = (0xAD, 0x200B, 0x2028, 0x2029, 0x2060, 0xFEFF)
_CONTROLS = (*(code for code in range(0x20) if chr(code) not in "\n\t"), *range(0x7F, 0xA0))
_OUT: dict[int, str | None] = dict.fromkeys((*_CONTROLS, *_REORDERING, *_INVISIBLE))
# Half a character cannot be written at all.
_OUT.update(dict.fromkeys(range(0xD800, 0xE000), "\N{REPLACEMENT CHARACTER}"))


def answer_text(piece: str) -> str:
    """A piece of a streamed answer: lines and tabs stay, escape sequences lose what makes them work."""
    return piece.translate(_OUT)
