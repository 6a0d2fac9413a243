"""What a renewal sends, and what it keeps of a grant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from keyturn import Rejected, jsontext
from keyturn.login import fingerprint
from keyturn.testing import make_expired_login, make_login, token_answer
from keyturn.testing.world import NOW
from keyturn.values import Secret
from keyturn.wire import Response

if TYPE_CHECKING:
    from pathlib import Path

    from keyturn.wire import Request


from tests.machine import HOUR, Machine, aged
from tests.secretscan import make_secret


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

    def test_a_narrower_scope_is_stored_and_said_until_it_is_granted_again(self, tmp_path: Path) -> None:
        all_of_it = ("inference", "profile", "files")
        [*kept, lost] = all_of_it
        expired = Machine(tmp_path, make_expired_login(scopes=all_of_it))
        for scope in (" ".join(kept), None):
            expired.world.script.append(token_answer(expired.access, make_secret("refresh"), scope=scope))
            expired.auth().credential()
            assert expired.stored().scopes == tuple(kept)
            [warning] = expired.auth().explain().warnings
            assert f"the authority has taken {lost} from the login in profile default" in warning
            assert "keyturn login --profile default" in warning
            expired.world.advance(7200)
        expired.world.script.append(
            token_answer(expired.access, make_secret("refresh"), scope=" ".join(all_of_it))
        )
        expired.auth().credential()
        assert expired.auth().explain().warnings == ()

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
        expired.world.script += [Response(status=200, headers={}, body=b"")] * 2  # to its revocation
        auth = expired.auth()
        with pytest.raises(Rejected, match="another account") as caught:
            auth.credential()
        assert caught.value.exit == 4
        assert expired.stored().access_token == expired.login.access_token
        assert expired.stored().account_id == "account-developer"
        with pytest.raises(Rejected, match="another account"):
            auth.credential()
        assert [request.url.rpartition("/")[2] for request in expired.world.requests] == [
            "token",
            "revoke",
            "revoke",
        ]

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

    @pytest.mark.proves("I4", "P25")
    @pytest.mark.parametrize(
        ("at_the_grant", "at_the_renewal"),
        [
            ({"account_id": "account-developer"}, {"id_token": {"sub": "0815"}}),
            ({"account_id": "account-developer"}, {"account": {"id": "4711"}}),
            ({"account_id": "sub:0815"}, {"account": {"uuid": "account-developer"}}),
            ({"account_id": "sub:0815"}, {"id_token": {"sub": "0815", "email": "new@example.com"}}),
            ({"account_id": None}, {"account": {"email_address": "new@example.com"}}),
            ({"account_id": "account-developer"}, {"account": {"email_address": "new@example.com"}}),
            ({"organization_id": None}, {"organization": {"name": "Example Works, renamed"}}),
            ({"organization_id": "organization-works"}, {"organization": {"id": "7", "name": "Works"}}),
        ],
    )
    def test_an_answer_that_names_the_account_otherwise_is_no_other_account(
        self, tmp_path: Path, at_the_grant: dict[str, str | None], at_the_renewal: dict[str, Any]
    ) -> None:
        machine = Machine(tmp_path, make_expired_login(**at_the_grant))
        fields = dict(at_the_renewal)
        if "id_token" in fields:
            fields["id_token"] = id_token(fields["id_token"])
        machine.world.script.append(token_answer(machine.access, machine.refresh, **fields))
        auth = machine.auth()
        assert auth.credential().secret.reveal() == machine.access
        for name, value in at_the_grant.items():
            if value is not None:
                assert getattr(machine.stored(), name) == value
        assert machine.stored().quarantine is None

    def test_a_bare_subject_does_not_take_the_place_of_a_name(self, expired: Machine) -> None:
        expired.world.script.append(
            token_answer(expired.access, expired.refresh, id_token=id_token({"sub": "0815"}))
        )
        expired.auth().credential()
        assert expired.stored().account == "developer@example.com"

    @pytest.mark.proves("I2", "L4")
    @pytest.mark.parametrize(
        ("at_the_grant", "claims"),
        [("sub:0815", {"sub": "4711"}), ("id:7", {"id": "8"})],
    )
    def test_the_pair_of_another_account_is_revoked_before_the_login_is_called_ended(
        self, tmp_path: Path, at_the_grant: str, claims: dict[str, str]
    ) -> None:
        machine = Machine(tmp_path, make_expired_login(account_id=at_the_grant))
        named = {"id_token": id_token(claims)} if "sub" in claims else {"account": claims}
        machine.world.script.append(token_answer(machine.access, machine.refresh, **named))

        def revoked(_: Request) -> Response:
            assert machine.stored().quarantine is None
            return Response(status=200, headers={}, body=b"")

        machine.world.script += [revoked, revoked]
        with pytest.raises(Rejected, match="another account"):
            machine.auth().credential()
        bodies = [request.body.decode() for request in machine.world.requests[1:]]
        assert [machine.refresh in bodies[0], machine.access in bodies[1]] == [True, True]
        assert machine.stored().quarantine is not None


def id_token(claims: dict[str, str]) -> str:
    """An ID token as a token endpoint gives it; nobody checks its signature there."""
    from base64 import urlsafe_b64encode

    payload = urlsafe_b64encode(jsontext.dump(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.c2lnbmF0dXJl"
