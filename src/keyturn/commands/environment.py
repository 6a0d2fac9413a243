"""The environment of the commands that people configure: what is on a list, and no credential (T8).

What a helper needs to find its own tools and their settings is passed on. What keyturn itself could hold is
not, and of everything else nothing whose name says that it is a secret, unless a person lists it.
"""

from __future__ import annotations

from keyturn.world.programs import desktop_environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# what keyturn takes credentials from: no command gets these, listed or not
HELD = frozenset(
    """
    ANTHROPIC_API_KEY ANTHROPIC_AUTH_TOKEN ANTHROPIC_CUSTOM_HEADERS ANTHROPIC_IDENTITY_TOKEN
    AWS_BEARER_TOKEN_BEDROCK CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR CLAUDE_CODE_OAUTH_REFRESH_TOKEN
    CLAUDE_CODE_OAUTH_TOKEN CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR
    """.split()  # noqa: SIM905 - to be read
)
# the keys that a command asks AWS for others with; on the way to those only, and only for that command
_AWS_KEYS = frozenset(
    """
    AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_SECURITY_TOKEN
    AWS_CONTAINER_AUTHORIZATION_TOKEN
    """.split()  # noqa: SIM905 - to be read
)
_KEPT = frozenset(
    """
    ANTHROPIC_BASE_URL ANTHROPIC_MODEL BROWSER CI CLAUDE_CONFIG_DIR COLUMNS CONDA_PREFIX CURL_CA_BUNDLE
    DOCKER_CONFIG DOCKER_HOST GITHUB_ACTIONS GNUPGHOME GPG_TTY HOSTNAME KEYTURN_HOME KEYTURN_PROFILE
    KRB5CCNAME KUBECONFIG NODE_EXTRA_CA_CERTS NO_COLOR PASSWORD_STORE_DIR REQUESTS_CA_BUNDLE SSH_AGENT_PID
    SSH_AUTH_SOCK SSL_CERT_DIR SSL_CERT_FILE VIRTUAL_ENV
    AWS_CONTAINER_CREDENTIALS_FULL_URI AWS_CONTAINER_CREDENTIALS_RELATIVE_URI AWS_SHARED_CREDENTIALS_FILE
    AWS_WEB_IDENTITY_TOKEN_FILE CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE GOOGLE_APPLICATION_CREDENTIALS
    """.split()  # noqa: SIM905 - to be read; the last ones are names of files and addresses, not secrets
)
# the settings of the tools that keep secrets, and of those that install tools
_GROUPS = (
    *("AWS_", "AZURE_", "BW_", "CLOUDSDK_", "GCLOUD_", "GOOGLE_", "OP_", "VAULT_"),
    *("ASDF_", "MISE_", "NVM_", "PYENV_", "RBENV_", "VOLTA_"),
)
_SECRET_PARTS = frozenset(
    """
    ACCESS ASSERTION AUTH AUTHORIZATION CREDENTIAL CREDENTIALS KEY PASS PASSPHRASE PASSWD PASSWORD PIN
    PRIVATE SECRET SESSION TOKEN
    """.split()  # noqa: SIM905 - to be read
)


_PLACES = ("_FILE", "_OVERRIDE", "_PID", "_SOCK", "_URI")  # a name like a secret's, and where one lies


def command_environment(env: Mapping[str, str], key: str, listed: Iterable[str] = ()) -> dict[str, str]:
    """What the command of a setting gets; `key` is the setting's, such as apiKeyHelper.

    `listed` are the names that the person adds, `helper_environment` of the configuration.
    """
    kept = desktop_environment(env)
    wanted = {name.upper() for name in listed} | (_AWS_KEYS if key == "awsCredentialExport" else frozenset())
    for name, value in env.items():
        upper = name.upper()
        if upper in _KEPT or upper in wanted or (upper.startswith(_GROUPS) and not _is_secret(upper)):
            kept[name] = value
    kept = {name: value for name, value in kept.items() if name.upper() not in HELD}
    # whoever asks keyturn from inside of it must not be sent back to the same command (L24)
    return {**kept, "KEYTURN_IN_HELPER": "1"}


def secrets_in(environment: Mapping[str, str], listed: Iterable[str] = ()) -> list[str]:
    """The values in what a command got that are, or may be, secrets: nothing it says may show one (T15)."""
    ours = {name.upper() for name in listed}
    named = {name: name.upper() for name in environment}
    return [
        environment[name]
        for name, upper in named.items()
        if upper in ours or (_is_secret(upper) and not upper.endswith(_PLACES))
    ]


def _is_secret(name: str) -> bool:
    return bool(_SECRET_PARTS.intersection(name.split("_")))
