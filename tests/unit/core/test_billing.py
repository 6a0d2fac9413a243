"""Whose money a request spends, and what is said about it (P4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keyturn import Auth, Refused, Rejected
from keyturn.errors import UsageError
from keyturn.testing import (
    FakeWorld,
    make_login,
)
from keyturn.testing.stores import save
from keyturn.values import Secret
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from pathlib import Path

    from keyturn.scene import Scene


def token() -> str:
    return make_secret("token")


def auth(world: FakeWorld, **options: str) -> Auth:
    return Auth(world=world, **options)  # type: ignore[arg-type] # options of text


def with_login(world: FakeWorld, **fields: object) -> Scene:
    scene = auth(world).scene()
    save(scene.store, make_login(**fields))
    return scene


@pytest.mark.proves("P4")
class TestBilling:
    def test_another_class_than_the_required_one_is_refused(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": token()})
        with pytest.raises(Refused, match="billed as metered, and subscription is required") as caught:
            auth(world, require_billing="subscription").credential()
        assert caught.value.exit == 7
        with pytest.raises(Refused):
            _ = auth(world, require_billing="subscription").base_url  # before anything is redeemed
        assert auth(world, require_billing="metered").credential().billing == "metered"

    def test_the_configuration_may_require_it_too(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": token()})
        world.write_config({"require_billing": "subscription"})
        with pytest.raises(Refused, match="subscription is required"):
            auth(world).credential()
        assert auth(world, require_billing="metered").credential().source == "api-key-env"

    def test_a_class_that_does_not_exist_is_a_usage_error(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": token()})
        with pytest.raises(UsageError, match="no billing class 'free'"):
            auth(world, require_billing="free").credential()

    def test_a_key_put_in_the_login_s_place_while_running_is_not_spent(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path)
        scene = with_login(world)
        running = auth(world, require_billing="subscription")
        running.credential()
        save(
            scene.store,
            make_login(access_token=None, refresh_token=None, authority=None, api_key=Secret(token())),
        )
        world.advance(3)
        with pytest.raises(Rejected, match="changed"):
            running.credential()

    @pytest.mark.proves("P23")
    def test_a_metered_key_over_a_usable_login_is_warned_about_with_a_local_remedy(
        self, tmp_path: Path
    ) -> None:
        world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": token()})
        with_login(world)
        warning = " ".join(auth(world).explain().warnings)
        assert "ANTHROPIC_API_KEY is billed by use" in warning
        assert "env -u ANTHROPIC_API_KEY" in warning
        assert "logout" not in warning

    def test_a_key_without_any_login_is_not_warned_about(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": token()})
        assert auth(world).explain().warnings == ()
