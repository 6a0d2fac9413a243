from __future__ import annotations

from pathlib import Path

import pytest

import keyturn
from keyturn.errors import AuthError
from keyturn.hints import of_profile
from keyturn.stores.file import FileStore
from keyturn.testing import FakeWorld, answer, make_login
from keyturn.testing.stores import save


@pytest.mark.parametrize(
    ("said", "reads"),
    [
        ("keyturn login; keyturn status", "keyturn login --profile work; keyturn status --profile work"),
        ("keyturn login --store file", "keyturn login --profile work --store file"),
        ("run keyturn login again", "run keyturn login --profile work again"),
        ("keep both: keyturn login --profile NAME …", "keep both: keyturn login --profile NAME …"),
        ("see: keyturn profile list", "see: keyturn profile list"),
    ],
)  # fmt: skip
def test_the_commands_about_one_profile_name_it_once(said: str, reads: str) -> None:
    assert of_profile(said, "work") == reads
    assert of_profile(reads, "work") == reads


def test_default_is_named_only_where_something_else_would_be_meant() -> None:
    assert of_profile("keyturn login", "default") == "keyturn login"
    assert of_profile("keyturn login", "default", "--profile") == "keyturn login --profile default"


class TestALibrary:
    """A program that uses another profile is told a command that mends that one."""

    def of(self, world: FakeWorld) -> AuthError:
        with pytest.raises(AuthError) as caught:
            keyturn.Auth(profile="work", world=world).credential()
        return caught.value

    def test_nothing_found(self, tmp_path: Path) -> None:
        assert "keyturn login --profile work;" in (self.of(FakeWorld(tmp_path)).hint or "")

    def test_a_login_that_has_ended(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path)
        save(FileStore(world, "work"), make_login(profile="work", expires_at=world.now() - 1))
        world.script.append(answer({"error": "invalid_grant"}, 400))
        assert "keyturn login --profile work" in (self.of(world).hint or "")

    def test_a_damaged_record(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path)
        store = FileStore(world, "work")
        save(store, make_login(profile="work"))
        Path(store.path).write_text("{")
        assert "keyturn login --profile work" in (self.of(world).hint or "")

    def test_a_survey_of_a_login_that_cannot_be_renewed(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path)
        save(FileStore(world, "work"), make_login(expires_at=world.now() - 1, refresh_token=None))
        row = keyturn.Auth(profile="work", world=world).explain().row("stored-login")
        assert row.why.endswith("log in again: keyturn login --profile work")
