"""gcpAuthRefresh: validity first, run once, and judged by what the credentials are afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from keyturn import Auth, AuthError, NoCredential, Rejected, Unavailable
from keyturn.testing.commands import Outcome
from tests.google import granted, put, refused, user_info, vertex_world, well_known
from tests.helpers import with_settings
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from pathlib import Path

    from keyturn.testing import FakeWorld
    from keyturn.world.processes import Command

LINE = "gcloud-login --no-launch-browser"


def with_refresh(world: FakeWorld, *outcomes: Outcome) -> None:
    with_settings(world, {"gcpAuthRefresh": LINE})
    world.outcomes += outcomes


def signing_in(world: FakeWorld) -> Outcome:
    """A command that does what it is for."""

    def login(command: Command) -> None:
        del command
        put(well_known(world), user_info())

    return Outcome(does=login, stderr="Go to the following link\n")


def failure_of(world: FakeWorld) -> AuthError:
    with pytest.raises(AuthError) as caught:
        Auth(world=world).credential()
    return caught.value


class TestWhenItRuns:
    @pytest.mark.proves("R32", "R33")
    def test_valid_credentials_run_nothing(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, user_info())
        with_refresh(world)
        world.script = [granted()]
        Auth(world=world).credential()
        assert world.commands == []

    @pytest.mark.proves("R32", "P38")
    @pytest.mark.parametrize("fields", [{}, {"error_subtype": "invalid_rapt"}], ids=["revoked", "reauth"])
    def test_an_ended_login_is_signed_in_for_again(self, tmp_path: Path, fields: dict[str, Any]) -> None:
        world, secret = vertex_world(tmp_path, user_info()), make_secret("token")
        with_refresh(world, signing_in(world))
        world.script = [refused(**fields), granted(secret)]
        assert Auth(world=world).credential().secret.reveal() == secret
        (command,) = world.commands
        assert command.line == LINE
        assert command.directory == world.folder
        assert command.seconds == 180

    @pytest.mark.proves("R33")
    def test_credentials_that_cannot_be_loaded_are_made(self, tmp_path: Path) -> None:
        for spoil in (None, "{", '{"type": "magic"}'):
            home = tmp_path / str(spoil is None) / str(len(spoil or ""))
            home.mkdir(parents=True)
            world = vertex_world(home, spoil)
            with_refresh(world, signing_in(world))
            auth = Auth(world=world)
            offer = auth.explain().row("google-adc").offer
            assert offer is not None
            assert "gcpAuthRefresh will be run" in (offer.note or "")
            assert world.commands == []
            world.script = [granted()]
            assert auth.credential().kind == "google"
            assert len(world.commands) == 1

    def test_a_named_file_that_is_missing_is_made_too(self, tmp_path: Path) -> None:
        path = str(tmp_path / "adc.json")
        world = vertex_world(tmp_path, GOOGLE_APPLICATION_CREDENTIALS=path)
        with_refresh(world, Outcome(does=lambda _: put(path, user_info()) and None))
        world.script = [granted()]
        assert path in Auth(world=world).credential().where

    @pytest.mark.parametrize("error", ["connect", "dns", "tls"])
    def test_a_network_that_is_down_runs_nothing(self, tmp_path: Path, error: str) -> None:
        world = vertex_world(tmp_path, user_info())
        with_refresh(world)
        world.script = [Unavailable("no way", hint="x", code=error, sent=False)] * 3
        assert failure_of(world).code == error
        assert world.commands == []

    def test_a_renewal_ahead_of_time_runs_nothing(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, user_info())
        with_refresh(world)
        world.script = [granted(), refused()]
        auth = Auth(world=world)
        first = auth.credential()
        world.advance(3400)
        assert auth.credential() == first
        assert world.commands == []

    def test_inside_of_a_command_of_keyturn_s_nothing_is_run(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, KEYTURN_IN_HELPER="1")
        with_refresh(world)
        assert failure_of(world).code == "command_recursion"
        assert world.commands == []


class TestHowItEnds:
    def test_a_command_that_changes_nothing_is_one_clear_error_and_no_loop(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, user_info())
        with_refresh(world, Outcome(), signing_in(world))
        world.script = [refused(), refused()]
        error = failure_of(world)
        assert error.code == "refresh_no_change"
        assert "gcpAuthRefresh in" in error.message
        world.advance(5)
        world.script = [refused()]
        assert failure_of(world).code == "refresh_paused"  # not again for five minutes
        assert len(world.commands) == 1
        world.advance(301)
        world.script = [refused(), granted()]
        assert Auth(world=world).credential().kind == "google"
        assert len(world.commands) == 2

    def test_a_command_that_hangs_ends_after_three_minutes(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, user_info())
        with_refresh(world, Outcome(takes=9999.0))
        world.script = [refused(), refused()]
        began = world.clock()
        error = failure_of(world)
        assert isinstance(error, Rejected)
        assert error.code == "command_timeout"
        assert world.clock() - began < 200

    def test_a_command_that_fails_says_how(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path)
        with_refresh(world, Outcome(status=3, stderr="no browser here"))
        error = failure_of(world)
        assert error.code == "command_exit"
        assert "no browser here" in error.message

    def test_a_login_that_changed_and_is_refused_too_tells_its_own_trouble(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, user_info())
        with_refresh(world, signing_in(world))
        world.script = [
            refused(),
            refused(error_description="Account disabled."),
            refused(error_description="Account disabled."),
        ]
        error = failure_of(world)
        assert error.code == "google_login_ended"
        assert "Account disabled" in error.message

    def test_what_the_command_says_is_shown_as_it_comes(self, tmp_path: Path) -> None:
        said: list[str] = []
        world = vertex_world(tmp_path)
        world.tell = said.append
        with_refresh(world, signing_in(world))
        world.script = [granted()]
        Auth(world=world).credential()
        assert "Go to the following link" in "".join(said)


def test_without_the_setting_the_error_names_the_command_to_run(tmp_path: Path) -> None:
    world = vertex_world(tmp_path)
    error = failure_of(world)
    assert isinstance(error, NoCredential)
    assert "gcloud auth application-default login" in (error.hint or "")
    assert world.commands == []
