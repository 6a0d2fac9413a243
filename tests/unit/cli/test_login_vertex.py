"""`keyturn login` and `logout` on the Vertex route, and the walk that ends in a profile that works."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from keyturn import Unavailable
from keyturn.testing.commands import Outcome
from keyturn.testing.world import answer
from tests.google import granted, put, refused, user_info, well_known
from tests.helpers import with_settings

if TYPE_CHECKING:
    from tests.unit.cli.desk import Desk

TAKEN = answer({"input_tokens": 1})
WALK = "4\nmy-project\neurope-west1\n"


def remembered(desk: Desk) -> object:
    return (desk.config() or {"profiles": {}})["profiles"].get("default")


class TestWalk:
    def test_it_ends_in_a_verified_profile_of_this_route(self, desk: Desk) -> None:
        put(well_known(desk.world), user_info(account="developer@example.com"))
        done = desk("login", lines=WALK, script=[granted(), granted(), TAKEN])
        assert done.status == 0, done.err
        assert "found a user login of gcloud" in done.err
        assert "Vertex takes the credentials" in done.err
        assert "ready: profile default uses Google Vertex AI in europe-west1" in done.out
        assert remembered(desk) == {
            "route": "vertex",
            "vertex_project": "my-project",
            "vertex_region": "europe-west1",
        }
        question = desk.world.requests[-1]
        assert question.url == (
            "https://europe-west1-aiplatform.googleapis.com/v1/projects/my-project/locations/europe-west1"
            "/publishers/anthropic/models/count-tokens:rawPredict"
        )
        assert json.loads(question.body)["model"] == "claude-opus-5"
        status = desk("status", "--json")
        assert json.loads(status.out)["route"] == "vertex"

    def test_what_variables_say_is_offered_and_not_written_down(self, desk: Desk) -> None:
        put(well_known(desk.world), user_info())
        desk.world.variables |= {"GCLOUD_PROJECT": "of-the-shell", "CLOUD_ML_REGION": "global"}
        done = desk("login", lines="4\n\n\n", script=[granted(), granted(), TAKEN])
        assert done.status == 0, done.err
        assert remembered(desk) == {"route": "vertex"}
        assert desk.world.requests[-1].url.startswith(
            "https://aiplatform.googleapis.com/v1/projects/of-the-shell/"
        )

    def test_a_project_and_a_region_that_cannot_be_are_asked_again(self, desk: Desk) -> None:
        put(well_known(desk.world), user_info())
        lines = "4\nMy Project\nmy-project\nMoon\n\n"
        done = desk("login", lines=lines, script=[granted(), granted(), TAKEN])
        assert done.status == 0, done.err
        assert "names a project that cannot be one" in done.err
        assert "that is no region" in done.err
        assert remembered(desk) == {
            "route": "vertex",
            "vertex_project": "my-project",
            "vertex_region": "us-east5",
        }

    def test_without_credentials_the_command_that_makes_them_is_named(self, desk: Desk) -> None:
        done = desk("login", lines="4\n\n\n\n")
        assert done.status == 3
        assert done.err.count("gcloud auth application-default login") >= 2
        assert remembered(desk) is None

    @pytest.mark.parametrize(
        ("said", "status", "says"),
        [
            (
                [answer({"error": {"message": "Vertex AI API has not been used.", "status": "X"}}, 403)],
                4,
                "Vertex AI API has not been used",
            ),
            ([answer({"error": {"message": "Not found."}}, 404)], 4, "Model Garden"),
            ([answer({}, 503)], 6, "try again"),
            ([Unavailable("cannot connect", hint="look")], 6, "cannot connect"),
        ],
    )
    def test_what_vertex_does_not_take_is_not_remembered(
        self, desk: Desk, said: list[object], status: int, says: str
    ) -> None:
        put(well_known(desk.world), user_info())
        done = desk("login", lines=WALK, script=[granted(), granted(), *said])
        assert done.status == status
        assert says in done.err
        assert remembered(desk) is None


class TestLogin:
    @pytest.fixture(autouse=True)
    def on_vertex(self, desk: Desk) -> None:
        desk.world.variables |= {"CLAUDE_CODE_USE_VERTEX": "1", "GCLOUD_PROJECT": "my-project"}

    def test_it_says_that_there_is_nothing_to_log_in_to(self, desk: Desk) -> None:
        put(well_known(desk.world), user_info(account="developer@example.com"))
        done = desk("login", script=[granted(), granted()])
        assert done.status == 0, done.err
        assert "keyturn keeps no login" in done.err
        assert "the Google credentials work: developer@example.com" in done.out

    @pytest.mark.proves("R32")
    def test_it_runs_the_command_that_signs_in_again_also_right_after_a_failure(self, desk: Desk) -> None:
        with_settings(desk.world, {"gcpAuthRefresh": "sign-in"})
        path = well_known(desk.world)
        desk.world.outcomes = [Outcome(), Outcome(does=lambda _: put(path, user_info()) and None)]
        assert desk("token").status == 4
        desk.world.advance(5)
        done = desk("login", script=[granted(), granted()])
        assert done.status == 0, done.err
        assert "gcpAuthRefresh in" in done.err
        assert len(desk.world.commands) == 2

    def test_an_ended_login_is_an_error_with_the_command_that_helps(self, desk: Desk) -> None:
        put(well_known(desk.world), user_info())
        done = desk("login", script=[refused()])
        assert done.status == 4
        assert "gcloud auth application-default login" in done.err

    def test_logout_removes_nothing_and_says_what_would(self, desk: Desk) -> None:
        path = put(well_known(desk.world), user_info())
        done = desk("logout")
        assert done.status == 0
        assert "gcloud auth application-default revoke" in done.err
        assert "nothing to remove" in done.out
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - only whether it is there
            assert file.read(1) == "{"
