"""keyturn's own `config.json`: strict JSON, fit for editing by hand, written by `login` and `profile`."""

from __future__ import annotations

from keyturn import jsontext
from keyturn.errors import ConfigurationError, UsageError, frameless
from keyturn.settings.fields import Fields
from keyturn.values import BILLING, Secret, Value
from keyturn.variables import text_variable
from keyturn.world import directories, files, texts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from keyturn.world import World

VERSION = 1
DEFAULT_PROFILE = "default"
TOKEN_REQUESTS = ("form", "json")
_ADDRESSES = ("api_base_url", "authorize_url", "device_url", "issuer", "revoke_url", "token_url")


class Profile(Value):
    """A named login's configuration; what is None is not configured."""

    __slots__ = (
        "api_base_url",
        "authorize_url",
        "aws_profile",
        "aws_region",
        "billing",
        "client_id",
        "client_secret",
        "device_url",
        "issuer",
        "name",
        "oauth_beta",
        "paste_redirect_uri",
        "redirect_uri",
        "resource",
        "revoke_url",
        "route",
        "scopes",
        "store",
        "token_request",
        "token_url",
        "vertex_project",
        "vertex_region",
    )
    api_base_url: str | None
    authorize_url: str | None
    aws_profile: str | None
    aws_region: str | None
    billing: str | None
    client_id: str | None
    client_secret: Secret | None
    device_url: str | None
    issuer: str | None
    name: str
    oauth_beta: bool | None
    paste_redirect_uri: str | None
    redirect_uri: str | None
    resource: str | None
    revoke_url: str | None
    route: str | None
    scopes: tuple[str, ...]
    store: str
    token_request: str
    token_url: str | None
    vertex_project: str | None
    vertex_region: str | None


class Config(Value):
    """The whole file; `raw` is what it held, kept for writing back what this version does not know."""

    __slots__ = (
        "allow_http_origins",
        "allow_oauth_origins",
        "bindings",
        "default_profile",
        "helper_cache",
        "helper_environment",
        "path",
        "profiles",
        "raw",
        "require_billing",
    )
    allow_http_origins: tuple[str, ...]
    allow_oauth_origins: tuple[str, ...]
    bindings: Mapping[str, str]
    default_profile: str | None
    helper_cache: bool
    helper_environment: tuple[str, ...]
    path: str
    profiles: Mapping[str, Profile]
    raw: Mapping[str, Any]
    require_billing: str | None

    def profile(self, name: str) -> Profile:
        """The configuration of a profile; an empty one when it has none yet."""
        return self.profiles.get(name) or Profile(name=name, scopes=(), store="auto", token_request="form")  # noqa: S106 - a format

    def chosen(self, name: str | None, world: World) -> tuple[str, str]:
        """The profile's name and why it is that one.

        Raises: for a name that cannot be one, UsageError where it was typed, else ConfigurationError.
        """
        if name:
            if not is_name(name):
                raise UsageError(_not_a_name("--profile"), hint="list the profiles: keyturn profile list")
            return name, "--profile"
        from_environment = text_variable(world, "KEYTURN_PROFILE")
        if from_environment:
            if not is_name(from_environment):
                raise ConfigurationError(
                    _not_a_name("KEYTURN_PROFILE"),
                    hint="correct it, or unset it: env -u KEYTURN_PROFILE keyturn …",
                    variable="KEYTURN_PROFILE",
                )
            return from_environment, "KEYTURN_PROFILE"
        if self.bindings:
            at = world.cwd()
            # written by hand a directory may be a link; the working directory is canonical
            bindings = {world.canonical(path): name for path, name in self.bindings.items()}
            while True:
                if at in bindings:
                    return self._checked(bindings[at], f"bindings of {at}"), f"bound to {at}"
                above = at.rpartition("/")[0] or "/"
                if above == at:
                    break
                at = above
        if self.default_profile:
            name = self._checked(self.default_profile, "default_profile")
            return name, f"default_profile in {self.path}"
        return DEFAULT_PROFILE, "default"

    def _checked(self, name: str, key: str) -> str:
        if not is_name(name):
            raise _wrong_name(self.path, key)
        return name


def config_mark(world: World) -> object:
    """A value that changes whenever the file does; costs a stat. Raises: ConfigurationError."""
    return files.mark(f"{world.config_dir()}/config.json")


@frameless
def read_config(world: World) -> Config:
    """The configuration; an empty one when there is no file.

    Raises: ConfigurationError with file, line and column, or with the key that is wrong.
    """
    path = f"{world.config_dir()}/config.json"
    text = texts.read_text(path)
    if text is None:
        return _config({}, path)
    try:
        raw = jsontext.parse_object(text)
    except jsontext.NotJson as error:
        raise ConfigurationError(
            f"{path}:{error.line}:{error.column}: {error.why}",
            hint="correct the file by hand; it is strict JSON, without comments and trailing commas",
            path=path,
            line=error.line,
            column=error.column,
        ) from None
    return _config(raw, path)


@frameless
def change_config(world: World, change: Callable[[dict[str, Any]], None]) -> Config:
    """Apply a change to the file, under its lock, keeping everything the change does not touch.

    Raises: ConfigurationError when the file is damaged (it is then left alone), StoreDenied.
    """
    from keyturn.world.locks import FileLock

    directory = world.config_dir()
    directories.make_private_directory(directory)
    lock = FileLock(f"{directory}/config.lock", world)
    lock.acquire(seconds=10)
    try:
        config = read_config(world)
        raw: dict[str, Any] = {"version": VERSION, **config.raw}
        change(raw)
        changed = _config(raw, config.path)
        files.write_durably(config.path, jsontext.dump(raw, indent=2) + "\n")
        return changed
    finally:
        lock.release()


def is_name(name: str) -> bool:
    """Whether a profile may be called so; its name is also a file's, of 64 characters at most."""
    plain = name.replace("-", "").replace("_", "").replace(".", "")
    return 0 < len(name) <= 64 and name[0] not in ".-" and plain.isascii() and plain.isalnum()  # noqa: PLR2004 - a file name's comfort


def _not_a_name(where: str) -> str:
    return f"the profile name in {where} is not one: letters, digits, '.', '_' and '-', at most 64"


def _wrong_name(path: str, key: str) -> ConfigurationError:
    return ConfigurationError(
        _not_a_name(f"{path}, {key},"), hint=f"correct {key} in {path} by hand", path=path, key=key
    )


def _config(raw: dict[str, Any], path: str) -> Config:
    fields = Fields(raw, path, "")
    version = raw.get("version", VERSION)
    if type(version) is not int or version > VERSION:
        raise ConfigurationError(
            f"{path} has version {version!r}, and this keyturn knows {VERSION}",
            hint="upgrade: pip install --upgrade keyturn",
            path=path,
        )
    profiles = fields.mapping("profiles")
    for name in profiles:
        if not is_name(name):
            raise _wrong_name(path, "profiles")
    require = fields.text("require_billing")
    if require is not None and require not in BILLING:
        raise fields.wrong("require_billing", f"one of {', '.join(BILLING)}")
    cache = raw.get("helper_cache", False)
    if not isinstance(cache, bool):
        raise fields.wrong("helper_cache", "true or false")
    return Config(
        allow_http_origins=fields.origins("allow_http_origins"),
        allow_oauth_origins=fields.origins("allow_oauth_origins"),
        bindings=fields.bindings("bindings"),
        default_profile=fields.text("default_profile"),
        helper_cache=cache,
        helper_environment=fields.texts("helper_environment"),
        path=path,
        profiles={name: _profile(name, value, path) for name, value in profiles.items()},
        raw=raw,
        require_billing=require,
    )


def _profile(name: str, value: object, path: str) -> Profile:
    if not isinstance(value, dict):
        raise ConfigurationError(
            f"{path}: profiles.{name} is not an object", hint="correct the file by hand", path=path
        )
    fields = Fields(value, path, f"profiles.{name}.")
    texts = {
        key: fields.text(key)
        for key in Profile.fields
        if key not in ("name", "scopes", "oauth_beta", "client_secret", "store", "token_request")
    }
    for key in _ADDRESSES:
        fields.check_address(key, texts[key])
    if texts["billing"] is not None and texts["billing"] not in BILLING:
        raise fields.wrong("billing", f"one of {', '.join(BILLING)}")
    token_request = fields.text("token_request") or TOKEN_REQUESTS[0]
    if token_request not in TOKEN_REQUESTS:
        raise fields.wrong("token_request", f"one of {', '.join(TOKEN_REQUESTS)}")
    secret = fields.text("client_secret")
    beta = value.get("oauth_beta")
    if beta is not None and not isinstance(beta, bool):
        raise fields.wrong("oauth_beta", "true or false")
    return Profile(
        name=name,
        scopes=fields.texts("scopes"),
        store=fields.text("store") or "auto",
        token_request=token_request,
        oauth_beta=beta,
        client_secret=Secret(secret) if secret else None,
        **texts,
    )
