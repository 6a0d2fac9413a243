"""The order of the sources, as plain data: the whole priority of every route, readable in one place."""

from __future__ import annotations

from keyturn.sources import descriptor, env, stored_login
from keyturn.survey import Absent, Source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from keyturn.scene import Scene
    from keyturn.survey import Offer


def _later(module: str, name: str) -> Callable[[Scene], Absent | Offer]:
    """The look of a source that is loaded when it is asked: `keyturn token` pays for its own route alone."""

    def look(scene: Scene) -> Absent | Offer:
        from importlib import import_module

        answer: Absent | Offer = getattr(import_module(f"keyturn.sources.{module}"), name)(scene)
        return answer

    return look


def _helper(scene: Scene) -> Absent | Offer:
    """As `_later`, and loaded only where there is one."""
    if scene.settings.get("apiKeyHelper") is None:
        return Absent(why="no apiKeyHelper in the settings")
    from keyturn.sources import command

    return command.look(scene)


ORDER: dict[str, tuple[Source, ...]] = {
    "anthropic": (
        Source(id="auth-token-env", name="ANTHROPIC_AUTH_TOKEN", look=env.auth_token, stands_down_for=()),
        Source(
            id="oauth-token-env", name="CLAUDE_CODE_OAUTH_TOKEN", look=env.oauth_token, stands_down_for=()
        ),
        Source(id="oauth-token-fd", name="inherited descriptor", look=descriptor.look, stands_down_for=()),
        Source(id="api-key-helper", name="apiKeyHelper", look=_helper, stands_down_for=()),
        Source(
            id="stored-login",
            name="stored login",
            look=stored_login.look,
            # a key or a helper disables OAuth altogether (R10, R11): no use, no renewal, no question
            stands_down_for=("api-key-helper", "api-key-env"),
        ),
        Source(id="api-key-env", name="ANTHROPIC_API_KEY", look=env.api_key, stands_down_for=()),
    ),
    "bedrock": (
        # whoever says that a gateway signs wants nothing of his own sent there
        Source(
            id="bedrock-bearer-env",
            name="AWS_BEARER_TOKEN_BEDROCK",
            look=_later("bedrock", "bearer"),
            stands_down_for=("skip-auth",),
        ),
        Source(
            id="aws-credential-export",
            name="awsCredentialExport",
            look=_later("bedrock", "export"),
            stands_down_for=("skip-auth",),
        ),
        Source(
            id="aws-chain",
            name="AWS credential chain",
            look=_later("bedrock", "chain"),
            stands_down_for=("skip-auth",),
        ),
        Source(
            id="skip-auth",
            name="CLAUDE_CODE_SKIP_BEDROCK_AUTH",
            look=_later("bedrock", "skip"),
            stands_down_for=(),
        ),
    ),
    "vertex": (
        Source(
            id="google-adc",
            name="Google credentials",
            look=_later("vertex", "adc"),
            # whoever says that a gateway authenticates wants no Google token sent there
            stands_down_for=("skip-auth",),
        ),
        Source(
            id="skip-auth",
            name="CLAUDE_CODE_SKIP_VERTEX_AUTH",
            look=_later("vertex", "skip"),
            stands_down_for=(),
        ),
    ),
}
