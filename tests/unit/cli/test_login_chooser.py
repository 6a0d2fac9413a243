"""`keyturn login` with nothing configured: a short list, each entry ending in a working login."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from keyturn.errors import Unavailable
from keyturn.sandbox.place import AUTHORITY_PORT
from keyturn.testing import answer
from tests.unit.oauth.conftest import API, ISSUER, contents, metadata, tokens

if TYPE_CHECKING:
    from tests.unit.cli.desk import Desk


def choices(err: str) -> list[str]:
    return [line for line in err.splitlines() if line[1:3] == ") "]


@pytest.mark.proves("R2")
def test_with_nothing_configured_a_short_list_is_shown(desk: Desk) -> None:
    done = desk("login", lines="\n")
    assert done.status == 3
    assert choices(done.err) == [
        "1) through my organisation or a gateway, logging in with a browser",
        "2) with an API key",
        "3) through Amazon Bedrock",
        "4) through Google Vertex AI",
        "5) just trying: the sandbox on this machine",
    ]
    assert "nothing was chosen, nothing was changed" in done.err
    assert contents(desk.home) == {}


def test_an_organisation_is_asked_for_its_issuer_and_its_api_and_verified(desk: Desk) -> None:
    script = [
        metadata(registration_endpoint=f"{ISSUER}/r"),
        answer({"client_id": "registered"}, 201),
        tokens(),
        answer({"data": []}),
    ]
    done = desk("login", lines=f"1\nauth.example.com\n{API}\n", script=script)
    assert done.status == 0
    assert f"verified: {API} takes it" in done.err
    assert desk.world.requests[-1].url.startswith(f"{API}/v1/models")
    assert desk.config()["profiles"]["default"] == {"issuer": ISSUER, "api_base_url": API}


@pytest.mark.parametrize(
    ("said", "status", "says"),
    [
        ([answer({}, 401), tokens(), answer({}, 401)], 4, "it is stored, but does not work"),
        ([answer({}, 403)], 4, "refuses it with status 403"),
        ([answer({}, 404)], 6, "it is stored, but could not be verified"),
        ([Unavailable("cannot connect")], 6, "keyturn status --verify"),
    ],
)
def test_a_choice_that_does_not_work_ends_in_an_error_with_the_next_command(
    desk: Desk, said: list[Any], status: int, says: str
) -> None:
    script = [metadata(registration_endpoint=f"{ISSUER}/r"), answer({"client_id": "c"}, 201), tokens(), *said]
    done = desk("login", lines=f"1\n{ISSUER}\n{API}\n", script=script)
    assert done.status == status
    assert says in done.err
    assert done.out.startswith("logged in as developer@example.com")


@pytest.mark.parametrize("wrong", ["9", "0", "x", "-1", "1.0", "²"])
def test_a_number_that_is_none_is_asked_for_again(desk: Desk, wrong: str) -> None:
    done = desk("login", lines=f"{wrong}\n\n")
    assert done.status == 3
    assert "that is none of them; type a number from 1 to 5" in done.err


def test_three_wrong_numbers_are_enough(desk: Desk) -> None:
    done = desk("login", lines="7\n8\n9\n1\n")
    assert (done.status, done.err.count("none of them")) == (3, 3)


@pytest.mark.parametrize("lines", ["", "1\n", "1\n\n"])
def test_no_answer_stops_it_and_changes_nothing(desk: Desk, lines: str) -> None:
    done = desk("login", lines=lines)
    assert done.status == 3
    assert "nothing was changed" in done.err
    assert "\nhint: " in done.err
    assert contents(desk.home) == {}


def test_the_sandbox_must_be_running(desk: Desk) -> None:
    done = desk("login", lines="5\n", script=[Unavailable("cannot connect")])
    assert done.status == 8
    assert f"no sandbox is running at http://127.0.0.1:{AUTHORITY_PORT}" in done.err
    assert "start one in another terminal: keyturn sandbox" in done.err
    assert contents(desk.home) == {}
