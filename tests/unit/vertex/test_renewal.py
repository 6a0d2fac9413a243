"""Google tokens are kept, renewed ahead of time and by one thread, and follow the files they come from."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from keyturn import Auth, AuthError, NoCredential, Rejected
from keyturn.testing.world import answer
from keyturn.values import Secret
from keyturn.vertex.grant import Token
from keyturn.vertex.lifetime import state_of
from tests.google import (
    FLAG,
    PROJECT,
    granted,
    key_info,
    put,
    refused,
    user_info,
    vertex_world,
    well_known,
)
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from keyturn.values import Credential
    from keyturn.wire import Request, Response


class TestLifetime:
    @pytest.mark.parametrize(
        ("lives", "passed", "state"),
        [
            (3600, 0, "fresh"),
            (3600, 3299, "fresh"),
            (3600, 3301, "ahead"),
            (3600, 3569, "ahead"),
            (3600, 3571, "due"),
            (3600, 9999, "due"),
            (100, 79, "fresh"),
            (100, 81, "ahead"),
            (100, 96, "due"),
            (None, 999999, "fresh"),
        ],
    )
    def test_a_token_is_due_by_its_age(
        self, tmp_path: Path, lives: float | None, passed: float, state: str
    ) -> None:
        world = vertex_world(tmp_path)
        token = Token(secret=Secret(make_secret("token")), clock=world.clock(), lives=lives, expires_at=None)
        world.advance(passed)
        assert state_of(token, world) == state
        assert state_of(token, world, token.secret) == "due"

    def test_a_wall_clock_that_is_set_ends_no_token(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, user_info())
        world.script = [granted()]
        auth = Auth(world=world)
        first = auth.credential()
        world.set_wall_clock(world.now() + 86_400)
        world.advance(10)
        assert auth.credential() == first


class TestKeeping:
    def test_a_token_is_asked_for_once(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, user_info())
        world.script = [granted()]
        auth = Auth(world=world)
        first = auth.credential()
        for _ in range(20):
            world.advance(100)
            assert auth.credential() == first
        assert len(world.requests) == 1

    def test_it_is_renewed_ahead_of_its_end(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, user_info())
        world.script = [granted(), granted()]
        auth = Auth(world=world)
        first = auth.credential()
        world.advance(3400)
        assert auth.credential() != first

    @pytest.mark.proves("I7")
    def test_trouble_of_a_renewal_ahead_is_nobody_s_error(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, user_info())
        world.script = [granted(), refused(), granted()]
        auth = Auth(world=world)
        first = auth.credential()
        world.advance(3400)
        assert auth.credential() == first
        world.advance(10)
        assert auth.credential() == first  # and Google is left alone for half a minute
        assert len(world.requests) == 2
        world.advance(30)
        assert auth.credential() != first

    @pytest.mark.proves("I1")
    def test_any_number_of_threads_on_an_expired_token_make_one_request(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, user_info())
        all_there, secret = threading.Barrier(16), make_secret("token")
        world.script = [granted(), granted(secret)]
        auth = Auth(world=world)
        auth.credential()
        world.advance(4000)
        got: list[Credential] = []

        def ask() -> None:
            all_there.wait(60)
            got.append(auth.credential())

        threads = [threading.Thread(target=ask) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {one.secret.reveal() for one in got} == {secret}
        assert len(got) == 16
        assert len(world.requests) == 2

    @pytest.mark.proves("I1")
    def test_any_number_of_tasks_make_one_request_and_none_on_the_event_loop(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, user_info())
        where: list[int] = []

        def grant(request: Request) -> Response:
            del request
            where.append(threading.get_ident())
            return granted()

        world.script = [grant]
        auth = Auth(world=world)

        async def ask() -> None:
            found = await asyncio.gather(*(auth.acredential() for _ in range(64)))
            assert len({one.secret for one in found}) == 1

        asyncio.run(ask())
        assert len(world.requests) == 1
        assert where != [threading.get_ident()]


class TestRejection:
    def test_a_token_that_is_rejected_is_replaced_once(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, user_info())
        world.script = [granted(), granted()]
        auth = Auth(world=world)
        first = auth.credential()
        second = auth.credential(rejected=first)
        assert second != first
        assert auth.credential(rejected=first) == second  # a late 401 for the replaced one costs nothing
        assert len(world.requests) == 2

    @pytest.mark.proves("L19")
    def test_a_new_token_that_is_rejected_too_is_an_error_within_the_minute(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, user_info())
        world.script = [granted(), granted(), granted()]
        auth = Auth(world=world)
        second = auth.credential(rejected=auth.credential())
        with pytest.raises(Rejected) as caught:
            auth.credential(rejected=second)
        assert "roles/aiplatform.user" in (caught.value.hint or "")
        assert len(world.requests) == 2
        world.advance(61)
        assert auth.credential(rejected=second) != second


class TestFiles:
    @pytest.mark.proves("P18", "I6")
    def test_a_file_that_changes_counts_from_the_next_request(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, user_info(account="developer@example.com"))
        world.script = [granted(), granted()]
        auth = Auth(world=world)
        assert auth.credential().account == "developer@example.com"
        put(well_known(world), user_info(account="operations@example.com"))
        world.advance(3)
        assert auth.credential().account == "operations@example.com"

    @pytest.mark.proves("P18")
    def test_a_login_made_elsewhere_is_found_by_a_program_that_failed_without(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path)
        auth = Auth(world=world)
        with pytest.raises(NoCredential):
            auth.credential()
        put(well_known(world), user_info())
        world.script = [granted()]
        assert auth.credential().source == "google-adc"

    def test_a_login_that_is_removed_ends_the_use_of_its_token(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, user_info())
        world.script = [granted()]
        auth = Auth(world=world)
        auth.credential()
        Path(well_known(world)).unlink()
        world.advance(3)
        with pytest.raises(NoCredential, match="no Google credentials"):
            auth.credential()

    @pytest.mark.proves("L23")
    def test_a_file_in_the_middle_of_being_written_is_read_again(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, '{"type": "auth')
        world.script = [granted()]
        whole, sleep = user_info(), world.sleep

        class Slow(type(world)):  # type: ignore[misc] # the class of a fake
            def sleep(self, seconds: float) -> None:
                put(well_known(world), whole)
                sleep(seconds)

        world.__class__ = Slow
        scene = Auth(world=world).scene()
        from keyturn.vertex.redeeming import Redeem

        assert Redeem(scene)(None).source == "google-adc"


class TestSkipAuth:
    def test_requests_carry_no_token_and_adc_stands_down(self, tmp_path: Path) -> None:
        env = {
            "CLAUDE_CODE_SKIP_VERTEX_AUTH": "1",
            "ANTHROPIC_VERTEX_BASE_URL": "https://gateway.example.com/v1",
        }
        world = vertex_world(tmp_path, user_info(), **env)
        auth = Auth(world=world)
        credential = auth.credential()
        assert (credential.source, credential.headers()) == ("skip-auth", {})
        assert credential.environment() == {**FLAG, **env, "CLOUD_ML_REGION": "us-east5"} | {
            "ANTHROPIC_VERTEX_PROJECT_ID": PROJECT
        }
        assert auth.explain().row("google-adc").state == "stands_down"
        assert world.requests == []

    def test_without_a_gateway_that_is_warned_about(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, CLAUDE_CODE_SKIP_VERTEX_AUTH="true")
        (warning,) = Auth(world=world).explain().warnings
        assert "names no gateway" in warning


def test_no_error_of_this_route_shows_a_secret(tmp_path: Path) -> None:
    info = key_info()
    world = vertex_world(tmp_path, info)
    world.script = [answer({"error": "invalid_grant", "error_description": "no"}, 400)]
    with pytest.raises(AuthError) as caught:
        Auth(world=world).credential()
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert info["private_key"][40:80] not in f"{caught.value} {caught.value.hint} {caught.value.facts}"
