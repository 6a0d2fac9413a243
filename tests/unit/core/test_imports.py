"""What is imported when, in processes of their own: a fresh token must cost next to nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from keyturn.stores.file import FileStore
from keyturn.testing import FakeWorld, make_login
from keyturn.testing.stores import save
from keyturn.world import World

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = {
    *("argparse", "asyncio", "base64", "contextlib", "dataclasses", "datetime", "functools", "hashlib"),
    *("httpx2", "inspect", "json", "logging", "pathlib", "platformdirs", "re", "socket", "ssl"),
    *("subprocess", "tempfile", "threading", "typing", "urllib.parse", "keyring", "anthropic"),
}


def imported(program: str, home: Path) -> set[str]:
    """The modules that a program brings in beyond those of the interpreter."""
    code = (
        f"import sys; before = set(sys.modules)\n{program}\n"
        "names = set(sys.modules) - before\nimport json\nprint(json.dumps(sorted(names)))"
    )
    env = {"KEYTURN_HOME": str(home), "HOME": str(home), "PATH": "/usr/bin:/bin"}
    # -S leaves out what the site of this environment imports for its own sake
    source = next(path for path in sys.path if path.endswith("/src"))
    command = [sys.executable, "-S", "-c", f"import sys; sys.path.insert(0, {source!r})\n{code}"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True, cwd=home)
    return set(json.loads(done.stdout))


@pytest.mark.proves("T20")
def test_import_keyturn_brings_nothing_else(tmp_path: Path) -> None:
    assert imported("import keyturn", tmp_path) == {"keyturn", "__future__"}


def test_a_fresh_token_needs_nothing_heavy(tmp_path: Path) -> None:
    world = FakeWorld(tmp_path)
    now = World().now()
    save(FileStore(world, "default"), make_login(issued_at=now, expires_at=now + 3600))
    program = "import keyturn\nassert keyturn.Auth().credential().kind == 'bearer'"
    names = imported(program, tmp_path / "keyturn")
    assert names & HEAVY == set()
    assert "keyturn.oauth.protocol" not in names
    assert names & {"keyturn.commands", "keyturn.commands.helper", "keyturn.clean"} == set()
    # what other routes, a helper and settings files need comes with them
    others = {"bedrock", "vertex", "command"} & {name.rpartition(".")[2] for name in names}
    assert others == set()
    assert "keyturn.settings.reading" not in names


def test_every_name_of_the_package_is_there(tmp_path: Path) -> None:
    program = "import keyturn\nfor name in keyturn.__all__: assert getattr(keyturn, name) is not None"
    assert "keyturn.auth" in imported_with_site(program, tmp_path)


def imported_with_site(program: str, home: Path) -> set[str]:
    code = f"{program}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=home)
    return set(json.loads(done.stdout))


def test_an_unknown_name_is_an_attribute_error() -> None:
    import keyturn

    with pytest.raises(AttributeError, match="nonsense"):
        keyturn.nonsense  # noqa: B018 - the look-up is the test
    assert "Auth" in dir(keyturn)
