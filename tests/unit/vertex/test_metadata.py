"""Machines with an account attached: what their metadata server says, and how long nobody waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keyturn import Auth, ConfigurationError, NoCredential, Rejected, Unavailable
from keyturn.vertex import metadata
from keyturn.wire import Response
from tests.google import (
    error_of,
    from_metadata,
    vertex_world,
)
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from pathlib import Path

    from keyturn.testing import FakeWorld
    from keyturn.wire import Request


class TestMetadata:
    def world(self, tmp_path: Path, *said: object) -> FakeWorld:
        world = vertex_world(tmp_path, GCE_METADATA_HOST="127.0.0.1:9")
        world.script = list(said)  # type: ignore[arg-type] # answers, as tests write them
        return world

    @pytest.mark.proves("R29")
    def test_the_attached_account_gives_a_token(self, tmp_path: Path) -> None:
        secret = make_secret("token")
        world = self.world(tmp_path, from_metadata({"access_token": secret, "expires_in": 1800}))
        credential = Auth(world=world).credential()
        (request,) = world.requests
        assert request.url.startswith(
            "http://127.0.0.1:9/computeMetadata/v1/instance/service-accounts/default/"
        )
        assert request.headers["metadata-flavor"] == "Google"
        assert credential.secret.reveal() == secret
        assert credential.expires_at == world.now() + 1800

    def test_the_project_is_asked_where_nothing_else_names_it(self, tmp_path: Path) -> None:
        token = from_metadata({"access_token": make_secret("token"), "expires_in": 1800})
        world = self.world(tmp_path, token, from_metadata("of-this-machine\n"))
        del world.variables["ANTHROPIC_VERTEX_PROJECT_ID"]
        auth = Auth(world=world)
        assert auth.credential().environment()["ANTHROPIC_VERTEX_PROJECT_ID"] == "of-this-machine"
        world.advance(3)
        auth.credential()
        assert len(world.requests) == 2

    @pytest.mark.proves("P39")
    def test_nobody_there_is_said_within_three_seconds(self, tmp_path: Path) -> None:
        world = self.world(tmp_path)

        def silence(request: Request) -> Response:
            world.advance(metadata.SECONDS)
            raise Unavailable(f"{request.url} did not answer", hint="x", code="timeout", sent=False)

        world.script = [silence]
        began = world.clock()
        with pytest.raises(NoCredential) as caught:
            Auth(world=world).credential()
        assert world.clock() - began <= 3
        assert caught.value.code == "no_metadata"
        assert "gcloud auth application-default login" in (caught.value.hint or "")
        assert len(world.requests) == 1

    def test_who_takes_the_question_and_is_silent_may_answer_the_next(self, tmp_path: Path) -> None:
        token = from_metadata({"access_token": make_secret("token"), "expires_in": 1000})
        silence = Unavailable("no answer", hint="x", code="timeout", sent=None)
        world = self.world(tmp_path, silence, token, silence)
        auth = Auth(world=world)
        with pytest.raises(Unavailable, match="did not answer within 2 s"):
            auth.credential()
        auth.credential()
        world.advance(2000)
        with pytest.raises(Unavailable, match="did not answer within 10 s"):
            auth.credential()

    def test_trouble_at_first_is_told_from_nobody_there(self, tmp_path: Path) -> None:
        token = from_metadata({"access_token": make_secret("token"), "expires_in": 1800})
        busy = Response(status=503, headers={}, body=b"starting")
        assert Auth(world=self.world(tmp_path, busy, busy, token)).credential().kind == "google"
        with pytest.raises(Unavailable, match="has trouble"):
            Auth(world=self.world(tmp_path, busy, busy, busy)).credential()

    def test_a_captive_portal_is_no_metadata_server(self, tmp_path: Path) -> None:
        page = Response(status=200, headers={"content-type": "text/html"}, body=b"<html>sign in</html>")
        with pytest.raises(NoCredential, match="what answers there is none"):
            Auth(world=self.world(tmp_path, page)).credential()

    @pytest.mark.parametrize("said", ["", "<html>", "{}", '{"access_token": 7}', '{"access_token": " "}'])
    def test_an_answer_without_a_token_is_said_to_be_none(self, tmp_path: Path, said: str) -> None:
        with pytest.raises(Unavailable, match="no token"):
            Auth(world=self.world(tmp_path, from_metadata(said))).credential()

    def test_a_machine_without_an_account_is_told_from_a_refusal(self, tmp_path: Path) -> None:
        with pytest.raises(NoCredential, match="no service account"):
            Auth(world=self.world(tmp_path, from_metadata("not found", 404))).credential()
        with pytest.raises(Rejected, match="insufficient scope"):
            Auth(world=self.world(tmp_path, from_metadata("insufficient scope", 403))).credential()


@pytest.mark.proves("P39")
def test_without_any_credentials_nothing_is_asked_and_nobody_waits(tmp_path: Path) -> None:
    world = vertex_world(tmp_path)
    with pytest.raises(NoCredential) as caught:
        Auth(world=world).credential()
    assert (world.requests, world.slept) == ([], 0.0)
    assert caught.value.survey is not None
    assert "gcloud auth application-default login" in (caught.value.hint or "")


@pytest.mark.parametrize("text", ["two words", "line\nbreak", "\u00fcml\u00e4ut"])
def test_a_token_that_no_header_can_carry_is_none(tmp_path: Path, text: str) -> None:
    world = vertex_world(tmp_path, GCE_METADATA_HOST="127.0.0.1:9")
    world.script = [from_metadata({"access_token": text, "expires_in": 1800})]
    error = error_of(world)
    assert (error.code, error.exit) == ("not_a_token", 6)


@pytest.mark.parametrize("text", ["../../evil", "<html>", "two words", "p?x=1"])
def test_a_project_that_cannot_be_one_is_not_taken_from_a_metadata_server(tmp_path: Path, text: str) -> None:
    world = vertex_world(tmp_path, GCE_METADATA_HOST="127.0.0.1:9")
    del world.variables["ANTHROPIC_VERTEX_PROJECT_ID"]
    world.script = [
        from_metadata({"access_token": make_secret("token"), "expires_in": 1800}),
        from_metadata(text),
    ]
    error = error_of(world)
    assert error.code == "project"
    assert "the metadata server 127.0.0.1:9 names a project that cannot be one" in error.message


@pytest.mark.parametrize("host", ["two words", "u@a.example", "a.example/x?", "a.example:99999", "[::1"])
def test_what_can_be_no_host_is_an_error_that_names_its_variable(tmp_path: Path, host: str) -> None:
    world = vertex_world(tmp_path, GCE_METADATA_HOST=host)
    error = error_of(world)
    assert isinstance(error, ConfigurationError)
    assert "GCE_METADATA_HOST" in error.message
    assert "env -u GCE_METADATA_HOST" in (error.hint or "")
    assert world.requests == []
