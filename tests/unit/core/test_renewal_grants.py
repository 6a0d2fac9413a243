"""What a renewal sends, and what it keeps of a grant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keyturn import Rejected
from keyturn.login import fingerprint
from keyturn.testing import make_expired_login, make_login, token_answer
from keyturn.testing.world import NOW
from keyturn.values import Secret

if TYPE_CHECKING:
    from pathlib import Path


from tests.machine import HOUR, Machine, aged


@pytest.fixture
def expired(tmp_path: Path) -> Machine:
    return Machine(tmp_path, make_expired_login())


@pytest.fixture
def ahead(tmp_path: Path) -> Machine:
    return Machine(tmp_path, aged(HOUR, 200.0))


# -- what is sent


@pytest.mark.proves("L14", "R40")
class TestTheRequest:
    def test_it_goes_to_the_pinned_endpoint_with_the_refresh_token_and_without_scope(
        self, expired: Machine
    ) -> None:
        expired.grants()
        expired.auth().credential()
        (request,) = expired.world.requests
        assert expired.login.refresh_token is not None
        assert (request.method, request.url) == ("POST", "https://auth.example.com/token")
        assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
        assert sorted(request.body.decode().split("&")) == sorted(
            [
                "client_id=example-client",
                "grant_type=refresh_token",
                f"refresh_token={expired.login.refresh_token.reveal()}",
            ]
        )

    def test_nothing_is_sent_for_a_fresh_token(self, tmp_path: Path) -> None:
        machine = Machine(tmp_path, make_login())
        before = machine.bytes()
        assert machine.auth().credential().secret == machine.login.access_token
        assert machine.world.requests == []
        assert machine.bytes() == before

    def test_a_login_without_a_refresh_token_says_how_to_get_one(self, tmp_path: Path) -> None:
        machine = Machine(tmp_path, make_expired_login(refresh_token=None))
        with pytest.raises(Rejected, match="without a refresh token") as caught:
            machine.auth().credential()
        assert caught.value.exit == 4
        assert "keyturn login" in (caught.value.hint or "")


# -- what is granted


class TestGranted:
    def test_the_new_tokens_are_stored_and_the_old_refresh_token_is_an_ancestor(
        self, expired: Machine
    ) -> None:
        expired.grants()
        credential = expired.auth().credential()
        stored = expired.stored()
        assert expired.login.refresh_token is not None
        assert credential.secret.reveal() == expired.access
        assert (stored.access_token, stored.refresh_token) == (
            Secret(expired.access),
            Secret(expired.refresh),
        )
        assert stored.ancestors == (fingerprint(expired.login.refresh_token),)
        assert (stored.issued_at, stored.expires_at) == (NOW, NOW + 3600)
        assert stored.generation == expired.login.generation + 1
        assert stored.login_id == expired.login.login_id

    @pytest.mark.proves("P25")
    @pytest.mark.parametrize("rotated", [None, "", "the same"])
    def test_without_rotation_the_refresh_token_stays(self, expired: Machine, rotated: str | None) -> None:
        old = expired.login.refresh_token
        assert old is not None
        again = old.reveal() if rotated == "the same" else rotated
        expired.world.script.append(token_answer(expired.access, again))
        expired.auth().credential()
        assert expired.stored().refresh_token == old
        assert expired.stored().ancestors == ()

    @pytest.mark.proves("P25")
    def test_what_the_answer_leaves_out_keeps_its_value(self, tmp_path: Path) -> None:
        machine = Machine(tmp_path, make_expired_login(extra={"of_a_newer_version": [1]}))
        machine.world.script.append(token_answer(machine.access, machine.refresh, expires_in=None))
        machine.auth().credential()
        stored = machine.stored()
        for name in (
            "account",
            "account_id",
            "organization",
            "organization_id",
            "scopes",
            "billing",
            "extra",
        ):
            assert getattr(stored, name) == getattr(machine.login, name)
        assert stored.authority == machine.login.authority
        assert stored.expires_at is None  # no life named: used until it is rejected

    def test_a_narrower_scope_is_stored(self, expired: Machine) -> None:
        expired.world.script.append(token_answer(expired.access, expired.refresh, scope="less"))
        expired.auth().credential()
        assert expired.stored().scopes == ("less",)

    @pytest.mark.parametrize("life", [0, -5, "0", "many", 1e300, True, [1]])
    @pytest.mark.proves("L21")
    def test_a_life_that_is_none_is_unknown(self, expired: Machine, life: object) -> None:
        expired.world.script.append(token_answer(expired.access, expired.refresh, expires_in=life))
        expired.auth().credential()
        assert expired.stored().expires_at is None

    @pytest.mark.proves("L21")
    def test_a_life_of_digits_in_a_string_counts(self, expired: Machine) -> None:
        expired.world.script.append(token_answer(expired.access, expired.refresh, expires_in="600"))
        expired.auth().credential()
        assert expired.stored().expires_at == NOW + 600

    @pytest.mark.proves("I2")
    def test_an_answer_for_another_account_is_not_stored_and_the_spent_token_never_sent_again(
        self, expired: Machine
    ) -> None:
        expired.world.script.append(
            token_answer(expired.access, expired.refresh, account={"uuid": "account-of-another"})
        )
        auth = expired.auth()
        with pytest.raises(Rejected, match="another account") as caught:
            auth.credential()
        assert caught.value.exit == 4
        assert expired.stored().access_token == expired.login.access_token
        assert expired.stored().account_id == "account-developer"
        with pytest.raises(Rejected, match="another account"):
            auth.credential()
        assert len(expired.world.requests) == 1

    def test_an_account_that_is_named_for_the_first_time_is_added(self, tmp_path: Path) -> None:
        machine = Machine(tmp_path, make_expired_login(account_id=None, organization_id=None))
        machine.world.script.append(
            token_answer(
                machine.access,
                machine.refresh,
                account={"uuid": "account-developer", "email_address": "developer@example.com"},
            )
        )
        machine.auth().credential()
        assert machine.stored().account_id == "account-developer"
