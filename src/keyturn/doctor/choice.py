"""What a request would be made with: damaged settings, untrusted projects, and money that is spent unseen."""

from __future__ import annotations

from keyturn.clean import clean
from keyturn.doctor.findings import MONEY, note, of_error, quote, warning
from keyturn.errors import AuthError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.auth import Auth
    from keyturn.doctor.findings import Finding
    from keyturn.survey import Row, Survey
    from keyturn.world import World

_TRUST = 7


def examine(auth: Auth) -> tuple[list[Finding], str | None]:
    """What the survey shows, and where a request would go, if anywhere."""
    found: list[Finding] = []
    try:
        found += _project(auth.world)
        survey = auth.explain()
    except AuthError as failure:  # what keeps a survey from being made at all
        return [*found, of_error(failure)], None
    found += _shadowed(survey)
    winner = survey.winner
    if winner is None:
        return found, None
    if winner.offer is None:
        if winner.source.id != "stored-login" and isinstance(winner.answer, AuthError):
            found.append(of_error(winner.answer))  # a stored login's own trouble is told with its profile
        return found, None
    found += _refused(auth)
    return found, winner.offer.base_url


def _refused(auth: Auth) -> list[Finding]:
    """What would stop every request although there is a winner: its billing, its address."""
    try:
        _ = auth.base_url
    except AuthError as failure:
        return [of_error(failure)]
    return []


def _shadowed(survey: Survey) -> list[Finding]:
    """Money that is spent while something that is paid for lies idle (P4)."""
    winner = survey.winner
    if winner is None or winner.offer is None or winner.offer.billing != "metered":
        return []
    idle = next((row for row in survey.rows if _is_paid_for(row)), None)
    if idle is None or idle.offer is None:
        return []
    text = (
        f"{winner.source.name} is billed by use, while the {idle.source.name} ({idle.offer.billing}) "
        "is there and not used"
    )
    remedy = winner.offer.remedy or ""
    repair = f"keyturn --source {idle.source.id} status"
    if remedy.startswith("env -u "):
        repair = f"unset {remedy.removeprefix('env -u ')}"
    elif remedy.startswith("take "):
        repair = f"${{EDITOR:-vi}} {quote(remedy.rpartition(' out of ')[2])}"
    return [warning("shadowed_billing", text, winner.offer.where, repair, MONEY)]


def _is_paid_for(row: Row) -> bool:
    return (
        row.offer is not None
        and row.state in ("outranked", "stands_down")
        and row.offer.billing not in ("metered", "cloud")
        and row.offer.state in ("usable", "renewable")
    )


def _project(world: World) -> list[Finding]:
    """Whether the working directory's settings count; that they do not is no trouble unless they once did."""
    from keyturn.settings import trust
    from keyturn.settings.layers import no_project

    place = world.cwd()
    files = trust.read(place)
    if not files or no_project(world, place):
        return []
    try:
        verdict = trust.judge(world, place, files)
    except AuthError:
        return []  # said with the settings
    if verdict.state == "trusted":
        return []
    repair = f"keyturn trust {quote(place)}"
    if verdict.state == "changed":
        text = f"this project's settings are not used any more: {clean(verdict.why)}"
        return [warning("untrusted_project", text, place, repair, _TRUST)]
    return [
        note(
            "untrusted_project", "this project's settings are not used: nobody has trusted it", place, repair
        )
    ]
