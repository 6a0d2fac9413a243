"""A project whose settings name a command, and a machine that it lies on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keyturn.testing import FakeWorld
from tests.projects import Project

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """In `job`, with a helper `./key.sh`; nobody has trusted it."""
    (tmp_path / "home").mkdir()
    made = Project(FakeWorld(tmp_path, {"HOME": str(tmp_path / "home")}), tmp_path / "job")
    made.write(apiKeyHelper="./key.sh", env={"ANTHROPIC_BASE_URL": "https://gateway.example.com"}, other=1)
    made.script("key.sh")
    made.world.working_directory = made.path
    return made
