"""Official SDK clients that authenticate through keyturn, of the class the route needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keyturn.auth import Auth
from keyturn.errors import AuthError, ConfigurationError, UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    import anthropic as sdk

# The client insists on a key of its own; the adapter replaces it before anything is sent.
_PLACEHOLDER = "replaced-by-keyturn"
_CREDENTIAL_OPTIONS = ("api_key", "auth_token", "credentials", "config", "profile")
# A route whose client is another class has a module that knows it: CREDENTIAL_OPTIONS, and
# make(package, auth, options, asynchronous=…) -> a client; `options` hold address, HTTP client, middleware.
_ROUTES = {"bedrock": "keyturn.bedrock.client", "vertex": "keyturn.vertex.client"}


def anthropic(auth: Auth | None = None, **options: Any) -> sdk.Anthropic:  # noqa: ANN401 - the SDK's own options
    """A ready `anthropic.Anthropic`, or the class of the route; `options` are handed to it.

    Raises: what `Auth.credential` raises, ConfigurationError when the SDK is not installed, UsageError for an
    option that brings another credential.
    """
    auth = auth or Auth()
    package, route = _ready(auth, options)
    options["http_client"] = _client(package, "Client", auth, options)
    options["middleware"] = [*options.get("middleware", ()), _plain_errors(package, auth)]
    if route is None:
        client: sdk.Anthropic = package.Anthropic(api_key=_PLACEHOLDER, **options)
    else:
        client = route.make(package, auth, options, asynchronous=False)
    return client


def async_anthropic(auth: Auth | None = None, **options: Any) -> sdk.AsyncAnthropic:  # noqa: ANN401 - as above
    """A ready `anthropic.AsyncAnthropic` or its like; everything else as `anthropic`."""
    auth = auth or Auth()
    package, route = _ready(auth, options)
    options["http_client"] = _client(package, "AsyncClient", auth, options)
    options["middleware"] = [*options.get("middleware", ()), _plain_errors_async(package, auth)]
    if route is None:
        client: sdk.AsyncAnthropic = package.AsyncAnthropic(api_key=_PLACEHOLDER, **options)
    else:
        client = route.make(package, auth, options, asynchronous=True)
    return client


def _ready(auth: Auth, options: dict[str, Any]) -> tuple[Any, Any]:
    """The SDK and the module of the route, if it has one; `options` with where requests go."""
    name = _ROUTES.get(auth.route)
    route: Any = None
    if name is not None:
        from importlib import import_module

        route = import_module(name)
    _check_options(options, _CREDENTIAL_OPTIONS if route is None else route.CREDENTIAL_OPTIONS)
    package = _sdk()
    options.setdefault("base_url", auth.base_url)
    return package, route


def _check_options(options: dict[str, Any], names: Iterable[str]) -> None:
    for name in names:
        if options.get(name) is not None:
            raise UsageError(
                f"{name} brings a credential, and the client already gets keyturn's",
                hint="leave it out; to choose among keyturn's sources: keyturn.Auth(source=…, profile=…)",
                option=name,
            )


def _client(package: Any, kind: str, auth: Auth, options: dict[str, Any]) -> Any:  # noqa: ANN401 - SDK types
    """The HTTP client of our one transport, with the SDK's own limits; or the caller's, signing through us.

    Not the SDK's default client: that one takes proxies from the environment whatever it is told, for
    loopback too (T10, T18).
    """
    import httpx2

    from keyturn.http import RequestAuth

    client = options.get("http_client")
    if client is None:
        from keyturn.world.following import AsyncFollowing, Following

        ours = auth.world.transport
        ours.prepare(str(options["base_url"]))  # what is wrong with it is said now
        following = Following if kind == "Client" else AsyncFollowing
        client = getattr(httpx2, kind)(
            transport=following(ours, package.DEFAULT_CONNECTION_LIMITS),
            trust_env=False,
            timeout=package.DEFAULT_TIMEOUT,
            follow_redirects=True,
        )
    if not isinstance(client.auth, RequestAuth):
        client.auth = RequestAuth(auth)
    return client


def _sdk() -> Any:  # noqa: ANN401 - a module
    try:
        import anthropic as sdk
    except ImportError:
        raise ConfigurationError(
            "the official client is not installed",
            hint="install it with: pip install 'keyturn[session]'",
            code="extra_missing",
        ) from None
    return sdk


def _plain_errors(sdk: Any, auth: Auth) -> Callable[[Any, Callable[[Any], Any]], Any]:  # noqa: ANN401 - SDK types
    """Let keyturn's errors reach the caller as they are: not retried, not called a connection error."""

    def with_plain_errors(request: Any, call_next: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - SDK types
        auth.credential()
        try:
            return call_next(request)
        except sdk.APIConnectionError as error:
            if isinstance(error.__cause__, AuthError):
                raise error.__cause__ from None
            raise

    return with_plain_errors


def _plain_errors_async(
    sdk: Any,  # noqa: ANN401 - a module
    auth: Auth,
) -> Callable[[Any, Callable[[Any], Awaitable[Any]]], Awaitable[Any]]:
    async def with_plain_errors(request: Any, call_next: Callable[[Any], Awaitable[Any]]) -> Any:  # noqa: ANN401
        await auth.acredential()
        try:
            return await call_next(request)
        except sdk.APIConnectionError as error:
            if isinstance(error.__cause__, AuthError):
                raise error.__cause__ from None
            raise

    return with_plain_errors
