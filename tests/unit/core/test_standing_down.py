"""A login stands down for a key; a winner is never silently replaced; what fails names its own place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from keyturn import ApiKey, Auth, AuthError, BearerToken, ConfigurationError, Rejected
from keyturn.errors import UsageError
from keyturn.login import Tombstone
from keyturn.stores.memory import MemoryStore
from keyturn.testing import (
    FakeWorld,
    answer,
    make_expired_login,
    make_login,
)
from keyturn.testing.stores import save
from keyturn.testing.world import NOW
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from keyturn.scene import Scene


def token() -> str:
    return make_secret("token")


def auth(world: FakeWorld, **options: str) -> Auth:
    return Auth(world=world, **options)  # type: ignore[arg-type] # options of text


def with_login(world: FakeWorld, **fields: object) -> Scene:
    scene = auth(world).scene()
    save(scene.store, make_login(**fields))
    return scene


@pytest.mark.proves("R10", "R11", "R52")
class TestStandingDown:
    def test_a_login_stands_down_while_a_key_is_set_and_the_survey_says_so(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": make_secret("api-key")})
        with_login(world)
        row = auth(world).explain().row("stored-login")
        assert row.state == "stands_down"
        assert "ANTHROPIC_API_KEY is set" in row.why

    def test_it_is_not_renewed_for_a_key(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": make_secret("api-key")})
        save(auth(world).scene().store, make_expired_login())
        assert isinstance(auth(world).credential(), ApiKey)
        assert world.requests == []

    def test_a_malformed_key_still_makes_it_stand_down_and_is_the_error(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": "sk-ant-test with a space"})
        with_login(world)
        found = auth(world).explain()
        assert found.row("stored-login").state == "stands_down"
        assert found.row("api-key-env").state == "error"
        with pytest.raises(ConfigurationError, match="ANTHROPIC_API_KEY") as caught:
            auth(world).credential()
        assert caught.value.exit == 8
        assert "sk-ant-test" not in str(caught.value)

    def test_pinning_the_login_overrides_it(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": make_secret("api-key")})
        with_login(world)
        assert isinstance(auth(world, source="stored-login").credential(), BearerToken)
        world.variables["KEYTURN_SOURCE"] = "stored-login"
        assert isinstance(auth(world).credential(), BearerToken)

    def test_nothing_stored_is_absent_and_does_not_stand_down(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": make_secret("api-key")})
        assert auth(world).explain().row("stored-login").state == "absent"
        scene = with_login(world)
        save(scene.store, Tombstone(at=NOW, generation=1))
        assert auth(world).explain().row("stored-login").state == "absent"

    def test_outranked_by_a_token_it_still_says_that_it_stands_down(self, tmp_path: Path) -> None:
        world = FakeWorld(
            tmp_path, {"ANTHROPIC_API_KEY": make_secret("api-key"), "ANTHROPIC_AUTH_TOKEN": token()}
        )
        with_login(world)
        assert auth(world).explain().row("stored-login").state == "stands_down"


class TestPins:
    def test_an_unknown_source_is_a_usage_error(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="no source named 'stored_login'") as caught:
            auth(FakeWorld(tmp_path), source="stored_login").credential()
        assert caught.value.exit == 2

    def test_a_winner_that_fails_is_never_replaced_by_a_lower_source(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path, {"ANTHROPIC_AUTH_TOKEN": "a b", "CLAUDE_CODE_OAUTH_TOKEN": token()})
        with pytest.raises(ConfigurationError, match="ANTHROPIC_AUTH_TOKEN"):
            auth(world).credential()


@pytest.mark.proves("P22", "P24")
@pytest.mark.parametrize("name", ["ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_API_KEY"])
def test_a_rejected_value_of_the_environment_is_an_error_at_once_that_names_it(
    tmp_path: Path, name: str
) -> None:
    world = FakeWorld(tmp_path, {name: token()})
    running = auth(world)
    credential = running.credential()
    with pytest.raises(Rejected, match=name) as caught:
        running.credential(rejected=credential)
    assert caught.value.exit == 4
    assert world.requests == []
    assert not Path(world.state_dir(), "logins").exists()


def test_a_store_that_cannot_be_opened_stops_only_its_own_source(tmp_path: Path) -> None:
    world = FakeWorld(tmp_path, {"ANTHROPIC_AUTH_TOKEN": token()})
    world.write_config({"profiles": {"default": {"store": "postgresql://db"}}})
    assert auth(world).credential().source == "auth-token-env"
    assert auth(world).explain().row("stored-login").state == "error"
    del world.variables["ANTHROPIC_AUTH_TOKEN"]
    with pytest.raises(ConfigurationError, match="postgresql"):
        auth(world).credential()


def test_a_store_of_one_s_own_is_used(tmp_path: Path) -> None:
    world = FakeWorld(tmp_path)
    store = MemoryStore(world)
    login = save(store, make_expired_login())
    world.script.append(answer({"error": "temporarily_unavailable"}, 503))
    with pytest.raises(AuthError):
        Auth(world=world, store=store).credential()
    assert store.load() == login
