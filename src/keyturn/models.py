"""Which model is asked when nobody names one: data, with the source and date of each row.

This is the one table of models. On Bedrock an inference profile's prefix comes before its names
(`keyturn.bedrock.models`); the names of the other routes are sent as they stand.
"""

from __future__ import annotations

from keyturn.errors import UsageError
from keyturn.values import Value
from keyturn.variables import text_variable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.variables import Place

VARIABLE = "ANTHROPIC_MODEL"
SMALL_VARIABLE = "ANTHROPIC_SMALL_FAST_MODEL"
LONGEST_NAME = 256
# Claude Code's mark for a larger context, which it takes off itself; no server knows a name with it
_MARK = "[1m]"
# What one answer may cost at most; every model in the table can give more.
MAX_TOKENS = 16_000


class Default(Value):
    """A route's model and the small one for background work, and where and when they were looked up."""

    __slots__ = ("date", "model", "small", "source")
    date: str
    model: str
    small: str | None
    source: str


DEFAULTS: dict[str, Default] = {
    "anthropic": Default(
        model="claude-opus-5-5",
        source="the example on the front page of the official Python client, version 2.12.0",
        date="2026-11-22",
    ),
    "bedrock": Default(
        model="anthropic.claude-opus-5",
        small="anthropic.claude-sonnet-4-5-20250929-v1:0",
        source="the defaults on the official page about Claude Code on Amazon Bedrock",
        date="2026-08-22",
    ),
    "vertex": Default(
        model="claude-opus-5",
        small="claude-sonnet-4-5@20250929",
        source="the defaults on the official page about Claude Code on Google Vertex AI",
        date="2026-08-22",
    ),
}


def known_models() -> tuple[str, ...]:
    """Names to offer for completion: those the official client knows, once it is loaded; never a limit."""
    import sys

    if "anthropic" not in sys.modules:
        return tuple(row.model for row in DEFAULTS.values())
    from typing import get_args

    from anthropic.types import Model

    return tuple(name for part in get_args(Model) for name in get_args(part))


class Chosen(Value):
    """A model's name and who chose it, for people."""

    __slots__ = ("by", "name")
    by: str
    name: str


def choose_model(place: Place, route: str, named: str | None = None) -> Chosen:
    """The model of the command line, else of ANTHROPIC_MODEL, else of the table.

    Raises: UsageError, ConfigurationError for a name no request can carry.
    """
    if named is not None:
        return Chosen(name=checked_model(named), by="--model")
    from_environment = text_variable(place, VARIABLE)
    if from_environment is not None:
        return Chosen(name=sent_name(from_environment), by=VARIABLE)
    return Chosen(name=DEFAULTS[route].model, by="default")


def sent_name(name: str) -> str:
    """The name as servers know it."""
    return name.removesuffix(_MARK) or name


def checked_model(name: str) -> str:
    """A model's name as a person gave it. Raises: UsageError."""
    name = name.strip().removesuffix(_MARK)
    if not name or len(name) > LONGEST_NAME or any(not "!" <= character <= "~" for character in name):
        raise UsageError(
            "that is not a model's name: one word of printable ASCII is needed",
            hint=f"for example: {DEFAULTS['anthropic'].model}",
            code="model_name",
        )
    return name
