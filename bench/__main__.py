"""Run all benches, or those named: `python -m bench [NAME …]`; `campaign` is run only when it is named."""

from __future__ import annotations

import argparse
import importlib
import sys
from typing import TYPE_CHECKING

from bench import chart, peers, report

if TYPE_CHECKING:
    from bench.result import Result

NAMES = ("cold", "imports", "hot", "stampede", "crash", "disk", "heartbeat", "helper", "bedrock", "vertex")
ALONE = ("campaign",)  # only when they are named: they take longer than somebody waits
LONG = {
    "cold": "a minute",
    "helper": "a minute",
    "bedrock": "two minutes",
    "vertex": "two minutes",
    "stampede": "five minutes",
    "campaign": "ten minutes (one with --short)",
}


def main() -> int:
    """Measure, print, keep, and draw; 1 when a budget was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"of {', '.join((*NAMES, *ALONE))}; without any, all but the last",
    )
    parser.add_argument(
        "--peers",
        action="store_true",
        help="install huggingface_hub and keyring into build/bench-venv, and measure them too",
    )
    parser.add_argument(
        "--short", action="store_true", help="of campaign: 2 runs of each case; nothing is kept"
    )
    parser.add_argument("--minutes", type=float, default=0, help="of campaign: begin no run after that")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - {*NAMES, *ALONE})
    if unknown:
        parser.error(f"there is no bench named {unknown[0]!r}; use some of: {', '.join((*NAMES, *ALONE))}")
    python = peers.environment() if options.peers else None
    missed = []
    for name in options.names or NAMES:
        print(f"\nbench {name}: takes about {LONG.get(name, 'half a minute')} …", file=sys.stderr)
        wishes = {"short": options.short, "minutes": options.minutes} if name == "campaign" else {}
        result: Result = importlib.import_module(f"bench.{name}").run(python, **wishes)
        result.show()
        if not (name == "campaign" and options.short):
            result.write()
        missed += [budget.line() for budget in result.budgets if not budget.held and not budget.wish]
    chart.draw()
    report.write((*NAMES, *ALONE))
    for line in missed:
        print(f"missed: {line}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
