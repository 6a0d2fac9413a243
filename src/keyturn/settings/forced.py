"""Which logins the settings allow: `forceLoginMethod` and `forceLoginOrgUUID`, for every way to log in."""

from __future__ import annotations

from keyturn import jsontext
from keyturn.clean import clean
from keyturn.errors import ConfigurationError, Refused
from keyturn.settings.parsing import CODE, FORCED
from keyturn.settings.watch import read_settings
from keyturn.values import API_ORIGIN
from keyturn.wire import origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.login import Login
    from keyturn.settings.layers import Setting, Settings
    from keyturn.world import World

# each with what is allowed by it, and the command that does it
METHODS = {
    "claudeai": (
        f"OAuth logins for {API_ORIGIN}",
        f"with an authority for it: keyturn login --issuer https://… --api-base-url {API_ORIGIN}",
    ),
    "console": (f"API keys for {API_ORIGIN}", "with a key: keyturn login --with-api-key < key.txt"),
    "gateway": (
        "logins for a gateway",
        "at your gateway: keyturn login --issuer https://… --api-base-url https://…",
    ),
}


def check_method(world: World, kind: str, api_base_url: str) -> None:
    """Refuse a way to log in that the settings rule out; `kind` is that of a login.

    Raises: Refused; ConfigurationError when what the settings say of it cannot be understood, because a rule
    that nobody can read must not be one that everybody may break.
    """
    forced = _settings(world).get("forceLoginMethod")
    if forced is None:
        return
    if forced.value not in METHODS:
        raise ConfigurationError(
            f"{forced.where} is not one of {', '.join(METHODS)}",
            hint=f"correct it in {forced.path}",
            code=CODE,
            path=forced.path,
            key=forced.key,
        )
    at_anthropic = str(origin(api_base_url)) == API_ORIGIN
    fits = "gateway" if not at_anthropic else "console" if kind == "api_key" else "claudeai"
    if fits != forced.value:
        allowed, way = METHODS[forced.value]
        what = "an API key" if kind == "api_key" else "an OAuth login"
        raise Refused(
            f"{forced.where} allows only {allowed} ({forced.value}), "
            f"and this is {what} for {origin(api_base_url)}",
            hint=f"log in {way}",
            code="force_login",
        )


def check_before(world: World, api_base_url: str | None, *, key: bool) -> None:
    """Refuse what the settings rule out before a person is sent anywhere, as far as it is known then.

    Raises: as `check_method`.
    """
    if key or api_base_url is not None:
        check_method(world, "api_key" if key else "bearer", api_base_url or API_ORIGIN)


def check_login(world: World, login: Login) -> str | None:
    """Refuse a login that the settings rule out, before it is stored; a remark on what could not be checked.

    Raises: as `check_method`.
    """
    check_method(world, login.kind, login.api_base_url or API_ORIGIN)
    forced = _settings(world).get("forceLoginOrgUUID")
    if forced is None:
        return None
    if login.kind == "api_key":
        return f"{forced.where} could not be checked: an API key does not tell whose it is"
    allowed = organizations(forced)
    # as an authority names it: `uuid` bare, `id` with its kind before it
    named = (login.organization_id or "").removeprefix("id:").lower()
    if named and named in allowed:
        return None
    if not allowed:
        why = "names none, so nobody may log in"
    elif named:
        why = f"does not name the organization of this login, {clean(login.organization or named)}"
    else:
        why = "names who may log in, and the authority names no organization of this login"
    raise Refused(
        f"{forced.where} {why}; nothing was stored",
        hint="log in with an account of the organization: keyturn login",
        code="force_login",
    )


def organizations(forced: Setting) -> tuple[str, ...]:
    """The organizations that a setting names, in small letters."""
    listed = jsontext.parse(forced.value) if forced.value.startswith("[") else [forced.value]
    return tuple(one.strip().lower() for one in listed if one.strip())


def _settings(world: World) -> Settings:
    settings = read_settings(world)
    for damage in settings.damages:
        if damage.facts.get("key") in FORCED:
            raise damage
    return settings
