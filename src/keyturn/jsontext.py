"""Strict JSON in, Python values out, bounded in size and depth, with the place of an error.

`import json` brings `re` and costs more than reading a login does, so the fast way uses the C scanner
that the standard library's own decoder is built on, and `json` itself wherever that is not offered.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DEPTH_LIMIT = 64
_DIGITS = 300  # what every floating-point number can take
_TOO_LARGE = "a number is too large"


class NotJson(ValueError):
    """The text is not strict JSON; `line` and `column` count from 1."""

    def __init__(self, why: str, line: int = 1, column: int = 1) -> None:
        super().__init__(f"{why} (line {line}, column {column})")
        self.why = why
        self.line = line
        self.column = column


def parse(text: str) -> Any:  # noqa: ANN401 - JSON is any value; callers check what they take
    """One JSON value; NaN, Infinity, a key named twice and deep nesting are refused.

    Raises: NotJson.
    """
    if _depth(text) > DEPTH_LIMIT:
        raise NotJson(f"nested deeper than {DEPTH_LIMIT} levels")
    start = _skip(text, 0)
    try:
        value, end = _scan_once(text, start)
    except StopIteration as stop:
        raise NotJson("a value is missing", *_place(text, int(stop.value))) from None
    except NotJson:
        raise
    except (ValueError, RecursionError) as error:
        # json.JSONDecodeError; its `doc` holds the whole text, so it must not be chained
        position = getattr(error, "pos", start)
        raise NotJson(str(getattr(error, "msg", "not JSON")).lower(), *_place(text, position)) from None
    end = _skip(text, end)
    if end != len(text):
        raise NotJson("more text after the value", *_place(text, end))
    return value


def parse_object(text: str) -> dict[str, Any]:
    """One JSON object.

    Raises: NotJson.
    """
    value = parse(text)
    if not isinstance(value, dict):
        raise NotJson("not an object")
    return value


def dump(value: object, *, indent: int | None = None) -> str:
    """The JSON text of a value, ASCII only, so that no terminal or proxy can read it otherwise."""
    import json

    return json.dumps(value, indent=indent, allow_nan=False)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise NotJson(f"the key {twice[:64]!r} is there twice")
    return found


def _refuse_constant(name: str) -> Any:  # noqa: ANN401 - never returns
    raise NotJson(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number - number != 0.0:
        raise NotJson(_TOO_LARGE)  # 1e999 would become a word that is not JSON when written again
    return number


def _whole(text: str) -> int:
    if len(text) > _DIGITS:
        raise NotJson(_TOO_LARGE)  # nobody could compute with it: it has no floating-point value
    return int(text)


class _Context:
    """What the scanner asks of its decoder."""

    strict = True
    object_hook = None
    object_pairs_hook = staticmethod(_pairs)
    parse_float = staticmethod(_finite)
    parse_int = staticmethod(_whole)
    parse_constant = staticmethod(_refuse_constant)
    memo: dict[str, str] = {}  # noqa: RUF012 - asked for by other implementations of the scanner, unused by this one


def _make_scanner() -> Any:  # noqa: ANN401 - a C callable (text, index) -> (value, end)
    try:
        from _json import make_scanner
    except ImportError:  # an interpreter without the C part
        import json

        return json.JSONDecoder(
            object_pairs_hook=_pairs, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_whole
        ).scan_once  # type: ignore[attr-defined] # not in the stubs
    return make_scanner(_Context())  # type: ignore[arg-type] # it takes anything with these attributes


_scan = _make_scanner()


def _scan_once(text: str, start: int) -> tuple[Any, int]:
    try:
        return _scan(text, start)  # type: ignore[no-any-return] # the C scanner has no types
    except SystemError:
        # the C scanner raises json.decoder's error, and has none to raise before that module is loaded
        import json.decoder  # noqa: F401 - loaded for the scanner's sake

        return _scan(text, start)  # type: ignore[no-any-return] # as above


def _skip(text: str, index: int) -> int:
    while index < len(text) and text[index] in " \t\r\n":
        index += 1
    return index


def _depth(text: str) -> int:
    """How deep the text nests, braces in strings left out."""
    if text.count("[") + text.count("{") <= DEPTH_LIMIT:
        return 0
    depth = deepest = 0
    in_string = escaped = False
    for character in text:
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def _place(text: str, position: int) -> tuple[int, int]:
    before = text[:position]
    return before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1
