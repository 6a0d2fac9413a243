"""Which project and region requests are for, and which host that means; each with where it was said."""

from __future__ import annotations

import re

from keyturn.errors import ConfigurationError
from keyturn.survey import Fact
from keyturn.values import Value
from keyturn.vertex import adc as adc_of
from keyturn.vertex import gcloud
from keyturn.vertex.said import Said, names, said, said_by_profile
from keyturn.wire import origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from keyturn.scene import Scene
    from keyturn.vertex.adc import Adc

PROJECT = "ANTHROPIC_VERTEX_PROJECT_ID"
REGION = "CLOUD_ML_REGION"
BASE_URL = "ANTHROPIC_VERTEX_BASE_URL"
PER_MODEL = "VERTEX_REGION_CLAUDE_"
GENERIC_PROJECTS = ("GCLOUD_PROJECT", "GOOGLE_CLOUD_PROJECT")
# what the documentation names for those who choose none (2026-11-22)
DEFAULT_REGION = "us-east5"
_MULTI = ("us", "eu")
# a number, an id, or the id of a domain's project; Google's rules for new ones are stricter
_PROJECT_FORM = re.compile(r"(?:[a-z0-9.-]+:)?[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", re.ASCII)
_REGION_FORM = re.compile(r"global|us|eu|[a-z]{2,20}-[a-z]{2,20}[0-9]{1,2}", re.ASCII)
_FAMILY = re.compile(r"[a-z]+")


class Target(Value):
    """Project, region and base URL of requests; `project` is None until the metadata server is asked."""

    __slots__ = (
        "base_url",
        "base_url_where",
        "project",
        "project_where",
        "region",
        "region_where",
        "warnings",
    )
    base_url: str
    base_url_where: str
    project: str | None
    project_where: str
    region: str
    region_where: str
    warnings: tuple[str, ...]


def target_of(scene: Scene, adc: Adc | None, model: str | None = None, *, secret: bool = True) -> Target:
    """Where requests for a model go, or for any model that has no region of its own.

    Without a `secret` they may also go over plain http.

    Raises: ConfigurationError for a project or an address that cannot be one; Refused for plain http.
    """
    project, warning = _project(scene, adc)
    region, complaints = _region(scene, model)
    url, where = _base_url(scene, region.text, secret=secret)
    return Target(
        base_url=url,
        base_url_where=where,
        project=project.text if project is not None else None,
        project_where=project.where if project is not None else "nowhere yet",
        region=region.text,
        region_where=region.where,
        warnings=(*([warning] if warning else []), *complaints),
    )


def target_here(scene: Scene) -> Target:
    """As `target_of`, with the credentials file that is there; one that cannot be used says nothing."""
    try:
        place = adc_of.find(scene)
        found = adc_of.read(place) if isinstance(place, adc_of.Place) else None
    except ConfigurationError:
        found = None
    return target_of(scene, found)


def model_regions(scene: Scene) -> dict[str, Said]:
    """The variables that give single models a region, whether or not it is formed like one."""
    found = ((name, said(scene, name)) for name in names(scene, PER_MODEL))
    return {name: value for name, value in found if value is not None}


def region_facts(scene: Scene) -> tuple[Fact, ...]:
    """The regions of single models, as they are set."""
    return tuple(
        Fact(name=f"region of {name.removeprefix(PER_MODEL).lower()}", value=value.text, origin=value.where)
        for name, value in model_regions(scene).items()
        if is_region(value.text)
    )


def child_regions(scene: Scene) -> dict[str, str]:
    """The variables of single models, for a child that may read no settings."""
    return {name: value.text for name, value in model_regions(scene).items() if is_region(value.text)}


def no_regions(scene: Scene) -> list[str]:
    """What is said about the variables of single models that hold none."""
    return [_complaint(value) for value in model_regions(scene).values() if not is_region(value.text)]


def model_variables(model: str) -> tuple[str, ...]:
    """The variables that may hold a region for a model: family and version in either order.

    `claude-opus-4-1@20250805` reads …OPUS_4_1 and …4_1_OPUS; a version `5` is also looked up as `5_0`.
    """
    words = re.split(r"[^a-z0-9]+", model.lower().partition("@")[0].rpartition("claude-")[2])
    words = [word for word in words if word and not (word.isdigit() and len(word) > 2)]  # noqa: PLR2004 - a date
    family = "_".join(word for word in words if _FAMILY.match(word)).upper()
    version = "_".join(word for word in words if word.isdigit())
    if not family or not version:
        return (f"{PER_MODEL}{family or version}",) if family or version else ()
    versions = (version, f"{version}_0") if "_" not in version else (version,)
    return tuple(f"{PER_MODEL}{name}" for v in versions for name in (f"{family}_{v}", f"{v}_{family}"))


def is_region(text: str) -> bool:
    """Whether it is formed like one; a host name is made of it."""
    return _REGION_FORM.fullmatch(text) is not None


def checked_project(value: Said) -> Said:
    """A project that could be one. Raises: ConfigurationError."""
    if _PROJECT_FORM.fullmatch(value.text) is None:
        raise ConfigurationError(
            f"{value.where} names a project that cannot be one",
            hint="a project's id has lower-case letters, digits and hyphens: gcloud projects list",
            code="project",
        )
    return value


def _project(scene: Scene, adc: Adc | None) -> tuple[Said | None, str | None]:
    """In the order that is documented for Claude's own programs, where the generic variables come first."""
    specific = said(scene, PROJECT) or said_by_profile(scene, "vertex_project")
    for value in _projects(scene, adc, specific):
        checked_project(value)
        if specific is not None and value is not specific and value.text != specific.text:
            return value, (
                f"{value.where} names project {value.text} and comes before {specific.where}, "
                f"which names {specific.text}; to use that one: {_without(value, specific)}"
            )
        return value, None
    return None, None


def _projects(scene: Scene, adc: Adc | None, specific: Said | None) -> Iterator[Said]:
    for name in GENERIC_PROJECTS:
        value = said(scene, name)
        if value is not None:
            yield value
    if adc is not None and adc.project is not None and adc.place.path is not None:
        yield Said(text=adc.project, where=f"the project_id in {adc.place.path}")
    if specific is not None:
        yield specific
    configured = gcloud.project(scene)
    if configured is not None:
        yield configured


def _without(value: Said, specific: Said) -> str:
    if value.remedy is not None:
        return f"{value.remedy} keyturn …" if value.remedy.startswith("env ") else value.remedy
    return f"export {GENERIC_PROJECTS[0]}={specific.text}"


def _region(scene: Scene, model: str | None) -> tuple[Said, list[str]]:
    complaints: list[str] = []
    named = (said(scene, name) for name in (*(model_variables(model) if model else ()), REGION))
    for value in (*named, said_by_profile(scene, "vertex_region")):
        if value is None:
            continue
        if is_region(value.text):
            return value, complaints
        complaints.append(_complaint(value))
    return Said(text=DEFAULT_REGION, where="default"), complaints


def _complaint(value: Said) -> str:
    return f"{value.where} names no region and is skipped; for example: {DEFAULT_REGION}, global"


def _base_url(scene: Scene, region: str, *, secret: bool) -> tuple[str, str]:
    value = said(scene, BASE_URL)
    if value is None:
        return f"https://{host_of(region)}/v1", f"the region {region}"
    try:
        origin(value.text)
    except ValueError as error:
        raise ConfigurationError(
            f"{value.where} is not a usable address: {error}",
            hint=f"correct it, or unset it: {value.remedy}",
            variable=BASE_URL,
        ) from None
    url = value.text.rstrip("/")
    return scene.confidential(url) if secret else url, value.where


def host_of(region: str) -> str:
    """The host that serves a region."""
    if region == "global":
        return "aiplatform.googleapis.com"
    if region in _MULTI:
        return f"aiplatform.{region}.rep.googleapis.com"
    return f"{region}-aiplatform.googleapis.com"
