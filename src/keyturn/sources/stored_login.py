"""What the profile holds: an OAuth login, or an API key that was given to be kept."""

from __future__ import annotations

from keyturn.errors import ConfigurationError, NoCredential
from keyturn.hints import in_scene
from keyturn.login import SCOPES_LOST, Login, Moved, Tombstone
from keyturn.oauth import renew
from keyturn.oauth.outcomes import MOVED
from keyturn.survey import Absent, Offer
from keyturn.values import API_ORIGIN, ApiKey, BearerToken
from keyturn.wire import origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.scene import Scene
    from keyturn.values import Credential, Secret

# after a renewal ahead of time that failed, the next try of this process
AHEAD_PAUSE_SECONDS = 30.0
# a login that ends sooner is warned about
EARLY_SECONDS = 3 * 86400.0
# what a login keeps of its authority, and the configuration may name otherwise since (L3)
_PINNED = (
    "authorize_url",
    "client_id",
    "device_url",
    "issuer",
    "resource",
    "revoke_url",
    "token_request",
    "token_url",
)


def look(scene: Scene) -> Absent | Offer:
    """Raises: StoreError, ConfigurationError (the configuration no longer fits the login), Refused."""
    seen = scene.store.glance()
    if isinstance(seen, Moved):
        scene.follow(seen.to)  # and the configuration does not say so yet
        seen = scene.store.glance()
    store = scene.store
    if seen is None:
        return Absent(why=f"no login in profile {scene.profile.name}")
    if isinstance(seen, Tombstone | Moved):
        return Absent(why=f"logged out of profile {scene.profile.name}")
    if not isinstance(seen, Login):
        return _unseen(scene)
    _check_pinned(scene, seen)
    # nobody renews from a record that is provisioned and only read
    renewable = seen.renewable and not store.read_only
    state, note = _describe(seen, renew.now_for(seen, scene.world), renewable=renewable)
    return Offer(
        account=seen.who,
        base_url=_url(scene, seen),
        billing=_billing(scene, seen),
        ends_at=seen.ends_at,
        expires_at=seen.expires_at,
        kind=seen.kind,
        note=in_scene(note, scene) if note else None,
        redeem=_Redeem(scene),
        remedy="--source",
        renewable=renewable,
        state=state,
        warning=_warning(scene, seen),
        where=store.where,
    )


class _Redeem:
    """Gets the login's credential, time after time; remembers whose it was (L18)."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._login: Login | None = None
        self._credential: Credential | None = None
        self._mark: object = None
        self._ahead_after = 0.0

    def __call__(self, rejected: Credential | None) -> Credential:
        scene, world = self._scene, self._scene.world
        mark = scene.store.mark()
        if (
            self._login is not None
            and self._credential is not None
            and mark == self._mark
            and rejected is None
        ):
            state = renew.state(self._login, renew.now_for(self._login, world))
            if state == "fresh" or (state == "ahead" and world.clock() < self._ahead_after):
                return self._credential
        secret: Secret | None = rejected.secret if rejected is not None else None
        try:
            login = renew.current(scene.store, world, rejected=secret, expected=self._login)
        except NoCredential as gone:
            if gone.code != MOVED:
                raise
            scene.follow(str(gone.facts["to"]))
            mark = scene.store.mark()
            login = renew.current(scene.store, world, rejected=secret, expected=self._login)
        if renew.state(login, renew.now_for(login, world)) == "ahead":
            self._ahead_after = world.clock() + AHEAD_PAUSE_SECONDS
        _check_pinned(scene, login)
        self._credential = credential_of(scene, login)
        self._login = login
        self._mark = mark if scene.store.mark() == mark else None
        return self._credential


def credential_of(scene: Scene, login: Login) -> Credential:
    """The credential in a login, bound to where that login may go. Raises: Refused, NoCredential."""
    url = _url(scene, login)
    shared = {"source": "stored-login", "where": scene.store.where, "base_url": url, "audience": _origin(url)}
    if login.api_key is not None:
        return ApiKey(
            secret=login.api_key, billing=_billing(scene, login), expires_at=None, account=login.who, **shared
        )
    if login.access_token is None:
        raise NoCredential(f"{scene.store.where} holds no access token", hint="run: keyturn login")
    beta = login.oauth_beta if scene.profile.oauth_beta is None else scene.profile.oauth_beta
    return BearerToken(
        secret=login.access_token,
        billing=_billing(scene, login),
        expires_at=login.expires_at,
        account=login.who,
        oauth_beta=beta or _origin(url) == API_ORIGIN,
        **shared,
    )


def _billing(scene: Scene, login: Login) -> str:
    """Who pays is the person's to say, also after the login; unlike what L3 pins, no secret goes by it."""
    return "metered" if login.api_key is not None else scene.profile.billing or login.billing


def _url(scene: Scene, login: Login) -> str:
    if login.api_key is not None:
        return scene.bound_url(login.api_base_url or API_ORIGIN, f"the key in profile {scene.profile.name}")
    if login.api_base_url is None:
        raise ConfigurationError(
            f"the login in profile {scene.profile.name} does not say which API it is for",
            hint="log in again and name it: keyturn login --api-base-url https://…",
        )
    return scene.bound_url(login.api_base_url, f"the login in profile {scene.profile.name}")


def _origin(url: str) -> str:
    # the usual shape is its own origin; everything else is parsed
    return url if url.count("/") == 2 and url == url.lower() and ":" not in url[8:] else str(origin(url))  # noqa: PLR2004


def _describe(login: Login, now: float, *, renewable: bool) -> tuple[str, str | None]:
    state = renew.state(login, now)
    if state != "due":
        if login.quarantine is not None:
            return "usable", f"ends with its token: {login.quarantine.reason}"
        return "usable", None
    if renewable:
        return "renewable", "expired; will be renewed"
    if login.quarantine is not None:
        return "rejected", f"{login.quarantine.reason}; log in again: keyturn login"
    if login.renewable:
        return "expired", "expired, and its record is provisioned and only read"
    return "expired", "expired, and it came without a refresh token; log in again: keyturn login"


def _warning(scene: Scene, login: Login) -> str | None:
    name = scene.profile.name
    waiting = scene.store.waiting()
    if waiting is not None and waiting.is_for(login) and waiting.login.quarantine is None:
        return (
            f"the renewed login in profile {name} could not be saved and waits in its journal, beside "
            f"{scene.store.where}; see why: keyturn doctor"
        )
    if login.quarantine is None:
        lost = (login.extra or {}).get(SCOPES_LOST)
        if not isinstance(lost, list) or not lost:
            return _ending(scene, login)
        return (
            f"the authority has taken {', '.join(str(scope) for scope in lost)} from the login in profile "
            f"{name} at a renewal; to be granted it again: keyturn login --profile {name}"
        )
    return (
        f"the login in profile {name} has ended ({login.quarantine.reason}) and serves no longer than "
        f"its token; log in again: keyturn login --profile {name}"
    )


def _ending(scene: Scene, login: Login) -> str | None:
    """A login that ends soon is replaced more easily before it does than in the middle of the night."""
    left = None if login.ends_at is None else login.ends_at - scene.world.now()
    if left is None or left >= EARLY_SECONDS:
        return None
    name, what = scene.profile.name, "API key" if login.kind == "api_key" else "login"
    when = "has ended, by its own date" if left <= 0 else f"ends in {max(1, int(left // 3600))} h"
    again = f"keyturn login --profile {name}" + (" --with-api-key" if login.kind == "api_key" else "")
    return f"the {what} in profile {name} {when}; replace it: {again}"


def _check_pinned(scene: Scene, login: Login) -> None:
    """The configuration may have been edited since the grant: then say so, and use neither (L3)."""
    authority, profile = login.authority, scene.profile
    pinned = {"api_base_url": login.api_base_url}
    if authority is not None:
        pinned |= {key: getattr(authority, key) for key in _PINNED}
    for key, value in pinned.items():
        configured = getattr(profile, key)
        if configured is not None and value is not None and configured.rstrip("/") != value.rstrip("/"):
            raise ConfigurationError(
                f"the login in profile {profile.name} was made with another {key} "
                f"than {scene.config.path} now names",
                hint=f"log in again: keyturn login --profile {profile.name}; or undo the change",
                key=key,
            )


def _unseen(scene: Scene) -> Offer:
    return Offer(
        base_url=scene.profile.api_base_url or API_ORIGIN,
        billing=scene.profile.billing or "unknown",
        kind="bearer",
        note="in the keychain, not looked at yet",
        redeem=_Redeem(scene),
        remedy="--source",
        renewable=True,
        state="renewable",
        where=scene.store.where,
    )
