"""Work that Ctrl-C and a cancelled task cannot cut in half (L17)."""

from __future__ import annotations

import threading
from _thread import start_new_thread
from typing import TYPE_CHECKING, Generic, TypeVar

from keyturn.errors import Unavailable
from keyturn.world.locks import WORKERS, Done

if TYPE_CHECKING:
    from collections.abc import Callable

    from keyturn.world import World

T = TypeVar("T")


class Work(Generic[T]):
    """Work in a thread of its own, which the interpreter waits for.

    Between sending a refresh token and saving its successor lies the login itself. So an interrupt never
    reaches the work; it sets `unwanted`, which the work heeds while it merely waits and has begun nothing.
    `name` is the gate that its starter holds: who asks for that from inside would wait for himself.
    """

    def __init__(self, name: str, work: Callable[[Work[T]], T]) -> None:
        self.unwanted = False
        self._name = name
        self._work = work
        self._begun = False
        self._done = Done()
        self._result: list[T] = []
        self._failure: BaseException | None = None

    def result(self, world: World, *, seconds: float | None = None) -> T | None:
        """Do it, and give back what it gives or raises; None when it is not done in `seconds`, and goes on.

        An interrupt that comes meanwhile is raised when the work is done, or has been given up before it
        began; whoever insists gets it at once, and the thread still finishes.

        Raises: Unavailable when no thread can be started.
        """
        try:
            try:
                # Not Thread.start() from here: interrupted while it waits for the thread, it can leave that
                # hanging on a lock of its own for ever, and the interpreter would wait for it to end.
                start_new_thread(self._start, ())
            except RuntimeError:
                raise _no_thread() from None
            if not world.wait_for(self._done, seconds):
                return None
        except BaseException:
            self.unwanted = True
            if self._begun:  # else it will see at its begin that nobody wants it
                self._done.wait()
            raise
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        return self._result[0]

    def _start(self) -> None:
        """From a thread that no interrupt reaches, start the one that the interpreter waits for."""
        try:
            threading.Thread(target=self._run, name="keyturn-renewal", daemon=False).start()
        except RuntimeError:
            self._failure = _no_thread()
            self._done.set()

    def _run(self) -> None:
        here = (threading.get_ident(), self._name)
        WORKERS.add(here)
        self._begun = True
        try:
            if not self.unwanted:
                self._result.append(self._work(self))
        except BaseException as error:  # noqa: BLE001 - handed to the caller
            self._failure = error
        finally:
            WORKERS.discard(here)
            self._done.set()


def _no_thread() -> Unavailable:
    return Unavailable(
        "no thread can be started for the renewal",
        hint="the limit of threads or processes is reached (ulimit -u), or the program is ending",
        code="no_thread",
        sent=False,
    )
