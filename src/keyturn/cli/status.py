"""`keyturn status`: which credential is used, whose it is, what it costs, and for how long it lasts."""

from __future__ import annotations

from keyturn.clean import clean
from keyturn.cli.chosen import auth_of
from keyturn.cli.explain import address, fact_pairs, facts_json, warnings
from keyturn.cli.layout import pairs
from keyturn.cli.times import duration, rfc3339, span
from keyturn.errors import NoCredential, Rejected, Unavailable
from keyturn.hints import in_scene

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from keyturn.auth import Auth
    from keyturn.cli.terminal import Terminal
    from keyturn.survey import Survey
    from keyturn.verify import Verified

VERSION = 1
_EXITS = {"accepted": 0, "rejected": Rejected.exit, "unreachable": Unavailable.exit}


def add_options(parser: ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "--verify", action="store_true", help="ask the server whether it takes the credential"
    )
    parser.add_argument(
        "--expires-within",
        type=duration,
        metavar="7d",
        help="exit 4 if the login ends sooner (s, m, h, d)",
    )


def run(options: Namespace, terminal: Terminal) -> int:
    """Run the command; the exit status. Raises: AuthError."""
    auth = auth_of(options, terminal, tolerant=True)
    survey = auth.explain()
    if survey.winner is not None:
        _ = auth.base_url  # raises what resolving would: the winner's own error, or a billing that is refused
    verified = None
    if options.verify and survey.winner is not None:
        from keyturn.verify import verify

        verified = verify(auth)
        survey = auth.explain()  # asking may have renewed the login
    if terminal.json:
        terminal.print_json(as_json(auth, survey, verified))
    else:
        _print(auth, survey, verified, terminal)
    return _exit(auth, survey, verified, options.expires_within)


def as_json(auth: Auth, survey: Survey, verified: Verified | None = None) -> dict[str, object]:
    """The status in the shape that other programs rely on; it only grows (docs/json.md)."""
    offer = survey.winner.offer if survey.winner else None
    said = warnings(survey, None)
    found: dict[str, object] = {
        "version": VERSION,
        "route": survey.route,
        "source": survey.winner.source.id if survey.winner else None,
        "where": clean(offer.where) if offer else None,
        "kind": offer.kind if offer else "none",
        "billing": offer.billing if offer else None,
        "profile": auth.scene().profile.name,
        "profile_by": clean(auth.scene().chosen_by),
        "account": clean(offer.account) if offer and offer.account else None,
        "expires_at": rfc3339(offer.expires_at) if offer else None,
        "ends_at": rfc3339(offer.ends_at) if offer else None,
        "renewable": offer.renewable if offer else False,
        "state": offer.state if offer else "absent",
        "facts": facts_json(offer),
        "warnings": said,
    }
    if verified is not None:
        found["verified"] = verified.verdict
        found["warnings"] = said if verified.verdict == "accepted" else [*said, verified.detail]
    return found


def _print(auth: Auth, survey: Survey, verified: Verified | None, terminal: Terminal) -> None:
    facts = _facts(auth, survey, verified)
    lines = (
        pairs(facts, terminal.width) if terminal.is_terminal else [f"{name}: {text}" for name, text in facts]
    )
    for line in lines:
        terminal.print(line)


def _facts(auth: Auth, survey: Survey, verified: Verified | None) -> list[tuple[str, str]]:
    scene = auth.scene()
    offer = survey.winner.offer if survey.winner else None
    facts = [("route", survey.route)]
    if survey.winner is None or offer is None:
        facts.append(("source", "none"))
        facts.append(("state", in_scene("absent; log in: keyturn login", scene)))
    else:
        facts += [
            ("source", f"{survey.winner.source.name} ({survey.winner.source.id})"),
            ("where", clean(offer.where)),
            ("account", clean(offer.account) if offer.account else "not known"),
            ("billing", offer.billing),
            ("expires", _expiry(offer.expires_at, auth.world.now(), renewable=offer.renewable)),
            *_end(offer.ends_at, auth.world.now()),
            ("requests", address(offer.base_url)),
            *fact_pairs(offer),
            ("state", f"{offer.state}; {clean(offer.note)}" if offer.note else offer.state),
        ]
    facts.append(("profile", f"{scene.profile.name} ({clean(scene.chosen_by)})"))
    facts += [
        ("also there", f"{row.source.name}: {clean(row.why, 1000)}")
        for row in survey.rows
        if row is not survey.winner and row.state != "absent"
    ]
    if verified is not None:
        facts.append(("verified", f"{verified.verdict}: {verified.detail}"))
    return facts + [("warning", text) for text in warnings(survey, None)]


def _expiry(expires_at: float | None, now: float, *, renewable: bool) -> str:
    if expires_at is None:
        return "not known"
    left = expires_at - now
    when = f"{rfc3339(expires_at)} ({f'in {span(left)}' if left > 0 else f'{span(-left)} ago'})"
    return f"{when}, renewed by itself" if renewable else when


def _end(ends_at: float | None, now: float) -> list[tuple[str, str]]:
    """When the login itself ends, where somebody said so."""
    return [] if ends_at is None else [("login ends", _expiry(ends_at, now, renewable=False))]


def _exit(auth: Auth, survey: Survey, verified: Verified | None, within: float | None) -> int:
    if survey.winner is None or survey.winner.offer is None:
        return NoCredential.exit
    offer = survey.winner.offer
    if offer.state in ("expired", "rejected"):
        return Rejected.exit
    if verified is not None and verified.verdict != "accepted":
        return _EXITS[verified.verdict]
    # a token that is renewed by itself ends nothing; the login may, where somebody said so
    ends = [
        time for time in (offer.ends_at, None if offer.renewable else offer.expires_at) if time is not None
    ]
    if within is not None and ends and min(ends) - auth.world.now() < within:
        return Rejected.exit
    return 0
