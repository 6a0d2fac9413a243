"""The official client and httpx2 on the Vertex route: streams, regions, expiry, threads, audiences."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

import keyturn
from keyturn import Refused, Rejected, UsageError
from keyturn.http import RequestAuth
from tests.vertex import BOTH, QUESTION, ask, asked, auth_of, grants, key, metadata

if TYPE_CHECKING:
    from pathlib import Path

    from keyturn.sandbox import Sandbox

pytestmark = pytest.mark.system


class TestClients:
    def test_an_answer_is_streamed(self, sandbox: Sandbox, tmp_path: Path) -> None:
        with (
            keyturn.anthropic(auth_of(sandbox, tmp_path, **metadata(sandbox))) as client,
            client.messages.stream(**QUESTION) as stream,
        ):
            pieces = list(stream.text_stream)
        assert len(pieces) > 5
        assert "What is the answer?" in "".join(pieces)

    def test_an_answer_is_streamed_to_a_task(self, sandbox: Sandbox, tmp_path: Path) -> None:
        async def streamed() -> str:
            auth = auth_of(sandbox, tmp_path, **metadata(sandbox))
            async with (
                keyturn.async_anthropic(auth) as client,
                client.messages.stream(**QUESTION) as stream,
            ):
                return "".join([piece async for piece in stream.text_stream])

        assert "What is the answer?" in asyncio.run(streamed())

    def test_tokens_are_counted(self, sandbox: Sandbox, tmp_path: Path) -> None:
        with keyturn.anthropic(auth_of(sandbox, tmp_path, **metadata(sandbox))) as client:
            counted = client.messages.count_tokens(model="claude-opus-5", messages=QUESTION["messages"])
        assert counted.input_tokens == 7

    @BOTH
    @pytest.mark.proves("R31")
    def test_a_model_with_a_region_of_its_own_is_asked_there(
        self, sandbox: Sandbox, tmp_path: Path, how: Any
    ) -> None:
        env = metadata(sandbox) | {
            "CLOUD_ML_REGION": "europe-west1",
            "VERTEX_REGION_CLAUDE_5_OPUS": "global",
        }
        auth = auth_of(sandbox, tmp_path, **env)
        how(auth)
        how(auth, region="us-central1")
        with keyturn.anthropic(auth) as client:
            client.messages.create(**{**QUESTION, "model": "claude-haiku-4-5@20251001"})
            client.with_options(timeout=30).messages.create(**QUESTION)
        assert asked(sandbox) == [
            ("global", 200),
            ("us-central1", 200),
            ("europe-west1", 200),
            ("global", 200),
        ]

    @BOTH
    def test_an_expired_token_costs_one_more_request_and_no_failure(
        self, sandbox: Sandbox, tmp_path: Path, how: Any
    ) -> None:
        auth = auth_of(sandbox, tmp_path, **key(sandbox, tmp_path))
        how(auth)
        sandbox.google.expire()
        how(auth)
        assert [status for _, status in asked(sandbox)] == [200, 401, 200]
        assert len(grants(sandbox)) == 2

    @BOTH
    @pytest.mark.proves("L19")
    def test_tokens_that_the_api_never_takes_end_in_one_error(
        self, sandbox: Sandbox, tmp_path: Path, how: Any
    ) -> None:
        auth = auth_of(sandbox, tmp_path, **key(sandbox, tmp_path))
        sandbox.set(api_reject_next=100)
        with pytest.raises(Exception, match="401"):
            how(auth)
        with pytest.raises(Rejected, match="and a new one too"):
            how(auth)
        assert len(grants(sandbox)) == 2

    def test_threads_on_an_expired_token_renew_once(self, sandbox: Sandbox, tmp_path: Path) -> None:
        auth = auth_of(sandbox, tmp_path, **key(sandbox, tmp_path))
        ask(auth)
        sandbox.google.expire()
        sandbox.set(token_delay=0.2)
        said: list[str] = []
        with keyturn.anthropic(auth) as client:
            threads = [
                threading.Thread(target=lambda: said.append(client.messages.create(**QUESTION).id))
                for _ in range(16)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert len(said) == 16
        assert len(grants(sandbox)) == 2

    def test_any_client_of_httpx_signs_through_the_adapter(self, sandbox: Sandbox, tmp_path: Path) -> None:
        auth = auth_of(sandbox, tmp_path, **metadata(sandbox))
        path = "/v1/projects/p-1/locations/global/publishers/anthropic/models/m:rawPredict"
        url = f"{sandbox.api_base_url}{path}"
        body = {"anthropic_version": "vertex-2023-10-16", "max_tokens": 5, "messages": QUESTION["messages"]}
        with httpx2.Client(auth=RequestAuth(auth)) as client:
            assert client.post(url, json=body).status_code == 200
            sandbox.google.expire()
            assert client.post(url, json=body).status_code == 200

    @pytest.mark.proves("T13")
    def test_a_google_token_never_goes_to_another_host(self, sandbox: Sandbox, tmp_path: Path) -> None:
        auth = auth_of(sandbox, tmp_path, **metadata(sandbox))
        with httpx2.Client(auth=RequestAuth(auth)) as client, pytest.raises(Refused, match="is for"):
            client.get(sandbox.issuer)

    def test_a_gateway_that_authenticates_gets_no_token(self, sandbox: Sandbox, tmp_path: Path) -> None:
        env = metadata(sandbox) | {"CLAUDE_CODE_SKIP_VERTEX_AUTH": "1", "GCLOUD_PROJECT": "my-project"}
        with pytest.raises(Exception, match="401"):
            ask(auth_of(sandbox, tmp_path, **env))
        assert sandbox.log.events("google-metadata") == ()
        (event,) = sandbox.log.events("api", route="vertex")
        assert event.facts["sent"] == []

    @pytest.mark.parametrize("option", ["access_token", "credentials"])
    def test_another_credential_is_no_option(self, sandbox: Sandbox, tmp_path: Path, option: str) -> None:
        with pytest.raises(UsageError, match=option):
            keyturn.anthropic(auth_of(sandbox, tmp_path, **metadata(sandbox)), **{option: object()})
