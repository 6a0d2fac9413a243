"""`keyturn doctor`: what is wrong with everything a request rests on, and the command that repairs it."""

from __future__ import annotations

from keyturn.clean import clean
from keyturn.cli.layout import pairs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence

    from keyturn.cli.terminal import Terminal
    from keyturn.doctor import Finding

VERSION = 1
_STYLES = {"error": "red", "warning": "yellow", "note": "dim"}
_LIMIT = 1000
# of several classes the first of these is the exit status: without a store nothing else helps
_EXITS = (5, 8, 4, 6, 7)


def add_options(parser: ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "--network", action="store_true", help="also ask the servers that the profiles name, without a login"
    )


def run(options: Namespace, terminal: Terminal) -> int:
    """Look and tell; 0 when nothing needs a person, else the exit status of the worst."""
    from keyturn.cli.chosen import auth_of
    from keyturn.doctor import examine

    auth = auth_of(options, terminal, tolerant=True)
    findings = examine(terminal.world, network=options.network, auth=auth)
    if terminal.json:
        terminal.print_json(as_json(findings))
    elif terminal.is_terminal:
        for line in drawn(findings, terminal):
            terminal.print(line)
    else:
        for line in plain(findings):
            terminal.print(line)
    return exit_status(findings)


def as_json(findings: Sequence[Finding]) -> dict[str, object]:
    """The findings in the shape that other programs rely on; it only grows (docs/json.md)."""
    return {
        "version": VERSION,
        "findings": [
            {
                "code": one.code,
                "severity": one.severity,
                "message": clean(one.message, _LIMIT),
                "where": clean(one.where, _LIMIT) if one.where else None,
                "repair": clean(one.repair, _LIMIT) if one.repair else None,
                "needs_person": one.needs_person,
            }
            for one in findings
        ],
    }


def plain(findings: Sequence[Finding]) -> list[str]:
    """One line per finding, for pipes: nothing is aligned, wrapped or cut."""
    lines = []
    for one in findings:
        said = [f"{one.severity}: {one.code}: {clean(one.message, _LIMIT)}"]
        said += [clean(one.where, _LIMIT)] if one.where else []
        said += [f"repair: {clean(one.repair, _LIMIT)}"] if one.repair else []
        lines.append("; ".join(said))
    return lines or ["nothing is wrong"]


def drawn(findings: Sequence[Finding], terminal: Terminal) -> list[str]:
    """A paragraph per finding, never wider than the terminal."""
    lines: list[str] = []
    for one in findings:
        rows = [(one.severity, clean(one.message, _LIMIT))]
        rows += [("where", clean(one.where, _LIMIT))] if one.where else []
        rows += [("repair", clean(one.repair, _LIMIT))] if one.repair else []
        paragraph = pairs([(name.ljust(len("warning")), text) for name, text in rows], terminal.width)
        paragraph[0] = paragraph[0].replace(
            one.severity, terminal.style(one.severity, _STYLES[one.severity]), 1
        )
        lines += [*([""] if lines else []), *paragraph]
    return lines or [terminal.style("nothing is wrong", "green")]


def exit_status(findings: Sequence[Finding]) -> int:
    """That of the worst, errors before warnings; notes are none."""
    found = {one.exit for one in findings if one.severity == "error"}
    found = found or {one.exit for one in findings if one.needs_person}
    return next((status for status in _EXITS if status in found), max(found, default=0))
