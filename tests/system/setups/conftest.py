"""Somebody's machine, and an authority with an API for it; each file here replays how some people work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keyturn.sandbox import Sandbox
from tests.secretscan import register
from tests.system.setups.owner import Owner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(on_secret=_note) as running:
        register("api-key", running.api_key)
        yield running


def _note(kind: str, secret: str) -> None:
    """A code that is pasted shows on the terminal; without its verifier it is worth nothing."""
    if kind != "code":
        register(kind, secret)


@pytest.fixture
def owner(tmp_path: Path, sandbox: Sandbox) -> Iterator[Owner]:
    with Owner(tmp_path, sandbox) as made:
        yield made
