"""A helper in the settings of a fake person: its text is of no account, how it ends is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keyturn.testing import FakeWorld
    from keyturn.testing.commands import Outcome

LINE = "print-a-key --for claude"


def with_helper(world: FakeWorld, *outcomes: Outcome, line: str = LINE) -> str:
    """Configure it for the user, and say how its next runs end; the path of the settings."""
    world.outcomes += outcomes
    return with_settings(world, {"apiKeyHelper": line})


def with_settings(world: FakeWorld, fields: dict[str, object]) -> str:
    """The settings of the user; their path."""
    path = Path(world.folder, ".claude", "settings.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(fields), encoding="utf-8")
    return str(path)
