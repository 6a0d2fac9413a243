"""`/login` in a session asks which login is meant, where there are several."""

from __future__ import annotations

import argparse
import io
from typing import TYPE_CHECKING

import pytest

from keyturn.cli.chooser import choose_profile
from keyturn.cli.person import TerminalPerson
from keyturn.cli.talk import _command
from keyturn.cli.terminal import Terminal
from keyturn.errors import LoginRefused
from tests.unit.cli.conftest import Screen
from tests.unit.oauth.conftest import API, ISSUER, metadata, tokens

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Machine
    from tests.unit.cli.desk import Desk


def chosen(keyturn: Machine, typed: str, current: str = "default") -> tuple[str, str]:
    err = Screen()
    terminal = Terminal(keyturn.world, stdin=Screen(typed), stdout=io.StringIO(), stderr=err)
    return choose_profile(TerminalPerson(terminal), keyturn.world, current), err.getvalue()


@pytest.mark.proves("P5")
@pytest.mark.parametrize(
    ("typed", "name"),
    [("\n", "default"), ("2\n", "home"), ("work\n", "work"), ("new-one\n", "new-one"), ("9\n1\n", "default")],
)
def test_each_login_is_offered_by_number_and_any_by_name(keyturn: Machine, typed: str, name: str) -> None:
    keyturn.log_in()
    keyturn.log_in("home")
    keyturn.world.write_config({"profiles": {"work": {"issuer": ISSUER}}})
    found, shown = chosen(keyturn, typed)
    assert found == name
    assert "1) default: developer@example.com (Example Works) (in use)\n" in shown
    assert "2) home: developer@example.com (Example Works)\n" in shown
    assert "3) work: not logged in\n" in shown


def test_one_login_is_no_question(keyturn: Machine) -> None:
    keyturn.log_in()
    assert chosen(keyturn, "") == ("default", "")


@pytest.mark.parametrize("typed", ["../x\n../y\n../z\n", "0\n-1\n99\n", "a b\n", ""])
def test_what_is_no_answer_changes_nothing(keyturn: Machine, typed: str) -> None:
    keyturn.log_in()
    keyturn.log_in("home")
    with pytest.raises(LoginRefused):
        chosen(keyturn, typed)


def test_the_session_goes_on_with_the_login_that_was_made(desk: Desk) -> None:
    desk.world.write_config(
        {
            "profiles": {
                name: {"issuer": ISSUER, "client_id": "example-client", "api_base_url": API}
                for name in ("default", "work")
            }
        }
    )
    options = argparse.Namespace(
        profile=None, route=None, source=None, require_billing=None, model=None, json=False, no_input=False
    )
    desk.world.script = [metadata(), tokens()]
    terminal = Terminal(desk.world, stdin=Screen("work\n"), stdout=io.StringIO(), stderr=Screen())
    _command("login", options, terminal)("")
    assert options.profile == "work"
    assert desk.stored("work") is not None
    assert desk.stored() is None
