"""The official client of the Vertex route: it builds its requests, keyturn signs them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from keyturn.errors import ConfigurationError
from keyturn.vertex.target import BASE_URL, PROJECT, host_of, target_here, target_of

if TYPE_CHECKING:
    from keyturn.auth import Auth
    from keyturn.scene import Scene
    from keyturn.values import Credential

CREDENTIAL_OPTIONS = ("access_token", "api_key", "auth_token", "credentials")


def make(package: Any, auth: Auth, options: dict[str, Any], *, asynchronous: bool) -> Any:  # noqa: ANN401 - SDK types
    """A ready `AnthropicVertex` or `AsyncAnthropicVertex`.

    Without `project_id` the project is keyturn's; where only the metadata server knows it, the first request
    asks. A model with a region of its own is asked there, unless `region` names one for all.
    """
    scene = auth.scene()
    chosen = options.get("region")
    if chosen is None:
        options["region"] = target_of(scene, None).region
    elif scene.variable(BASE_URL) is None and options["base_url"] == auth.base_url:
        options["base_url"] = f"https://{host_of(chosen)}/v1"
    if options.get("project_id") is None:
        # None where only the metadata server knows it; the official client has an order of its own
        options["project_id"] = target_here(scene).project
    client = _classes(package)[asynchronous](**options)
    client.keyturn_auth = auth
    client.keyturn_scene = scene if chosen is None else None
    return client


def project_of(credential: Credential) -> str:
    """The project that a credential is about. Raises: ConfigurationError when nothing names one."""
    project = getattr(credential, "project", None)
    if project is None:
        project = credential.environment().get(PROJECT)
    if project is None:
        raise ConfigurationError(
            "nothing names the Google Cloud project that requests are for",
            hint=f"name it: export {PROJECT}=my-project; or: gcloud config set project my-project",
            code="no_project",
        )
    return str(project)


@cache
def _classes(package: Any) -> tuple[type, type]:  # noqa: ANN401 - a module
    """The two official classes, without their own credentials and with the regions of single models."""

    class AnthropicVertex(package.AnthropicVertex):  # type: ignore[misc] # a module found at run time
        keyturn_auth: Auth
        keyturn_scene: Scene | None = None
        project_id: str | None

        def _prepare_options(self, options: Any) -> Any:  # noqa: ANN401 - SDK types
            if self.project_id is None:
                self.project_id = project_of(self.keyturn_auth.credential())
            model = _model_of(options)
            return _moved(self, super()._prepare_options(options), model)

        def _prepare_request(self, request: object) -> None:
            """Nothing: `keyturn.http.RequestAuth` signs, below retries and redirects."""

        def copy(self, **options: Any) -> Any:  # noqa: ANN401 - SDK types
            """As the official one; a region that is named here is one for all models."""
            return _copied(self, super().copy(**_placed(self, options)), options)

        with_options = copy

    class AsyncAnthropicVertex(package.AsyncAnthropicVertex):  # type: ignore[misc] # as above
        keyturn_auth: Auth
        keyturn_scene: Scene | None = None
        project_id: str | None

        async def _prepare_options(self, options: Any) -> Any:  # noqa: ANN401 - SDK types
            if self.project_id is None:
                self.project_id = project_of(await self.keyturn_auth.acredential())
            model = _model_of(options)
            return _moved(self, await super()._prepare_options(options), model)

        async def _prepare_request(self, request: object) -> None:
            """Nothing, as above."""

        def copy(self, **options: Any) -> Any:  # noqa: ANN401 - SDK types
            """As above."""
            return _copied(self, super().copy(**_placed(self, options)), options)

        with_options = copy

    return AnthropicVertex, AsyncAnthropicVertex


def _copied(client: Any, copied: Any, options: dict[str, Any]) -> Any:  # noqa: ANN401 - SDK types
    copied.keyturn_auth = client.keyturn_auth
    copied.keyturn_scene = client.keyturn_scene if "region" not in options else None
    return copied


def _placed(client: Any, options: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - SDK types
    """With the host of a region that is named, where the one before was asked at its own."""
    region = options.get("region")
    own = (
        isinstance(region, str) and str(client.base_url).rstrip("/") == f"https://{host_of(client.region)}/v1"
    )
    return {"base_url": f"https://{host_of(region)}/v1", **options} if own and region else options


def _model_of(options: Any) -> str | None:  # noqa: ANN401 - SDK types
    body = options.json_data
    model = body.get("model") if isinstance(body, dict) else None
    return model if isinstance(model, str) else None


def _moved(client: Any, options: Any, model: str | None) -> Any:  # noqa: ANN401 - SDK types
    """The request at the region of its model, if that has one of its own."""
    scene: Scene | None = client.keyturn_scene
    if scene is None or model is None or "/locations/" not in options.url:
        return options
    target = target_of(scene, None, model)
    if target.region == client.region:
        return options
    path = options.url.replace(f"/locations/{client.region}/", f"/locations/{target.region}/", 1)
    same_host = scene.variable(BASE_URL) is not None
    options.url = path if same_host else f"{target.base_url}{path}"
    return options
