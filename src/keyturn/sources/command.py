"""What a command prints: the `apiKeyHelper` of the settings (R56)."""

from __future__ import annotations

from keyturn.errors import Rejected
from keyturn.survey import Absent, Offer
from keyturn.values import HelperKey
from keyturn.wire import origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.scene import Scene
    from keyturn.settings.layers import Setting
    from keyturn.values import Credential

KEY = "apiKeyHelper"
# words before the program that a shell line runs
_BEFORE = frozenset({"command", "env", "exec", "nice", "nohup", "time", "uvx"})
_RUNNERS = frozenset({"hatch", "pipx", "poetry", "uv"})  # `uv run keyturn`


def look(scene: Scene) -> Absent | Offer:
    """Whether a helper is configured that may be run; it is run when its credential is needed.

    Raises: ConfigurationError for a TTL that is none; Refused.
    """
    setting = scene.settings.get(KEY)
    if setting is None:
        return Absent(why=f"no {KEY} in the settings")
    from keyturn.commands import IN_HELPER, holds_a_secret  # most people have no helper, and pay for none

    if scene.world.variable(IN_HELPER) is not None:
        return Absent(why="not asked from inside of a command that keyturn runs")
    if runs_keyturn(setting.value):
        return Absent(why=f"{setting.where} is keyturn itself")
    from keyturn.commands import helper

    url = scene.free_url()
    helper.ttl_seconds(scene)
    kept = helper.kept(scene, setting)
    note = "run when it is needed"
    if kept is not None:
        count = helper.runs(scene, setting)
        often = (
            "by another program" if count == 0 else "once so far" if count == 1 else f"{count} times so far"
        )
        note = f"run {often}, {scene.world.clock() - kept.at:.0f} s ago, and kept for now"
    return Offer(
        base_url=url,
        billing="metered",
        expires_at=kept.expires_at if kept is not None else None,
        kind=HelperKey.kind,
        note=note,
        redeem=_Redeem(scene),
        remedy=setting.remedy,
        renewable=True,
        state="usable" if kept is not None else "renewable",
        warning=holds_a_secret(setting),
        where=setting.where,
    )


class _Redeem:
    """Gets what the helper prints, time after time, by the settings as they are then."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def __call__(self, rejected: Credential | None) -> Credential:
        from keyturn.commands import helper

        scene = self._scene
        setting = self._setting()
        url = scene.free_url()
        kept = helper.current(
            scene, setting, rejected.secret if rejected is not None else None, str(origin(url))
        )
        return HelperKey(
            source="api-key-helper",
            where=setting.where,
            secret=kept.secret,
            audience=str(origin(url)),
            base_url=url,
            billing="metered",
            expires_at=kept.expires_at,
            stale_at=kept.stale_at,
        )

    def _setting(self) -> Setting:
        setting = self._scene.settings.get(KEY)
        if setting is None:
            raise Rejected(
                f"{KEY} has gone from the settings since this program began to use it",
                hint="start it again, or see what there is now: keyturn explain",
                code="helper_gone",
            )
        return setting


def runs_keyturn(line: str) -> bool:
    """Whether a shell line runs keyturn itself: it would ask itself for what it is asked for (L24)."""
    import shlex

    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:  # a quote without its partner: the shell will say so
        return False
    begins = True
    for number, word in enumerate(words):
        if not word.strip(";&|()<>"):
            begins = True
        elif begins and not _is_before(word, words[number - 1] if number else ""):
            begins = False
            if _is_keyturn(word, words[number + 1 : number + 3]):
                return True
    return False


def _is_before(word: str, previous: str) -> bool:
    """Whether the program is still to come: an assignment, an option, or a word that runs another."""
    name = _name(word)
    if name in _BEFORE or name in _RUNNERS or (word == "run" and _name(previous) in _RUNNERS):
        return True
    return word.startswith("-") or ("=" in word and word.partition("=")[0].isidentifier())


def _is_keyturn(word: str, following: list[str]) -> bool:
    name = _name(word)
    return name == "keyturn" or (name.startswith("python") and following == ["-m", "keyturn"])


def _name(word: str) -> str:
    return word.replace("\\", "/").rpartition("/")[2].lower().removesuffix(".exe")
