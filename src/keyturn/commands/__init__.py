"""The one runner for the commands that people configure: apiKeyHelper, awsAuthRefresh, and the like.

`export` runs a command for what it prints, `refresh` runs one that renews credentials elsewhere. Every
wrong outcome is an error of its own, exit 4, that names the setting and its file. What a command printed
on stdout is a secret and is never shown; the end of its stderr is, cleaned and redacted.
"""

from __future__ import annotations

from keyturn.clean import clean
from keyturn.errors import AuthError, Refused, Rejected, frameless
from keyturn.values import Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from keyturn.scene import Scene
    from keyturn.settings.layers import Setting
    from keyturn.world import World
    from keyturn.world.processes import Ended, Heard

EXPORT_SECONDS = 60.0
REFRESH_SECONDS = 180.0
NOTICE_SECONDS = 10.0
OUTPUT_LIMIT = 64 * 1024
IN_HELPER = "KEYTURN_IN_HELPER"
_SHOWN = 300  # characters of stderr in an error
_NOT_FOUND, _NOT_RUNNABLE = 127, 126  # what a shell says of the last program it tried


def export(
    scene: Scene, setting: Setting, *, seconds: float = EXPORT_SECONDS, limit: int = OUTPUT_LIMIT
) -> Secret:
    """Run a command for what it prints on stdout: at most `limit` bytes, as text, stripped.

    After 10 s the person is told what is being waited for. Bytes that are not UTF-8 come as surrogates, for
    the caller to refuse.

    Raises: Rejected, its `code` one of command_exit, command_signal, command_not_found,
    command_not_runnable, command_timeout, command_too_long, command_not_started; Refused when the command
    is a project's and is no longer what was trusted.
    """
    ended, given = _run(scene, setting, seconds=seconds, limit=limit)
    if trouble := _trouble(setting, ended, seconds, given):
        raise trouble
    return Secret(ended.stdout.reveal().strip())


def refresh(
    scene: Scene,
    setting: Setting,
    *,
    needed: Callable[[], bool],
    helped: Callable[[], bool] | None = None,
    asked: bool = False,
    subject: str = "",
    seconds: float = REFRESH_SECONDS,
) -> bool:
    """Run a command that renews credentials somewhere else; whether they have been renewed.

    False: `needed()` says that there is nothing to do, and nothing was run (P16). It is asked first, and
    again after waiting for another process; it must look anew each time. After the command `helped()`, by
    default `not needed()`, says whether the credentials have changed or are valid now: that alone decides,
    not the exit status.

    Both streams go to the person as they come, without stdin. One at a time on the machine for the same
    command, directory and `subject` (a profile, an account: what the credentials are for): others wait, and
    adopt its outcome. After a failure nobody runs it again for 5 minutes, unless a person has asked for that
    (`asked`).

    Raises: Rejected as `export`, or with code refresh_no_change or refresh_paused; Unavailable when another
    process runs it for too long; Refused as `export`, and inside of a command that keyturn runs; StoreError.
    """
    from keyturn.commands.attempts import Attempts

    if scene.world.variable(IN_HELPER) is not None:
        raise Refused(
            f"{setting.where} is not run: this keyturn runs inside of a command that keyturn runs",
            hint=f"let that command renew the credentials without keyturn; or unset {IN_HELPER} in it",
            code="command_recursion",
        )
    if not needed():
        return False
    attempts = Attempts(scene.world, setting, working_directory(scene.world, setting), subject)
    with attempts.turn(seconds + 15) as turn:
        turn.check(asked=asked)
        if not needed():
            return True  # somebody else has just done it
        try:
            _refresh(scene, setting, helped or (lambda: not needed()), seconds)
        except Rejected as error:
            turn.failed(error)
            raise
        turn.succeeded()
    return True


def working_directory(world: World, setting: Setting) -> str:
    """Where a command runs: a trusted project's in the project, every other in the home directory."""
    if setting.scope in ("project", "local") and setting.path is not None:
        return setting.path.replace("\\", "/").rpartition("/.claude/")[0] or "/"
    return world.home()


def holds_a_secret(setting: Setting) -> str | None:
    """What to say of a command whose text holds a key: every list of processes shows it (T9)."""
    from keyturn.redact import redact

    if redact(setting.value) == setting.value:
        return None
    return (
        f"the command of {setting.where} holds a key in its text, which every list of processes shows; "
        "let it read the key from a file that only you can read"
    )


def tell(world: World, text: str) -> None:
    """Say a line to the person who looks on, else to the log."""
    if world.tell is not None:
        world.tell(f"keyturn: {text}\n")
        return
    from keyturn.logs import logger

    logger().warning("%s", text)


def _refresh(scene: Scene, setting: Setting, helped: Callable[[], bool], seconds: float) -> None:
    from keyturn.commands.live import Live

    live = Live(scene.world)
    tell(scene.world, f"running {setting.where}")
    try:
        ended, given = _run(scene, setting, seconds=seconds, limit=None, heard=live)
    finally:
        live.close()
    if helped():
        return
    raise _trouble(setting, ended, seconds, given) or Rejected(
        f"{setting.where} ended well, and the credentials are neither new nor valid",
        hint="run that command by hand, and see which credentials it renews",
        code="refresh_no_change",
    )


@frameless
def _run(
    scene: Scene, setting: Setting, *, seconds: float, limit: int | None, heard: Heard | None = None
) -> tuple[Ended, list[Secret]]:
    """How it ended, and the secrets that it was given."""
    from keyturn.commands.environment import command_environment, secrets_in
    from keyturn.settings.trust import check_again
    from keyturn.world.processes import Command, Notice

    world = scene.world
    if setting.scope in ("project", "local"):
        check_again(world, setting)
    layered = {
        key.removeprefix("env."): found.value
        for key, found in scene.settings.found.items()
        if key.startswith("env.") and not key.startswith("env.KEYTURN_")  # those count from outside alone
    }
    env = {name: value for name, value in {**world.env, **layered}.items() if value}
    command = Command(
        directory=working_directory(world, setting),
        environment=command_environment(env, setting.key, scene.config.helper_environment),
        line=setting.value,
        seconds=seconds,
        stdout_limit=limit,
    )

    def notify() -> None:
        tell(
            world,
            f"waiting for {setting.where}, which has been running for {NOTICE_SECONDS:g} s "
            f"and may for {seconds:g} s",
        )

    notice = None if heard is not None else Notice(call=notify, seconds=NOTICE_SECONDS)
    given = secrets_in(command.environment, scene.config.helper_environment)
    return world.run(command, heard=heard, notice=notice), [Secret(value) for value in given]


@frameless
def _trouble(setting: Setting, ended: Ended, seconds: float, given: list[Secret]) -> AuthError | None:
    """The error for how a command ended; None when that was well."""
    where, status, hint = setting.where, ended.status, "run that command by hand to see what it says"
    if ended.why == "exit" and status == 0:
        return None
    if ended.why == "exit":
        code, said = "command_exit", f"{where} failed with exit status {status}"
        hint += "; of the variables it gets a part: see helper_environment in the configuration"
        if status == _NOT_FOUND:
            code = "command_not_found"
            said = f"{where} names a program that was not found (exit status {status})"
            hint = "give the whole path of that program, or see that PATH has its directory"
        elif status == _NOT_RUNNABLE:
            code = "command_not_runnable"
            said = f"{where} names a program that cannot be run (exit status {status})"
            hint = "make it one: chmod +x FILE"
    elif ended.why == "signal":
        code, said = "command_signal", f"{where} was ended by signal {status}"
    elif ended.why == "timeout":
        code, said = "command_timeout", f"{where} was ended, as it took longer than {seconds:g} s"
        hint += "; it gets no input, and must not ask for any"
    elif ended.why == "too_long":
        code, said = "command_too_long", f"{where} was ended, as it printed more than any credential is long"
        hint = "let that command print the credential, and nothing else"
    else:
        code, said = "command_not_started", f"{where} could not be started: {clean(ended.detail or '')}"
        hint = "correct the setting, or see what else there is: keyturn explain"
    told = _shown(ended, given)
    return Rejected(
        f"{said}; it said: {told}" if told else said, hint=hint, code=code, where=where, status=status
    )


def _shown(ended: Ended, given: list[Secret]) -> str:
    """The end of stderr for people: without marks, and without secrets it printed or was given."""
    from keyturn.redact import redact
    from keyturn.world.processes import STDERR_KEPT

    text = ended.stderr.reveal()
    if len(text.encode()) >= STDERR_KEPT:
        text = text.partition("\n")[2] or text.partition(" ")[2]  # what was cut in half cannot be recognised
    known = [word.strip('",{}') for word in ended.stdout.reveal().split()]
    text = redact(clean(text, 2 * STDERR_KEPT), [*known, *(secret.reveal() for secret in given)])
    return text if len(text) <= _SHOWN else "…" + text[-_SHOWN:]
