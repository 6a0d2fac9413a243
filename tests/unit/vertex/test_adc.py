"""Where Google credentials are looked for, and which files are refused before anything is asked."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from keyturn import Auth, ConfigurationError
from keyturn.testing import FakeWorld
from keyturn.vertex import adc
from tests.google import (
    ACCOUNT,
    FLAG,
    external_info,
    impersonating_info,
    key_info,
    put,
    user_info,
    vertex_world,
    well_known,
)

if TYPE_CHECKING:
    from pathlib import Path


def row(world: FakeWorld) -> Any:
    return Auth(world=world).explain().row("google-adc")


def refusal(world: FakeWorld) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        Auth(world=world).credential()
    assert world.requests == []
    return caught.value


class TestPlaces:
    @pytest.mark.proves("R27")
    def test_the_file_of_gcloud_is_found_below_home(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, user_info())
        assert row(world).where == well_known(world)
        assert row(world).why == adc.NAMES["authorized_user"]

    def test_cloudsdk_config_moves_it(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, CLOUDSDK_CONFIG=f"{tmp_path}/elsewhere")
        path = put(tmp_path / "elsewhere" / adc.FILE_NAME, user_info())
        assert row(world).where == path

    @pytest.mark.proves("R28")
    def test_a_file_that_is_named_comes_before_that_of_gcloud(self, tmp_path: Path) -> None:
        path = put(tmp_path / "key file.json", key_info())
        world = vertex_world(tmp_path, user_info(), GOOGLE_APPLICATION_CREDENTIALS=path)
        assert row(world).where == f"{path}, named by GOOGLE_APPLICATION_CREDENTIALS"
        assert row(world).offer.account == ACCOUNT

    def test_a_relative_path_is_seen_from_the_working_directory(self, tmp_path: Path) -> None:
        put(tmp_path / "job" / "key.json", key_info())
        world = vertex_world(tmp_path, GOOGLE_APPLICATION_CREDENTIALS="key.json")
        world.working_directory = str(tmp_path / "job")
        assert row(world).where.startswith(f"{tmp_path}/job/key.json")

    def test_a_file_that_is_named_and_missing_is_an_error_and_no_fall_through(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, user_info(), GOOGLE_APPLICATION_CREDENTIALS="/nowhere/key.json")
        error = refusal(world)
        assert error.code == "adc_missing"
        assert "/nowhere/key.json" in error.message
        assert "env -u GOOGLE_APPLICATION_CREDENTIALS" in (error.hint or "")

    @pytest.mark.proves("R29")
    @pytest.mark.parametrize(
        "env",
        [{"GCE_METADATA_HOST": "metadata.example.com"}, {"K_SERVICE": "a"}, {"KUBERNETES_SERVICE_HOST": "b"}],
    )
    def test_a_machine_of_google_offers_its_attached_account(
        self, tmp_path: Path, env: dict[str, str]
    ) -> None:
        found = row(vertex_world(tmp_path, **env))
        assert found.state == "selected"
        assert found.where == f"the metadata server {env.get('GCE_METADATA_HOST', adc.METADATA_HOST)}"

    def test_the_firmware_tells_a_machine_of_google(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path)
        assert row(world).state == "absent"
        world.machine_name = "Google Compute Engine"
        assert row(world).state == "selected"

    def test_no_gce_check_means_what_it_says(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, NO_GCE_CHECK="True", K_SERVICE="a")
        assert row(world).state == "absent"

    def test_looking_at_a_metadata_server_asks_it_nothing(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, GCE_METADATA_HOST="metadata.example.com")
        assert row(world).offer.renewable
        assert (world.requests, world.slept) == ([], 0.0)


class TestFiles:
    @pytest.mark.parametrize(
        ("info", "account"),
        [
            (user_info(), None),
            (user_info(account="developer@example.com"), "developer@example.com"),
            (key_info(), ACCOUNT),
            (external_info({"file": "/token"}), None),
            (impersonating_info(user_info()), ACCOUNT),
        ],
        ids=["user", "named user", "key", "external", "impersonated"],
    )
    def test_the_account_is_read_from_the_file(
        self, tmp_path: Path, info: dict[str, Any], account: str | None
    ) -> None:
        assert row(vertex_world(tmp_path, info)).offer.account == account

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "is not JSON"),
            ("{", "is not JSON"),
            ("[]", "is not JSON: not an object"),
            ("{}", "credentials of type unknown"),
            (json.dumps({"type": "magic"}), "credentials of type 'magic'"),
            (json.dumps({"type": 7}), "credentials of type unknown"),
            (json.dumps({"installed": {"client_id": "a"}}), "is the file of an OAuth client"),
            (json.dumps({"type": "gdch_service_account"}), "which give no token for Vertex"),
        ],
    )
    def test_what_is_no_credentials_file_is_named(self, tmp_path: Path, text: str, said: str) -> None:
        world = vertex_world(tmp_path, text)
        error = refusal(world)
        assert said in error.message
        assert well_known(world) in error.message
        assert error.hint

    @pytest.mark.parametrize("kind", sorted(adc.KINDS))
    def test_each_field_that_a_kind_needs_is_missed_by_its_name(self, tmp_path: Path, kind: str) -> None:
        whole: dict[str, Any] = {"type": kind} | dict.fromkeys(adc.KINDS[kind], "x")
        for field in adc.KINDS[kind]:
            wrongs: tuple[Any, ...] = (None, "", "  ", 7, [], {})
            for wrong in wrongs:
                world = vertex_world(tmp_path, {**whole, field: wrong})
                error = refusal(world)
                assert error.facts["field"] == field
                assert f"no usable {field}" in error.message

    def test_a_directory_is_no_key_file(self, tmp_path: Path) -> None:
        (tmp_path / "keys").mkdir()
        error = refusal(vertex_world(tmp_path, GOOGLE_APPLICATION_CREDENTIALS=str(tmp_path / "keys")))
        assert f"{tmp_path}/keys is a directory" in error.message

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes")
    def test_a_named_pipe_hangs_nobody(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        error = refusal(vertex_world(tmp_path, GOOGLE_APPLICATION_CREDENTIALS=str(tmp_path / "pipe")))
        assert "is not a regular file" in error.message

    def test_a_file_that_others_can_read_serves_and_is_warned_about(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path)
        path = put(well_known(world), user_info(), 0o644)
        (warning,) = Auth(world=world).explain().warnings
        assert warning == f"others can read {path}; run: chmod 600 {path}"

    def test_the_name_of_such_a_file_cannot_write_the_command(self, tmp_path: Path) -> None:
        path = tmp_path / "a; touch b"
        put(path, user_info(), 0o644)
        world = vertex_world(tmp_path, GOOGLE_APPLICATION_CREDENTIALS=str(path))
        (warning,) = Auth(world=world).explain().warnings
        assert warning.endswith(f"run: chmod 600 '{path}'")

    def test_nothing_of_a_file_shows(self, tmp_path: Path) -> None:
        info = user_info()
        found = row(vertex_world(tmp_path, info))
        for field in ("client_secret", "refresh_token"):
            assert info[field] not in f"{found!r} {found.offer!r}"
        place = adc.Place(path=put(tmp_path / "f", info), where="f", mark=None)
        assert info["refresh_token"] not in repr(adc.read(place))


def test_nothing_at_all_says_what_was_looked_at_and_what_to_do(tmp_path: Path) -> None:
    found = row(FakeWorld(tmp_path, FLAG))
    assert found.state == "absent"
    assert "GOOGLE_APPLICATION_CREDENTIALS is not set" in found.why
    assert "application_default_credentials.json" in found.why
