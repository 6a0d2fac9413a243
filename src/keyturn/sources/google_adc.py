"""Google's Application Default Credentials: a token is got when a request needs one, and renewed ahead."""

from __future__ import annotations

from keyturn.errors import ConfigurationError
from keyturn.survey import Absent, Fact, Offer
from keyturn.vertex import adc
from keyturn.vertex.redeeming import REFRESH, Redeem, quota_project
from keyturn.vertex.target import Target, region_facts, target_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.scene import Scene


def look(scene: Scene) -> Absent | Offer:
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


def _offer(scene: Scene, target: Target, *, note: str, where: str, found: adc.Adc | None = None) -> Offer:
    warnings = list(target.warnings)
    if found is not None and found.open_to_others and found.place.path is not None:
        warnings.append(f"others can read {found.place.path}; run: chmod 600 {found.place.path}")
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
    facts = [
        Fact(name="project", value=target.project or "not known yet", origin=target.project_where),
        Fact(name="region", value=target.region, origin=target.region_where),
        *region_facts(scene),
    ]
    quota = quota_project(scene, found)
    if quota is not None:
        facts.append(Fact(name="quota project", value=quota[0], origin=quota[1]))
    return tuple(facts)
