from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keyturn.auth import Auth
from keyturn.models import Chosen
from keyturn.session.banner import banner, identity, needs_login
from keyturn.stores.memory import MemoryStore
from keyturn.testing import FakeWorld, make_expired_login, make_login
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from pathlib import Path

    from keyturn.login import Login
    from keyturn.survey import Survey

MODEL = Chosen(name="claude-test", by="default")


def survey_of(world: FakeWorld, login: Login | None = None, source: str | None = None) -> Survey:
    store = MemoryStore(world)
    if login is not None:
        held = store.hold(seconds=1)
        assert held is not None
        with held:
            held.save(login, replacing=None)
    return Auth(world=world, store=store, source=source).explain()


@pytest.fixture
def world(tmp_path: Path) -> FakeWorld:
    return FakeWorld(tmp_path)


def test_it_says_who_by_what_billed_how_and_where(world: FakeWorld) -> None:
    assert banner(survey_of(world, make_login()), MODEL) == [
        "developer@example.com (Example Works) · stored login · billing: subscription",
        "claude-test at https://api.example.com · /help",
    ]


def test_a_key_has_no_account_to_name(world: FakeWorld) -> None:
    world.variables["ANTHROPIC_API_KEY"] = make_secret("api-key")
    assert banner(survey_of(world), MODEL) == [
        "ANTHROPIC_API_KEY · billing: metered",
        "claude-test at https://api.anthropic.com · /help",
    ]


def test_a_source_that_decides_and_is_broken_is_not_called_a_missing_login(world: FakeWorld) -> None:
    world.variables["ANTHROPIC_API_KEY"] = "two words"
    assert banner(survey_of(world), MODEL) == ["claude-test · ANTHROPIC_API_KEY cannot be used · /help"]


@pytest.mark.proves("T14")
def test_an_account_name_cannot_write_to_the_terminal(world: FakeWorld) -> None:
    first = banner(survey_of(world, make_login(account="visitor\x1b[2J\nadmin", organization=None)), MODEL)[0]
    assert first.isprintable()
    assert first.startswith("visitor")


def test_nothing_at_all_and_an_ended_login_need_a_login_first(world: FakeWorld) -> None:
    assert needs_login(survey_of(world))
    assert needs_login(survey_of(world, make_expired_login(refresh_token=None)))
    assert banner(survey_of(world), MODEL) == ["claude-test · not logged in · /help"]


def test_a_login_that_can_be_renewed_and_a_key_need_none(world: FakeWorld) -> None:
    assert not needs_login(survey_of(world, make_expired_login()))
    world.variables["ANTHROPIC_API_KEY"] = make_secret("api-key")
    assert not needs_login(survey_of(world))


def test_a_pinned_source_that_is_absent_is_not_mended_by_logging_in(world: FakeWorld) -> None:
    assert not needs_login(survey_of(world, source="api-key-env"))
    assert needs_login(survey_of(world, source="stored-login"))


def test_another_payer_or_person_is_another_identity(world: FakeWorld) -> None:
    developer = identity(survey_of(world, make_login()))
    assert developer == identity(survey_of(world, make_login()))
    assert developer != identity(survey_of(world, make_login(account="visitor@example.com")))
    assert developer != identity(survey_of(world, make_login(billing="metered")))
    assert identity(survey_of(world)) is None
