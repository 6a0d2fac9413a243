"""The smallest question that shows whether Vertex takes a credential: how many tokens two letters have."""

from __future__ import annotations

import json

from keyturn import jsontext
from keyturn.clean import clean
from keyturn.errors import Rejected, Unavailable
from keyturn.models import choose_model
from keyturn.vertex.client import project_of
from keyturn.vertex.target import target_of
from keyturn.wire import Request, origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.scene import Scene
    from keyturn.values import Credential
    from keyturn.wire import Response

# the version of Anthropic's API that Google documents for its own addresses
API_VERSION = "vertex-2023-10-16"
SECONDS = 10.0
_OK, _REFUSED, _TROUBLE = 200, 400, 500
# too slow and too many: no word about the credential
_TRANSIENT = (408, 429)


def counting(scene: Scene, credential: Credential) -> Request:
    """Costs nothing, and needs the very permission that a request needs. Raises: ConfigurationError."""
    model = choose_model(scene, "vertex").name
    target = target_of(scene, None, model)
    path = f"/projects/{project_of(credential)}/locations/{target.region}/publishers/anthropic/models/"
    body = {
        "anthropic_version": API_VERSION,
        "messages": [{"role": "user", "content": "hi"}],
        "model": model,
    }
    return Request(
        method="POST",
        url=f"{target.base_url}{path}count-tokens:rawPredict",
        headers={**credential.headers(), "content-type": "application/json"},
        body=json.dumps(body).encode(),
    )


def check_taken(scene: Scene, credential: Credential) -> None:
    """Raises: Rejected in Google's own words; Unavailable, ConfigurationError."""
    request = counting(scene, credential)
    response = scene.world.send(request, seconds=SECONDS)
    if response.status == _OK:
        return
    host, words = origin(request.url), _words(response)
    if _REFUSED <= response.status < _TROUBLE and response.status not in _TRANSIENT:
        raise Rejected(
            f"{host} does not take the Google credentials for project {project_of(credential)} "
            f"({response.status}){words}",
            hint="check that the Vertex AI API is enabled there (gcloud services enable "
            "aiplatform.googleapis.com), that Claude is enabled in its Model Garden, and that the account "
            "has roles/aiplatform.user",
            code="vertex_refused",
            status=response.status,
        )
    raise Unavailable(
        f"{host} answered with status {response.status}{words}",
        hint="try again in a moment",
        code="unavailable",
    )


def _words(response: Response) -> str:
    try:
        error = jsontext.parse_object(response.body.decode("utf-8")).get("error")
    except ValueError:
        return ""
    said = clean(str(error.get("message") or "")).rstrip(".") if isinstance(error, dict) else ""
    return f": {said}" if said else ""
