"""What a survey should warn about: money spent otherwise than thought, and where values came from."""

from __future__ import annotations

from keyturn.conflicts import conflicts
from keyturn.errors import NoCredential
from keyturn.hints import with_profile
from keyturn.settings.reading import is_of_keyturn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.scene import Scene
    from keyturn.survey import Row, Source, Survey


def with_warnings(found: Survey, scene: Scene, using: Source | None = None) -> Survey:
    """The survey with its warnings, each one line with a remedy that stays on this machine (P4, P23).

    `using` is the source that this program has found before and goes on with, if it has.
    """
    settings = scene.settings
    warnings = [
        *found.warnings,
        *(f"{one.message}; every request ends with this" for one in settings.damages),
    ]
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
        if using is not None and using.id != winner.source.id:
            warnings.append(
                f"this program goes on with {using.name}, which it found first; "
                f"{winner.source.name} would be used by one that starts now"
            )
    warnings += conflicts(scene, found.route)
    stale = _stale_login(scene)
    return found.replace(
        ignored=(*found.ignored, *settings.ignored),
        settings=tuple(settings.found[key].where for key in sorted(settings.found) if is_of_keyturn(key)),
        warnings=(*warnings, *([stale] if stale else [])),
    )


def nothing_found(found: Survey, pinned: str | None, scene: Scene) -> NoCredential:
    """The error where no source offers anything, or the pinned one has nothing."""
    if pinned is not None:
        row = found.row(pinned)
        return NoCredential(
            f"{row.source.name} is pinned and has nothing: {row.why}",
            hint=f"{_trust(scene)}see what there is: keyturn explain",
            code="pinned_absent",
            survey=found,
        )
    if found.route == "bedrock":
        return NoCredential(
            f"no AWS credentials found: {found.row('aws-chain').why}",
            hint="log in: aws sso login; or set AWS_PROFILE; or set it up: keyturn login; "
            f"{_trust(scene)}see what was looked at: keyturn explain",
            code="no_credential",
            survey=found,
        )
    if found.route == "vertex":
        from keyturn.vertex.redeeming import nothing

        return nothing(found.row("google-adc").why, found)
    error = NoCredential(
        f"no credential found: not in the environment, not in profile {scene.profile.name}",
        hint="log in: keyturn login; or set ANTHROPIC_API_KEY; "
        f"{_trust(scene)}see what was looked at: keyturn explain",
        survey=found,
    )
    return with_profile(error, scene)


def _trust(scene: Scene) -> str:
    """The part of a hint for who expects something of a project that nobody has trusted."""
    untrusted = any(line.startswith("project settings not trusted") for line in scene.settings.ignored)
    return "this project's settings are not trusted, look at them: keyturn trust; " if untrusted else ""


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
    return f"{remedy} keyturn …" if remedy.startswith("env ") else remedy
