"""Variables that contradict each other or say only half: rows of data, each a line for a person (P6, R55)."""

from __future__ import annotations

from keyturn.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from keyturn.scene import Scene


class Half(Value):
    """A variable that does nothing unless one of `needs` is there too; `so` is what happens instead."""

    __slots__ = ("name", "needs", "so")
    name: str
    needs: tuple[str, ...]
    so: str


# Credentials of the anthropic route in their order; more than one of them may be an accident.
CREDENTIALS = (
    "ANTHROPIC_AUTH_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR",
    "ANTHROPIC_API_KEY",
)
_BEDROCK, _VERTEX = ("CLAUDE_CODE_USE_BEDROCK",), ("CLAUDE_CODE_USE_VERTEX",)
_AWS = "so AWS takes neither from here"
_ROUTE = "so it has no effect on this route"
HALVES = (
    Half(
        name="CLAUDE_CODE_CLIENT_KEY",
        needs=("CLAUDE_CODE_CLIENT_CERT",),
        so="so no client certificate is sent",
    ),
    Half(name="AWS_ACCESS_KEY_ID", needs=("AWS_SECRET_ACCESS_KEY",), so=_AWS),
    Half(name="AWS_SECRET_ACCESS_KEY", needs=("AWS_ACCESS_KEY_ID",), so=_AWS),
    Half(name="AWS_SESSION_TOKEN", needs=("AWS_ACCESS_KEY_ID",), so=_AWS),
    Half(name="AWS_BEARER_TOKEN_BEDROCK", needs=_BEDROCK, so=_ROUTE),
    Half(name="ANTHROPIC_BEDROCK_BASE_URL", needs=_BEDROCK, so=_ROUTE),
    Half(name="CLAUDE_CODE_SKIP_BEDROCK_AUTH", needs=_BEDROCK, so=_ROUTE),
    Half(name="ANTHROPIC_VERTEX_BASE_URL", needs=_VERTEX, so=_ROUTE),
    Half(name="ANTHROPIC_VERTEX_PROJECT_ID", needs=_VERTEX, so=_ROUTE),
    Half(name="CLAUDE_CODE_SKIP_VERTEX_AUTH", needs=_VERTEX, so=_ROUTE),
    Half(
        name="CLAUDE_CODE_API_KEY_HELPER_TTL_MS",
        needs=("apiKeyHelper",),
        so="so there is nothing to keep so long",
    ),
    Half(
        name="CLAUDE_CODE_OAUTH_REFRESH_TOKEN",
        needs=(),
        so="which keyturn does not read; to store such a token: keyturn login --from-json -",
    ),
)
_OF_A_ROUTE = {"bedrock": _BEDROCK, "vertex": _VERTEX}


def conflicts(scene: Scene, route: str) -> Iterator[str]:
    """What does not fit together, one line each, with the places it comes from; never a value."""
    if route == "anthropic":
        yield from _several(scene)
    for half in HALVES:
        found = scene.variable(half.name)
        if (
            found is None
            or half.needs == _OF_A_ROUTE.get(route)
            or any(_is_set(scene, one) for one in half.needs)
        ):
            continue
        if half.so == _AWS and route != "bedrock":
            continue  # nobody asks AWS for anything here
        missing = f", and {half.needs[0]} is not" if half.needs else ""
        yield f"{found.where} is set{missing}, {half.so}"
    yield from _shadowed(scene)


def _several(scene: Scene) -> Iterator[str]:
    found = [one for one in map(scene.variable, CREDENTIALS) if one is not None]
    values = {one.value.strip() for one in found}
    if len(values) > 1:
        names = " and ".join(one.where for one in found)
        yield f"several credentials are set, {names}; the first of them is used, and the rest is not"


def _shadowed(scene: Scene) -> Iterator[str]:
    """What a person exported and a settings file replaces: nobody looks there first."""
    for key, setting in sorted(scene.settings.found.items()):
        name = key.removeprefix("env.")
        if name == key or name.startswith("KEYTURN_"):
            continue
        exported = scene.world.variable(name)
        if exported is not None and exported != setting.value:
            instead = f"{setting.where} comes first" if setting.value else f"{setting.where} cancels it"
            yield f"the environment variable {name} does not count: {instead}"


def _is_set(scene: Scene, name: str) -> bool:
    found = scene.settings.get(name) if name == "apiKeyHelper" else scene.variable(name)
    return found is not None
