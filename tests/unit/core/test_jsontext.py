"""Strict JSON: as the standard library reads it, less what JSON does not know, with the place of an error."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn import jsontext

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES, st.sampled_from([None, 1, 2]))
def test_what_was_written_is_read(value: Any, indent: int | None) -> None:
    text = jsontext.dump(value, indent=indent)
    assert text.isascii()
    assert jsontext.parse(text) == value == json.loads(text)


@given(st.text(alphabet='{}[]":,0123456789.eE+-truefalsn \n\\ux"'))
def test_what_the_standard_library_refuses_is_refused(text: str) -> None:
    try:
        expected = json.loads(text, object_pairs_hook=_strict, parse_constant=_refuse, parse_float=_finite)
    except ValueError:
        with pytest.raises(jsontext.NotJson):
            jsontext.parse(text)
    else:
        assert jsontext.parse(text) == expected


def _strict(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError
    return dict(pairs)


def _refuse(name: str) -> Any:
    raise ValueError(name)


def _finite(text: str) -> float:
    if float(text) in (float("inf"), float("-inf")):
        raise ValueError
    return float(text)


@pytest.mark.parametrize(
    ("text", "line", "column", "why"),
    [
        ("", 1, 1, "a value is missing"),
        ("  \n ", 2, 2, "a value is missing"),
        ('{\n  "a": 1,\n  b}', 3, 3, ""),
        ('{"a": 1} x', 1, 10, "more text after the value"),
        ('{\n"a": tru\n}', 2, 6, ""),
        ('["a" "b"]', 1, 6, ""),
        ("// comment\n{}", 1, 1, "a value is missing"),
        ('\ufeff{"a": 1}', 1, 1, "a value is missing"),
        ('{"a": NaN}', 1, 1, "NaN is not JSON"),
        ("[Infinity]", 1, 1, "Infinity is not JSON"),
        ("[-Infinity]", 1, 1, "-Infinity is not JSON"),
        ("[1e999]", 1, 1, "too large"),
        ("[" + "9" * 400 + "]", 1, 1, "too large"),
        ('{"a": 1, "b": 2, "a": 3}', 1, 1, "'a' is there twice"),
        ('{"deep": ' + "[" * 64 + "]" * 64 + "}", 1, 1, "nested deeper than 64"),
        ('"' + "\n" + '"', 1, 2, ""),
        ("[" + "9" * 5000 + "]", 1, 1, ""),
    ],
)
def test_an_error_says_where_and_why(text: str, line: int, column: int, why: str) -> None:
    with pytest.raises(jsontext.NotJson) as caught:
        jsontext.parse(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert why in caught.value.why


def test_an_error_does_not_carry_the_text_along() -> None:
    with pytest.raises(jsontext.NotJson) as caught:
        jsontext.parse('{"access_token": "test-access-in-the-text", }')
    error = caught.value
    assert "test-access" not in f"{error} {error.args}"
    assert error.__cause__ is None
    assert error.__suppress_context__


def test_brackets_in_texts_do_not_nest() -> None:
    value = {"a": "[" * 200 + '"' + "{" * 200 + "\\"}
    assert jsontext.parse(jsontext.dump(value)) == value


@pytest.mark.proves("T13")
def test_the_deepest_text_that_is_taken() -> None:
    text = "[" * 64 + "]" * 64
    assert jsontext.parse(text) == json.loads(text)


@pytest.mark.parametrize("text", ["[]", "7", '"{}"', "null"])
def test_an_object_is_an_object(text: str) -> None:
    with pytest.raises(jsontext.NotJson, match="not an object"):
        jsontext.parse_object(text)


def test_reading_needs_no_json_module_and_an_error_still_has_its_place() -> None:
    program = (
        "import sys\n"
        "from keyturn import jsontext\n"
        "jsontext.parse('{\"a\": [1, 2.5, null, true]}')\n"
        "print('json' in sys.modules, 're' in sys.modules)\n"
        "try:\n"
        "    jsontext.parse('{\"a\":\\n 1 2}')\n"
        "except jsontext.NotJson as error:\n"
        "    print(error.line, error.column)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n2 4\n"
