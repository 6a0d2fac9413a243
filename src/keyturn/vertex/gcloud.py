"""gcloud's own configuration: read for the project alone, without starting gcloud."""

from __future__ import annotations

from keyturn.errors import ConfigurationError
from keyturn.vertex.said import Said, said
from keyturn.world import foreign

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.scene import Scene

_PROJECT_VARIABLE = "CLOUDSDK_CORE_PROJECT"


def project(scene: Scene) -> Said | None:
    """The project of gcloud's active configuration; what cannot be read says nothing."""
    value = said(scene, _PROJECT_VARIABLE)
    if value is not None:
        return value
    directory = foreign.gcloud_directory(scene.world)
    active = (
        scene.world.variable("CLOUDSDK_ACTIVE_CONFIG_NAME") or _text(f"{directory}/active_config").strip()
    )
    name = active or "default"
    if not name.replace("-", "").replace("_", "").isalnum():
        return None
    path = f"{directory}/configurations/config_{name}"
    found = _core_project(_text(path))
    return Said(text=found, where=f"{path} of gcloud") if found else None


def _core_project(text: str) -> str:
    section = ""
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("[") and stripped.endswith("]"):
            section = stripped[1:-1].strip()
        elif section == "core":
            key, sign, value = stripped.partition("=")
            if sign and key.strip() == "project":
                return value.strip()
    return ""


def _text(path: str) -> str:
    try:
        found = foreign.read_foreign(path)
    except ConfigurationError:
        return ""  # gcloud's trouble, of which gcloud will tell
    return found.text if found is not None else ""
