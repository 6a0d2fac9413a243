"""The story: its steps in order, each judged by what was seen; the first that did not happen ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keyturn.errors import AuthError
from keyturn.values import Value

from .ask import ask
from .endings import log_out, revoke
from .login import log_in
from .props import Mismatch
from .stampede import expire, reject

if TYPE_CHECKING:
    from collections.abc import Callable

    from .props import Props


class Step(Value):
    """A step: what it is called, and what it does."""

    __slots__ = ("name", "play")
    name: str
    play: Callable[[Props], None]


STEPS = (
    Step(name="log in", play=log_in),
    Step(name="ask Claude's stand-in", play=ask),
    Step(name="one login expires under 16 programs", play=expire),
    Step(name="the API refuses the token of all 16", play=reject),
    Step(name="the login is revoked, and replaced", play=revoke),
    Step(name="log out", play=log_out),
)


def tell(props: Props) -> str | None:
    """Play every step; None, or number and name of the step that did not happen as it should."""
    props.screen.title("keyturn demo: the whole story, with a Claude side of its own on this machine")
    for number, step in enumerate(STEPS, start=1):
        props.screen.step(number, step.name)
        try:
            step.play(props)
        except Mismatch:
            return f"{number}, {step.name}"
        except AuthError as error:
            props.screen.trouble(error.message, error.hint)
            return f"{number}, {step.name}"
        except RuntimeError as error:
            props.screen.trouble(str(error), None)
            return f"{number}, {step.name}"
    return None
