"""What the Vertex route offers: Application Default Credentials, or nothing where a gateway authenticates."""

from __future__ import annotations

from keyturn.errors import ConfigurationError
from keyturn.models import DEFAULTS, SMALL_VARIABLE, choose_model
from keyturn.survey import Absent, Fact, Offer
from keyturn.values import Secret, Unsigned
from keyturn.variables import flag_variable, text_variable, where_of
from keyturn.vertex import adc
from keyturn.vertex.redeeming import REFRESH, Redeem, quota_project
from keyturn.vertex.target import (
    BASE_URL,
    PROJECT,
    REGION,
    Target,
    child_regions,
    no_regions,
    region_facts,
    target_of,
)
from keyturn.wire import origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.scene import Scene
    from keyturn.values import Credential

SKIP = "CLAUDE_CODE_SKIP_VERTEX_AUTH"


def adc_offer(scene: Scene) -> Absent | Offer:
    """Raises: ConfigurationError for a file, project or address that cannot be used; Refused."""
    refresh = scene.settings.get(REFRESH)
    try:
        place = adc.find(scene)
        found = adc.read(place) if isinstance(place, adc.Place) else None
    except ConfigurationError:
        if refresh is None:
            raise
        place, found = "the credentials file cannot be used", None
    if found is None and refresh is None:
        return Absent(why=str(place))
    target = target_of(scene, found)
    if found is None:
        return _offer(
            scene, target, note=f"{place}; {REFRESH} will be run", where=refresh.where if refresh else ""
        )
    return _offer(scene, target, note=adc.NAMES[found.kind], where=found.place.where, found=found)


def skip_offer(scene: Scene) -> Absent | Offer:
    """Raises: ConfigurationError, Refused."""
    if not flag_variable(scene, SKIP):
        return Absent(why="not set")
    target = target_of(scene, None, secret=False)
    setting = scene.variable(SKIP)
    where = setting.where if setting is not None else SKIP
    pointed = scene.variable(BASE_URL) is not None
    given = {"CLAUDE_CODE_USE_VERTEX": "1", SKIP: "1", REGION: target.region}
    if target.project is not None:
        given[PROJECT] = target.project
    if pointed:
        given[BASE_URL] = target.base_url
    given |= child_regions(scene)
    credential = Unsigned(
        audience=str(origin(target.base_url)),
        base_url=target.base_url,
        billing="cloud",
        secret=Secret(""),
        source="skip-auth",
        variables=given,
        where=where,
    )

    def redeem(rejected: Credential | None) -> Credential:
        del rejected  # a gateway's 401 is the caller's own: nothing of keyturn's was refused
        return credential

    return Offer(
        base_url=target.base_url,
        billing="cloud",
        facts=(
            Fact(name="project", value=target.project or "not known yet", origin=target.project_where),
            Fact(name="region", value=target.region, origin=target.region_where),
            *region_facts(scene),
            *model_facts(scene),
        ),
        kind="none",
        note="requests carry no token; a gateway must add one",
        redeem=redeem,
        remedy=setting.remedy if setting is not None else "--route",
        renewable=False,
        state="usable",
        warning=None if pointed else f"{SKIP} is on, and {BASE_URL} names no gateway: Google will refuse",
        where=where,
    )


def _offer(scene: Scene, target: Target, *, note: str, where: str, found: adc.Adc | None = None) -> Offer:
    warnings = [*target.warnings, *no_regions(scene)]
    if found is not None and found.open_to_others and found.place.path is not None:
        from shlex import quote  # whoever named the file shall not write the command

        warnings.append(f"others can read {found.place.path}; run: chmod 600 {quote(found.place.path)}")
    return Offer(
        account=found.account if found is not None else None,
        base_url=target.base_url,
        billing="cloud",
        expires_at=None,
        facts=_facts(scene, target, found),
        kind="google",
        note=note,
        redeem=Redeem(scene),
        remedy="--route",
        renewable=True,
        state="renewable",
        warning="; ".join(warnings) or None,
        where=where,
    )


def _facts(scene: Scene, target: Target, found: adc.Adc | None) -> tuple[Fact, ...]:
    nowhere = f"{found.place.where} will be asked" if found is not None and found.place.host else None
    project_where = target.project_where if target.project is not None else nowhere or "set none"
    facts = [
        Fact(name="project", value=target.project or "not known yet", origin=project_where),
        Fact(name="region", value=target.region, origin=target.region_where),
        *region_facts(scene),
        *model_facts(scene),
    ]
    quota = quota_project(scene, found)
    if quota is not None:
        facts.append(Fact(name="quota project", value=quota[0], origin=quota[1]))
    return tuple(facts)


def model_facts(scene: Scene) -> tuple[Fact, ...]:
    """The model and the small one for background work, and who chose them."""
    chosen = choose_model(scene, "vertex")
    by_default = chosen.by == "default"
    origin_of_model = "default" if by_default else where_of(scene, chosen.by)
    small = text_variable(scene, SMALL_VARIABLE)
    if small is not None:
        beside = Fact(name="small model", value=small, origin=where_of(scene, SMALL_VARIABLE))
    else:
        # who names one model has perhaps no other: background work goes to that one, too
        name = DEFAULTS["vertex"].small if by_default else chosen.name
        beside = Fact(name="small model", value=name, origin=origin_of_model)
    return (Fact(name="model", value=chosen.name, origin=origin_of_model), beside)
