"""Talking to Claude: one question of `-p`, or the interactive session of a bare `keyturn`."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from keyturn.cli.terminal import Terminal


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of a session."""
    from keyturn.cli import talk

    talk.add_options(parser)


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    """Hold a session. Raises: as `keyturn.cli.talk.run`."""
    from keyturn.cli import talk

    return talk.run(options, terminal)
