"""`keyturn explain`: the whole survey, which source wins, and what would without it."""

from __future__ import annotations

from keyturn.clean import clean
from keyturn.cli.chosen import auth_of, standing
from keyturn.cli.layout import pairs, table, wrap
from keyturn.hints import in_scene

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from keyturn.auth import Auth
    from keyturn.cli.terminal import Terminal
    from keyturn.errors import AuthError
    from keyturn.survey import Offer, Row, Survey

VERSION = 1
_STYLES = {
    "selected": "green",
    "error": "red",
    "outranked": "yellow",
    "stands_down": "yellow",
    "absent": "dim",
}


def add_options(parser: ArgumentParser) -> None:
    """Add the options of the command."""
    del parser  # the common options are all there are


def run(options: Namespace, terminal: Terminal) -> int:
    """Run the command; the exit status. Raises: AuthError."""
    auth = auth_of(options, terminal, tolerant=True)
    survey = auth.explain()
    objection = standing(auth, survey)
    if terminal.json:
        terminal.print_json(as_json(survey, objection))
    elif terminal.is_terminal:
        for line in drawn(auth, survey, objection, terminal):
            terminal.print(line)
    else:
        for line in plain(auth, survey, objection):
            terminal.print(line)
    return 0


def as_json(survey: Survey, objection: AuthError | None = None) -> dict[str, object]:
    """The survey in the shape that other programs rely on; it only grows (docs/json.md)."""
    return {
        "version": VERSION,
        "route": survey.route,
        "winner": survey.winner.source.id if survey.winner else None,
        "next_winner": survey.next_winner.source.id if survey.next_winner else None,
        "sources": [
            {
                "id": row.source.id,
                "name": row.source.name,
                "state": row.state,
                "why": clean(row.why),
                "where": clean(row.where) if row.where else None,
            }
            for row in survey.rows
        ],
        "facts": facts_json(survey.winner.offer if survey.winner else None),
        "settings": [clean(text, 1000) for text in survey.settings],
        "ignored": [clean(text, 1000) for text in survey.ignored],
        "warnings": warnings(survey, objection),
    }


def warnings(survey: Survey, objection: AuthError | None) -> list[str]:
    """What the survey warns about, and why the winner will not be used all the same, if so."""
    said = [clean(text, 1000) for text in survey.warnings]
    return said if objection is None else [*said, clean(objection.message, 1000)]


def plain(auth: Auth, survey: Survey, objection: AuthError | None) -> list[str]:
    """One line per fact, for pipes: nothing is aligned, wrapped or cut."""
    lines = [f"{row.source.id}: {_word(row.state)}: {_reason(row)}" for row in survey.rows]
    return lines + [f"{name}: {text}" for name, text in _facts(auth, survey, objection)]


def drawn(auth: Auth, survey: Survey, objection: AuthError | None, terminal: Terminal) -> list[str]:
    """A table, or a list where the terminal is too narrow for one; never wider than the terminal."""
    width = terminal.width
    facts = pairs(_facts(auth, survey, objection), width)
    rows = [(_mark(row), row.source.id, _word(row.state), _reason(row)) for row in survey.rows]
    lines = table(rows, width)
    if lines is None:
        lines = _listed(survey, width)
    return [*(_styled(line, survey, terminal) for line in lines), "", *facts]


def _listed(survey: Survey, width: int) -> list[str]:
    lines: list[str] = []
    for row in survey.rows:
        lines += wrap(f"{_mark(row)} {row.source.id}: {_word(row.state)}", width)
        lines += [f"    {line}" for line in wrap(_reason(row), width - 4)]
    return lines


def _styled(line: str, survey: Survey, terminal: Terminal) -> str:
    for row in survey.rows:
        word = _word(row.state)
        if row.source.id in line.split() or f"{row.source.id}:" in line.split():
            return line.replace(word, terminal.style(word, _STYLES[row.state]), 1)
    return line


def _facts(auth: Auth, survey: Survey, objection: AuthError | None) -> list[tuple[str, str]]:
    scene = auth.scene()
    winner, following = survey.winner, survey.next_winner
    facts = [("route", survey.route), ("profile", f"{scene.profile.name} ({clean(scene.chosen_by)})")]
    if winner is None:
        facts.append(("winner", in_scene("none; log in: keyturn login", scene)))
    elif winner.offer is None:
        facts.append(("winner", f"{winner.source.name}, and it cannot be used"))
        hint = getattr(winner.answer, "hint", None)
        facts += [("next step", clean(hint, 1000))] if hint else []
    else:
        facts.append(("winner", f"{winner.source.name}, billed as {winner.offer.billing}"))
        facts.append(("requests", f"go to {address(winner.offer.base_url)}"))
        facts += fact_pairs(winner.offer)
    if winner is not None:
        without = f"{following.source.name} would win" if following else "nothing else would"
        facts.append(("without it", without))
    facts += [("setting", clean(text, 1000)) for text in survey.settings]
    facts += [("ignored", clean(text, 1000)) for text in survey.ignored]
    return facts + [("warning", text) for text in warnings(survey, objection)]


def address(url: str) -> str:
    """An address as it may be shown: what follows its path can be a key of some gateway (T15)."""
    path, mark, _ = clean(url.replace("#", "?", 1)).partition("?")
    return f"{path}?…" if mark else path


def fact_pairs(offer: Offer) -> list[tuple[str, str]]:
    """What the route worked out beside the credential, each with who said so."""
    return [(clean(fact.name), f"{clean(fact.value)} ({clean(fact.origin)})") for fact in offer.facts or ()]


def facts_json(offer: Offer | None) -> dict[str, dict[str, str]]:
    """The same for programs: by name, an object with `value` and `origin`."""
    facts = (offer.facts if offer is not None else None) or ()
    return {fact.name: {"value": clean(fact.value), "origin": clean(fact.origin)} for fact in facts}


def _mark(row: Row) -> str:
    return ">" if row.state == "selected" else "!" if row.state == "error" else " "


def _word(state: str) -> str:
    return state.replace("_", " ")


def _reason(row: Row) -> str:
    reason = clean(row.why, 1000)
    return f"{reason}; {clean(row.where)}" if row.where else reason
