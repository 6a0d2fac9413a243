from __future__ import annotations

import socket
from typing import Any

import anthropic
import httpx2
import pytest

from keyturn.errors import AuthError, NoCredential, Rejected, Unavailable, UsageError
from keyturn.session.failure import as_error
from keyturn.values import ApiKey, Secret
from tests.secretscan import make_secret

HOST = "https://api.example.com"
CLIENT = anthropic.AsyncAnthropic(api_key="unused", base_url=HOST)


def answered(status: int, body: Any, **headers: str) -> Exception:
    """What the official client raises for this answer."""
    request = httpx2.Request("POST", f"{HOST}/v1/messages")
    response = httpx2.Response(status, json=body, headers=headers, request=request)
    return CLIENT._make_status_error(f"Error code: {status}", body=body, response=response)


def said(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}}


def broken(cause: Exception) -> Exception:
    """What the official client raises when the request did not get through."""
    wrapped = anthropic.APIConnectionError(request=httpx2.Request("POST", HOST))
    wrapped.__cause__ = cause
    return wrapped


@pytest.mark.parametrize(
    ("status", "kind", "error", "code"),
    [
        (401, "authentication_error", Rejected, 4),
        (403, "permission_error", Rejected, 4),
        (400, "invalid_request_error", UsageError, 2),
        (402, "billing_error", UsageError, 2),
        (404, "not_found_error", UsageError, 2),
        (413, "request_too_large", UsageError, 2),
        (422, "invalid_request_error", UsageError, 2),
        (408, "timeout_error", Unavailable, 6),
        (409, "conflict", Unavailable, 6),
        (429, "rate_limit_error", Unavailable, 6),
        (500, "api_error", Unavailable, 6),
        (503, "api_error", Unavailable, 6),
        (504, "timeout_error", Unavailable, 6),
        (529, "overloaded_error", Unavailable, 6),
    ],
)
def test_every_status_has_its_exit_code_and_names_host_and_reason(
    status: int, kind: str, error: type[AuthError], code: int
) -> None:
    found = as_error(answered(status, said(kind, "For this reason.")), HOST)
    assert type(found) is error
    assert found.exit == code
    assert found.message.startswith(HOST)
    assert found.message.endswith("For this reason")
    assert found.facts["status"] == status


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("overloaded_error", 6),
        ("api_error", 6),
        ("something_new", 6),
        ("rate_limit_error", 6),
        ("authentication_error", 4),
        ("invalid_request_error", 2),
    ],
)
def test_an_error_inside_a_stream_that_began_well_counts_by_its_name(kind: str, code: int) -> None:
    found = as_error(answered(200, said(kind, "midway")), HOST)
    assert found is not None
    assert found.exit == code


def test_a_rejected_credential_is_named_by_its_place_with_the_next_command() -> None:
    secret = make_secret("api-key")
    key = ApiKey(
        secret=Secret(secret), source="api-key-env", where="the environment variable ANTHROPIC_API_KEY"
    )
    found = as_error(answered(401, said("authentication_error", "invalid x-api-key")), HOST, key)
    assert found is not None
    assert found.message == (
        f"{HOST} rejected the credential of the environment variable ANTHROPIC_API_KEY: invalid x-api-key"
    )
    assert "keyturn explain" in str(found.hint)
    assert "keyturn login" in str(
        getattr(as_error(answered(401, {}), HOST, key.replace(source="stored-login")), "hint", None)
    )


def test_a_limit_says_how_long_to_wait_when_the_server_does() -> None:
    limited = said("rate_limit_error", "Too many")
    assert getattr(as_error(answered(429, limited, **{"retry-after": "17"}), HOST), "hint", "") == (
        "try again in 17 s"
    )
    for odd in ("soon", "\x1b[2J", ""):
        found = as_error(answered(429, limited, **{"retry-after": odd.encode().decode("latin-1")}), HOST)
        assert getattr(found, "hint", "") == "try again in a moment"


@pytest.mark.parametrize(
    "body", [None, [], "<html>gateway</html>", {"error": 7}, {"error": {"message": None}}]
)
def test_a_gateway_with_answers_of_its_own_is_no_riddle(body: Any) -> None:
    found = as_error(answered(502, body), HOST)
    assert found is not None
    assert found.message == f"{HOST} has trouble (502)"


@pytest.mark.proves("T14")
def test_what_the_server_says_is_one_clean_line() -> None:
    found = as_error(answered(400, said("invalid_request_error", "a\n\x1b[2Jb\u202e" + "x" * 5000)), HOST)
    assert found is not None
    assert found.message.isprintable()
    assert len(found.message) < 400


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (httpx2.ConnectTimeout("slow"), "did not answer in time"),
        (httpx2.ReadTimeout("slow"), "did not answer in time"),
        (httpx2.RemoteProtocolError("peer closed connection"), "cannot be reached: peer closed connection"),
        (httpx2.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed"), "no trusted TLS"),
    ],
)
def test_a_network_that_fails_is_exit_6_and_says_how(cause: Exception, words: str) -> None:
    found = as_error(broken(cause), HOST)
    assert found is not None
    assert found.exit == 6
    assert words in found.message
    assert found.hint


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (ConnectionRefusedError(111, "Connect call failed"), "nothing listens there"),
        (socket.gaierror(-2, "Name or service not known"), "its name cannot be resolved"),
    ],
)
def test_the_reason_below_a_failed_connection_is_found(reason: OSError, words: str) -> None:
    connect = httpx2.ConnectError("All connection attempts failed")
    connect.__cause__ = reason
    found = as_error(broken(connect), HOST)
    assert found is not None
    assert found.message == f"{HOST} cannot be reached: {words}"


def test_an_error_of_keyturn_below_is_the_one_that_is_shown() -> None:
    inner = NoCredential("nothing there", hint="run: keyturn login")
    assert as_error(broken(inner), HOST) is inner


def test_a_bug_is_not_called_a_broken_network() -> None:
    assert as_error(broken(TypeError("wrong number of arguments")), HOST) is None
    assert as_error(BrokenPipeError(), HOST) is None


@pytest.mark.parametrize("status", [404, 405])
@pytest.mark.parametrize(
    "body", [None, "<html>", {"detail": "Not Found"}, {"error": "not found"}, {"error": {}}]
)
def test_a_404_of_something_else_is_about_the_address_and_not_about_the_model(status: int, body: Any) -> None:
    found = as_error(answered(status, body), HOST)
    assert found is not None
    assert (found.code, found.exit) == ("not_the_api", 6)
    assert "ANTHROPIC_BASE_URL" in (found.hint or "")


def test_a_404_of_the_api_is_about_the_model() -> None:
    found = as_error(answered(404, said("not_found_error", "model: claude-none")), HOST)
    assert found is not None
    assert found.hint == "choose another model: --model NAME"
