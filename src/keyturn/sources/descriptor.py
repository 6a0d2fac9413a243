"""A token behind an inherited file descriptor, for managed deployments."""

from __future__ import annotations

import stat

from keyturn.errors import ConfigurationError, frameless
from keyturn.sources import env
from keyturn.survey import Absent, Offer
from keyturn.values import BearerToken, Secret
from keyturn.variables import checked_text, text_variable
from keyturn.wire import origin
from keyturn.world.locks import GATES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.errors import AuthError
    from keyturn.scene import Scene
    from keyturn.values import Credential
    from keyturn.world import World

NAME = "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR"
LIMIT = 16 * 1024
# A pipe gives its token once, so it is kept for the process; the key tells a reused number or inode apart.
_read: dict[tuple[int, int, int, int], Secret] = {}


def look(scene: Scene) -> Absent | Offer:
    """The descriptor is looked at (`fstat`), and read only when its token is needed.

    Raises: ConfigurationError when the variable names no open, readable descriptor; Refused.
    """
    text, named = text_variable(scene, NAME), scene.variable(NAME)
    if text is None or named is None:
        return Absent(why="none given")
    if not (text.isascii() and text.isdigit() and len(text) < 10):  # noqa: PLR2004 - far more than any limit on them
        raise _wrong("it is not a number")
    number = int(text)
    state = scene.world.describe_descriptor(number)
    if state is None:
        raise _wrong(f"descriptor {number} is not open")
    if stat.S_ISDIR(state.st_mode):
        raise _wrong(f"descriptor {number} is a directory")
    where = f"file descriptor {number}, named by {NAME if named.path is None else named.where}"
    url = scene.oauth_url(NAME)
    key = (number, state.st_dev, state.st_ino, state.st_ctime_ns)

    def redeem(rejected: Credential | None) -> Credential:
        # threads with other profiles read it too, and half a token each would be none
        GATES.gate(NAME).through(lambda: _read_once(scene.world, key))
        credential = BearerToken(
            source="oauth-token-fd",
            where=where,
            secret=_read[key],
            audience=str(origin(url)),
            base_url=url,
            billing="subscription",
            oauth_beta=True,
        )
        if rejected is not None and rejected.secret == credential.secret:
            raise env.rejected_at_source(credential)
        return credential

    return Offer(
        base_url=url,
        billing="subscription",
        kind="bearer",
        redeem=redeem,
        remedy=named.remedy,
        renewable=False,
        state="usable",
        where=where,
    )


def _read_once(world: World, key: tuple[int, int, int, int]) -> None:
    if key not in _read:
        _read[key] = _token(world, key[0])


@frameless
def _token(world: World, number: int) -> Secret:
    try:
        found = world.read_descriptor(number, limit=LIMIT)
    except TimeoutError:
        raise _wrong(f"descriptor {number} stayed open and gave nothing for 5 s") from None
    except (OSError, ValueError):
        raise _wrong(f"descriptor {number} cannot be read") from None
    if len(found) > LIMIT:
        raise _wrong(f"descriptor {number} gives more than 16 KiB")
    try:
        text = checked_text(found.decode("utf-8"), f"the token of descriptor {number}")
    except UnicodeDecodeError:
        raise _wrong(f"descriptor {number} gives something that is not text") from None
    if text is None:
        raise _wrong(f"descriptor {number} is empty")
    return Secret(text)


def _wrong(why: str) -> AuthError:
    return ConfigurationError(
        f"{NAME} cannot be used: {why}",
        hint=f"unset it: env -u {NAME} keyturn …; or open one: {NAME}=3 keyturn … 3< token-file",
        variable=NAME,
    )
