"""What is not loaded, and what is said when it is not there."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

KEYS = {
    "CLAUDE_CODE_USE_BEDROCK": "1",
    "AWS_ACCESS_KEY_ID": "test-key-id",
    "AWS_SECRET_ACCESS_KEY": "test-secret-key",
    "AWS_REGION": "us-east-1",
}
HEAVY = {
    *("argparse", "asyncio", "base64", "botocore", "boto3", "configparser", "contextlib", "dataclasses"),
    *("datetime", "functools", "hashlib", "httpx2", "importlib.util", "inspect", "logging", "pathlib"),
    *("platformdirs", "re", "socket", "ssl", "subprocess", "tempfile", "threading", "typing", "anthropic"),
}


def run(program: str, home: Path, path: list[str]) -> str:
    code = f"import sys; before = set(sys.modules); sys.path[:0] = {path!r}\n{program}"
    env = {**KEYS, "HOME": str(home), "KEYTURN_HOME": str(home / "k"), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-S", "-c", code]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True, cwd=home)
    return done.stdout


def test_keys_of_the_environment_need_nothing_of_botocore(tmp_path: Path) -> None:
    program = (
        "import keyturn\nassert keyturn.Auth().credential().kind == 'aws'\n"
        "names = set(sys.modules) - before\nimport json; print(json.dumps(sorted(names)))"
    )
    packages = [entry for entry in sys.path if entry]
    assert set(json.loads(run(program, tmp_path, packages))) & HEAVY == set()


@pytest.mark.proves("R12")
def test_a_missing_extra_is_named_and_no_other_route_is_taken(tmp_path: Path) -> None:
    program = (
        "import keyturn\ntry:\n    keyturn.Auth().credential()\n"
        "except keyturn.ConfigurationError as error: print(error.code, error.exit, error.hint)"
    )
    source = [entry for entry in sys.path if entry.endswith("/src")][:1]
    said = run(program, tmp_path, source)
    assert said.strip() == "extra_missing 8 install what it needs: pip install 'keyturn[bedrock]'"
