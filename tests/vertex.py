"""Programs on the Vertex route against a sandbox that plays Google: their variables, files and questions."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import pytest

import keyturn
from keyturn import Auth
from keyturn.sandbox.google import POOL
from keyturn.world import World
from tests.google import put

if TYPE_CHECKING:
    from pathlib import Path

    from keyturn.sandbox import Sandbox


QUESTION: dict[str, Any] = {
    "model": "claude-opus-5",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "What is the answer?"}],
}


def variables(sandbox: Sandbox, folder: Path, **more: str) -> dict[str, str]:
    """A machine that points to the sandbox, and knows no metadata server unless told."""
    return {
        "HOME": str(folder),
        "KEYTURN_HOME": str(folder / "keyturn home"),
        "PATH": os.environ["PATH"],
        "CLAUDE_CODE_USE_VERTEX": "1",
        "ANTHROPIC_VERTEX_BASE_URL": f"{sandbox.api_base_url}/v1",
        **more,
    }


def metadata(sandbox: Sandbox) -> dict[str, str]:
    return {"GCE_METADATA_HOST": sandbox.api_base_url.removeprefix("http://")}


def key(sandbox: Sandbox, folder: Path) -> dict[str, str]:
    path = put(folder / "key.json", sandbox.google.key_file(sandbox.api_base_url))
    return {"GOOGLE_APPLICATION_CREDENTIALS": path}


def external(sandbox: Sandbox, folder: Path, source: dict[str, Any], **changes: Any) -> dict[str, str]:
    info = {
        "type": "external_account",
        "audience": POOL,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{sandbox.api_base_url}/google/sts",
        "credential_source": source,
        **changes,
    }
    path = put(folder / "external.json", info)
    return {"GOOGLE_APPLICATION_CREDENTIALS": path, "ANTHROPIC_VERTEX_PROJECT_ID": "my-project"}


def auth_of(sandbox: Sandbox, folder: Path, **more: str) -> Auth:
    return Auth(world=World(variables(sandbox, folder, **more)))


def ask(auth: Auth, **options: Any) -> str:
    with keyturn.anthropic(auth, **options) as client:
        assert type(client).__name__ == "AnthropicVertex"
        return str(client.messages.create(**QUESTION).content[0].text)


def aask(auth: Auth, **options: Any) -> str:
    async def asked() -> str:
        async with keyturn.async_anthropic(auth, **options) as client:
            assert type(client).__name__ == "AsyncAnthropicVertex"
            return str((await client.messages.create(**QUESTION)).content[0].text)

    return asyncio.run(asked())


BOTH = pytest.mark.parametrize("how", [ask, aask], ids=["sync", "async"])


def grants(sandbox: Sandbox) -> list[object]:
    return [event.facts["grant"] for event in sandbox.log.events("google-token")]


def asked(sandbox: Sandbox) -> list[tuple[object, object]]:
    """Region and status of each request that went to a model."""
    found = sandbox.log.events("api", route="vertex")
    return [(event.facts["location"], event.facts["status"]) for event in found]
