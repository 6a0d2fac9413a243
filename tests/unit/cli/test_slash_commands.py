"""The commands of a session, which are those of the command line behind a slash."""

from __future__ import annotations

import argparse
import io
from typing import TYPE_CHECKING

import pytest

from keyturn.cli.talk import _command
from keyturn.cli.terminal import Terminal
from keyturn.errors import UsageError

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Machine

OPTIONS = {"profile": None, "route": None, "source": None, "require_billing": None, "model": None}


def obeyed(keyturn: Machine, name: str, argument: str) -> str:
    out = io.StringIO()
    terminal = Terminal(keyturn.world, stdin=io.StringIO(), stdout=out, stderr=io.StringIO())
    _command(name, argparse.Namespace(**OPTIONS), terminal)(argument)
    return out.getvalue()


@pytest.mark.parametrize("name", ["login", "logout", "status", "explain"])
@pytest.mark.parametrize("word", ["--help", "-h"])
def test_each_shows_its_own_help(keyturn: Machine, name: str, word: str) -> None:
    shown = obeyed(keyturn, name, word)
    assert shown.startswith(f"keyturn {name}: ")
    assert "--no-input" not in shown  # chosen when the session began


def test_a_wrong_option_names_the_help_that_can_be_had_here(keyturn: Machine) -> None:
    with pytest.raises(UsageError) as caught:
        obeyed(keyturn, "status", "--nonsense")
    assert caught.value.hint == "see: /status --help"
    assert "--verify" in obeyed(keyturn, "status", "--help")
