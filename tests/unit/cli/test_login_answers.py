"""What a person types half, and what a machine types twice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.secretscan import make_secret
from tests.unit.cli.test_login import AT, WHERE, Desk
from tests.unit.oauth.conftest import API, metadata, tokens

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_the_address_of_the_api_may_be_a_host_name(desk: Desk) -> None:
    host = API.removeprefix("https://")
    done = desk("login", *AT, lines=f"{host}\n", script=[metadata(), tokens()])
    assert done.status == 0
    stored = desk.stored()
    assert stored is not None
    assert stored.api_base_url == API


def test_an_empty_key_on_a_terminal_is_asked_for_again_there(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getpass", lambda *_, **__: " ")
    done = desk("login", "--with-api-key", lines="")
    assert done.status == 2
    assert "run keyturn login --with-api-key again, and paste the key" in done.err
    assert "pipe" not in done.err


class TestTheSameAnswerAgain:
    """A container provisions its token at every start."""

    def provide(self, desk: Desk, text: str, *flags: str) -> str:
        done = desk("login", "--from-json", "-", *flags, piped=text, script=[metadata()])
        assert done.status == 0
        return done.err

    def test_flags_that_did_not_count_are_named(self, desk: Desk) -> None:
        access, refresh = make_secret("token"), make_secret("refresh")
        text = json.dumps({"access_token": access, "expires_at": "1800003600", "refresh_token": refresh})
        assert self.provide(desk, text, *AT, *WHERE, "--scope", "a b") == ""
        stored = desk.stored()
        assert stored is not None
        assert stored.expires_at == 1800003600.0
        assert self.provide(desk, text, *AT, *WHERE, "--scope", "a b") == ""
        said = self.provide(desk, text, *AT, *WHERE, "--scope", "a", "--billing", "subscription")
        assert "--billing" in said
        assert "--scope" in said
        assert "--issuer" not in said
        assert "did not count" in said
        assert desk.stored() == stored
