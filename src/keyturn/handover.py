"""The environment of a program that gets keyturn's credential, and no other of Claude's (`keyturn run`)."""

from __future__ import annotations

from keyturn.routes import FLAGS
from keyturn.values import API_ORIGIN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from keyturn.values import Credential
    from keyturn.world import World

HEADERS = "ANTHROPIC_CUSTOM_HEADERS"
BASE_URL = "ANTHROPIC_BASE_URL"
# Each of these would make a program take another credential than the winner's.
CREDENTIALS = (
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_IDENTITY_TOKEN",
    "ANTHROPIC_IDENTITY_TOKEN_FILE",
    "ANTHROPIC_PROFILE",
    "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR",
    "CLAUDE_CODE_OAUTH_REFRESH_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR",
)
# How servers are reached; settings files may say that too, and the program reads none of them as we do.
NETWORK = (
    *("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"),
    *("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"),
    *("CLAUDE_CODE_CLIENT_CERT", "CLAUDE_CODE_CLIENT_KEY", "CLAUDE_CODE_CLIENT_KEY_PASSPHRASE"),
)
_CREDENTIAL_HEADERS = ("authorization", "x-api-key")


def child_environment(credential: Credential, env: Mapping[str, str], route: str) -> dict[str, str]:
    """`env` with the credential's variables, without those of others, and otherwise as it is.

    Headers that the person has set for all requests stay, except those that carry a credential.
    """
    out = (*CREDENTIALS, *credential.displaces, *(flag for flag, chosen in FLAGS.items() if chosen != route))
    child = {name: value for name, value in env.items() if name not in out}
    given = dict(credential.environment())
    headers = _headers(child.pop(HEADERS, ""), given.pop(HEADERS, ""))
    if headers:
        child[HEADERS] = headers
    if credential.base_url == API_ORIGIN and BASE_URL not in child:
        given.pop(BASE_URL, None)
    return {**child, **given}


def with_network(child: Mapping[str, str], world: World) -> dict[str, str]:
    """The same with the proxies and certificates that keyturn itself goes by.

    Node.js trusts further authorities by a variable of its own only, which adds to its trust; so the file of
    SSL_CERT_FILE stands there too. The way back would take the system's trust from programs that read that.
    """
    found = dict(child)
    for name in NETWORK:
        value = world.network_variable(name)
        if value is not None:
            found[name] = value
        elif found.get(name):
            del found[name]  # a settings file takes it away
    if "SSL_CERT_FILE" in found:
        found.setdefault("NODE_EXTRA_CA_CERTS", found["SSL_CERT_FILE"])
    return found


def _headers(own: str, given: str) -> str:
    """The lines of both; a header that both name is one line with both values, as programs take only one."""
    lines = [line for line in own.split("\n") if line.strip() and _name(line) not in _CREDENTIAL_HEADERS]
    for line in given.split("\n"):
        if not line:
            continue
        same = [other for other in lines if _name(other) == _name(line)]
        values = [*(_values(other) for other in same), _values(line)]
        merged = list(dict.fromkeys(value for some in values for value in some))
        lines = [other for other in lines if other not in same]
        lines.append(f"{_name(line)}: {','.join(merged)}")
    return "\n".join(lines)


def _name(line: str) -> str:
    return line.partition(":")[0].strip().lower()


def _values(line: str) -> list[str]:
    return [value.strip() for value in line.partition(":")[2].split(",") if value.strip()]
