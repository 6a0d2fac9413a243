"""Project, region and host of requests, each with who said so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keyturn import Auth, ConfigurationError, Refused
from keyturn.testing import FakeWorld
from keyturn.vertex.target import PER_MODEL, host_of, model_variables, target_of
from keyturn.vertex.token import GoogleToken
from keyturn.world import proxies
from tests.google import FLAG, PROJECT, key_info, put, user_info, vertex_world, well_known

if TYPE_CHECKING:
    from pathlib import Path

    from keyturn.vertex.target import Target


def target(world: FakeWorld, model: str | None = None) -> Target:
    return target_of(Auth(world=world).scene(), None, model)


def facts(world: FakeWorld) -> dict[str, tuple[str, str]]:
    offer = Auth(world=world).explain().row("google-adc").offer
    assert offer is not None
    return {fact.name: (fact.value, fact.origin) for fact in offer.facts or ()}


class TestProject:
    @pytest.mark.proves("R30")
    def test_the_places_are_asked_in_the_documented_order(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path, FLAG)
        put(well_known(world), key_info(project_id="of-the-file"))
        gcloud = tmp_path / ".config/gcloud/configurations/config_default"
        gcloud.parent.mkdir(parents=True)
        gcloud.write_text("[core]\naccount = developer@example.com\nproject = of-gcloud\n")
        names = {
            "GCLOUD_PROJECT": "of-gcloud-project",
            "GOOGLE_CLOUD_PROJECT": "of-google-cloud-project",
        }
        world.variables |= {**names, "ANTHROPIC_VERTEX_PROJECT_ID": "specific"}
        order = [("of-gcloud-project", "GCLOUD_PROJECT"), ("of-google-cloud-project", "GOOGLE_CLOUD_PROJECT")]
        for value, name in order:
            assert facts(world)["project"] == (value, f"the environment variable {name}")
            del world.variables[name]
        assert facts(world)["project"] == ("of-the-file", f"the project_id in {well_known(world)}")
        put(well_known(world), user_info())
        assert facts(world)["project"][0] == "specific"
        del world.variables["ANTHROPIC_VERTEX_PROJECT_ID"]
        assert facts(world)["project"] == ("of-gcloud", f"{gcloud} of gcloud")
        gcloud.unlink()
        assert facts(world)["project"] == ("not known yet", "set none")

    def test_gcloud_s_active_configuration_is_the_one_that_counts(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, user_info())
        del world.variables["ANTHROPIC_VERTEX_PROJECT_ID"]
        folder = tmp_path / ".config/gcloud"
        (folder / "configurations").mkdir()
        (folder / "configurations/config_work").write_text("[other]\nproject = no\n[core]\nproject=at-work\n")
        (folder / "active_config").write_text("work\n")
        assert facts(world)["project"][0] == "at-work"
        world.variables["CLOUDSDK_ACTIVE_CONFIG_NAME"] = "../work"
        assert facts(world)["project"][0] == "not known yet"
        world.variables["CLOUDSDK_CORE_PROJECT"] = "said-once"
        assert facts(world)["project"][0] == "said-once"

    @pytest.mark.proves("R30")
    def test_a_generic_value_that_beats_a_specific_one_is_warned_about(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, user_info(), GOOGLE_CLOUD_PROJECT="another-project")
        (warning,) = Auth(world=world).explain().warnings
        assert "GOOGLE_CLOUD_PROJECT names project another-project" in warning
        assert f"which names {PROJECT}" in warning
        assert "env -u GOOGLE_CLOUD_PROJECT keyturn" in warning
        world.variables["GOOGLE_CLOUD_PROJECT"] = PROJECT
        assert Auth(world=world).explain().warnings == ()

    def test_the_project_of_a_key_file_is_warned_about_with_a_way_out(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, key_info(project_id="of-the-file"))
        (warning,) = Auth(world=world).explain().warnings
        assert f"export GCLOUD_PROJECT={PROJECT}" in warning

    @pytest.mark.parametrize("wrong", ["My Project", "my_project", "a/b", "-a-", "x", "proj%2f", "a?b"])
    def test_what_can_be_no_project_is_an_error_and_no_other_is_taken(
        self, tmp_path: Path, wrong: str
    ) -> None:
        world = vertex_world(tmp_path, user_info(), GCLOUD_PROJECT=wrong)
        with pytest.raises(ConfigurationError, match="GCLOUD_PROJECT") as caught:
            Auth(world=world).credential()
        assert wrong not in str(caught.value)

    @pytest.mark.parametrize("right", ["my-project", "example.com:my-project", "123456789012", "p12-x3"])
    def test_ids_numbers_and_projects_of_domains_are_projects(self, tmp_path: Path, right: str) -> None:
        assert target(vertex_world(tmp_path, GCLOUD_PROJECT=right)).project == right


def test_a_profile_says_project_and_region_where_no_variable_does(tmp_path: Path) -> None:
    world = vertex_world(tmp_path, user_info())
    said = {"vertex_project": "of-the-profile", "vertex_region": "europe-west1"}
    path = world.write_config({"profiles": {"default": said}})
    assert facts(world)["project"][0] == PROJECT
    del world.variables["ANTHROPIC_VERTEX_PROJECT_ID"]
    assert facts(world)["project"] == ("of-the-profile", f"profile default of {path}")
    assert facts(world)["region"] == ("europe-west1", f"profile default of {path}")
    world.variables["CLOUD_ML_REGION"] = "global"
    assert facts(world)["region"][0] == "global"


class TestRegion:
    @pytest.mark.proves("R31")
    def test_the_variable_of_the_model_then_the_general_one_then_the_default(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path)
        assert (target(world).region, target(world).region_where) == ("us-east5", "default")
        world.variables["CLOUD_ML_REGION"] = "europe-west1"
        world.variables[f"{PER_MODEL}5_OPUS"] = "global"
        assert target(world).region == "europe-west1"
        found = target(world, "claude-opus-5")
        assert (found.region, found.base_url) == ("global", "https://aiplatform.googleapis.com/v1")
        assert found.region_where == f"the environment variable {PER_MODEL}5_OPUS"
        assert target(world, "claude-haiku-4-5@20251001").region == "europe-west1"

    @pytest.mark.parametrize(
        ("model", "names"),
        [
            ("claude-haiku-4-5@20251001", ["HAIKU_4_5", "4_5_HAIKU"]),
            ("claude-opus-5", ["OPUS_5", "5_OPUS", "OPUS_5_0", "5_0_OPUS"]),
            ("claude-3-5-sonnet-v2@20241022", ["SONNET_V2_3_5", "3_5_SONNET_V2"]),
            ("claude-sonnet-4-6", ["SONNET_4_6", "4_6_SONNET"]),
            ("claude-opus-4-20250514", ["OPUS_4", "4_OPUS", "OPUS_4_0", "4_0_OPUS"]),
            ("anthropic.claude-fable-5", ["FABLE_5", "5_FABLE", "FABLE_5_0", "5_0_FABLE"]),
            ("claude-sandbox", ["SANDBOX"]),
            ("@", []),
        ],
    )
    def test_family_and_version_name_the_variable_in_either_order(self, model: str, names: list[str]) -> None:
        assert list(model_variables(model)) == [f"{PER_MODEL}{name}" for name in names]

    @pytest.mark.parametrize(
        ("region", "host"),
        [
            ("global", "aiplatform.googleapis.com"),
            ("us", "aiplatform.us.rep.googleapis.com"),
            ("eu", "aiplatform.eu.rep.googleapis.com"),
            ("europe-west1", "europe-west1-aiplatform.googleapis.com"),
        ],
    )
    def test_each_region_has_its_host(self, tmp_path: Path, region: str, host: str) -> None:
        assert host_of(region) == host
        assert target(vertex_world(tmp_path, CLOUD_ML_REGION=region)).base_url == f"https://{host}/v1"

    @pytest.mark.parametrize(
        "wrong", ["europe-west1-b", "EUROPE-WEST1", "evil.example.com", "us-east5/x", "9"]
    )
    def test_what_is_no_region_is_skipped_and_said(self, tmp_path: Path, wrong: str) -> None:
        world = vertex_world(tmp_path, user_info(), CLOUD_ML_REGION=wrong)
        assert target(world).region == "us-east5"
        (warning,) = Auth(world=world).explain().warnings
        assert "CLOUD_ML_REGION names no region and is skipped" in warning

    def test_regions_of_single_models_are_shown(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, user_info(), VERTEX_REGION_CLAUDE_HAIKU_4_5="europe-west1")
        assert facts(world)["region of haiku_4_5"] == (
            "europe-west1",
            "the environment variable VERTEX_REGION_CLAUDE_HAIKU_4_5",
        )

    @pytest.mark.proves("R31")
    def test_what_is_no_region_of_a_single_model_is_said_too(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, user_info(), VERTEX_REGION_CLAUDE_HAIKU_4_5="evil.example.com/x")
        assert "region of haiku_4_5" not in facts(world)
        (warning,) = Auth(world=world).explain().warnings
        assert "VERTEX_REGION_CLAUDE_HAIKU_4_5 names no region and is skipped" in warning


class TestAddress:
    def test_a_gateway_is_where_the_variable_points(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, ANTHROPIC_VERTEX_BASE_URL="https://gateway.example.com/vertex/")
        assert target(world).base_url == "https://gateway.example.com/vertex"
        assert "ANTHROPIC_VERTEX_BASE_URL" in target(world).base_url_where

    def test_a_token_never_goes_to_another_machine_in_the_clear(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, user_info(), ANTHROPIC_VERTEX_BASE_URL="http://gateway.example.com")
        with pytest.raises(Refused, match=r"gateway\.example\.com"):
            Auth(world=world).credential()
        assert world.requests == []

    @pytest.mark.parametrize("wrong", ["gateway.example.com", "ftp://a", "https://u:p@a.example.com"])
    def test_what_is_no_address_names_its_variable(self, tmp_path: Path, wrong: str) -> None:
        world = vertex_world(tmp_path, user_info(), ANTHROPIC_VERTEX_BASE_URL=wrong)
        with pytest.raises(ConfigurationError, match="ANTHROPIC_VERTEX_BASE_URL"):
            Auth(world=world).credential()

    @pytest.mark.proves("T13")
    def test_google_s_own_hosts_are_one_audience_and_nobody_else_s(self) -> None:
        token = GoogleToken(audience="https://us-east5-aiplatform.googleapis.com")
        for host in (
            "aiplatform.googleapis.com",
            "aiplatform.eu.rep.googleapis.com",
            f"{host_of('us-west1')}",
        ):
            assert token.serves(f"https://{host}")
        for place in (
            "http://aiplatform.googleapis.com",
            "https://aiplatform.googleapis.com.example.com",
            "https://evil-aiplatform.googleapis.com:444",
            "https://a.evil-aiplatform.googleapis.com",
            "https://storage.googleapis.com",
            "https://-aiplatform.googleapis.com",
        ):
            assert not token.serves(place), place
        assert not GoogleToken(audience="https://gateway.example.com").serves(
            "https://aiplatform.googleapis.com"
        )


@pytest.mark.proves("T18")
@pytest.mark.parametrize("host", ["metadata.google.internal", "169.254.169.254"])
def test_a_metadata_server_is_never_asked_through_a_proxy(host: str) -> None:
    env = {"http_proxy": "http://proxy.example.com:3128"}
    assert proxies.choose(env.get, f"http://{host}/computeMetadata/v1/") is None
    assert proxies.choose(env.get, f"http://{host}.example.com/") is not None


@pytest.mark.proves("T18")
@pytest.mark.parametrize("name", ["GCE_METADATA_HOST", "GCE_METADATA_ROOT"])
def test_a_metadata_server_elsewhere_is_asked_through_no_proxy_either(name: str) -> None:
    env = {"http_proxy": "http://proxy.example.com:3128", name: "metadata.example.com:8080"}
    assert proxies.choose(env.get, "http://metadata.example.com:8080/computeMetadata/v1/") is None
    assert proxies.choose(env.get, "http://metadata.example.com/") is not None
    assert proxies.choose({**env, name: "no host"}.get, "http://no.example.com/") is not None
