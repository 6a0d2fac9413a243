"""Two accounts side by side: in two terminals, in two directories, by variable; neither touches the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keyturn.sandbox import Sandbox
from tests.keyturns import Household
from tests.secretscan import register

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.system

PEOPLE = {"work": "developer@example.com", "home": "billing@example.com"}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(on_secret=register) as running:
        register("api-key", running.api_key)
        yield running


@pytest.fixture
def house(tmp_path: Path, sandbox: Sandbox) -> Iterator[Household]:
    with Household(tmp_path) as made:
        for profile, account in PEOPLE.items():
            words = ("login", "--profile", profile, "--issuer", sandbox.issuer)
            assert made.start(*words, BROWSER=made.browser(account)).ended() == 0
        yield made


@pytest.mark.proves("P5", "L1")
def test_two_terminals_with_two_profiles_never_touch_each_others_tokens(
    house: Household, sandbox: Sandbox
) -> None:
    screens = {
        "work": house.start("--profile", "work"),
        "home": house.start(KEYTURN_PROFILE="home"),
    }
    for profile, screen in screens.items():
        screen.wait_for_prompt()
        assert screen.shows(PEOPLE[profile])
    sandbox.expire_access_tokens()
    for screen in screens.values():
        screen.enter("Hello")
    for screen in screens.values():
        screen.wait_for("You asked: “Hello”")
        screen.wait_for_prompt()
    assert len(sandbox.log.refreshes()) == 2
    for profile, account in PEOPLE.items():
        stored = house.stored(profile)
        assert stored is not None
        assert (stored.account, stored.generation, stored.quarantine) == (account, 2, None)
    for screen in screens.values():
        screen.control("d")
        assert screen.ended() == 0


@pytest.mark.proves("P5", "P6")
def test_a_directory_chooses_its_account_and_status_says_why(house: Household, tmp_path: Path) -> None:
    (tmp_path / "job/deep").mkdir(parents=True)
    assert house.run("profile", "bind", "work", str(tmp_path / "job")).returncode == 0
    assert house.run("profile", "use", "home").returncode == 0
    before = ("sh", "-c", 'cd "$0" && exec "$@"', str(tmp_path / "job/deep"))
    there = house.run("status", before=before).stdout
    assert f"profile: work (bound to {tmp_path.resolve()}/job)" in there
    assert f"account: {PEOPLE['work']}" in there
    elsewhere = house.run("status").stdout
    assert "profile: home (default_profile in" in elsewhere
    named = house.run("status", before=before, KEYTURN_PROFILE="home").stdout
    assert "profile: home (KEYTURN_PROFILE)" in named
    typed = house.run("status", "--profile", "work", before=before, KEYTURN_PROFILE="home").stdout
    assert "profile: work (--profile)" in typed
    assert house.run("profile", "bind", "--none", str(tmp_path / "job")).returncode == 0
    assert "profile: home (default_profile in" in house.run("status", before=before).stdout


@pytest.mark.proves("T1", "P5")
def test_nothing_in_a_project_chooses_an_account(house: Household, tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / ".claude").mkdir(parents=True)
    (project / ".claude/settings.json").write_text('{"env": {"KEYTURN_PROFILE": "home"}}', encoding="utf-8")
    (project / ".env").write_text("KEYTURN_PROFILE=home\n", encoding="utf-8")
    (project / "config.json").write_text('{"default_profile": "home"}', encoding="utf-8")
    before = ("sh", "-c", 'cd "$0" && exec "$@"', str(project))
    assert "profile: default (default)" in house.run("status", before=before).stdout


@pytest.mark.proves("R35", "P5")
def test_the_session_asks_which_login_is_meant(house: Household) -> None:
    screen = house.start("--profile", "home", BROWSER=house.browser(PEOPLE["work"]))
    screen.wait_for_prompt()
    screen.enter("/login")
    screen.wait_for("which login?", "home: billing@example.com", "(in use)", "work: developer@example.com")
    screen.enter("work")
    screen.wait_for("stored in profile work")
    screen.wait_for_prompt()
    screen.enter("/status")
    screen.wait_for("work (--profile)")
    screen.wait_for_prompt()
    screen.control("d")
    assert screen.ended() == 0
