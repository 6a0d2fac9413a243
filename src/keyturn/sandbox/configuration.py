"""The lines to paste that point keyturn, curl and the official SDK at a running sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .serve import Sandbox

PROFILE = "sandbox"


def configuration_text(sandbox: Sandbox, profile: str = PROFILE) -> str:
    """Return the lines; what they contain works only here and only while the sandbox runs."""
    question = '{"model":"claude-sandbox","max_tokens":256,"messages":[{"role":"user","content":"Hello"}]}'
    routes = route_variables(sandbox)
    return f"""\
# log in with a browser (pick any of the accounts, any password), then ask
keyturn login --profile {profile} --issuer {sandbox.issuer} --api-base-url {sandbox.api_base_url} --oauth-beta
keyturn --profile {profile} -p 'Hello'

# see, and revoke, what is logged in
{sandbox.issuer}/logins

# curl, with the login of keyturn
keyturn --profile {profile} token --header | curl -sS -H @- \\
  -H 'anthropic-version: 2023-06-01' -H 'content-type: application/json' \\
  -d '{question}' \\
  {sandbox.api_base_url}/v1/messages

# any program, with the login of keyturn
keyturn --profile {profile} run -- python your_program.py

# Amazon Bedrock: signatures are checked; AWS does not know these keys
env {_lines(routes["bedrock"])} keyturn -p 'Hello'

# Google Vertex AI; CLOUDSDK_CONFIG keeps your own Google login out of it
env {_lines(routes["vertex"])} keyturn -p 'Hello'

# the official SDK by itself, with the sandbox's API key
export ANTHROPIC_BASE_URL={sandbox.api_base_url}
export ANTHROPIC_API_KEY={sandbox.api_key}
"""


def route_variables(sandbox: Sandbox) -> dict[str, dict[str, str]]:
    """The variables that lead a program to the sandbox through each cloud's route; makes new AWS keys."""
    key = sandbox.aws.issue(lasting=True)
    api = sandbox.api_base_url
    return {
        "bedrock": {
            "CLAUDE_CODE_USE_BEDROCK": "1",
            "AWS_ACCESS_KEY_ID": key.access_key_id,
            "AWS_SECRET_ACCESS_KEY": key.secret,
            "ANTHROPIC_BEDROCK_BASE_URL": api,
            "AWS_ENDPOINT_URL_STS": api,
        },
        "vertex": {
            "CLAUDE_CODE_USE_VERTEX": "1",
            "CLOUDSDK_CONFIG": "/nowhere",
            "GCE_METADATA_HOST": api.removeprefix("http://"),
            "ANTHROPIC_VERTEX_BASE_URL": f"{api}/v1",
        },
    }


def _lines(variables: dict[str, str]) -> str:
    """Assignments for a shell, one a line and the flag before the first."""
    flag, *others = (f"{name}={value}" for name, value in variables.items())
    return " \\\n  ".join((f"{flag} {others[0]}", *others[1:]))
