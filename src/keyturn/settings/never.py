"""Variables that no project may set, trusted or not (T4)."""

from __future__ import annotations

# What loads code into programs, chooses which program runs, or says where keyturn and others keep their own.
_NAMES = frozenset(
    """
    BASH_ENV BASHOPTS BROWSER CDPATH CLAUDE_CONFIG_DIR EDITOR ENV HOME IFS JAVA_TOOL_OPTIONS LOCPATH
    NODE_EXTRA_CA_CERTS NODE_OPTIONS NODE_PATH NODE_TLS_REJECT_UNAUTHORIZED PAGER PATH PATHEXT COMSPEC
    PROMPT_COMMAND PS4 SHELL SHELLOPTS SSLKEYLOGFILE SYSTEMROOT TMPDIR TEMP TMP USERPROFILE VISUAL WINDIR
    ZDOTDIR ANTHROPIC_CUSTOM_HEADERS ANTHROPIC_PROFILE ANTHROPIC_CONFIG_DIR
    AWS_CA_BUNDLE AWS_CONFIG_FILE AWS_DATA_PATH AWS_CONTAINER_CREDENTIALS_FULL_URI
    AWS_CONTAINER_CREDENTIALS_RELATIVE_URI AWS_EC2_METADATA_SERVICE_ENDPOINT AWS_PAGER BOTO_CONFIG
    CONDA_PREFIX CURL_CA_BUNDLE DISPLAY DOCKER_CONFIG DOCKER_HOST GCE_METADATA_HOST GCE_METADATA_IP
    GCE_METADATA_ROOT GNUPGHOME GOOGLE_CLOUD_UNIVERSE_DOMAIN GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES
    GPG_TTY KRB5CCNAME KUBECONFIG REQUESTS_CA_BUNDLE SSL_CERT_DIR SSL_CERT_FILE VIRTUAL_ENV WAYLAND_DISPLAY
    XAUTHORITY APPDATA DESKTOP_SESSION HOMEDRIVE HOMEPATH LOCALAPPDATA SESSION_MANAGER SYSTEMDRIVE
    """.split()  # noqa: SIM905 - a list of names, to be read
)
_BEGINNINGS = (
    *("BASH_FUNC_", "DBUS_", "DYLD_", "GIT_", "KEYTURN_", "LD_", "OPENSSL_", "PERL5", "PYTHON", "RUBY"),
    *("PROGRAM", "SSH_", "WSL", "XDG_"),
    # tools that a helper runs: their settings name programs, extensions, or the server that gets their token
    *("ASDF_", "AZURE_", "BW_", "CLOUDSDK_", "MISE_", "NVM_", "OP_", "PYENV_", "RBENV_", "VAULT_", "VOLTA_"),
    *("GNOME_", "GTK_", "KDE_", "MOZ_", "QT_"),
)
# that only choose among what the person has
_HARMLESS = frozenset(
    """
    CLOUDSDK_ACTIVE_CONFIG_NAME CLOUDSDK_COMPUTE_REGION CLOUDSDK_COMPUTE_ZONE CLOUDSDK_CORE_ACCOUNT
    CLOUDSDK_CORE_PROJECT
    """.split()  # noqa: SIM905 - as above
)
_SECRETS = ("_KEY", "_KEYS", "_KEY_ID")  # endings
# A word of a name: credentials and certificates, whoever they are for. TOKENS (how many) is another word.
_WORDS = frozenset(
    {"CERT", "CERTIFICATE", "CREDENTIAL", "CREDENTIALS", "PASSPHRASE", "PASSWORD", "SECRET", "TOKEN"}
)


def never_from_project(name: str) -> bool:
    """Whether a variable keeps the value that it has outside, whatever a project says.

    Upper and lower case count as one: proxies are read in both, and Windows knows no difference.
    """
    name = name.strip().upper()
    if name in _HARMLESS:
        return False
    return name in _NAMES or name.startswith(_BEGINNINGS) or name.endswith("_PROXY") or names_a_secret(name)


def names_a_secret(name: str) -> bool:
    """Whether a variable is called as those are that hold a credential, or lead to one."""
    name = name.strip().upper()
    return name.endswith(_SECRETS) or not _WORDS.isdisjoint(name.split("_"))
