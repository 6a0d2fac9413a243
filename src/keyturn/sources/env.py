"""Credentials that are simply there, in a variable of the environment or of a settings file."""

from __future__ import annotations

from keyturn.errors import Rejected
from keyturn.survey import Absent, Offer
from keyturn.values import ApiKey, BearerToken, HelperKey
from keyturn.variables import secret_variable
from keyturn.wire import origin
from keyturn.world import files, texts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from keyturn.errors import AuthError
    from keyturn.scene import Scene
    from keyturn.settings.layers import Setting
    from keyturn.values import Credential, Secret


def auth_token(scene: Scene) -> Absent | Offer:
    """ANTHROPIC_AUTH_TOKEN: a bearer token for a gateway."""

    def build(secret: Secret, found: Setting) -> Credential:
        at = _at(scene, scene.free_url(), secret, found)
        key = scene.variable("ANTHROPIC_API_KEY")
        if key is not None and key.value == secret.reveal():
            # so `keyturn run` hands over what a helper printed, for the same two headers and the same money
            return HelperKey(source="auth-token-env", secret=secret, billing="metered", **at)
        # `keyturn run` hands an OAuth token over under both names: then it is one, whichever is read first
        other = scene.variable("CLAUDE_CODE_OAUTH_TOKEN")
        is_oauth = other is not None and other.value == secret.reveal()
        return BearerToken(
            source="auth-token-env",
            secret=secret,
            billing="subscription" if is_oauth else "gateway",
            oauth_beta=is_oauth,
            **at,
        )

    return variable_offer(scene, "ANTHROPIC_AUTH_TOKEN", build)


def oauth_token(scene: Scene) -> Absent | Offer:
    """CLAUDE_CODE_OAUTH_TOKEN: a long-lived OAuth token, for machines nobody logs in on."""
    name = "CLAUDE_CODE_OAUTH_TOKEN"

    def build(secret: Secret, found: Setting) -> Credential:
        return BearerToken(
            source="oauth-token-env",
            secret=secret,
            billing="subscription",
            oauth_beta=True,
            **_at(scene, scene.oauth_url(name), secret, found),
        )

    return variable_offer(scene, name, build)


def api_key(scene: Scene) -> Absent | Offer:
    """ANTHROPIC_API_KEY: a key that is billed by use."""

    def build(secret: Secret, found: Setting) -> Credential:
        at = _at(scene, scene.free_url(), secret, found)
        return ApiKey(source="api-key-env", secret=secret, billing="metered", **at)

    return variable_offer(scene, "ANTHROPIC_API_KEY", build)


def variable_offer(scene: Scene, name: str, build: Callable[[Secret, Setting], Credential]) -> Absent | Offer:
    """What a variable offers, and goes on to offer when a settings file gives it another value.

    Raises: ConfigurationError for a value that no header can carry; what `build` raises.
    """
    secret, found = secret_variable(scene, name), scene.variable(name)
    if secret is None or found is None:
        canceller = scene.settings.canceller(name)
        return Absent(why=f"cancelled by {canceller.where}" if canceller is not None else "not set")
    kept = (found, scene.settings, build(secret, found))

    def current() -> Credential:
        nonlocal kept
        seen, settings, credential = kept
        found = scene.variable(name)
        if found == seen and scene.settings is settings:
            return credential
        secret = secret_variable(scene, name)
        if secret is None or found is None:
            if seen.path is None:
                return credential  # programs take keys out of their own environment, having read them
            raise _gone(seen)
        kept = (found, scene.settings, build(secret, found))
        return kept[2]

    return offer(kept[2], remedy=found.remedy, current=current)


def offer(
    credential: Credential,
    *,
    remedy: str,
    note: str | None = None,
    current: Callable[[], Credential] | None = None,
) -> Offer:
    """The offer of a credential that is at hand and that nobody can renew (P22).

    `current` says what it is now, where it may have changed since it was looked at.
    """

    def redeem(rejected: Credential | None) -> Credential:
        now = credential if current is None else current()
        if rejected is not None and rejected.secret == now.secret:
            raise rejected_at_source(now)
        return now

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


def _gone(seen: Setting) -> AuthError:
    return Rejected(
        f"{seen.where}, which this program has used, is gone",
        hint="set it again; or start the program anew, with what there is now: keyturn explain",
        code="source_gone",
    )


def _at(scene: Scene, url: str, secret: Secret, found: Setting) -> dict[str, str]:
    where = found.where
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
