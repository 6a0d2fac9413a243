"""A project directory on a machine of the test's own, and the consent to its settings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from keyturn.settings import consent, trust

if TYPE_CHECKING:
    from pathlib import Path

    from keyturn.settings.trust import Verdict
    from keyturn.testing import FakeWorld


class Project:
    """A directory with settings; `write` and `local` replace a whole file of them."""

    def __init__(self, world: FakeWorld, directory: Path) -> None:
        self.world = world
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory.resolve()
        self.path = str(self.directory)
        self.settings = self.directory / ".claude" / "settings.json"
        self.local_settings = self.directory / ".claude" / "settings.local.json"
        self.settings.parent.mkdir(exist_ok=True)

    def write(self, **fields: Any) -> None:
        self.settings.write_text(json.dumps(fields), encoding="utf-8")

    def local(self, **fields: Any) -> None:
        self.local_settings.write_text(json.dumps(fields), encoding="utf-8")

    def script(self, name: str, text: str = "echo one\n") -> Path:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
        return path

    def trust(self) -> None:
        """Record consent to what lies there now."""
        held = trust.evidence(self.world, self.path, trust.contents(self.path, trust.read(self.path)))
        assert None not in held.values()
        consent.grant(self.world, self.path, {name: pin for name, pin in held.items() if pin is not None})

    def verdict(self) -> Verdict:
        return trust.judge(self.world, self.path, trust.read(self.path))

    def trusted(self) -> bool:
        return trust.is_trusted(self.world, self.path, trust.read(self.path))
