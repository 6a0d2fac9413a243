"""Where requests go: which route the variables and flags choose, and which choices must fail."""

from __future__ import annotations

from keyturn.errors import ConfigurationError, UsageError
from keyturn.order import ORDER
from keyturn.variables import flag_variable, text_variable, undo_of, where_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from keyturn.variables import Place

DEFAULT = "anthropic"
FLAGS = {
    "CLAUDE_CODE_USE_BEDROCK": "bedrock",
    "CLAUDE_CODE_USE_VERTEX": "vertex",
    "CLAUDE_CODE_USE_FOUNDRY": "foundry",
    "CLAUDE_CODE_USE_MANTLE": "mantle",
    "CLAUDE_CODE_USE_ANTHROPIC_AWS": "anthropic-aws",
}
# what a route cannot do without; the extra of its name brings it
EXTRAS = {"bedrock": ("botocore", "anthropic"), "vertex": ("google.auth", "anthropic")}


def choose(place: Place, option: str | None) -> str:
    """The route: `--route`, KEYTURN_ROUTE, the CLAUDE_CODE_USE_… flags, then the profile's own.

    Raises: UsageError (an unknown --route), ConfigurationError (unknown, conflicting or lacking routes;
    never a fall-back to another route, which would spend other money).
    """
    if option:
        if option not in (*ORDER, *FLAGS.values()):
            raise UsageError(
                f"there is no route named {option[:64]!r}", hint=f"use one of: {', '.join(ORDER)}"
            )
        return _present(option, "--route")
    named = text_variable(place, "KEYTURN_ROUTE")
    if named is not None:
        return _present(named, "KEYTURN_ROUTE")
    flagged = [name for name in FLAGS if flag_variable(place, name)]
    if len(flagged) > 1:
        raise ConfigurationError(
            f"{' and '.join(where_of(place, name) for name in flagged)} are both on, "
            "and there can be only one route",
            hint=_way_out(place, flagged),
            code="route_conflict",
        )
    if flagged:
        return _present(FLAGS[flagged[0]], where_of(place, flagged[0]))
    # a World has no profile, and knows no more than the variables
    route = getattr(getattr(place, "profile", None), "route", None)
    return _present(route, "the profile's route in config.json") if route is not None else DEFAULT


def _way_out(place: Place, flagged: Sequence[str]) -> str:
    """What to do about several flags; a route that this version lacks is no advice."""
    there = [FLAGS[name] for name in flagged if FLAGS[name] in ORDER]
    if there:
        others = [undo_of(place, name) for name in flagged if FLAGS[name] != there[0]]
        return f"choose one: --route {there[0]}; or {'; '.join(others)}"
    names = " ".join(f"-u {name}" for name in flagged)
    return f"this version has neither; unset both: env {names} keyturn …; or choose: --route {DEFAULT}"


def _present(route: str, named_by: str) -> str:
    if route in ORDER:
        _check_installed(route, named_by)
        return route
    raise ConfigurationError(
        f"{named_by} chooses the route {route[:64]!r}, which this version of keyturn lacks",
        hint=f"unset it, or choose one of: {', '.join(ORDER)}",
        code="route_missing",
    )


def _check_installed(route: str, named_by: str) -> None:
    if route not in EXTRAS:
        return
    for module in EXTRAS[route]:
        there = _is_there(module)
        if not there:
            raise ConfigurationError(
                f"{named_by} chooses the route {route}, and {module.replace('.', '-')} is not installed",
                hint=f"install what it needs: pip install 'keyturn[{route}]'",
                code="extra_missing",
            )


def _is_there(module: str) -> bool:
    """Whether a module could be imported; `importlib.util` costs more than the rest of a fresh token."""
    from _frozen_importlib_external import PathFinder

    path: Sequence[str] | None = None
    name = ""
    for part in module.split("."):
        name = f"{name}.{part}" if name else part
        spec = PathFinder.find_spec(name, path)
        if spec is None:
            return False
        path = spec.submodule_search_locations
    return True
