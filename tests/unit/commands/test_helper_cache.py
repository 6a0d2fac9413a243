"""What a helper printed is kept for the address that it was printed for, and taken as strictly as printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keyturn import Auth
from keyturn.commands.helper_file import HelperFile
from keyturn.testing import FakeWorld
from keyturn.testing.commands import Outcome
from keyturn.values import API_ORIGIN, Secret
from tests.helpers import with_helper
from tests.secretscan import declare_store, make_secret

if TYPE_CHECKING:
    from pathlib import Path

ONE, OTHER = "https://one.example.com", "https://other.example.com"


@pytest.mark.proves("T13")
@pytest.mark.parametrize("shared", [False, True])
def test_what_was_printed_for_one_address_is_never_sent_to_another(tmp_path: Path, *, shared: bool) -> None:
    world = FakeWorld(tmp_path, {"ANTHROPIC_BASE_URL": ONE})
    world.write_config({"helper_cache": shared})
    declare_store(tmp_path / "keyturn" / "commands")
    first, second = make_secret("api-key"), make_secret("api-key")
    with_helper(world, Outcome(stdout=first), Outcome(stdout=second))
    assert Auth(world=world).credential().secret.reveal() == first
    world.variables["ANTHROPIC_BASE_URL"] = OTHER
    assert Auth(world=world).explain().row("api-key-helper").why == "run when it is needed"
    there = Auth(world=world).credential()
    assert (there.secret.reveal(), there.audience) == (second, OTHER)
    world.variables["ANTHROPIC_BASE_URL"] = ONE
    assert Auth(world=world).credential().secret.reveal() == first
    assert [command.environment["ANTHROPIC_BASE_URL"] for command in world.commands] == [ONE, OTHER]


@pytest.mark.parametrize("left", ["test-key\nx-injected: 1", "test-key\u2028", "", "two words", "x" * 16385])
def test_what_no_helper_may_print_is_not_taken_from_the_cache_either(tmp_path: Path, left: str) -> None:
    world, key = FakeWorld(tmp_path), make_secret("api-key")
    world.write_config({"helper_cache": True})
    declare_store(tmp_path / "keyturn" / "commands")
    with_helper(world, Outcome(stdout=key))
    setting = Auth(world=world).scene().settings.get("apiKeyHelper")
    assert setting is not None
    file = HelperFile(world, setting, world.folder, API_ORIGIN)
    file.prepare()
    file.write(Secret(left), None)
    assert Auth(world=world).explain().row("api-key-helper").why == "run when it is needed"
    assert Auth(world=world).credential().secret.reveal() == key
