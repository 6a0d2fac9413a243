"""The smallest question that shows whether Vertex takes a credential: how many tokens two letters have."""

from __future__ import annotations

import json

from keyturn.models import choose_model
from keyturn.vertex.client import project_of
from keyturn.vertex.target import target_of
from keyturn.wire import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.auth import Auth
    from keyturn.values import Credential

# the version of Anthropic's API that Google documents for its own addresses
API_VERSION = "vertex-2023-10-16"


def counting(auth: Auth, credential: Credential) -> Request:
    """Costs nothing, and needs the very permission that a request needs. Raises: ConfigurationError."""
    scene = auth.scene()
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
