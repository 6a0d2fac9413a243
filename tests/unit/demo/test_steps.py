"""Steps that work in more than one way, each way played against a real sandbox."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest

from keyturn.demo.ask import QUESTION, answer, ask
from keyturn.demo.login import log_in
from keyturn.demo.props import Props
from keyturn.demo.screen import Screen
from keyturn.demo.stage import Stage
from keyturn.demo.visitor import Nobody
from keyturn.sandbox import Sandbox
from tests import secretscan

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def props() -> Iterator[Props]:
    with Stage({"PATH": "/usr/bin"}, sandbox=Sandbox) as stage:
        yield Props(stage=stage, screen=Screen(io.StringIO().write), explain=lambda: ["as explained"])
        for secret in stage.secrets:
            secretscan.register("token", secret)


def test_without_the_official_client_httpx2_asks_and_the_demo_says_so(
    props: Props, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(props)
    monkeypatch.setitem(sys.modules, "anthropic", None)  # how Python is told that a package is not there
    ask(props)
    told = " ".join("".join(props.screen.shown).split())
    assert "The official client is not installed (pip install 'keyturn[session]'): httpx2 asks" in told
    assert f"You asked: “{QUESTION}”." in told
    assert all(fact["holds"] for fact in props.facts)


def test_both_ways_of_asking_get_the_same_answer(props: Props, monkeypatch: pytest.MonkeyPatch) -> None:
    log_in(props)
    official, _ = answer(props.stage.auth, QUESTION)
    said = "".join(official)
    monkeypatch.setitem(sys.modules, "anthropic", None)
    plain, _ = answer(props.stage.auth, QUESTION)
    assert "".join(plain) == said != ""


def test_a_walk_through_the_pages_that_goes_wrong_ends_the_wait_at_once(props: Props) -> None:
    world = props.stage.world
    world.open_browser(f"{props.stage.sandbox.issuer}/nowhere")
    with pytest.raises(RuntimeError, match="the sandbox shows no page with the button 'sign-in', status 404"):
        Nobody(world).pasted(None, 60)
