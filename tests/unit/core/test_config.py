"""keyturn's own configuration: strict, kept by whoever changes it, wrong with file and key."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from keyturn import ConfigurationError
from keyturn.settings.config import change_config, read_config
from keyturn.testing import FakeWorld
from keyturn.values import Secret
from keyturn.world import World


def test_no_file_is_an_empty_configuration(tmp_path: Path) -> None:
    config = read_config(FakeWorld(tmp_path))
    assert config.profiles == {}
    profile = config.profile("default")
    assert (profile.store, profile.token_request, profile.scopes, profile.issuer) == (
        "auto",
        "form",
        (),
        None,
    )


def test_the_example_of_the_specification_is_read(tmp_path: Path) -> None:
    world = FakeWorld(tmp_path)
    world.write_config(
        {
            "default_profile": "work",
            "allow_http_origins": [],
            "allow_oauth_origins": [],
            "require_billing": None,
            "helper_cache": False,
            "bindings": {"/home/me/job": "work"},
            "profiles": {
                "work": {
                    "issuer": "https://auth.example.com",
                    "client_id": "keyturn-cli",
                    "scopes": ["inference"],
                    "api_base_url": "https://gateway.example.com",
                    "store": "auto",
                    "billing": "subscription",
                },
                "plain": {
                    "authorize_url": "https://a.example/authorize",
                    "token_url": "https://a.example/token",
                    "revoke_url": "https://a.example/revoke",
                    "device_url": "https://a.example/device",
                    "client_id": "other",
                    "client_secret": "test-secret-of-a-client",
                    "token_request": "json",
                    "redirect_uri": None,
                    "paste_redirect_uri": None,
                    "resource": None,
                    "oauth_beta": False,
                },
            },
        }
    )
    config = read_config(world)
    assert config.default_profile == "work"
    assert config.profile("work").scopes == ("inference",)
    plain = config.profile("plain")
    assert (plain.token_request, plain.oauth_beta) == ("json", False)
    assert plain.client_secret == Secret("test-secret-of-a-client")
    assert "test-secret" not in repr(config.profile("plain"))


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"version": 2}, "version 2"),
        ({"version": "1"}, "version '1'"),
        ({"profiles": []}, "profiles is not an object"),
        ({"profiles": {"a": 7}}, "profiles.a is not an object"),
        ({"profiles": {"../a": {}}}, "profile name"),
        ({"profiles": {"a": {"issuer": 7}}}, "profiles.a.issuer is not a text"),
        ({"profiles": {"a": {"client_id": "x\ny"}}}, "profiles.a.client_id is not a text without control"),
        ({"profiles": {"a": {"scopes": "inference"}}}, "profiles.a.scopes is not a list"),
        ({"profiles": {"a": {"billing": "free"}}}, "profiles.a.billing is not one of subscription"),
        ({"profiles": {"a": {"token_request": "xml"}}}, "profiles.a.token_request is not one of form, json"),
        ({"profiles": {"a": {"oauth_beta": "yes"}}}, "profiles.a.oauth_beta is not true or false"),
        ({"profiles": {"a": {"api_base_url": "gateway"}}}, "profiles.a.api_base_url is not a usable address"),
        (
            {"profiles": {"a": {"token_url": "https://u:pw@x"}}},
            "profiles.a.token_url is not a usable address",
        ),
        ({"profiles": {"a": {"issuer": "ftp://x"}}}, "profiles.a.issuer is not a usable address"),
        ({"require_billing": "free"}, "require_billing is not one of"),
        ({"allow_http_origins": "http://x"}, "allow_http_origins is not a list"),
        ({"allow_oauth_origins": [1]}, "allow_oauth_origins is not a list"),
        ({"bindings": {"/x": 7}}, "bindings is not an object of"),
        ({"default_profile": 7}, "default_profile is not a text"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_key(tmp_path: Path, fields: dict[str, Any], key: str) -> None:
    world = FakeWorld(tmp_path)
    path = world.write_config(fields)
    with pytest.raises(ConfigurationError) as caught:
        read_config(world)
    error = caught.value
    assert error.exit == 8
    assert key in error.message
    assert path in error.message
    assert error.hint
    assert "pw" not in error.message


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", ":1:1"),
        ('{"version": 1,\n "profiles": {,}}', ":2:"),
        ("[]", ":1:1"),
        ('{"a": 1, "a": 2}', ":1:1"),
    ],
)
def test_a_damaged_file_is_named_with_line_and_column_and_left_alone(
    tmp_path: Path, text: str, place: str
) -> None:
    world = FakeWorld(tmp_path)
    path = Path(world.write_config({}))
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        read_config(world)
    assert f"{path}{place}" in caught.value.message
    with pytest.raises(ConfigurationError):
        change_config(world, lambda raw: raw.update(default_profile="x"))
    assert path.read_text(encoding="utf-8") == text


class TestChanging:
    def test_it_keeps_what_it_does_not_touch_and_does_not_know(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path)
        path = Path(world.write_config({"of_later": [1], "profiles": {"a": {"of_later": 2}}}))
        config = change_config(world, lambda raw: raw.update(default_profile="a"))
        assert config.default_profile == "a"
        assert json.loads(path.read_text(encoding="utf-8")) == {
            "version": 1,
            "of_later": [1],
            "profiles": {"a": {"of_later": 2}},
            "default_profile": "a",
        }

    def test_a_change_to_something_wrong_writes_nothing(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path)
        path = Path(world.write_config({}))
        before = path.read_bytes()
        with pytest.raises(ConfigurationError):
            change_config(world, lambda raw: raw.update(require_billing="free"))
        assert path.read_bytes() == before

    def test_it_makes_the_file_for_this_user_alone(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path)
        change_config(world, lambda raw: raw.update(default_profile="a"))
        path = Path(world.config_dir(), "config.json")
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700

    def test_changes_at_the_same_time_are_all_kept(self, tmp_path: Path) -> None:
        world = World({"KEYTURN_HOME": str(tmp_path)})

        def add(name: str) -> None:
            change_config(world, lambda raw: raw.setdefault("profiles", {}).update({name: {}}))

        threads = [threading.Thread(target=add, args=(f"p{number}",)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(read_config(world).profiles) == [f"p{number}" for number in range(8)]
