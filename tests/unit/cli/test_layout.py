"""Columns of text that are never wider than the terminal."""

from __future__ import annotations

import pytest

from keyturn.cli.layout import cells, pad, pairs, table, wrap


@pytest.mark.parametrize(
    ("text", "columns"), [("abc", 3), ("", 0), ("山田", 4), ("e\u0301", 1), ("Ｗ", 2), ("ä", 1)]
)
def test_columns_are_counted_as_a_terminal_does(text: str, columns: int) -> None:
    assert cells(text) == columns
    assert cells(pad(text, 6)) == 6


@pytest.mark.parametrize("width", [1, 2, 7, 20, 40])
@pytest.mark.parametrize(
    "text",
    ["", "one", "a few words in a row", "/a/path/that/is/longer/than/any/of/the/widths", "山田 太郎山田"],
)
def test_wrapped_lines_fit_and_lose_nothing(text: str, width: int) -> None:
    lines = wrap(text, max(2, width))
    assert all(cells(line) <= max(2, width) for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_words_are_parted_only_where_they_must_be() -> None:
    assert wrap("aaa bbb ccc", 7) == ["aaa bbb", "ccc"]
    assert wrap("aaa bbbbbbbbb c", 7) == ["aaa", "bbbbbbb", "bb c"]


def test_a_second_column_that_has_no_room_goes_below() -> None:
    rows = [("keyturn status --verify", "and whether the server takes it"), ("keyturn", "")]
    assert pairs(rows, 60) == ["keyturn status --verify  and whether the server takes it", "keyturn"]
    assert pairs(rows, 40) == ["keyturn status --verify", "    and whether the server takes it", "keyturn"]


@pytest.mark.parametrize("width", [20, 33, 40, 59, 80, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    rows = [(">", "stored-login", "stands down", "because " * 12), ("", "x", "y", "/long/" + "p" * 300)]
    lines = [*(table(rows, width) or []), *pairs([row[2:] for row in rows], width, indent=2)]
    assert all(cells(line) <= width for line in lines)


def test_a_table_needs_room() -> None:
    assert table([("a" * 20, "text")], 50) is None
    assert table([("a", "text"), ("bb", "")], 40) == ["a   text", "bb"]


@pytest.mark.parametrize("width", [20, 40, 80])
def test_a_path_stays_whole_for_copying(width: int) -> None:
    path = "/home/me/.local/state/keyturn/logins/default.json"
    lines = wrap(f"the login was removed from {path} and revoked", width, whole=True)
    assert " ".join(lines).split() == ["the", "login", "was", "removed", "from", path, "and", "revoked"]
    assert all(cells(line) <= width or line == path for line in lines)
