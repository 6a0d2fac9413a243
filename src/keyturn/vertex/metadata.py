"""The metadata server of a Google machine: asked directly, for 2 s at most, and never through a proxy."""

from __future__ import annotations

from keyturn import jsontext
from keyturn.clean import clean
from keyturn.errors import AuthError, NoCredential, Rejected, Unavailable
from keyturn.vertex.token import is_sendable
from keyturn.wire import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.wire import Response
    from keyturn.world import World

# so that a command is done within 3 s where nobody answers, its own start and end included
SECONDS = 2.0
# for a renewal: that somebody is there is known by then, and a busy node may take its time
PATIENT_SECONDS = 10.0
# a metadata server that has just started refuses connections, or answers 503 or 429, for a moment
_PAUSES = (0.2, 0.5)
_TRANSIENT = (429, 500, 502, 503, 504)
_FLAVOR = "metadata-flavor"
_OK, _NOT_FOUND = 200, 404


def token(world: World, host: str, scope: str, *, patient: bool = False) -> tuple[str, float | None]:
    """The access token of the attached service account, and its seconds to live.

    Raises: NoCredential (nothing answers there, or no account is attached), Unavailable, Rejected.
    """
    path = f"instance/service-accounts/default/token?scopes={scope}"
    response = _get(world, host, path, PATIENT_SECONDS if patient else SECONDS)
    if response.status == _NOT_FOUND:
        raise NoCredential(
            f"the metadata server {host} knows no service account of this machine",
            hint="attach one to it, or name a key: export GOOGLE_APPLICATION_CREDENTIALS=/path/to/key.json",
            code="no_service_account",
        )
    if response.status != _OK:
        raise Rejected(
            f"the metadata server {host} gives no token ({response.status}){_words(response)}",
            hint="check the service account of this machine and its access scopes",
            code="metadata_refused",
            status=response.status,
        )
    try:
        fields = jsontext.parse_object(response.body.decode("utf-8"))
        text, seconds = fields["access_token"], fields.get("expires_in")
    except (ValueError, KeyError):
        text, seconds = None, None
    text = text.strip() if isinstance(text, str) else ""
    if not is_sendable(text):
        raise Unavailable(
            f"the metadata server {host} answered something that is no token",
            hint="check GCE_METADATA_HOST, or what answers there",
            code="not_a_token",
        )
    lives = float(seconds) if isinstance(seconds, int | float) and not isinstance(seconds, bool) else None
    return text, lives if lives is not None and lives > 0 else None


def project(world: World, host: str) -> str | None:
    """The project this machine belongs to; None when the server does not say. Raises: as `token`."""
    response = _get(world, host, "project/project-id", SECONDS)
    return response.body.decode("utf-8", "replace").strip() or None if response.status == _OK else None


def _get(world: World, host: str, path: str, seconds: float) -> Response:
    """One question, asked again while the server has trouble; `seconds` for everything."""
    until = world.clock() + seconds
    request = Request(
        method="GET",
        url=f"http://{host}/computeMetadata/v1/{path}",
        headers={_FLAVOR: "Google"},
        body=b"",
    )
    pauses = list(_PAUSES)
    while True:
        try:
            response = world.send(request, seconds=max(0.1, until - world.clock()))
        except Unavailable as error:
            if error.facts.get("sent") is False and pauses and world.clock() + pauses[0] < until:
                world.sleep(pauses.pop(0))
                continue
            raise _silent(host, error, seconds) from None
        if response.status not in _TRANSIENT:
            if response.headers.get(_FLAVOR) != "Google":  # a captive portal, or a name that leads elsewhere
                raise _nobody(host, None)
            return response
        if not pauses or world.clock() + pauses[0] >= until:
            raise Unavailable(
                f"the metadata server {host} has trouble ({response.status}){_words(response)}",
                hint="try again in a moment",
                code="metadata_busy",
                status=response.status,
            )
        world.sleep(pauses.pop(0))


def _silent(host: str, error: Unavailable, seconds: float) -> AuthError:
    """Nobody there, or somebody who takes a request and does not answer: that one may answer the next."""
    if error.facts.get("sent") is False:
        return _nobody(host, error)
    return Unavailable(
        f"the metadata server {host} did not answer within {seconds:g} s",
        hint="try again; or log in: gcloud auth application-default login",
        code="metadata_silent",
        host=host,
    )


def _nobody(host: str, error: AuthError | None) -> NoCredential:
    why = "what answers there is none" if error is None else error.message
    return NoCredential(
        f"no Google credentials: there is no credentials file, and no metadata server answers ({why})",
        hint="log in: gcloud auth application-default login; "
        "or name a key: export GOOGLE_APPLICATION_CREDENTIALS=/path/to/key.json",
        code="no_metadata",
        host=host,
    )


def _words(response: Response) -> str:
    said = clean(response.body.decode("utf-8", "replace"), 200).strip()
    return f": {said}" if said and not said.startswith("<") else ""
