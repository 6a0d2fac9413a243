"""Whoever works on a machine: logs in as one can there, asks, and lets the doctor have the last word."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.keyturns import Household

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from keyturn.sandbox import Sandbox


class Owner(Household):
    """`wrap` is how this person's commands are started: by cron, in a container, and so on."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        super().__init__(folder)
        self.sandbox = sandbox
        self.wrap: Sequence[str] = ()

    @property
    def at(self) -> tuple[str, ...]:
        """The words of a login at this person's authority."""
        return ("--issuer", self.sandbox.issuer, "--billing", "subscription")

    def log_in(self, *words: str, account: str = "developer@example.com", **variables: Any) -> None:
        """By a browser on the same machine."""
        screen = self.start("login", *self.at, *words, BROWSER=self.browser(account), **variables)
        assert screen.ended() == 0, screen.lines

    def asks(self, question: str, *words: str, **variables: Any) -> None:
        """Ask Claude's stand-in, and be answered."""
        done = self.run(*words, "-p", question, before=self.wrap, **variables)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        assert f"You asked: “{question}”." in done.stdout

    def examined(self, status: int, *words: str, **variables: Any) -> dict[str, Any]:
        """The doctor's findings by code, which must end with this status."""
        done = self.run("doctor", "--json", *words, before=self.wrap, **variables)
        found = {one["code"]: one for one in json.loads(done.stdout)["findings"]}
        assert done.returncode == status, found
        return found

    def status(self, **variables: Any) -> dict[str, Any]:
        """What `keyturn status --json` says."""
        done = self.run("status", "--json", before=self.wrap, **variables)
        found: dict[str, Any] = json.loads(done.stdout)
        return found
