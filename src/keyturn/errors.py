"""The few kinds of error keyturn raises, each with the exit status of the command line.

A message says what and where, the hint says the next command; neither ever holds a secret.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, ParamSpec, TypeVar

    P = ParamSpec("P")
    T = TypeVar("T")


class AuthError(Exception):
    """Something about a credential failed; every error of keyturn is one of these.

    `code` is stable and made for programs, `exit` is the status of the command line, `facts` are
    plain values (never secrets) that callers may branch on.
    """

    code = "auth_error"
    exit = 4

    def __init__(
        self, message: str, *, hint: str | None = None, code: str | None = None, **facts: object
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if code is not None:
            self.code = code
        self.facts: Mapping[str, object] = facts


class UsageError(AuthError):
    """The call itself is wrong: an unknown option, an unknown source, a wrong combination."""

    code = "usage"
    exit = 2


class NoCredential(AuthError):
    """No source offers a credential; `survey` holds every source's answer."""

    code = "no_credential"
    exit = 3

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        code: str | None = None,
        survey: Any = None,  # noqa: ANN401 - a keyturn.survey.Survey, which stands above errors
        **facts: object,
    ) -> None:
        super().__init__(message, hint=hint, code=code, **facts)
        self.survey = survey


class LoginRefused(AuthError):
    """The person, or the server for them, said no; or nobody answered in time."""

    code = "login_refused"
    exit = 3


class Rejected(AuthError):
    """The credential is expired, was rejected, or cannot be obtained."""

    code = "rejected"
    exit = 4


class StoreError(AuthError):
    """A store failed; `code` is one of store_locked, store_denied, store_missing, store_corrupt."""

    code = "store_denied"
    exit = 5


class StoreLocked(StoreError):
    """The store is there and needs unlocking by a person."""

    code = "store_locked"


class StoreDenied(StoreError):
    """The store refuses this process: modes, owners, links, a full or read-only file system."""

    code = "store_denied"


class StoreMissing(StoreError):
    """The store that was asked for does not exist on this machine."""

    code = "store_missing"


class StoreCorrupt(StoreError):
    """A record is there and cannot be read as one; it is kept for a person to look at."""

    code = "store_corrupt"


class StoreChanged(StoreError):
    """Compare-and-swap failed: somebody else wrote first, and nothing was written (L2)."""

    code = "store_changed"


class Unavailable(AuthError):
    """The network, the authority or the lock's holder did not answer; nothing has changed."""

    code = "unavailable"
    exit = 6


class Refused(AuthError):
    """Policy said no: audience, billing, trust, plain http."""

    code = "refused"
    exit = 7


class ConfigurationError(AuthError):
    """A variable, a file or a login's configuration is wrong."""

    code = "configuration"
    exit = 8


def frameless(call: Callable[P, T]) -> Callable[P, T]:
    """Let keyturn's errors leave a function without the frames they came through.

    For what has a secret as plain text in its hands: whoever shows an error with the variables of its frames
    (a test runner, a crash reporter) would show that too (T15). Message, hint and facts say what is needed.
    """

    def called(*arguments: P.args, **named: P.kwargs) -> T:
        try:
            return call(*arguments, **named)
        except AuthError as error:
            failure = error
        del arguments, named
        failure.__cause__ = failure.__context__ = None  # these have frames, too
        try:
            raise failure.with_traceback(None)
        finally:
            del failure

    called.__name__, called.__qualname__, called.__doc__ = call.__name__, call.__qualname__, call.__doc__
    called.__module__ = call.__module__
    return called
