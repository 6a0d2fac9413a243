"""The start of a child process, which no interrupt can tear from the name it is known by."""

from __future__ import annotations

from _thread import start_new_thread

from keyturn.world.locks import Done

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from subprocess import Popen


class Birth:
    """A child that is started by a thread of its own: no interrupt comes between its fork and its name."""

    def __init__(self, start: Callable[[], Popen[bytes]]) -> None:
        self.failure: BaseException | None = None
        self._start = start
        self._child: Popen[bytes] | None = None
        self._begun = False
        self._unwanted = False
        self._done = Done()

    def child(self) -> Popen[bytes]:
        """The child. Raises: what its start raised, which is then `failure`."""
        try:
            start_new_thread(self._run, ())
        except RuntimeError:  # no thread is to be had, and a child perhaps is
            self._run()
        self._done.wait()
        if self._child is None:
            assert self.failure is not None  # noqa: S101 - there is one or the other
            raise self.failure
        return self._child

    def known(self) -> Popen[bytes] | None:
        """The child, if there is one; what has not begun by now will not."""
        self._unwanted = True
        if self._begun:
            self._done.wait()
        return self._child

    def _run(self) -> None:
        self._begun = True
        try:
            if not self._unwanted:
                self._child = self._start()
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits for the child
            self.failure = error
        finally:
            self._done.set()
