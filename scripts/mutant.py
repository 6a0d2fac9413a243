"""What a mutant of scripts/mutants.py is: the text that a mechanism is made of, and what takes its place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mechanism taken out: `old` stands exactly once in `file` below src/keyturn."""

    numbers: tuple[str, ...]
    what: str
    file: str
    old: str
    new: str
