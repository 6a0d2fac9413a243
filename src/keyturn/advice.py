"""What a survey should warn about: money spent otherwise than thought, and where values came from."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.scene import Scene
    from keyturn.survey import Row, Survey


def with_warnings(found: Survey, scene: Scene) -> Survey:
    """The survey with its warnings, each one line with a remedy that stays on this machine (P4, P23)."""
    warnings = list(found.warnings)
    winner = found.winner
    if winner is not None and winner.offer is not None:
        if winner.offer.billing == "metered":
            shadowed = next((row for row in found.rows if _is_paid_for(row)), None)
            if shadowed is not None and shadowed.offer is not None:
                warnings.append(
                    f"{winner.source.name} is billed by use, while the {shadowed.source.name} "
                    f"({shadowed.offer.billing}) is not used; to use that: {_remedy(winner, shadowed)}"
                )
        if winner.offer.warning is not None:
            warnings.append(winner.offer.warning)
        if "./.env" in winner.offer.where:
            warnings.append(
                f"the value of {winner.source.name} is the one in ./.env, which some shell or tool loaded"
            )
    stale = _stale_login(scene)
    return found.replace(warnings=(*warnings, *([stale] if stale else [])))


def _stale_login(scene: Scene) -> str | None:
    """A login that lies in a store which the profile does not use is said, and never preferred (P26)."""
    from keyturn.errors import AuthError
    from keyturn.stores.siblings import sibling

    name = scene.profile.name
    try:
        kind = scene.store.kind
        other = sibling(scene.world, name, kind)
    except AuthError:
        return None  # the row of the stored login says what is wrong
    if other is None:
        return None
    return (
        f"another login of profile {name} lies in the {other.store.kind} store and is not used; "
        f"to be rid of it: keyturn login --profile {name} --store {kind}"
    )


def _is_paid_for(row: Row) -> bool:
    return (
        row.offer is not None
        and row.state in ("outranked", "stands_down")
        and row.offer.billing not in ("metered", "cloud")
        and row.offer.state in ("usable", "renewable")
    )


def _remedy(winner: Row, shadowed: Row) -> str:
    remedy = winner.offer.remedy if winner.offer is not None else None
    if remedy is None or remedy == "--source":
        return f"keyturn --source {shadowed.source.id} …"
    return f"{remedy} keyturn …"
