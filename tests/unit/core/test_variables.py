"""Values of the environment: empty is unset, what no header can carry is refused, ./.env is only compared."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from keyturn import Auth, ConfigurationError, NoCredential
from keyturn.testing import (
    FakeWorld,
)
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from pathlib import Path


def token() -> str:
    return make_secret("token")


def auth(world: FakeWorld, **options: str) -> Auth:
    return Auth(world=world, **options)  # type: ignore[arg-type] # options of text


class TestValues:
    @pytest.mark.parametrize("name", ["ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_API_KEY"])
    @pytest.mark.parametrize("empty", ["", " ", "\n", " \t\r\n"])
    def test_empty_is_unset(self, tmp_path: Path, name: str, empty: str) -> None:
        world = FakeWorld(tmp_path, {name: empty})
        assert {row.state for row in auth(world).explain().rows} == {"absent"}

    def test_space_around_a_secret_is_taken_off(self, tmp_path: Path) -> None:
        secret = make_secret("api-key")
        world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": f" {secret}\r\n"})
        assert auth(world).credential().headers() == {"x-api-key": secret}

    @pytest.mark.proves("R9")
    @pytest.mark.parametrize(
        ("inside", "what"),
        [
            ("\n", "a line break"),
            ("\r", "a line break"),
            (" ", "a space"),
            ("\t", "a space"),
            ("\x00", "a control character"),
            ("\x1b", "a control character"),
            ("\x7f", "a control character"),
            ("ü", "a character that is not ASCII"),
            ("\u200b", "a character that is not ASCII"),
        ],
    )
    @pytest.mark.parametrize(
        "name", ["ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"]
    )
    def test_what_no_header_can_carry_is_an_error_with_the_name_and_without_the_value(
        self, tmp_path: Path, name: str, inside: str, what: str
    ) -> None:
        world = FakeWorld(
            tmp_path, {"ANTHROPIC_API_KEY": token(), name: f"sk-ant-test-first{inside}second-half"}
        )
        with pytest.raises(ConfigurationError) as caught:
            auth(world).credential()
        error = caught.value
        assert error.exit == 8
        assert name in error.message
        assert what in error.message
        assert name in (error.hint or "")
        assert "first" not in f"{error} {error.hint} {error.facts}"
        assert "second" not in f"{error} {error.hint} {error.facts}"


@pytest.mark.proves("P34")
def test_a_key_that_some_tool_loaded_from_dotenv_is_told(tmp_path: Path) -> None:
    secret = make_secret("api-key")
    world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": secret})
    dotenv = tmp_path / ".env"
    dotenv.write_text(f"OTHER=1\nexport ANTHROPIC_API_KEY='{secret}'\n", encoding="utf-8")
    found = auth(world).explain()
    dotenv.unlink()
    assert "./.env" in (found.row("api-key-env").where or "")
    assert any("./.env" in warning for warning in found.warnings)


@pytest.mark.proves("P34")
def test_dotenv_is_never_loaded_and_never_in_the_way(tmp_path: Path) -> None:
    world = FakeWorld(tmp_path)
    (tmp_path / ".env").write_text("ANTHROPIC_API_KEY=sk-ant-test-nobody-set-this\n", encoding="utf-8")
    with pytest.raises(NoCredential):
        auth(world).credential()
    (tmp_path / ".env").unlink()
    os.mkfifo(tmp_path / ".env")
    world.variables["ANTHROPIC_API_KEY"] = token()
    assert auth(world).credential().source == "api-key-env"
