"""The API side: whom it lets in, how it refuses, and that the official SDK understands it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import anthropic
import httpx2
import pytest
from anthropic.lib.credentials import AccessToken

from tests.unit.sandbox.conftest import OAUTH_BETA, Flow, bearer

if TYPE_CHECKING:
    from anthropic.types import MessageParam

    from keyturn.sandbox import Sandbox

QUESTION: list[MessageParam] = [{"role": "user", "content": "Why is the sky blue?"}]
ASKED = {"model": "a-model-nobody-knows", "max_tokens": 100, "messages": QUESTION}
VERSION = {"anthropic-version": "2023-06-01"}


def test_a_bearer_without_the_beta_is_refused_as_by_the_real_service(flow: Flow) -> None:
    headers = bearer(flow.login()["access_token"])
    del headers["anthropic-beta"]
    refused = flow.http.get(f"{flow.sandbox.api_base_url}/v1/models", headers=headers)
    assert refused.status_code == 401
    assert refused.json()["error"] == {
        "type": "authentication_error",
        "message": "OAuth authentication is currently not supported.",
    }


def test_the_beta_may_stand_among_others(flow: Flow) -> None:
    headers = bearer(flow.login()["access_token"])
    headers["anthropic-beta"] = f"something-2026-01-01, {OAUTH_BETA}"
    assert flow.http.get(f"{flow.sandbox.api_base_url}/v1/models", headers=headers).status_code == 200


def test_an_expired_token_is_refused_in_the_apis_own_shape(flow: Flow) -> None:
    login = flow.login()
    flow.sandbox.expire_access_tokens()
    refused = flow.models(login)
    assert refused.status_code == 401
    body = refused.json()
    assert body["type"] == "error"
    assert body["error"]["type"] == "authentication_error"
    assert body["error"]["message"].startswith("OAuth token has expired")
    assert body["request_id"] == refused.headers["request-id"]


@pytest.mark.parametrize(("status", "kind"), [(401, "authentication_error"), (403, "permission_error")])
def test_a_revoked_token_is_refused_with_the_status_asked_for(flow: Flow, status: int, kind: str) -> None:
    login = flow.login()
    flow.sandbox.revoke_all()
    flow.sandbox.set(revoked_status=status)
    refused = flow.models(login)
    assert (refused.status_code, refused.json()["error"]["type"]) == (status, kind)
    assert refused.json()["error"]["message"].startswith("OAuth token has been revoked")


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, "x-api-key header is required"),
        ({"x-api-key": "sk-ant-test-wrong"}, "invalid x-api-key"),
        ({"authorization": "Bearer sk-ant-test-wrong"}, "Invalid bearer token"),
        ({"authorization": "Basic c29tZTpib2R5"}, "x-api-key header is required"),
    ],
)
def test_other_credentials_are_refused(
    sandbox: Sandbox, http: httpx2.Client, headers: dict[str, str], message: str
) -> None:
    refused = http.post(f"{sandbox.api_base_url}/v1/messages", json=ASKED, headers={**VERSION, **headers})
    assert refused.status_code == 401
    assert refused.json()["error"]["message"] == message


def test_the_key_is_taken_in_either_header_and_in_both(sandbox: Sandbox, http: httpx2.Client) -> None:
    as_key, as_bearer = {"x-api-key": sandbox.api_key}, {"authorization": f"Bearer {sandbox.api_key}"}
    for headers in (as_key, as_bearer, {**as_key, **as_bearer}):
        answer = http.post(f"{sandbox.api_base_url}/v1/messages", json=ASKED, headers={**VERSION, **headers})
        assert answer.status_code == 200
    sent = [event.facts["sent"] for event in sandbox.log.events("api")]
    assert sent == [["x-api-key"], ["authorization"], ["x-api-key", "authorization"]]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{", "not valid JSON"),
        ("[]", "must be a JSON object"),
        ("[" * 100_000, "not valid JSON"),
        ("{}", "model: Field required"),
        ('{"model": "m"}', "max_tokens: Field required"),
        ('{"model": "m", "max_tokens": 0}', "greater than or equal to 1"),
        ('{"model": "m", "max_tokens": 1, "messages": []}', "at least one message"),
        ('{"model": "m", "max_tokens": 1, "messages": [1]}', "messages.0.role"),
        ('{"model": "m", "max_tokens": 1, "messages": [{"role": "user"}]}', "messages.0.content"),
        (
            '{"model": "m", "max_tokens": 1, "messages": [{"role": "assistant", "content": "x"}]}',
            "first message",
        ),
    ],
)
def test_a_malformed_question_is_an_invalid_request(
    sandbox: Sandbox, http: httpx2.Client, body: str, message: str
) -> None:
    headers = {**VERSION, "x-api-key": sandbox.api_key, "content-type": "application/json"}
    refused = http.post(f"{sandbox.api_base_url}/v1/messages", content=body, headers=headers)
    assert (refused.status_code, refused.json()["error"]["type"]) == (400, "invalid_request_error")
    assert message in refused.json()["error"]["message"]


def test_a_request_without_a_version_is_refused(sandbox: Sandbox, http: httpx2.Client) -> None:
    headers = {"x-api-key": sandbox.api_key}
    refused = http.post(f"{sandbox.api_base_url}/v1/messages", json=ASKED, headers=headers)
    assert refused.status_code == 400
    assert refused.json()["error"]["message"] == "anthropic-version: header is required"


def test_an_unknown_path_is_not_found_in_the_apis_own_shape(sandbox: Sandbox, http: httpx2.Client) -> None:
    missing = http.get(f"{sandbox.api_base_url}/v1/nothing")
    assert (missing.status_code, missing.json()["error"]["type"]) == (404, "not_found_error")


def test_the_stream_is_the_answer_in_the_messages_apis_events(sandbox: Sandbox, http: httpx2.Client) -> None:
    headers = {**VERSION, "x-api-key": sandbox.api_key}
    url = f"{sandbox.api_base_url}/v1/messages"
    whole = http.post(url, json=ASKED, headers=headers).json()
    answer = http.post(url, json={**ASKED, "stream": True}, headers=headers)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    blocks = [block.split("\n") for block in answer.text.strip().split("\n\n")]
    events = [json.loads(data.removeprefix("data: ")) for _, data in blocks]
    assert [name.removeprefix("event: ") for name, _ in blocks] == [event["type"] for event in events]
    kinds = [event["type"] for event in events if event["type"] != "content_block_delta"]
    assert kinds == [
        "message_start",
        "content_block_start",
        "ping",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    text = "".join(event["delta"]["text"] for event in events if event["type"] == "content_block_delta")
    assert text == whole["content"][0]["text"]
    assert "Why is the sky blue?" in text


def test_max_tokens_cuts_the_answer_and_says_so(sandbox: Sandbox, http: httpx2.Client) -> None:
    headers = {**VERSION, "x-api-key": sandbox.api_key}
    answer = http.post(
        f"{sandbox.api_base_url}/v1/messages", json={**ASKED, "max_tokens": 3}, headers=headers
    ).json()
    assert (answer["stop_reason"], answer["usage"]["output_tokens"]) == ("max_tokens", 3)
    assert answer["content"][0]["text"] == "This is the"


def test_the_official_client_asks_with_the_key(sandbox: Sandbox) -> None:
    with anthropic.Anthropic(api_key=sandbox.api_key, base_url=sandbox.api_base_url) as client:
        answer = client.messages.create(model="claude-sandbox", max_tokens=100, messages=QUESTION)
        assert "Why is the sky blue?" in _text(answer)
        assert [model.id for model in client.models.list()] == ["claude-sandbox", "claude-sandbox-small"]
        assert client.models.retrieve("claude-sandbox").display_name == "Claude Sandbox"
        counted = client.messages.count_tokens(model="claude-sandbox", messages=QUESTION)
    assert counted.input_tokens == answer.usage.input_tokens
    assert "Anthropic/Python" in str(sandbox.log.events("api")[0].facts["user_agent"])


def test_the_official_client_streams_with_a_login(flow: Flow) -> None:
    token = flow.login()["access_token"]
    with (
        anthropic.Anthropic(
            credentials=lambda *, force_refresh=False: AccessToken(token=token, expires_at=None),  # noqa: ARG005
            base_url=flow.sandbox.api_base_url,
        ) as client,
        client.messages.stream(model="claude-sandbox", max_tokens=100, messages=QUESTION) as stream,
    ):
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert "Why is the sky blue?" in text
    assert (_text(final), final.stop_reason) == (text, "end_turn")


def test_the_official_async_client_streams(sandbox: Sandbox) -> None:
    async def ask() -> tuple[str, str]:
        async with anthropic.AsyncAnthropic(api_key=sandbox.api_key, base_url=sandbox.api_base_url) as client:
            whole = await client.messages.create(model="claude-sandbox", max_tokens=100, messages=QUESTION)
            async with client.messages.stream(
                model="claude-sandbox", max_tokens=100, messages=QUESTION
            ) as stream:
                return _text(whole), "".join([text async for text in stream.text_stream])

    whole, streamed = asyncio.run(ask())
    assert whole == streamed
    assert "Why is the sky blue?" in streamed


def test_the_answer_counts_the_questions_of_a_conversation(sandbox: Sandbox) -> None:
    talk: list[MessageParam] = [
        *QUESTION,
        {"role": "assistant", "content": "Scattering."},
        {"role": "user", "content": [{"type": "text", "text": "And at night?"}]},
    ]
    with anthropic.Anthropic(api_key=sandbox.api_key, base_url=sandbox.api_base_url) as client:
        answer = client.messages.create(model="claude-sandbox", max_tokens=100, messages=talk)
    assert "And at night?" in _text(answer)
    assert "question 2" in _text(answer)


def test_the_official_client_sees_an_authentication_error(sandbox: Sandbox) -> None:
    with (
        anthropic.Anthropic(
            api_key="sk-ant-test-wrong", base_url=sandbox.api_base_url, max_retries=0
        ) as client,
        pytest.raises(anthropic.AuthenticationError, match="Invalid bearer token"),
    ):
        client.messages.create(model="claude-sandbox", max_tokens=100, messages=QUESTION)


def test_a_good_token_is_rejected_as_often_as_asked(flow: Flow) -> None:
    login = flow.login()
    flow.sandbox.set(api_reject_next=1, api_fail_next=1)
    answers = [flow.models(login) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 529, 200]
    assert answers[1].json()["error"]["type"] == "overloaded_error"


def test_a_stream_can_be_cut_in_the_middle(sandbox: Sandbox, http: httpx2.Client) -> None:
    sandbox.set(api_cut_next=1)
    headers = {**VERSION, "x-api-key": sandbox.api_key}
    url = f"{sandbox.api_base_url}/v1/messages"
    with pytest.raises(httpx2.TransportError):
        http.post(url, json={**ASKED, "stream": True}, headers=headers)
    assert http.post(url, json={**ASKED, "stream": True}, headers=headers).status_code == 200


def test_a_redirect_leads_to_the_address_asked_for(sandbox: Sandbox, http: httpx2.Client) -> None:
    url = f"{sandbox.api_base_url}/_sandbox/redirect"
    away = http.post(url, params={"to": "http://127.0.0.1:1/elsewhere"})
    assert (away.status_code, away.headers["location"]) == (307, "http://127.0.0.1:1/elsewhere")
    assert http.get(url, params={"to": "file:///etc/passwd"}).status_code == 400


def _text(answer: Any) -> str:
    return "".join(block.text for block in answer.content)
