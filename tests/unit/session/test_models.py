from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from anthropic.types import Model

from keyturn.errors import ConfigurationError, UsageError
from keyturn.models import DEFAULTS, Chosen, checked_model, choose_model, known_models
from keyturn.order import ORDER
from keyturn.testing import FakeWorld

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def world(tmp_path: Path) -> FakeWorld:
    return FakeWorld(tmp_path)


def test_the_command_line_wins_over_the_variable_and_that_over_the_table(world: FakeWorld) -> None:
    assert choose_model(world, "anthropic") == Chosen(name=DEFAULTS["anthropic"].model, by="default")
    world.variables["ANTHROPIC_MODEL"] = " claude-from-variable "
    assert choose_model(world, "anthropic") == Chosen(name="claude-from-variable", by="ANTHROPIC_MODEL")
    assert choose_model(world, "anthropic", "claude-typed") == Chosen(name="claude-typed", by="--model")


def test_an_empty_variable_is_unset(world: FakeWorld) -> None:
    world.variables["ANTHROPIC_MODEL"] = ""
    assert choose_model(world, "anthropic").by == "default"


def test_the_mark_of_a_large_context_is_no_part_of_the_name_that_is_sent(world: FakeWorld) -> None:
    world.variables["ANTHROPIC_MODEL"] = "us.anthropic.test-v1:0[1m]"
    assert choose_model(world, "bedrock").name == "us.anthropic.test-v1:0"
    assert choose_model(world, "bedrock", "claude-typed[1m]").name == "claude-typed"
    assert checked_model("claude-typed[1m]") == "claude-typed"
    with pytest.raises(UsageError):
        checked_model("[1m]")


@pytest.mark.parametrize("name", ["", "  ", "two words", "näme", "a\x1b[2J", "x" * 257])
def test_a_name_no_request_can_carry_is_refused_without_repeating_it(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        checked_model(name)
    assert caught.value.exit == 2
    assert not name.strip() or name not in caught.value.message


def test_a_variable_no_request_can_carry_is_a_wrong_configuration(world: FakeWorld) -> None:
    world.variables["ANTHROPIC_MODEL"] = "two words"
    with pytest.raises(ConfigurationError, match="ANTHROPIC_MODEL"):
        choose_model(world, "anthropic")


def test_every_route_has_a_default_with_its_source_and_date_that_the_official_client_knows() -> None:
    assert DEFAULTS.keys() == ORDER.keys()
    for route, row in DEFAULTS.items():
        # Bedrock's names begin with who made the model
        assert row.model.removeprefix("anthropic.") in known_models(), route
        assert row.source
        assert len(row.date.split("-")) == 3
    assert "claude-opus-5" in str(Model)
