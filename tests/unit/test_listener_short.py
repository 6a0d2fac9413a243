"""The short address of the listener: it leads to the authority, for whoever knows it and nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keyturn.oauth import page
from keyturn.world.listener import Answer, Listener
from tests.loopback_calls import CODE, LONG, STATE, answer, call, finish, request, target

if TYPE_CHECKING:
    from collections.abc import Iterator

LONG_ADDRESS = "https://auth.example.com/authorize?client_id=a&state=b&code_challenge=c"


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener(STATE, page=page.render) as made:
        yield made


def asked(listener: Listener, path: str, **changes: str) -> tuple[int, dict[str, str]]:
    status, headers, _ = answer(call(listener, request(listener, path, **changes)))
    return status, dict(headers)


@pytest.mark.proves("P8")
def test_it_leads_to_the_long_one_as_often_as_it_is_opened(listener: Listener) -> None:
    short = listener.lead_to(LONG_ADDRESS, "/Zk3_x-9q")
    assert short == f"http://127.0.0.1:{listener.port}/Zk3_x-9q"
    for _ in range(2):
        status, headers = asked(listener, "/Zk3_x-9q")
        assert (status, headers["Location"]) == (302, LONG_ADDRESS)
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
    assert listener.wait(0) is None
    finish(listener)
    assert listener.wait(LONG) == Answer(code=CODE)


@pytest.mark.proves("T11")
@pytest.mark.parametrize("path", ["/", "/Zk3_x-9", "/Zk3_x-9qq", "/zk3_x-9q", "/Zk3_x-9q/", "//Zk3_x-9q"])
def test_no_other_path_leads_there(listener: Listener, path: str) -> None:
    listener.lead_to(LONG_ADDRESS, "/Zk3_x-9q")
    status, headers = asked(listener, path)
    assert status == 404
    assert "Location" not in headers


@pytest.mark.proves("T11")
def test_another_host_name_is_led_nowhere(listener: Listener) -> None:
    listener.lead_to(LONG_ADDRESS, "/Zk3_x-9q")
    status, headers = asked(listener, "/Zk3_x-9q", host=f"evil.example:{listener.port}")
    assert status == 421
    assert "Location" not in headers


def test_without_one_there_is_none(listener: Listener) -> None:
    assert asked(listener, "/Zk3_x-9q")[0] == 404
    assert asked(listener, target(code=CODE, state="wrong"))[0] == 400
