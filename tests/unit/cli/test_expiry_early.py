"""A login that ends is said days before it does: by its authority's word, or by a date that a person gave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from keyturn import Auth
from keyturn.testing import token_answer
from keyturn.testing.world import NOW
from tests.secretscan import make_secret
from tests.unit.cli.desk import AT, WHERE, Desk
from tests.unit.oauth.conftest import API, contents, metadata, tokens

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Machine

DAY = 86400


def logged_in(desk: Desk, **fields: Any) -> None:
    done = desk("login", *AT, *WHERE, lines="", script=[metadata(), tokens(**fields)])
    assert done.status == 0, done.err


@pytest.mark.proves("P28")
@pytest.mark.parametrize("name", ["refresh_expires_in", "refresh_token_expires_in"])
def test_a_login_whose_server_names_its_end_warns_three_days_before(desk: Desk, name: str) -> None:
    logged_in(desk, **{name: 10 * DAY})
    early = desk("status")
    assert "login ends: 2027-01-25T08:00:00Z (in 10 days)" in early.out
    assert "warning" not in early.out
    assert desk("status", "--expires-within", "9d").status == 0
    assert desk("status", "--expires-within", "11d").status == 4
    desk.world.advance(7 * DAY + 3600)
    late = desk("status")
    assert late.status == 0
    assert (
        "the login in profile default ends in 71 h; replace it: keyturn login --profile default" in late.out
    )
    assert "ends in 71 h" in desk("explain").out
    desk.world.advance(3 * DAY)
    assert "has ended, by its own date" in desk("status").out


def test_a_renewal_puts_the_end_off_where_the_server_says_so(desk: Desk) -> None:
    logged_in(desk, refresh_expires_in=5 * DAY)
    desk.world.advance(4 * DAY)
    desk.world.script = [
        token_answer(make_secret("token"), make_secret("refresh"), refresh_expires_in=5 * DAY)
    ]
    Auth(world=desk.world).credential()
    stored = desk.stored()
    assert stored is not None
    assert stored.ends_at == NOW + 9 * DAY


def test_a_renewal_that_says_nothing_leaves_the_end_where_it_was(desk: Desk) -> None:
    logged_in(desk, refresh_expires_in=5 * DAY)
    desk.world.advance(DAY)
    desk.world.script = [token_answer(make_secret("token"), make_secret("refresh"))]
    Auth(world=desk.world).credential()
    stored = desk.stored()
    assert stored is not None
    assert stored.ends_at == NOW + 5 * DAY


@pytest.mark.parametrize("value", [0, -1, "soon", True, [], 1e30])
def test_an_end_that_is_none_is_not_made_up(desk: Desk, value: object) -> None:
    logged_in(desk, refresh_expires_in=value)
    done = desk("status", "--json")
    assert '"ends_at": null' in done.out
    assert desk("status", "--expires-within", "9999d").status == 0


@pytest.mark.parametrize("value", ["soon", True, -5, 0, 1e30, None])
def test_an_end_that_was_written_wrongly_by_hand_counts_as_none(keyturn: Machine, value: object) -> None:
    keyturn.log_in(extra={"ends_at": value})
    assert keyturn("status", "--json").json["ends_at"] is None


@pytest.mark.proves("P28")
def test_the_date_of_a_key_that_was_entered_by_hand_is_kept(desk: Desk) -> None:
    words = ("login", "--with-api-key", "--api-base-url", API, "--expires", "2027-01-20")
    done = desk(*words, piped=make_secret("api-key"))
    assert done.status == 0, done.err
    assert "login ends: 2027-01-20T23:59:59Z (in 5 days)" in desk("status").out
    assert desk("status", "--expires-within", "5d").status == 0
    assert desk("status", "--expires-within", "6d").status == 4
    desk.world.advance(4 * DAY)
    again = "keyturn login --profile default --with-api-key"
    assert f"the API key in profile default ends in 39 h; replace it: {again}" in desk("status").out
    desk.world.advance(30 * DAY)
    # the server decides: a date that a person gave ends nothing by itself
    assert desk("status").status == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--with-api-key", "--expires", "soon"), "it is not a date such as 2026-12-31"),
        (("--with-api-key", "--expires", ""), "it is not a date such as 2026-12-31"),
        (("--with-api-key", "--expires", "2027-02-30"), "it is not a date such as 2026-12-31"),
        (("--with-api-key", "--expires", "2027-01-20 10:00"), "it is not a date such as 2026-12-31"),
        (("--with-api-key", "--expires", "2020-01-01"), "--expires is in the past"),
        (("--expires", "2027-02-01"), "--expires is the end of an API key"),
        (("--device", "--expires", "2027-02-01"), "--expires is the end of an API key"),
        (("--with-api-key", "--qr"), "--qr shows an address"),
        (("--from-json", "-", "--copy", "--url-file", "x"), "--copy, --url-file shows an address"),
    ],
)
def test_a_flag_that_cannot_count_is_a_wrong_call(desk: Desk, words: tuple[str, ...], says: str) -> None:
    done = desk("login", *words, piped=make_secret("api-key"))
    assert (done.status, done.out) == (2, "")
    assert says in done.err
    assert contents(desk.home) == {}


def test_a_moment_of_a_day_is_taken_as_it_is(desk: Desk) -> None:
    words = ("login", "--with-api-key", "--expires", "2027-01-20T10:00:00Z")
    assert desk(*words, piped=make_secret("api-key")).status == 0
    stored = desk.stored()
    assert stored is not None
    assert stored.ends_at == NOW + 5 * DAY + 2 * 3600
