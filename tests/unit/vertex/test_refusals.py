"""Each way in which Google refuses a token, and what it is told apart from."""

from __future__ import annotations

from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest

from keyturn import ConfigurationError, Rejected
from keyturn.testing.world import answer
from keyturn.wire import Response
from tests.google import (
    ACCOUNT,
    error_of,
    external_info,
    granted,
    impersonating_info,
    key_info,
    put,
    refused,
    user_info,
    vertex_world,
    well_known,
)
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from pathlib import Path


class TestRefusals:
    @pytest.mark.proves("P38")
    def test_a_revoked_login_names_the_command_that_helps(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, user_info())
        world.script = [refused(error_description="Token has been expired or revoked.")]
        error = error_of(world)
        assert isinstance(error, Rejected)
        assert error.code == "google_login_ended"
        assert well_known(world) in error.message
        assert "Token has been expired or revoked" in error.message
        assert "gcloud auth application-default login" in (error.hint or "")

    @pytest.mark.proves("P38")
    @pytest.mark.parametrize(
        "fields",
        [
            {"error_subtype": "invalid_rapt"},
            {"error_subtype": "rapt_required"},
            {"error_description": "reauth related error (invalid_rapt)"},
        ],
    )
    def test_a_company_s_reauthentication_is_told_from_a_revoked_login(
        self, tmp_path: Path, fields: dict[str, Any]
    ) -> None:
        world = vertex_world(tmp_path, user_info())
        world.script = [refused(**fields)]
        error = error_of(world)
        assert error.code == "reauth_needed"
        assert "your organisation asks for a new sign-in" in error.message
        assert "gcloud auth application-default login" in (error.hint or "")

    def test_a_deleted_key_names_the_account(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, key_info())
        world.script = [refused(error_description="Invalid JWT Signature.")]
        error = error_of(world)
        assert "Invalid JWT Signature" in error.message
        assert f"--iam-account={ACCOUNT}" in (error.hint or "")

    def test_an_account_of_a_file_cannot_write_the_command(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, {**key_info(), "client_email": "a; touch b"})
        world.script = [refused(error_description="Invalid JWT Signature.")]
        assert "--iam-account='a; touch b'; and" in (error_of(world).hint or "")

    def test_a_wrong_clock_is_said_where_google_does_not_say_it(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, key_info())
        refusal = refused(error_description="Invalid JWT Signature.")
        world.script = [
            Response(
                status=400, body=refusal.body, headers={"date": formatdate(world.now() - 7200, usegmt=True)}
            )
        ]
        error = error_of(world)
        assert error.code == "clock"
        assert "7200 s ahead" in error.message

    def test_an_unknown_client_is_a_matter_of_configuration(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, user_info())
        world.script = [refused(401, "invalid_client", error_description="The OAuth client was deleted.")]
        assert isinstance(error_of(world), ConfigurationError)

    @pytest.mark.parametrize("status", [400, 401, 403, 404])
    def test_any_other_refusal_is_quoted(self, tmp_path: Path, status: int) -> None:
        world = vertex_world(
            tmp_path, external_info({"file": put(tmp_path / "subject", make_secret("token"))})
        )
        world.script = [
            refused(status, "invalid_target", error_description="The\x1b[2J audience is \u202ewrong.")
        ]
        error = error_of(world)
        assert isinstance(error, Rejected)
        assert f"{status} (invalid_target)" in error.message
        assert "\x1b" not in error.message
        assert "\u202e" not in error.message

    def test_an_account_that_may_not_be_acted_as_is_named(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, impersonating_info(user_info()))
        denied = {"error": {"code": 403, "status": "PERMISSION_DENIED", "message": "Permission denied."}}
        world.script = [granted(), answer(denied, 403)]
        error = error_of(world)
        assert "PERMISSION_DENIED" in error.message
        assert ACCOUNT in (error.hint or "")
