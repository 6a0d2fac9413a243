"""Credentials that are simply there, in an environment variable."""

from __future__ import annotations

from keyturn.errors import Rejected
from keyturn.survey import Absent, Offer
from keyturn.values import ApiKey, BearerToken
from keyturn.variables import secret_variable
from keyturn.wire import origin
from keyturn.world import files, texts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.errors import AuthError
    from keyturn.scene import Scene
    from keyturn.values import Credential, Secret


def auth_token(scene: Scene) -> Absent | Offer:
    """ANTHROPIC_AUTH_TOKEN: a bearer token for a gateway."""
    name = "ANTHROPIC_AUTH_TOKEN"
    secret = secret_variable(scene, name)
    if secret is None:
        return Absent(why="not set")
    url = scene.free_url()
    # `keyturn run` hands an OAuth token over under both names: then it is one, whichever is read first
    is_oauth = _plain(scene, "CLAUDE_CODE_OAUTH_TOKEN") == secret.reveal()
    return offer(
        BearerToken(
            source="auth-token-env",
            secret=secret,
            billing="subscription" if is_oauth else "gateway",
            oauth_beta=is_oauth,
            **_at(scene, name, url, secret),
        ),
        remedy=_remedy(scene, name),
    )


def oauth_token(scene: Scene) -> Absent | Offer:
    """CLAUDE_CODE_OAUTH_TOKEN: a long-lived OAuth token, for machines nobody logs in on."""
    name = "CLAUDE_CODE_OAUTH_TOKEN"
    secret = secret_variable(scene, name)
    if secret is None:
        return Absent(why="not set")
    url = scene.oauth_url(name)
    return offer(
        BearerToken(
            source="oauth-token-env",
            secret=secret,
            billing="subscription",
            oauth_beta=True,
            **_at(scene, name, url, secret),
        ),
        remedy=_remedy(scene, name),
    )


def api_key(scene: Scene) -> Absent | Offer:
    """ANTHROPIC_API_KEY: a key that is billed by use."""
    name = "ANTHROPIC_API_KEY"
    secret = secret_variable(scene, name)
    if secret is None:
        return Absent(why="not set")
    url = scene.free_url()
    return offer(
        ApiKey(source="api-key-env", secret=secret, billing="metered", **_at(scene, name, url, secret)),
        remedy=_remedy(scene, name),
    )


def offer(credential: Credential, *, remedy: str, note: str | None = None) -> Offer:
    """The offer of a credential that is already at hand and that nobody can renew (P22)."""

    def redeem(rejected: Credential | None) -> Credential:
        if rejected is not None and rejected.secret == credential.secret:
            raise rejected_at_source(credential)
        return credential

    return Offer(
        account=None,
        base_url=credential.base_url,
        billing=credential.billing,
        expires_at=None,
        kind=credential.kind,
        note=note,
        redeem=redeem,
        remedy=remedy,
        renewable=False,
        state="usable",
        where=credential.where,
    )


def rejected_at_source(credential: Credential) -> AuthError:
    """The error for a credential that the API does not take and that has nothing to be renewed from."""
    return Rejected(
        f"{credential.audience} rejected the credential of {credential.where}",
        hint="set another one there, or see what else there is: keyturn explain "
        f"({credential.source} is used now)",
        code="credential_rejected",
        source=credential.source,
    )


def _remedy(scene: Scene, name: str) -> str:
    found = scene.variable(name)
    return found.remedy if found is not None else f"env -u {name}"


def _plain(scene: Scene, name: str) -> str | None:
    found = scene.variable(name)
    return found.value if found is not None else None


def _at(scene: Scene, name: str, url: str, secret: Secret) -> dict[str, str]:
    found = scene.variable(name)
    where = found.where if found is not None else name
    if _is_in_dotenv(scene, secret):
        where += ", with the value that ./.env has"
    return {"where": where, "base_url": url, "audience": str(origin(url))}


def _is_in_dotenv(scene: Scene, secret: Secret) -> bool:
    """Whether a line of ./.env has this value (P34). The file is compared and never loaded."""
    path = f"{scene.world.cwd()}/.env"
    if files.mark(path) is None:
        return False
    try:
        text = texts.read_text(path, ours_alone=False) or ""
    except Exception:  # noqa: BLE001 - whatever lies there, it must not stop anybody (T5)
        return False
    values = (line.partition("=")[2].strip().strip("'\"") for line in text.splitlines() if "=" in line)
    return any(value == secret.reveal() for value in values)
