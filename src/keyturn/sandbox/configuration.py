"""The lines to paste that point keyturn, curl and the official SDK at a running sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .serve import Sandbox

PROFILE = "sandbox"


def configuration_text(sandbox: Sandbox, profile: str = PROFILE) -> str:
    """Return the lines; what they contain works only here and only while the sandbox runs."""
    question = '{"model":"claude-sandbox","max_tokens":256,"messages":[{"role":"user","content":"Hello"}]}'
    key = sandbox.aws.issue(lasting=True)
    host = sandbox.api_base_url.removeprefix("http://")
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
env CLAUDE_CODE_USE_BEDROCK=1 AWS_ACCESS_KEY_ID={key.access_key_id} AWS_SECRET_ACCESS_KEY={key.secret} \\
  ANTHROPIC_BEDROCK_BASE_URL={sandbox.api_base_url} \\
  AWS_ENDPOINT_URL_STS={sandbox.api_base_url} keyturn -p 'Hello'

# Google Vertex AI; CLOUDSDK_CONFIG keeps your own Google login out of it
env CLAUDE_CODE_USE_VERTEX=1 CLOUDSDK_CONFIG=/nowhere GCE_METADATA_HOST={host} \\
  ANTHROPIC_VERTEX_BASE_URL={sandbox.api_base_url}/v1 keyturn -p 'Hello'

# the official SDK by itself, with the sandbox's API key
export ANTHROPIC_BASE_URL={sandbox.api_base_url}
export ANTHROPIC_API_KEY={sandbox.api_key}
"""
