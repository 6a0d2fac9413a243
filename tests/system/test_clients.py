"""The official SDK as the client, sync, async and streaming, against the sandbox's API."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import anthropic
import pytest

import keyturn
from keyturn import Auth, ConfigurationError, NoCredential, Refused, Rejected, UsageError
from keyturn.sandbox import Sandbox
from keyturn.world import World
from tests.logins import store_login
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.system

QUESTION: dict[str, Any] = {
    "model": "claude-sandbox",
    "max_tokens": 256,
    "messages": [{"role": "user", "content": "What is the answer?"}],
}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def auth(sandbox: Sandbox, tmp_path: Path) -> Auth:
    store_login(sandbox, tmp_path)
    return Auth(world=World({"KEYTURN_HOME": str(tmp_path)}))


def ask(auth: Auth, **options: Any) -> str:
    with keyturn.anthropic(auth, **options) as client:
        return text_of(client.messages.create(**QUESTION))


def aask(auth: Auth, **options: Any) -> str:
    async def asked() -> str:
        async with keyturn.async_anthropic(auth, **options) as client:
            return text_of(await client.messages.create(**QUESTION))

    return asyncio.run(asked())


def text_of(message: Any) -> str:
    return "".join(block.text for block in message.content)


def answered(sandbox: Sandbox) -> Counter[object]:
    return Counter(event.facts["status"] for event in sandbox.log.events("api"))


BOTH = pytest.mark.parametrize("how", [ask, aask], ids=["sync", "async"])


@BOTH
class TestEachFace:
    def test_it_asks_with_the_stored_login(self, sandbox: Sandbox, auth: Auth, how: Any) -> None:
        assert how(auth)
        assert answered(sandbox) == {200: 1}
        assert sandbox.log.refreshes() == ()

    def test_it_asks_with_a_key_of_the_environment(self, sandbox: Sandbox, tmp_path: Path, how: Any) -> None:
        env = {
            "KEYTURN_HOME": str(tmp_path),
            "ANTHROPIC_API_KEY": sandbox.api_key,
            "ANTHROPIC_BASE_URL": sandbox.api_base_url,
        }
        assert how(Auth(world=World(env)))
        assert answered(sandbox) == {200: 1}

    @pytest.mark.proves("R42")
    def test_a_401_is_renewed_from_and_asked_again_once(self, sandbox: Sandbox, auth: Auth, how: Any) -> None:
        auth.credential()
        sandbox.expire_access_tokens()
        assert how(auth)
        assert answered(sandbox) == {401: 1, 200: 1}
        assert len(sandbox.log.refreshes()) == 1

    @pytest.mark.proves("R42")
    def test_a_second_401_is_the_caller_s_and_the_sdk_adds_no_try(
        self, sandbox: Sandbox, auth: Auth, how: Any
    ) -> None:
        sandbox.set(api_reject_next=10)
        with pytest.raises(anthropic.AuthenticationError):
            how(auth)
        assert answered(sandbox) == {401: 2}
        assert len(sandbox.log.refreshes()) == 1

    def test_an_overloaded_api_is_asked_again_by_the_sdk_without_a_renewal(
        self, sandbox: Sandbox, auth: Auth, how: Any
    ) -> None:
        sandbox.set(api_fail_next=1)
        assert how(auth)
        assert answered(sandbox) == {529: 1, 200: 1}
        assert sandbox.log.refreshes() == ()

    @pytest.mark.proves("R45", "R46")
    @pytest.mark.parametrize("status", [401, 403])
    def test_a_revoked_login_is_keyturn_s_own_error_with_the_next_command(
        self, sandbox: Sandbox, auth: Auth, how: Any, status: int
    ) -> None:
        sandbox.set(revoked_status=status)
        auth.credential()
        sandbox.revoke_all()
        with pytest.raises(Rejected, match="login has ended") as caught:
            how(auth)
        assert "keyturn login" in (caught.value.hint or "")
        assert answered(sandbox) == {status: 1}
        assert len(sandbox.log.refreshes()) == 1

    def test_an_authority_that_is_down_costs_one_try_and_no_retries_of_the_sdk(
        self, sandbox: Sandbox, auth: Auth, how: Any
    ) -> None:
        auth.credential()
        sandbox.expire_access_tokens()
        sandbox.set(token_fail_next=10)
        with pytest.raises(keyturn.Unavailable, match="503"):
            how(auth)
        assert answered(sandbox) == {401: 1}
        assert len(sandbox.log.refreshes()) == 1

    def test_without_any_credential_nothing_is_sent(self, tmp_path: Path, how: Any) -> None:
        with pytest.raises(NoCredential):
            how(Auth(world=World({"KEYTURN_HOME": str(tmp_path)})))

    @pytest.mark.proves("T13")
    def test_a_client_pointed_elsewhere_is_refused(self, sandbox: Sandbox, auth: Auth, how: Any) -> None:
        del sandbox

        def asked() -> None:
            with keyturn.anthropic(auth) as client:
                client.with_options(base_url="http://127.0.0.1:1").messages.create(**QUESTION)

        async def aasked() -> None:
            async with keyturn.async_anthropic(auth) as client:
                await client.with_options(base_url="http://127.0.0.1:1").messages.create(**QUESTION)

        with pytest.raises(Refused, match=r"http://127\.0\.0\.1:1"):
            asked() if how is ask else asyncio.run(aasked())


class TestStreaming:
    def test_an_answer_streams(self, auth: Auth) -> None:
        with keyturn.anthropic(auth) as client, client.messages.stream(**QUESTION) as stream:
            pieces = list(stream.text_stream)
            whole = stream.get_final_text()
        assert len(pieces) > 1
        assert "".join(pieces) == whole

    def test_an_answer_streams_to_asyncio(self, auth: Auth) -> None:
        async def asked() -> list[str]:
            async with (
                keyturn.async_anthropic(auth) as client,
                client.messages.stream(**QUESTION) as stream,
            ):
                return [piece async for piece in stream.text_stream]

        assert len(asyncio.run(asked())) > 1

    def test_a_401_before_the_first_word_is_renewed_from(self, sandbox: Sandbox, auth: Auth) -> None:
        auth.credential()
        sandbox.expire_access_tokens()
        with keyturn.anthropic(auth) as client, client.messages.stream(**QUESTION) as stream:
            assert stream.get_final_text()
        assert answered(sandbox) == {401: 1, 200: 1}

    def test_a_stream_that_breaks_is_the_caller_s_and_costs_no_renewal(
        self, sandbox: Sandbox, auth: Auth
    ) -> None:
        sandbox.set(api_cut_next=1)
        with (
            keyturn.anthropic(auth) as client,
            client.messages.stream(**QUESTION) as stream,
            pytest.raises(Exception, match=r"(?i)connection|peer|incomplete|closed|read"),
        ):
            stream.get_final_text()
        assert sandbox.log.refreshes() == ()


@pytest.mark.proves("I1", "R42", "P39")
def test_a_hundred_tasks_that_all_get_a_401_cost_one_renewal(sandbox: Sandbox, auth: Auth) -> None:
    async def asked() -> list[str]:
        async with keyturn.async_anthropic(auth) as client:

            async def one() -> str:
                return text_of(await client.messages.create(**QUESTION))

            return await asyncio.gather(*(one() for _ in range(100)))

    auth.credential()
    sandbox.expire_access_tokens()
    assert len(asyncio.run(asked())) == 100
    assert len(sandbox.log.refreshes()) == 1
    assert answered(sandbox)[200] == 100


@pytest.mark.proves("L17")
def test_a_task_that_is_cancelled_while_it_renews_leaves_a_login_that_works(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    store_login(sandbox, tmp_path, issued_at=0.5, expires_at=1.0)
    sandbox.set(token_answer_delay=0.3)
    auth = Auth(world=World({"KEYTURN_HOME": str(tmp_path)}))

    async def cancelled() -> None:
        task = asyncio.create_task(auth.acredential())
        await asyncio.to_thread(_until_asked, sandbox)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert ask(Auth(world=World({"KEYTURN_HOME": str(tmp_path)})))
    assert len(sandbox.log.refreshes()) == 1
    assert answered(sandbox) == {200: 1}


def _until_asked(sandbox: Sandbox) -> None:
    while not sandbox.log.refreshes():
        time.sleep(0.01)


def test_without_the_sdk_the_error_says_which_extra_brings_it(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['anthropic'] = None\n"
        "import keyturn\n"
        "try:\n    keyturn.anthropic()\n"
        "except keyturn.ConfigurationError as error:\n    print(error.exit, error.hint)\n"
    )
    env = {"KEYTURN_HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("8 install it with: pip install 'keyturn[session]'")
    assert ConfigurationError.exit == 8


@pytest.mark.parametrize("option", ["api_key", "auth_token", "credentials", "config", "profile"])
@pytest.mark.parametrize("face", [keyturn.anthropic, keyturn.async_anthropic])
def test_a_second_credential_is_refused_by_name(auth: Auth, face: Any, option: str) -> None:
    with pytest.raises(UsageError, match=f"^{option} brings a credential"):
        face(auth, **{option: make_secret("api-key")})
