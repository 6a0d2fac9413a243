"""The order of the sources, as plain data: the whole priority of every route, readable in one place."""

from __future__ import annotations

from keyturn.sources import bedrock, command, descriptor, env, stored_login, vertex
from keyturn.survey import Source

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
    "bedrock": (
        # whoever says that a gateway signs wants nothing of his own sent there
        Source(
            id="bedrock-bearer-env",
            name="AWS_BEARER_TOKEN_BEDROCK",
            look=bedrock.bearer,
            stands_down_for=("skip-auth",),
        ),
        Source(
            id="aws-credential-export",
            name="awsCredentialExport",
            look=bedrock.export,
            stands_down_for=("skip-auth",),
        ),
        Source(
            id="aws-chain",
            name="AWS credential chain",
            look=bedrock.chain,
            stands_down_for=("skip-auth",),
        ),
        Source(id="skip-auth", name="CLAUDE_CODE_SKIP_BEDROCK_AUTH", look=bedrock.skip, stands_down_for=()),
    ),
    "vertex": (
        Source(
            id="google-adc",
            name="Google credentials",
            look=vertex.adc,
            # whoever says that a gateway authenticates wants no Google token sent there
            stands_down_for=("skip-auth",),
        ),
        Source(id="skip-auth", name="CLAUDE_CODE_SKIP_VERTEX_AUTH", look=vertex.skip, stands_down_for=()),
    ),
}
