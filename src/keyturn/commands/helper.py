"""Running the helper when its credential is due, once for everybody who waits for it.

What it printed is kept for this process, by command, directory, setting and the address that it is for;
with `helper_cache` also for other processes (`helper_file.py`). Past its time nobody is given the old one
(P20, P21), and no other address what was printed for this one: a helper may look at ANTHROPIC_BASE_URL (T13).
"""

from __future__ import annotations

from keyturn import jsontext
from keyturn.commands import EXPORT_SECONDS, export, tell, working_directory
from keyturn.errors import AuthError, ConfigurationError, Rejected, StoreError, frameless
from keyturn.values import Secret, Value
from keyturn.wire import origin
from keyturn.world.locks import GATES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.commands.helper_file import HelperFile, Printed
    from keyturn.scene import Scene
    from keyturn.settings.layers import Setting

LIMIT = 16384
TTL = "CLAUDE_CODE_API_KEY_HELPER_TTL_MS"
TTL_SECONDS = 300.0
# how long a failure is the answer for those who have waited for it, or ask again at once
FAILURE_SECONDS = 2.0
_FARTHEST = 1e11  # later than this are milliseconds


class Kept(Value):
    """What a helper printed: `at` and `stale_at` by the World's clock, `expires_at` in Unix seconds."""

    __slots__ = ("at", "expires_at", "secret", "stale_at")
    at: float
    expires_at: float | None
    secret: Secret
    stale_at: float


class Failed(Value):
    """How it failed, and when by the clock that nobody sets; to be said again, not to be raised twice."""

    __slots__ = ("at", "code", "facts", "hint", "kind", "message")
    at: float
    code: str
    facts: dict[str, object]
    hint: str | None
    kind: type[AuthError]
    message: str

    def error(self) -> AuthError:
        """The same error again."""
        return self.kind(self.message, hint=self.hint, code=self.code, **self.facts)


_last: dict[str, Kept | Failed] = {}
_runs: dict[str, int] = {}


def kept(scene: Scene, setting: Setting) -> Kept | None:
    """What is kept of a helper, and would be used now; runs nothing, writes nothing."""
    found = _last.get(_name(scene, setting))
    if found is None and scene.config.helper_cache:
        there = _file(scene, setting).read()
        found = None if there is None or isinstance(there, Rejected) else _still_good(scene, setting, there)
    return found if isinstance(found, Kept) and scene.world.clock() < found.stale_at else None


def runs(scene: Scene, setting: Setting) -> int:
    """How often this process has run it (P20)."""
    return _runs.get(_name(scene, setting), 0)


def current(scene: Scene, setting: Setting, rejected: Secret | None, audience: str) -> Kept:
    """What the helper gives: kept, or printed now. `rejected` is what `audience` has just refused.

    Raises: Rejected, Refused, ConfigurationError, Unavailable.
    """
    given: list[Kept] = []
    gate = GATES.gate(_name(scene, setting))
    gate.through(lambda: given.append(_once(scene, setting, rejected, audience)))
    return given[0]


def _once(scene: Scene, setting: Setting, rejected: Secret | None, audience: str) -> Kept:
    """As `current`, by one thread at a time: who comes after it finds what it has left, a failure too."""
    name = _name(scene, setting)
    found, now = _last.get(name), scene.world.clock()
    if isinstance(found, Failed) and 0 <= now - found.at < FAILURE_SECONDS:
        raise found.error()
    if isinstance(found, Kept) and now < found.stale_at and found.secret != rejected:
        return found
    try:
        new = _shared(scene, setting, rejected) if scene.config.helper_cache else _alone(scene, setting)
        if new.secret == rejected:
            raise _rejected_again(setting, audience)
    except AuthError as error:
        _last[name] = Failed(
            at=scene.world.clock(),
            code=error.code,
            facts=dict(error.facts),
            hint=error.hint,
            kind=type(error),
            message=error.message,
        )
        raise
    _last[name] = new
    return new


def ttl_seconds(scene: Scene) -> float:
    """How long what a helper printed is kept, unless it says itself that it ends sooner.

    Raises: ConfigurationError for anything but a number of milliseconds.
    """
    found = scene.variable(TTL)
    if found is None:
        return TTL_SECONDS
    text = found.value.strip()
    if not text:
        return TTL_SECONDS
    if text.isascii() and text.isdigit() and len(text) <= 12:  # noqa: PLR2004 - thirty years
        return int(text) / 1000
    raise ConfigurationError(
        f"{found.name} is not a number of milliseconds",
        hint=f"use digits alone, for five minutes: export {TTL}=300000",
        variable=TTL,
    )


def _still_good(scene: Scene, setting: Setting, there: Printed) -> Kept | None:
    try:
        _check(there.secret.reveal(), setting)
        found = _timed(scene, setting, there.secret, there.expires_at, age=there.age)
    except Rejected:  # it has expired meanwhile, or no helper could have printed it
        return None
    return found if scene.world.clock() < found.stale_at else None


def _run(scene: Scene, setting: Setting) -> Kept:
    name = _name(scene, setting)
    _runs[name] = _runs.get(name, 0) + 1
    secret, expires_at = read(export(scene, setting), setting)
    return _timed(scene, setting, secret, expires_at)


def _alone(scene: Scene, setting: Setting) -> Kept:
    """Run by this process for itself. What was shared before `helper_cache` was taken back is removed."""
    _file(scene, setting).forget()
    return _run(scene, setting)


def _shared(scene: Scene, setting: Setting, rejected: Secret | None) -> Kept:
    """What any process has of it, or run by this one for all: one at a time, and the others adopt."""
    file = _file(scene, setting)
    try:
        file.prepare()
    except StoreError as error:
        tell(scene.world, f"what {setting.where} gives is kept for this program alone: {error.message}")
        return _run(scene, setting)
    with file.turn(EXPORT_SECONDS + 15):
        there = file.read()
        if isinstance(there, Rejected):
            raise there
        if there is not None and there.secret != rejected:
            good = _still_good(scene, setting, there)
            if good is not None:
                return good
        try:
            kept = _run(scene, setting)
        except Rejected as error:
            file.failed(error)
            raise
        file.write(kept.secret, kept.expires_at)
        file.sweep()
        return kept


def _timed(
    scene: Scene, setting: Setting, secret: Secret, expires_at: float | None, age: float = 0.0
) -> Kept:
    """What was printed `age` seconds ago, with the time until which it is kept. Raises: Rejected."""
    clock = scene.world.clock()
    left = ttl_seconds(scene) - age
    if expires_at is not None:
        lives = expires_at - scene.world.now()
        if lives <= 0:
            raise _wrong(setting, "helper_expired", "gave a credential that has expired already")
        left = min(left, lives - min(30.0, lives * 0.05))
    return Kept(at=clock - age, expires_at=expires_at, secret=secret, stale_at=clock + left)


@frameless
def read(text: Secret, setting: Setting) -> tuple[Secret, float | None]:
    """The credential in what a helper printed: alone, or as JSON with `token` and perhaps `expires_at`.

    Raises: Rejected, with a code for each way in which it is none.
    """
    found, expires_at = text.reveal(), None
    if found.startswith("{"):
        found, expires_at = _from_json(found, setting)
    _check(found, setting)
    return Secret(found), expires_at


@frameless
def _check(found: str, setting: Setting) -> None:
    if not found:
        raise _wrong(setting, "helper_empty", "printed nothing")
    if "\n" in found or "\r" in found:
        raise _wrong(setting, "helper_lines", "printed more than one line")
    if len(found) > LIMIT:
        raise _wrong(setting, "helper_too_long", f"printed more than {LIMIT} characters")
    for character in found:
        if character in " \t":
            raise _wrong(setting, "helper_words", "printed more than one word")
        if character < " " or "\x7f" <= character <= "\x9f":
            raise _wrong(setting, "helper_control", "printed control characters")
        if character > "~":
            raise _wrong(setting, "helper_not_ascii", "printed something else than ASCII")


@frameless
def _from_json(text: str, setting: Setting) -> tuple[str, float | None]:
    try:
        fields = jsontext.parse_object(text)
    except jsontext.NotJson:  # its words could be those of the text
        raise _wrong(setting, "helper_not_json", "printed something that begins as JSON and is not") from None
    token = fields.get("token")
    if not isinstance(token, str):
        raise _wrong(setting, "helper_no_token", 'printed JSON without a text named "token"')
    return token.strip(), _moment(fields.get("expires_at"), setting)


def _moment(value: object, setting: Setting) -> float | None:
    """Unix seconds from a number, or from the date and time of RFC 3339."""
    if value is None:
        return None
    moment = None
    if isinstance(value, str):
        from datetime import datetime

        try:
            found = datetime.fromisoformat(value)
            moment = found.timestamp() if found.tzinfo is not None else None
        except (ValueError, OverflowError):
            moment = None
    elif isinstance(value, int | float) and not isinstance(value, bool):
        moment = float(value) if abs(value) < _FARTHEST else None
    if moment is None:
        raise _wrong(
            setting, "helper_expiry", 'printed JSON whose "expires_at" is neither RFC 3339 nor Unix seconds'
        )
    return moment


def _rejected_again(setting: Setting, audience: str) -> Rejected:
    return Rejected(
        f"{audience} rejected what {setting.where} gives, and run again it gives the same",
        hint="let that command give another key; see what else there is: keyturn explain",
        code="helper_rejected",
        source="api-key-helper",
    )


def _wrong(setting: Setting, code: str, what: str) -> Rejected:
    return Rejected(
        f"{setting.where} {what}",
        hint='let it print the credential and nothing else, or {"token": "…", "expires_at": "…"}; '
        "run that command by hand to see what it prints",
        code=code,
        where=setting.where,
    )


def _file(scene: Scene, setting: Setting) -> HelperFile:
    from keyturn.commands.helper_file import HelperFile

    return HelperFile(scene.world, setting, working_directory(scene.world, setting), _audience(scene))


def _name(scene: Scene, setting: Setting) -> str:
    directory = working_directory(scene.world, setting)
    return f"helper\0{setting.value}\0{directory}\0{setting.where}\0{_audience(scene)}"


def _audience(scene: Scene) -> str:
    return str(origin(scene.free_url()))
