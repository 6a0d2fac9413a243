"""What a program of `keyturn run` is told on the Vertex route, and what it is not left with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keyturn import Auth
from keyturn.handover import child_environment
from tests.cases.test_cases import write_settings
from tests.google import from_metadata, granted, user_info, vertex_world
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from pathlib import Path

    from keyturn.testing import FakeWorld


def child(world: FakeWorld) -> dict[str, str]:
    auth = Auth(world=world, source="google-adc")
    return child_environment(auth.credential(), world.variables, "vertex")


@pytest.mark.proves("R31", "R58")
def test_a_child_asks_each_model_in_its_region_and_charges_the_same_quota(tmp_path: Path) -> None:
    world = vertex_world(tmp_path, user_info())
    said = {"VERTEX_REGION_CLAUDE_OPUS_5": "global", "GOOGLE_CLOUD_QUOTA_PROJECT": "quota-project"}
    wrong = {"VERTEX_REGION_CLAUDE_HAIKU_4_5": "evil.example.com/x"}
    write_settings(world, {"user": {"env": said | wrong}})
    world.script = [granted()]
    given = child(world)
    assert {name: given.get(name) for name in said} == said
    assert not set(wrong) & set(given)


@pytest.mark.proves("R58")
def test_a_child_signs_and_asks_as_keyturn_does_whatever_the_environment_says(tmp_path: Path) -> None:
    left = {
        "CLAUDE_CODE_SKIP_VERTEX_AUTH": "1",
        "ANTHROPIC_VERTEX_BASE_URL": "https://elsewhere.example.com",
        "GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "another.json"),
    }
    world = vertex_world(tmp_path, GCE_METADATA_HOST="127.0.0.1:9", **left)
    cancelled = dict.fromkeys(("ANTHROPIC_VERTEX_BASE_URL", "GOOGLE_APPLICATION_CREDENTIALS"), "")
    write_settings(world, {"user": {"env": cancelled}})
    world.script = [from_metadata({"access_token": make_secret("token"), "expires_in": 1800})]
    assert not set(left) & set(child(world))
