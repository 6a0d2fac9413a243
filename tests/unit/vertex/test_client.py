"""Where the official client of the Vertex route asks, when a region is named for all models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import keyturn
from keyturn import Auth
from tests.google import user_info, vertex_world

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GATEWAY = "https://gateway.example.com/v1"
BOTH = pytest.mark.parametrize("make", [keyturn.anthropic, keyturn.async_anthropic], ids=["sync", "async"])


@BOTH
@pytest.mark.proves("R31")
def test_a_copy_with_a_region_asks_at_the_host_of_that_region(
    tmp_path: Path, make: Callable[..., Any]
) -> None:
    client = make(Auth(world=vertex_world(tmp_path, user_info())))
    assert str(client.base_url) == "https://us-east5-aiplatform.googleapis.com/v1/"
    copied = client.with_options(region="global")
    assert (copied.region, str(copied.base_url)) == ("global", "https://aiplatform.googleapis.com/v1/")
    assert client.with_options(timeout=5).base_url == client.base_url
    assert str(client.with_options(region="eu", base_url=GATEWAY).base_url) == f"{GATEWAY}/"


@BOTH
def test_a_copy_with_a_region_stays_at_a_gateway(tmp_path: Path, make: Callable[..., Any]) -> None:
    client = make(Auth(world=vertex_world(tmp_path, user_info(), ANTHROPIC_VERTEX_BASE_URL=GATEWAY)))
    assert str(client.with_options(region="eu").base_url) == f"{GATEWAY}/"
