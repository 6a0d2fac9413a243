"""Each source keeps the contract of sources."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from keyturn.commands.helper import TTL
from keyturn.sources import descriptor
from keyturn.testing import (
    FakeWorld,
    SourceContract,
    make_login,
    token_answer,
)
from keyturn.testing.commands import Outcome
from keyturn.testing.stores import save
from keyturn.values import Secret
from tests.helpers import with_helper
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from collections.abc import Iterator


def token() -> str:
    return make_secret("token")


def spoilt(world: FakeWorld, name: str) -> tuple[str, str]:
    """A value with a line break in the middle, as from copying a wrapped line."""
    half = make_secret("api-key")
    world.variables[name] = f"{half[:10]}\n{half[10:]}"
    return name, half[10:]


class TestAuthTokenEnv(SourceContract):
    source_id = "auth-token-env"

    def fill(self, world: FakeWorld) -> str:
        world.variables["ANTHROPIC_AUTH_TOKEN"] = (secret := token())
        return secret

    def spoil(self, world: FakeWorld) -> tuple[str, str]:
        return spoilt(world, "ANTHROPIC_AUTH_TOKEN")


class TestOauthTokenEnv(SourceContract):
    source_id = "oauth-token-env"

    def fill(self, world: FakeWorld) -> str:
        world.variables["CLAUDE_CODE_OAUTH_TOKEN"] = (secret := token())
        return secret

    def spoil(self, world: FakeWorld) -> tuple[str, str]:
        return spoilt(world, "CLAUDE_CODE_OAUTH_TOKEN")


class TestApiKeyHelper(SourceContract):
    source_id = "api-key-helper"

    def fill(self, world: FakeWorld) -> str:
        secret = make_secret("api-key")
        with_helper(world, Outcome(stdout=f"{secret}\n"), Outcome(stdout=make_secret("api-key")))
        return secret

    def spoil(self, world: FakeWorld) -> tuple[str, str]:
        with_helper(world)
        world.variables[TTL] = "five-minutes"
        return TTL, "five-minutes"


class TestApiKeyEnv(SourceContract):
    source_id = "api-key-env"

    def fill(self, world: FakeWorld) -> str:
        world.variables["ANTHROPIC_API_KEY"] = (secret := make_secret("api-key"))
        return secret

    def spoil(self, world: FakeWorld) -> tuple[str, str]:
        return spoilt(world, "ANTHROPIC_API_KEY")


class TestOauthTokenDescriptor(SourceContract):
    source_id = "oauth-token-fd"

    @pytest.fixture(autouse=True)
    def file(self) -> Iterator[None]:
        with tempfile.TemporaryFile() as self.opened:
            yield

    def fill(self, world: FakeWorld) -> str:
        secret = token()
        self.opened.write(secret.encode())
        self.opened.seek(0)
        world.variables[descriptor.NAME] = str(self.opened.fileno())
        return secret

    def spoil(self, world: FakeWorld) -> tuple[str, str]:
        world.variables[descriptor.NAME] = (value := token())
        return descriptor.NAME, value


class TestStoredLogin(SourceContract):
    source_id = "stored-login"

    def fill(self, world: FakeWorld) -> str:
        secret = token()
        save(self.scene(world).store, make_login(access_token=Secret(secret)))
        return secret

    def spoil(self, world: FakeWorld) -> tuple[str, str]:
        self.fill(world)
        path = self.scene(world).store.where
        Path(path).write_text(
            '{"version": 1, "access_token": {"inside": "test-access-in-the-middle"}}', encoding="utf-8"
        )
        return path, "test-access-in-the-middle"

    def answer_renewal(self, world: FakeWorld) -> None:
        world.script.append(token_answer(token(), make_secret("refresh")))


class TestStoredKey(SourceContract):
    source_id = "stored-login"

    def fill(self, world: FakeWorld) -> str:
        secret = make_secret("api-key")
        save(
            self.scene(world).store,
            make_login(
                access_token=None, refresh_token=None, authority=None, expires_at=None, api_key=Secret(secret)
            ),
        )
        return secret

    def spoil(self, world: FakeWorld) -> tuple[str, str]:
        return TestStoredLogin.spoil(self, world)  # type: ignore[arg-type] # the same record, damaged


class TestBedrockBearerEnv(SourceContract):
    source_id = "bedrock-bearer-env"
    route = "bedrock"

    def fill(self, world: FakeWorld) -> str:
        world.variables["AWS_BEARER_TOKEN_BEDROCK"] = (secret := token())
        return secret

    def spoil(self, world: FakeWorld) -> tuple[str, str]:
        return spoilt(world, "AWS_BEARER_TOKEN_BEDROCK")
