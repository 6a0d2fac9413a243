"""The official client of the Bedrock route: it builds its requests, and keyturn's adapter signs them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keyturn.auth import Auth

CREDENTIAL_OPTIONS = (
    "api_key",
    "aws_access_key",
    "aws_profile",
    "aws_secret_key",
    "aws_session_token",
)


def make(package: Any, auth: Auth, options: dict[str, Any], *, asynchronous: bool) -> Any:  # noqa: ANN401 - SDK types
    """A ready `AnthropicBedrock` or `AsyncAnthropicBedrock`."""
    from keyturn.bedrock.region import region_of

    options.setdefault("aws_region", region_of(auth.scene()).value)
    return _classes(package)[asynchronous](**options)


@cache
def _classes(package: Any) -> tuple[type, type]:  # noqa: ANN401 - a module
    """The two official classes, without their own signing: it would resolve AWS credentials by itself."""

    class AnthropicBedrock(package.AnthropicBedrock):  # type: ignore[misc] # a module found at run time
        def _prepare_request(self, request: object) -> None:
            """Nothing: `keyturn.http.RequestAuth` signs, below retries and redirects."""

    class AsyncAnthropicBedrock(package.AsyncAnthropicBedrock):  # type: ignore[misc] # as above
        async def _prepare_request(self, request: object) -> None:
            """Nothing, as above."""

    return AnthropicBedrock, AsyncAnthropicBedrock
