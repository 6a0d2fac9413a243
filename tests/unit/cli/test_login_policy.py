"""What the administrator's settings forbid of a login, met by every way to log in (R57)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.secretscan import make_secret
from tests.unit.cli.desk import AT, WHERE
from tests.unit.oauth.conftest import metadata, tokens

if TYPE_CHECKING:
    from tests.unit.cli.desk import Desk

pytestmark = pytest.mark.proves("R57")
OURS = "11111111-2222-4333-8444-555555555555"
MEMBER = {"uuid": OURS, "name": "Example Works"}
STRANGER = {"uuid": "99999999-2222-4333-8444-555555555555", "name": "Other Works"}


def managed(desk: Desk, **fields: object) -> Path:
    path = Path(desk.world.managed_dir(), "managed-settings.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(fields), encoding="utf-8")
    return path


def test_a_method_that_is_forbidden_sends_nobody_to_a_browser(desk: Desk) -> None:
    path = managed(desk, forceLoginMethod="console")
    done = desk("login", *AT, *WHERE, lines="")
    assert done.status == 7
    assert f"forceLoginMethod in {path} allows only API keys" in done.err
    assert "keyturn login --with-api-key" in done.err
    assert desk.world.browsed == []
    assert desk.world.requests == []
    assert (desk.stored(), desk.config()) == (None, None)


def test_an_address_that_is_only_asked_for_later_is_checked_before_it_is_stored(desk: Desk) -> None:
    managed(desk, forceLoginMethod="claudeai")
    done = desk("login", *AT, lines="https://gateway.example.com\n", script=[metadata(), tokens()])
    assert done.status == 7
    assert "an OAuth login for https://gateway.example.com" in done.err
    assert (desk.stored(), desk.config()) == (None, None)


def test_a_gateway_s_login_is_made_where_gateways_are_asked_for(desk: Desk) -> None:
    managed(desk, forceLoginMethod="gateway")
    done = desk("login", *AT, *WHERE, lines="", script=[metadata(), tokens()])
    assert done.status == 0
    assert desk.stored() is not None


def test_a_login_for_claude_s_own_api_is_one_of_claudeai(desk: Desk) -> None:
    managed(desk, forceLoginMethod="claudeai")
    own = ("--api-base-url", "https://api.anthropic.com")
    assert desk("login", *AT, *own, lines="", script=[metadata(), tokens()]).status == 0
    assert desk("login", "--with-api-key", piped=make_secret("api-key")).status == 7


@pytest.mark.parametrize(
    "listed", [OURS, OURS.upper(), [STRANGER["uuid"], OURS]], ids=["one", "capitals", "list"]
)
def test_a_member_of_the_organization_is_logged_in(desk: Desk, listed: object) -> None:
    managed(desk, forceLoginOrgUUID=listed)
    done = desk("login", *AT, *WHERE, lines="", script=[metadata(), tokens(organization=MEMBER)])
    assert done.status == 0
    assert desk.stored() is not None


@pytest.mark.parametrize(
    "organization", [STRANGER, None, {"name": "Example Works"}], ids=["other", "none", "no id"]
)
def test_whoever_is_not_known_to_be_a_member_is_not_and_the_browser_says_so(
    desk: Desk, organization: dict[str, str] | None
) -> None:
    path = managed(desk, forceLoginOrgUUID=OURS)
    done = desk("login", *AT, *WHERE, lines="", script=[metadata(), tokens(organization=organization)])
    assert done.status == 7
    assert f"forceLoginOrgUUID in {path}" in done.err
    assert "nothing was stored" in done.err
    assert (desk.stored(), desk.config()) == (None, None)


def test_a_stranger_s_login_replaces_nobody_s(desk: Desk) -> None:
    script = [metadata(), tokens(organization=MEMBER)]
    assert desk("login", *AT, *WHERE, lines="", script=script).status == 0
    before = desk.stored()
    managed(desk, forceLoginOrgUUID=OURS)
    done = desk(
        "login", "--yes", lines="", script=[metadata(), tokens("other@example.com", organization=STRANGER)]
    )
    assert done.status == 7
    assert desk.stored() == before


def test_a_key_is_stored_with_the_remark_that_it_tells_no_organization(desk: Desk) -> None:
    path = managed(desk, forceLoginOrgUUID=OURS)
    done = desk("login", "--with-api-key", piped=make_secret("api-key"))
    assert done.status == 0
    assert f"forceLoginOrgUUID in {path} could not be checked" in done.err


@pytest.mark.proves("R58")
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("forceLoginMethod", "sso"),
        ("forceLoginMethod", 7),
        ("forceLoginOrgUUID", 7),
        ("forceLoginOrgUUID", [7]),
    ],
)
def test_a_rule_that_nobody_can_read_lets_nobody_in(desk: Desk, key: str, value: object) -> None:
    path = managed(desk, **{key: value})
    done = desk("login", "--with-api-key", piped=make_secret("api-key"))
    assert done.status == 8
    assert key in done.err
    assert str(path) in done.err
    assert desk.stored() is None


def test_an_administrator_s_rule_comes_before_the_user_s(desk: Desk) -> None:
    managed(desk, forceLoginMethod="gateway")
    user = Path(desk.world.claude_dir(), "settings.json")
    user.parent.mkdir()
    user.write_text(json.dumps({"forceLoginMethod": "console"}), encoding="utf-8")
    assert desk("login", "--with-api-key", piped=make_secret("api-key")).status == 7


def test_what_is_stored_already_may_still_be_used(desk: Desk) -> None:
    assert desk("login", *AT, *WHERE, lines="", script=[metadata(), tokens()]).status == 0
    managed(desk, forceLoginMethod="console", forceLoginOrgUUID=OURS)
    assert desk("status").status == 0
