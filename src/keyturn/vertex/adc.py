"""Where Application Default Credentials lie on this machine: looked for as Google documents, asking nobody.

First the file that GOOGLE_APPLICATION_CREDENTIALS names, then the one that gcloud writes, then, on a machine
that looks like one of Google's, the metadata server. Only the last is asked over a network, and not here.
"""

from __future__ import annotations

from keyturn import jsontext
from keyturn.clean import clean
from keyturn.errors import ConfigurationError
from keyturn.values import Value
from keyturn.vertex.said import path_of
from keyturn.wire import origin
from keyturn.world import files, foreign

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from keyturn.scene import Scene

VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"
FILE_NAME = "application_default_credentials.json"
LOGIN_COMMAND = "gcloud auth application-default login"
METADATA_HOST = "metadata.google.internal"
# Each says that this program runs where Google attaches a service account: Cloud Run, its jobs and functions,
# App Engine, and Kubernetes, whose sandboxed pods see no firmware.
_GOOGLE_RUNS_THIS = (
    "K_SERVICE",
    "CLOUD_RUN_JOB",
    "FUNCTION_TARGET",
    "GAE_SERVICE",
    "KUBERNETES_SERVICE_HOST",
)
_UNIVERSE = "googleapis.com"
_METADATA_VARIABLES = ("GCE_METADATA_HOST", "GCE_METADATA_ROOT", "GCE_METADATA_IP")
# the kinds of file that serve here, with what each cannot do without
KINDS: dict[str, tuple[str, ...]] = {
    "authorized_user": ("client_id", "client_secret", "refresh_token"),
    "service_account": ("client_email", "private_key", "token_uri"),
    "external_account": ("audience", "credential_source", "subject_token_type", "token_url"),
    "external_account_authorized_user": ("client_id", "client_secret", "refresh_token", "token_url"),
    "impersonated_service_account": ("service_account_impersonation_url", "source_credentials"),
}
NAMES = {
    "authorized_user": "a user login of gcloud",
    "service_account": "a service account key",
    "external_account": "an external account",
    "external_account_authorized_user": "a workforce login of gcloud",
    "impersonated_service_account": "an impersonated service account",
    "metadata": "the service account attached to this machine",
}


class Place(Value):
    """Where the credentials lie: a file, or the metadata server of `host`."""

    __slots__ = ("host", "mark", "path", "where")
    host: str | None
    mark: object
    path: str | None
    where: str


class Adc(Value):
    """What lies there; `info` is the file's content, secrets and all, and is not shown."""

    __slots__ = ("info", "kind", "open_to_others", "place")
    info: Mapping[str, Any]
    kind: str
    open_to_others: bool
    place: Place

    def __repr__(self) -> str:
        return f"Adc({self.kind}, {self.place.where})"

    @property
    def account(self) -> str | None:
        """Who the credentials are for, where the file says so."""
        target = _target(str(self.info.get("service_account_impersonation_url") or ""))
        said = target or self.info.get("client_email") or self.info.get("account")
        return said if isinstance(said, str) and said else None

    @property
    def project(self) -> str | None:
        """The project that the file itself names."""
        said = self.info.get("project_id")
        return said if isinstance(said, str) and said else None

    @property
    def person(self) -> bool:
        """Whether a person has logged in for them, and could again."""
        source = self.info.get("source_credentials")
        kind = source.get("type") if isinstance(source, dict) else self.kind
        return kind in ("authorized_user", "external_account_authorized_user")


def find(scene: Scene) -> Place | str:
    """The place that decides, or why there is none.

    Raises: ConfigurationError for a file that is named and is not there.
    """
    world = scene.world
    named = path_of(scene, VARIABLE)
    if named is not None:
        path = foreign.absolute(world, named)
        mark = files.mark(path)
        if mark is None:
            raise missing(path)
        return Place(path=path, where=f"{path}, named by {VARIABLE}", mark=mark)
    path = f"{foreign.gcloud_directory(world)}/{FILE_NAME}"
    mark = files.mark(path)
    if mark is not None:
        return Place(path=path, where=path, mark=mark)
    host = metadata_host(scene)
    if host is not None:
        return Place(host=host, where=f"the metadata server {host}")
    return f"{VARIABLE} is not set, there is no {path}, and this machine is none of Google's"


def missing(path: str) -> ConfigurationError:
    """The error for a file that is named and is not there."""
    return ConfigurationError(
        f"{VARIABLE} names {path}, and there is no such file",
        hint=f"correct it, or unset it to use the login of gcloud: env -u {VARIABLE} keyturn …",
        code="adc_missing",
        variable=VARIABLE,
    )


def metadata_host(scene: Scene) -> str | None:
    """The metadata server of this machine, as far as that can be told without asking it.

    Raises: ConfigurationError for what can be no host.
    """
    world = scene.world
    if (world.variable("NO_GCE_CHECK") or "").strip().lower() == "true":
        return None
    for name in _METADATA_VARIABLES:
        host = (world.variable(name) or "").strip()
        if host:
            return _checked_host(name, host)
    if any(world.variable(name) for name in _GOOGLE_RUNS_THIS) or world.machine().startswith("Google"):
        return METADATA_HOST
    return None


def _checked_host(variable: str, host: str) -> str:
    try:
        there = str(origin(f"http://{host}")).removeprefix("http://")
    except ValueError:
        there = ""
    if there != host.lower().removesuffix(":80"):
        raise ConfigurationError(
            f"the environment variable {variable} names what can be no host of a metadata server",
            hint=f"give host, or host:port; or unset it: env -u {variable} keyturn …",
            variable=variable,
        )
    return host


def read(place: Place) -> Adc:
    """What lies at a place, checked. Raises: ConfigurationError naming file and field, never a value."""
    if place.path is None:
        return Adc(kind="metadata", info={}, open_to_others=False, place=place)
    found = _text(place, place.path)
    try:
        info = jsontext.parse_object(found.text)
    except jsontext.NotJson as error:
        raise ConfigurationError(
            f"{place.path} is not JSON: {error}",
            hint=f"make it anew: {LOGIN_COMMAND}; or download the key again",
            path=place.path,
        ) from None
    kind = _checked_kind(info, place.path)
    return Adc(kind=kind, info=info, open_to_others=found.open_to_others, place=place)


def _text(place: Place, path: str) -> foreign.ForeignText:
    try:
        found = foreign.read_foreign(path)
    except ConfigurationError as error:
        if VARIABLE not in place.where:
            raise
        raise ConfigurationError(
            f"{VARIABLE} names what is no credentials file: {error.message}", hint=error.hint, path=path
        ) from None
    if found is None:
        raise missing(path)
    return found


def _checked_kind(info: Mapping[str, Any], path: str) -> str:
    kind = info.get("type")
    if not isinstance(kind, str) or kind not in KINDS:
        oauth_client = "installed" in info or "web" in info
        what = (
            "is the file of an OAuth client" if oauth_client else f"holds credentials of type {_shown(kind)}"
        )
        raise ConfigurationError(
            f"{path} {what}, which give no token for Vertex",
            hint=f"use one of: {', '.join(KINDS)}; or log in: {LOGIN_COMMAND}",
            code="adc_type",
            path=path,
        )
    _check_universe(info, path)
    for field in KINDS[kind]:
        value = info.get(field)
        if not (isinstance(value, dict) and value) and not (isinstance(value, str) and value.strip()):
            raise ConfigurationError(
                f"{path} has no usable {field}, which {NAMES[kind]} needs",
                hint=f"make the file anew: {LOGIN_COMMAND}; or download the key again",
                code="adc_field",
                path=path,
                field=field,
            )
    return kind


def executable_of(info: Mapping[str, Any]) -> object:
    """What an external account says about a program that prints its token; None without one."""
    source = info.get("credential_source")
    return source.get("executable") if isinstance(source, dict) else None


def _check_universe(info: Mapping[str, Any], path: str) -> None:
    """Google's cloud as others run it has hosts of its own, and gives other tokens than keyturn asks for."""
    universe = info.get("universe_domain")
    if universe not in (None, "", _UNIVERSE):
        raise ConfigurationError(
            f"{path} is for the universe_domain {clean(str(universe), 80)}, "
            f"and keyturn knows that of {_UNIVERSE} alone",
            hint=f"use credentials of {_UNIVERSE}, or a gateway that authenticates: "
            "CLAUDE_CODE_SKIP_VERTEX_AUTH=1",
            code="adc_universe",
        )


def _shown(kind: object) -> str:
    return repr(kind[:40]) if isinstance(kind, str) else "unknown"


def _target(url: str) -> str | None:
    """The service account that an impersonation address is about."""
    _, found, rest = url.partition("/serviceAccounts/")
    return rest.partition(":")[0] or None if found else None
