"""What a new login replaces, and that nothing is replaced by accident or by a login that fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from keyturn.errors import ConfigurationError, LoginRefused, Refused, StoreDenied
from keyturn.login import Login, Tombstone
from keyturn.oauth.asking import Wish
from keyturn.oauth.grant import check_store, forget, keep
from keyturn.oauth.login import log_in
from keyturn.stores import login_of, open_store
from keyturn.stores.memory import MemoryStore
from keyturn.testing import make_login
from keyturn.values import Secret
from tests.persons import ScriptedPerson
from tests.secretscan import declare_store, make_secret
from tests.unit.oauth.conftest import ISSUER, Desk, contents, metadata, profile, tokens

if TYPE_CHECKING:
    from keyturn.stores import LoginStore


def record(desk: Desk) -> Path:
    return Path(desk.home) / "logins/default.json"


def store(desk: Desk) -> LoginStore:
    return open_store(desk.world, "default", "file")


def login(**fields: Any) -> Login:
    tokens_ = {
        "access_token": Secret(make_secret("token")),
        "refresh_token": Secret(make_secret("refresh")),
    }
    return make_login(**{**tokens_, **fields})


def key() -> Login:
    return login(
        access_token=None,
        refresh_token=None,
        authority=None,
        account=None,
        account_id=None,
        organization=None,
        organization_id=None,
        api_key=Secret(make_secret("api-key")),
    )


DEVELOPER = {"account": "developer@example.com", "account_id": "a"}
DEVELOPERS, OPERATORS = "the login of developer@example.com", "the login of operator@example.com"
OPERATOR = {"account": "operator@example.com", "account_id": "b"}


def test_the_same_account_is_replaced_without_a_question(desk: Desk) -> None:
    first = desk.log_in(metadata(), tokens())
    second = desk.log_in(metadata(), tokens())
    assert desk.person.asked == []
    assert (second.generation, first.generation) == (2, 1)
    assert second.login_id != first.login_id
    assert desk.stored() == second


@pytest.mark.proves("R35", "T11")
def test_another_account_is_replaced_when_the_person_agrees(desk: Desk) -> None:
    desk.log_in(metadata(), tokens())
    person = ScriptedPerson(answers=[True])
    desk.log_in(metadata(), tokens("operator@example.com"), person=person)
    assert person.asked == [f"replace {DEVELOPERS} at {ISSUER} by {OPERATORS} at {ISSUER}?"]
    assert getattr(desk.stored(), "account", None) == "operator@example.com"


@pytest.mark.parametrize("person", [{"answers": [False]}, {"present": False}])
def test_another_account_stays_out_when_nobody_agrees(desk: Desk, person: dict[str, Any]) -> None:
    desk.log_in(metadata(), tokens())
    before = contents(desk.home)
    with pytest.raises(LoginRefused) as caught:
        desk.log_in(metadata(), tokens("operator@example.com"), person=ScriptedPerson(**person))
    assert (caught.value.exit, caught.value.code) == (3, "other_account")
    for name in ("developer@example.com", "operator@example.com", "profile default"):
        assert name in caught.value.message
    assert "keyturn login --yes" in str(caught.value.hint)
    assert desk.shown() == "failed"
    assert contents(desk.home) == before


def test_yes_is_asked_nothing(desk: Desk) -> None:
    desk.log_in(metadata(), tokens())
    wish = Wish(browser=True, callback_port=0, yes=True)
    desk.log_in(metadata(), tokens("operator@example.com"), person=ScriptedPerson(present=False), wish=wish)
    assert getattr(desk.stored(), "account", None) == "operator@example.com"


@pytest.mark.parametrize(
    ("old", "new", "asks"),
    [
        (login(**DEVELOPER), key(), True),
        (key(), login(**DEVELOPER), True),
        (key(), key(), False),
        (login(**DEVELOPER), login(account=None, account_id=None), False),
        (login(**DEVELOPER), login(**DEVELOPER, organization="Other", organization_id="other"), True),
        (login(**DEVELOPER), login(**DEVELOPER, authority=None), False),
    ],
)  # fmt: skip
def test_a_question_is_asked_for_another_account_organisation_or_kind(
    desk: Desk, old: Login, new: Login, asks: bool
) -> None:
    keep(store(desk), desk.world, old, ScriptedPerson())
    person = ScriptedPerson(answers=[True])
    keep(store(desk), desk.world, new, person)
    assert bool(person.asked) is asks


def test_the_question_is_put_again_when_somebody_else_logs_in_meanwhile(desk: Desk) -> None:
    keep(store(desk), desk.world, login(**DEVELOPER), ScriptedPerson())

    class Slow(ScriptedPerson):
        def confirm(self, question: str) -> bool:
            if not self.asked:  # while the person reads it, a third account logs in elsewhere
                auditor = login(account="auditor@example.com", account_id="c")
                keep(store(desk), desk.world, auditor, ScriptedPerson(), yes=True)
            return super().confirm(question)

    person = Slow(answers=[True, False])
    with pytest.raises(LoginRefused):
        keep(store(desk), desk.world, login(**OPERATOR), person)
    assert [question.split()[4] for question in person.asked] == [
        "developer@example.com",
        "auditor@example.com",
    ]
    assert getattr(desk.stored(), "account", None) == "auditor@example.com"


def test_a_renewal_meanwhile_changes_nothing_about_the_question(desk: Desk) -> None:
    developer = keep(store(desk), desk.world, login(**DEVELOPER), ScriptedPerson())

    class Slow(ScriptedPerson):
        def confirm(self, question: str) -> bool:
            renewed = developer.replace(refresh_token=Secret(make_secret("refresh")))
            held = store(desk).hold(seconds=1)
            assert held is not None
            with held:
                held.save(renewed, replacing=developer.identity)
            return super().confirm(question)

    person = Slow(answers=[True])
    keep(store(desk), desk.world, login(**OPERATOR), person)
    assert (len(person.asked), getattr(desk.stored(), "account", None)) == (1, "operator@example.com")


# -- the store is asked before the person


@pytest.mark.proves("P14")
def test_a_store_that_cannot_be_written_is_noticed_before_the_browser(desk: Desk) -> None:
    memory = MemoryStore(desk.world)
    memory.refuse_writes = True
    desk.world.script = [metadata()]
    person, wish = ScriptedPerson(), Wish(browser=True, callback_port=0, yes=False)
    with pytest.raises(StoreDenied):
        log_in(desk.world, profile(), memory, person, wish)
    assert (desk.world.browsed, person.urls, memory.text) == ([], [], None)


def test_a_record_of_a_newer_version_is_noticed_before_the_browser(desk: Desk) -> None:
    desk.log_in(metadata(), tokens())
    held = json.loads(record(desk).read_text())
    record(desk).write_text(json.dumps({**held, "version": 99}))
    before = contents(desk.home)
    with pytest.raises(ConfigurationError, match="written by a newer keyturn"):
        desk.log_in(metadata())
    assert len(desk.world.browsed) == 1
    assert contents(desk.home) == before


def test_a_symlink_in_place_of_the_record_is_noticed_before_the_browser(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("{}")
    record(desk).parent.mkdir(parents=True, mode=0o700)
    record(desk).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreDenied, match="is a symbolic link"):
        desk.log_in(metadata())
    assert desk.world.browsed == []
    assert (tmp_path / "elsewhere").read_text() == "{}"


def test_the_address_of_the_api_is_checked_before_the_browser(desk: Desk) -> None:
    with pytest.raises(Refused, match=r"would go to http://api.* without encryption"):
        desk.log_in(metadata(), at=profile(api_base_url="http://api.example.com"))
    with pytest.raises(ConfigurationError, match="the address of the API is not usable"):
        desk.log_in(metadata(), at=profile(api_base_url="api.example.com"))
    with pytest.raises(ConfigurationError, match="does not name the API"):
        desk.log_in(metadata(), at=profile(api_base_url=None))
    assert desk.world.browsed == []
    assert contents(desk.home) == {}


# -- damaged records, tombstones, generations


DAMAGED = ["", "{", "[]", '{"version": 1}', '{"version": 1, "access_token": 5}', "\x00" * 50]


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_record_is_moved_aside_by_a_login(desk: Desk, text: str) -> None:
    desk.log_in(metadata(), tokens())
    record(desk).write_text(text)
    login = desk.log_in(metadata(), tokens())
    [aside] = record(desk).parent.glob("default.json.corrupt-*")
    assert aside.name == f"default.json.corrupt-{desk.world.now():.0f}"
    assert aside.read_text() == text
    assert any(f"it was moved to {aside}" in said for said in desk.person.said)
    assert desk.stored() == login
    assert login.generation > 1_000_000  # beyond whatever the damaged record counted to


def test_a_damaged_record_stays_where_it_is_when_the_login_fails(desk: Desk) -> None:
    desk.log_in(metadata(), tokens())
    record(desk).write_text("{")
    before = contents(desk.home)
    with pytest.raises(ConfigurationError):
        desk.log_in(metadata(), tokens(error="no", access_token=None), at=profile(redirect_uri="x"))
    assert check_store(store(desk)) is None
    assert contents(desk.home) == before


@pytest.mark.proves("L2", "L4")
def test_the_generation_grows_over_logout_and_login(desk: Desk) -> None:
    generations = [desk.log_in(metadata(), tokens()).generation]
    forget(store(desk), desk.world)
    stone = store(desk).load()
    assert isinstance(stone, Tombstone)
    generations.append(stone.generation)
    generations.append(desk.log_in(metadata(), tokens()).generation)
    assert generations == [1, 2, 3]


@pytest.mark.proves("L4")
def test_a_damaged_record_becomes_a_tombstone_at_logout_and_is_kept_for_a_look(desk: Desk) -> None:
    desk.log_in(metadata(), tokens())
    text = record(desk).read_text()[:-20]
    record(desk).write_text(text)
    found = forget(store(desk), desk.world)
    assert found.login is None
    assert found.aside is not None
    declare_store(Path(found.aside))
    assert Path(found.aside).read_text() == text
    assert isinstance(store(desk).load(), Tombstone)
    assert desk.log_in(metadata(), tokens()).generation > 1_000_000
    assert login_of(store(desk).load()) is not None
