"""A real browser for tests: Debian's chromium, headless, that fills and clicks as a person would.

`drive` goes through pages now; `BrowserProgram` is a program for BROWSER that does so when it is run.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from tests.servers import PASSWORD, need, need_node

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

HERE = Path(__file__).parent
LIMIT = 60.0  # seconds for one whole visit

Step = dict[str, str]


def sign_in_and_allow(email: str = "developer@example.com") -> list[Step]:
    """Return the steps of a person who logs in at the test authority and consents."""
    return [
        {"fill": "Email", "with": email},
        {"fill": "Password", "with": PASSWORD},
        {"click": "Sign in"},
        {"click": "Allow"},
    ]


@dataclass(frozen=True, slots=True)
class Visit:
    """Where the browser ended, what it shows there, and what it met on the way."""

    url: str
    title: str
    text: str
    status: int | None  # of the last page; None if it was not loaded over HTTP
    pages: list[dict[str, str]]  # title and screenshot of each, in order
    external_requests: list[str]  # origins off loopback that a page asked for; nothing was sent


@dataclass(frozen=True, slots=True)
class Look:
    """How the browser shows pages."""

    color_scheme: Literal["light", "dark"] = "light"
    width: int = 900
    height: int = 700


def drive(
    url: str,
    *,
    steps: Sequence[Step],
    screenshots_dir: Path,
    until: str | None = None,
    look: Look | None = None,
) -> Visit:
    """Visit url, take the steps, wait until the address contains `until`; RuntimeError says what failed.

    Steps: {"fill": label or name, "with": text}, {"click": name of a button or link}, {"wait_for": text}.
    """
    look = look or Look()
    screenshots_dir.mkdir(parents=True, exist_ok=True)
    node, chromium = need_node(), need("chromium", "chromium")
    with tempfile.TemporaryDirectory(prefix="keyturn-browser-", ignore_cleanup_errors=True) as home:
        job = {
            "url": url,
            "steps": list(steps),
            "until": until,
            "screenshots_dir": str(screenshots_dir),
            "profile_dir": f"{home}/profile",
            "executable": chromium,
            "as_root": os.geteuid() == 0,
            "color_scheme": look.color_scheme,
            "width": look.width,
            "height": look.height,
            "limit_ms": int(LIMIT / 3 * 1000),
        }
        done = subprocess.run(
            [node, HERE / "drive.mjs"],
            input=json.dumps(job),
            capture_output=True,
            text=True,
            timeout=LIMIT * 2,
            check=False,
            env={"PATH": os.environ["PATH"], "HOME": home, "LANG": "C.UTF-8"},
        )
    if done.returncode != 0:
        message = f"the browser did not work: {done.stderr.strip()}"
        raise RuntimeError(message)
    facts: dict[str, Any] = json.loads(done.stdout)
    problem = facts.pop("problem")
    if problem is not None:
        message = f"{problem}\nthe page is {facts['title']!r}: {facts['text']}"
        raise RuntimeError(message)
    return Visit(**facts)


class BrowserProgram:
    """A program to name in BROWSER: goes through the pages in the background, as a browser window would."""

    def __init__(
        self, folder: Path, *, steps: Sequence[Step], screenshots_dir: Path, until: str | None = None
    ) -> None:
        """Write the program into folder; `command` is its path."""
        self._result = folder / "visit.json"
        self._process_id = folder / "browser.pid"
        config = folder / "browser.json"
        config.write_text(
            json.dumps(
                {
                    "steps": list(steps),
                    "until": until,
                    "screenshots_dir": str(screenshots_dir),
                    "result": str(self._result),
                    "process_id": str(self._process_id),
                }
            ),
            encoding="utf-8",
        )
        self.command = folder / "browser"
        # No variable is needed: keyturn may start the browser with few of its own.
        script = f'exec {shlex.quote(sys.executable)} {HERE / "browser.py"} {shlex.quote(str(config))} "$@"'
        self.command.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        self.command.chmod(0o755)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process_id.exists() and not self._result.exists():
            self.wait()

    @property
    def was_started(self) -> bool:
        """Whether the program was run at all."""
        return self._process_id.exists()

    def wait(self, limit: float = LIMIT) -> Visit:
        """Return where the browser ended, when it has; TimeoutError if never started or without end."""
        end = time.monotonic() + limit
        while not self._result.exists():
            if time.monotonic() > end:
                message = f"no visit within {limit:.0f} s; started: {self.was_started}"
                raise TimeoutError(message)
            time.sleep(0.02)
        facts = json.loads(self._result.read_text(encoding="utf-8"))
        if "problem" in facts:
            raise RuntimeError(facts["problem"])
        return Visit(**facts)
