"""Machines that are made and thrown away: CI, a container with a mounted directory, one that is read-only."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.places import AS_ROOT
from tests.secretscan import register
from tests.servers import need

if TYPE_CHECKING:
    from tests.system.setups.owner import Owner

pytestmark = pytest.mark.system

SHOW = "import json, os; print(json.dumps(sorted(name for name in os.environ if 'TOKEN' in name)))"


@pytest.mark.proves("P28", "P29")
def test_ci(owner: Owner) -> None:
    """Nobody is there: nothing asks, nothing opens a browser, and each way to fail has its status."""
    owner.env |= {"CI": "true", "BROWSER": owner.browser()}
    done = owner.run("login", *owner.at)
    assert done.returncode == 3
    assert not owner.shown.exists()
    assert owner.status()["state"] == "absent"
    assert owner.run("status").returncode == 3

    # what the job's secret holds is a token answer; it is stored without a person, and once is enough
    answer = owner.sandbox.issue()
    for name, kind in (("access_token", "token"), ("refresh_token", "refresh")):
        register(kind, str(answer[name]))
    api = (
        "--client-id",
        owner.sandbox.client_id,
        "--api-base-url",
        owner.sandbox.api_base_url,
        "--oauth-beta",
    )
    words = ("login", *owner.at, *api, "--from-json", "-")
    for _ in range(2):
        done = owner.run(*words, piped=json.dumps(answer))
        assert done.returncode == 0, done.stderr
    owner.asks("Green?")
    assert owner.run("status", "--expires-within", "5m").returncode == 0
    done = owner.run("run", "--", sys.executable, "-c", SHOW)
    assert json.loads(done.stdout) == ["ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"]
    assert owner.examined(0) == {}


# Runs a program in a container of sorts: its own mounts, and KEYTURN_HOME mounted from outside, as $1 says.
CONTAINER = """
set -eu
mount --bind "$KEYTURN_HOME" "$KEYTURN_HOME"
[ "$1" = rw ] || mount -o remount,bind,ro "$KEYTURN_HOME"
shift
exec "$@"
"""


def container(mode: str) -> list[str]:
    own = [] if os.geteuid() == 0 else ["--map-root-user"]
    return [need("unshare", "util-linux"), *own, "--mount", "sh", "-c", CONTAINER, "sh", mode]


@AS_ROOT
@pytest.mark.proves("P17", "L6")
def test_a_container_with_a_mounted_directory(owner: Owner) -> None:
    """Host and container share a login: either renews, and the other goes on with what it finds."""
    owner.log_in()
    owner.wrap = container("rw")
    owner.asks("Inside?")
    owner.sandbox.expire_access_tokens()
    owner.asks("Inside again?")
    owner.wrap = ()
    owner.asks("And outside?")
    assert len(owner.sandbox.log.refreshes()) == 1
    assert owner.examined(0) == {}
    owner.wrap = container("rw")
    assert owner.examined(0) == {}


@AS_ROOT
@pytest.mark.proves("L6")
def test_a_container_that_is_read_only(owner: Owner) -> None:
    """What is there is used; what would be lost is not begun, and the doctor says why."""
    owner.sandbox.set(lifetime=8.0)
    owner.log_in()
    owner.wrap = container("ro")
    owner.asks("While it lasts?")
    found = owner.examined(5)["read_only_mount"]
    assert "never renewed" in found["message"]
    assert found["repair"].startswith("mount -o remount,rw ")
    time.sleep(8.1)
    done = owner.run("-p", "And after?", before=owner.wrap)
    assert done.returncode == 5
    assert "\nhint: " in done.stderr
    assert owner.sandbox.log.refreshes() == ()
    owner.wrap = ()
    owner.asks("Outside it is renewed?")
