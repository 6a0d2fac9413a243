"""Every transcript in this folder is run as it would be typed; all that it shows must be what is seen."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from keyturn.sandbox import Sandbox
from tests.secretscan import declare_store, register

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
INDENT = "    "
PROMPT = f"{INDENT}$ "


class Stage(NamedTuple):
    """A home of its own beside a running sandbox."""

    env: dict[str, str]
    folder: Path
    sandbox: Sandbox

    def run(self, command: str) -> list[str]:
        """What a person would see: stdout, stderr after `! `, and a status that is not 0."""
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        seen = [*done.stdout.splitlines(), *(f"! {line}" for line in done.stderr.splitlines())]
        if done.returncode != 0:
            seen.append(f"[{done.returncode}]")
        return [self.same_everywhere(line) for line in seen]

    def same_everywhere(self, line: str) -> str:
        """The line without what differs from run to run."""
        named = {
            self.sandbox.issuer: "$ISSUER",
            self.sandbox.api_base_url: "$API",
            self.sandbox.api_key: "$KEY",
            str(self.folder): "$HOME",
        }
        for value, name in named.items():
            line = line.replace(value, name)
        line = re.sub(r"sk-ant-test-[A-Za-z0-9_-]{20,}", "$TOKEN", line)
        line = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME", line)
        return re.sub(r"\b\d+ (s|min|h|days)\b", "SPAN", line)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Sandbox() as sandbox:
        answer = sandbox.issue()
        for name, kind in (("access_token", "token"), ("refresh_token", "refresh")):
            register(kind, str(answer[name]))
        declare_store(tmp_path / "login.json")
        (tmp_path / "login.json").write_text(json.dumps(answer), encoding="utf-8")
        env = {
            "API": sandbox.api_base_url,
            "HOME": str(tmp_path),
            "ISSUER": sandbox.issuer,
            "KEY": register("api-key", sandbox.api_key),
            "KEYTURN_HOME": str(tmp_path / "keyturn"),
            "LC_ALL": "C.UTF-8",
            "LOGIN": str(tmp_path / "login.json"),
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        }
        yield Stage(env, tmp_path.resolve(), sandbox)


def performed(text: str, stage: Stage) -> str:
    """The transcript with what its commands show now."""
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith(PROMPT):
            lines.append(line)
            lines += [f"{INDENT}{seen}".rstrip() for seen in stage.run(line.removeprefix(PROMPT))]
            lines.append("")
        elif line and not line.startswith(INDENT):
            lines.append(line)
        elif not line and lines and lines[-1] and not lines[-1].startswith(INDENT):
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


@pytest.mark.parametrize("path", sorted(HERE.glob("*.txt")), ids=lambda path: path.stem)
def test_everything_a_transcript_shows_is_seen(path: Path, stage: Stage) -> None:
    written = path.read_text(encoding="utf-8")
    seen = performed(written, stage)
    if os.environ.get("TRANSCRIPTS") == "write":
        path.write_text(seen, encoding="utf-8")
    else:
        assert seen == written


def test_a_transcript_that_is_not_true_is_noticed(stage: Stage) -> None:
    written = "A lie.\n\n    $ echo one; echo two >&2; exit 3\n    two\n"
    assert (
        performed(written, stage)
        == "A lie.\n\n    $ echo one; echo two >&2; exit 3\n    one\n    ! two\n    [3]\n"
    )
