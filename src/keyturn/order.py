"""The order of the sources, as plain data: the whole priority of every route, readable in one place."""

from __future__ import annotations

from keyturn.sources import command, descriptor, env, stored_login
from keyturn.survey import Source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.scene import Scene
    from keyturn.survey import Absent, Offer


def _google_adc(scene: Scene) -> Absent | Offer:
    """Loaded when it is asked: `keyturn token` on another route does not pay for it."""
    from keyturn.sources import google_adc

    return google_adc.look(scene)


def _skip_vertex_auth(scene: Scene) -> Absent | Offer:
    """As `_google_adc`."""
    from keyturn.sources import skip_vertex_auth

    return skip_vertex_auth.look(scene)


ORDER: dict[str, tuple[Source, ...]] = {
    "anthropic": (
        Source(id="auth-token-env", name="ANTHROPIC_AUTH_TOKEN", look=env.auth_token, stands_down_for=()),
        Source(
            id="oauth-token-env", name="CLAUDE_CODE_OAUTH_TOKEN", look=env.oauth_token, stands_down_for=()
        ),
        Source(id="oauth-token-fd", name="inherited descriptor", look=descriptor.look, stands_down_for=()),
        Source(id="api-key-helper", name="apiKeyHelper", look=command.look, stands_down_for=()),
        Source(
            id="stored-login",
            name="stored login",
            look=stored_login.look,
            # a key or a helper disables OAuth altogether (R10, R11): no use, no renewal, no question
            stands_down_for=("api-key-helper", "api-key-env"),
        ),
        Source(id="api-key-env", name="ANTHROPIC_API_KEY", look=env.api_key, stands_down_for=()),
    ),
    "vertex": (
        Source(
            id="google-adc",
            name="Google credentials",
            look=_google_adc,
            # whoever says that a gateway authenticates wants no Google token sent there
            stands_down_for=("skip-auth",),
        ),
        Source(
            id="skip-auth", name="CLAUDE_CODE_SKIP_VERTEX_AUTH", look=_skip_vertex_auth, stands_down_for=()
        ),
    ),
}
