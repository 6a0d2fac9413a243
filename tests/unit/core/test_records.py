"""Records: what is kept of them, whatever wrote them (L2, P25)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keyturn.errors import StoreCorrupt
from keyturn.login import Login, Quarantine, Tombstone, fingerprint
from keyturn.records import read_record, write_record
from keyturn.testing import make_authority, make_login
from keyturn.testing.world import NOW
from keyturn.values import Secret


def again(login: Login) -> Login:
    record = read_record(write_record(login), "a place")
    assert isinstance(record, Login)
    return record


def changed(**fields: Any) -> str:
    return json.dumps({**json.loads(write_record(make_login())), **fields})


def test_a_login_survives_with_every_field() -> None:
    login = make_login(
        authority=make_authority(
            client_secret=Secret("test-secret-of-a-client"), resource="https://r.example"
        ),
        ancestors=("0" * 64, "f" * 64),
        quarantine=Quarantine(at=NOW, reason="rejected"),
        oauth_beta=True,
        account="Büro “the first” Łódź",
    )
    assert again(login) == login


@pytest.mark.proves("P25")
def test_what_this_version_does_not_know_survives_at_every_depth() -> None:
    text = changed(
        later={"a": [1, {"b": None}]},
        authority={**json.loads(changed())["authority"], "later": "inside"},
        quarantine={"at": 1.5, "reason": "rejected", "later": 7},
    )
    record = read_record(text, "a place")
    assert isinstance(record, Login)
    written = json.loads(
        write_record(record.replace(access_token=Secret("test-access-another"), generation=9))
    )
    assert written["later"] == {"a": [1, {"b": None}]}
    assert written["authority"]["later"] == "inside"
    assert written["quarantine"]["later"] == 7
    assert written["generation"] == 9


def test_a_tombstone_survives() -> None:
    tombstone = Tombstone(at=NOW, generation=7)
    assert read_record(write_record(tombstone), "a place") == tombstone


def test_a_minimal_record_of_another_hand_is_a_login() -> None:
    record = read_record('{"version": 1, "access_token": "test-access-token"}', "a place")
    assert isinstance(record, Login)
    assert not record.renewable
    assert (record.billing, record.generation, record.expires_at) == ("unknown", 0, None)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (changed(state="suspended"), "its state is unknown"),
        (changed(access_token=None, refresh_token=None), "neither a token nor a key"),
        (changed(access_token=["x"]), "access_token is not a text"),
        (changed(refresh_token="with space"), "refresh_token holds a character"),
        (changed(api_key="with\nline"), "api_key holds a character"),
        (changed(api_key="ü"), "api_key holds a character"),
        (changed(expires_at="soon"), "expires_at is not a time"),
        (changed(expires_at=True), "expires_at is not a time"),
        (changed(expires_at=1e300), "expires_at is not a time"),
        (changed(generation=-1), "generation is not a counting number"),
        (changed(generation=1.0), "generation is not a counting number"),
        (changed(authority=[]), "authority is not an object"),
        (changed(authority={"token_url": "https://a.example"}), "names no token_url or no client_id"),
        (changed(authority={"token_url": "nowhere", "client_id": "x"}), "token_url is no address"),
        (changed(authority={"token_url": "http://a.example", "client_id": "x"}), "without encryption"),
        (changed(api_base_url="https://u:p@a.example"), "api_base_url is no address"),
        (changed(quarantine="yes"), "quarantine is not an object"),
        ("[1]", "not an object"),
        ("null", "not an object"),
    ],
)
def test_a_field_of_another_kind_is_named_and_its_value_is_not(text: str, why: str) -> None:
    with pytest.raises(StoreCorrupt) as caught:
        read_record(text, "/place/default.json")
    error = caught.value
    assert why in error.message
    assert "/place/default.json is damaged" in error.message
    assert "keyturn login" in (error.hint or "")
    assert "u:p" not in error.message


def test_lists_of_another_kind_cost_the_list_and_not_the_login() -> None:
    record = read_record(changed(scopes="inference", ancestors={"a": 1}), "a place")
    assert isinstance(record, Login)
    assert (record.scopes, record.ancestors) == ((), ())


@pytest.mark.proves("L2")
class TestIdentity:
    def test_it_is_of_login_write_and_refresh_token(self) -> None:
        login = make_login()
        assert login.refresh_token is not None
        assert login.identity.refresh_hash == fingerprint(login.refresh_token)
        for other in (
            login.replace(login_id="another"),
            login.replace(generation=5),
            login.replace(refresh_token=Secret("test-refresh-another")),
            login.replace(refresh_token=None),
        ):
            assert other.identity != login.identity

    def test_it_is_not_of_the_access_token(self) -> None:
        login = make_login()
        assert login.replace(access_token=None).identity == login.identity


@pytest.mark.proves("L18")
class TestTheSamePerson:
    @pytest.mark.parametrize(
        ("mine", "theirs", "same"),
        [
            ({}, {}, True),
            ({}, {"account_id": "another"}, False),
            ({}, {"organization_id": "another"}, False),
            ({}, {"account": "renamed@example.com"}, True),
            ({"account_id": None}, {"account": "another@example.com"}, False),
            ({"account_id": None}, {}, True),
            ({"account": None}, {"account_id": None}, True),
            ({"account": None, "account_id": None}, {}, True),
            ({"authority": make_authority(issuer="https://other.example")}, {}, False),
            ({"authority": None}, {}, True),
            ({"authority": make_authority(issuer=None)}, {"authority": make_authority(issuer=None)}, True),
            ({"api_key": Secret("sk-ant-test-key")}, {}, False),
        ],
    )
    def test_as_far_as_both_are_known(self, mine: dict[str, Any], theirs: dict[str, Any], same: bool) -> None:
        one, other = make_login(**mine), make_login(**theirs)
        assert one.same_person(other) == same
        assert other.same_person(one) == same


@pytest.mark.parametrize(
    ("fields", "renewable"),
    [
        ({}, True),
        ({"refresh_token": None}, False),
        ({"authority": None}, False),
        ({"quarantine": Quarantine(at=NOW, reason="x")}, False),
    ],
)
def test_what_can_be_renewed(fields: dict[str, Any], renewable: bool) -> None:
    assert make_login(**fields).renewable == renewable
