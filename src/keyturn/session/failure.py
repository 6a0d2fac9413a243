"""What went wrong with a request, as one of keyturn's own errors: what, where, and the next command."""

from __future__ import annotations

from keyturn.clean import clean
from keyturn.errors import AuthError, Rejected, Unavailable, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from keyturn.values import Credential

# The API's own names for its errors; a stream that has begun fails with one of them and status 200.
_STATUS = {
    "authentication_error": 401,
    "billing_error": 402,
    "invalid_request_error": 400,
    "not_found_error": 404,
    "overloaded_error": 529,
    "permission_error": 403,
    "rate_limit_error": 429,
    "request_too_large": 413,
    "timeout_error": 504,
}
# not found, and a method that is not allowed: what other servers say to a request of the API
_NO_SUCH_PLACE = (404, 405)
_TRANSIENT = (408, 409, 425, 429)


def as_error(failure: Exception, host: str, credential: Credential | None = None) -> AuthError | None:
    """The error for what the official client raised; None when it is none of a request's own failures.

    `credential` is the one that was sent, as far as that is known.
    """
    for error in _chain(failure):
        if isinstance(error, AuthError):
            return error
    status = getattr(failure, "status_code", None)
    if isinstance(status, int) and hasattr(failure, "body"):
        return _of_answer(failure, status, host, credential)
    causes = _chain(failure)
    if any("Timeout" in type(cause).__name__ for cause in causes):
        return Unavailable(f"{host} did not answer in time", hint="try again in a moment", code="timeout")
    if any(_is_transport(cause) for cause in causes):
        return _unreachable(host, causes)
    return None


def broken_off(host: str, why: str | None = None) -> AuthError:
    """The error for an answer that ended before its end."""
    return Unavailable(
        f"the answer of {host} broke off" + (f": {why}" if why else ""), hint="ask again", code="broken_off"
    )


def not_the_api(host: str) -> AuthError:
    """The error for a server that answers, but not as the Messages API does."""
    return Unavailable(
        f"{host} answered something that is not the Messages API",
        hint="check ANTHROPIC_BASE_URL and the profile's api_base_url; see: keyturn explain",
        code="not_the_api",
    )


def _of_answer(failure: Any, status: int, host: str, credential: Credential | None) -> AuthError:  # noqa: ANN401 - the official client's error
    kind, said = _said(failure)
    if status < 400:  # noqa: PLR2004 - a stream that had begun
        status = _STATUS.get(kind, 500)
    words = f": {said}" if said else ""
    facts: dict[str, Any] = {"status": status, "request_id": getattr(failure, "request_id", None)}
    if status == 401:  # noqa: PLR2004 - Unauthorized
        where = f" of {credential.where}" if credential is not None else ""
        return Rejected(
            f"{host} rejected the credential{where}{words}", hint=_renewal_of(credential), **facts
        )
    if status == 403:  # noqa: PLR2004 - Forbidden
        return Rejected(
            f"{host} does not allow this request{words}",
            hint="check what this account may use, or use another: keyturn explain",
            code="forbidden",
            **facts,
        )
    if status in _TRANSIENT or status >= 500:  # noqa: PLR2004 - the server's own trouble
        return _busy(failure, status, host, words, facts)
    if status in _NO_SUCH_PLACE and kind not in _STATUS:
        return not_the_api(host)  # the API names its errors, also those about a model that it lacks
    hint = "choose another model: --model NAME" if status == 404 else None  # noqa: PLR2004 - Not Found
    return UsageError(
        f"{host} refused the request ({status}){words}", hint=hint, code=kind or "bad_request", **facts
    )


def _busy(failure: Any, status: int, host: str, words: str, facts: dict[str, Any]) -> AuthError:  # noqa: ANN401 - as above
    response = getattr(failure, "response", None)
    after = str(response.headers.get("retry-after", "")) if response is not None else ""
    when = f"in {after} s" if after.isdigit() else "in a moment"
    what = {429: "has a limit that is reached", 529: "is overloaded"}.get(status, "has trouble")
    return Unavailable(
        f"{host} {what} ({status}){words}",
        hint=f"try again {when}",
        code="rate_limited" if status == 429 else "unavailable",  # noqa: PLR2004 - Too Many Requests
        **facts,
    )


def _said(failure: Any) -> tuple[str, str]:  # noqa: ANN401 - as above
    """The API's name of the error and its message, or what a gateway says in its own shape."""
    body = failure.body
    inner = body.get("error") if isinstance(body, dict) else None
    if isinstance(inner, dict):
        # Google's own errors name their status, Anthropic's their type
        kind = str(inner.get("type") or inner.get("status") or "")
        return kind, clean(str(inner.get("message") or "")).rstrip(".")
    if isinstance(inner, str):
        return inner, clean(inner)
    return "", ""  # a page of HTML says nothing that helps


def _renewal_of(credential: Credential | None) -> str:
    if credential is None or credential.source == "stored-login":
        return "log in again: keyturn login"
    return "set another one there, or see what else there is: keyturn explain"


def _chain(failure: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    error: BaseException | None = failure
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def _is_transport(cause: BaseException) -> bool:
    import httpx2

    return isinstance(cause, httpx2.TransportError | httpx2.StreamError)


def _unreachable(host: str, causes: list[BaseException]) -> AuthError:
    """The client's own words are about sockets; a person needs to know which of four things it is."""
    from socket import gaierror

    if any("certificate" in str(cause).lower() for cause in causes):
        return Unavailable(
            f"no trusted TLS connection to {host}",
            hint="if a proxy inspects TLS, name its certificate: export SSL_CERT_FILE=/path/to/ca.pem",
            code="tls",
        )
    if any(isinstance(cause, gaierror) for cause in causes):
        why = "its name cannot be resolved"
    elif any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        why = "nothing listens there"
    else:
        why = clean(str(causes[-1])).rstrip(".") or type(causes[-1]).__name__
    return Unavailable(
        f"{host} cannot be reached: {why}",
        hint="check the network and the address (see: keyturn explain), then try again",
        code="unreachable",
    )
