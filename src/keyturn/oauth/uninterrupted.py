"""Work that Ctrl-C and a cancelled task cannot cut in half (L17)."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def to_its_end(work: Callable[[], T]) -> T:
    """Run `work` in a thread that the interpreter waits for, and give back what it gives or raises.

    Between sending a refresh token and saving its successor lies the login itself. An interrupt that comes
    meanwhile is raised when the work is done; whoever insists gets it at once, and the thread still finishes.
    """
    result: list[T] = []
    failure: list[BaseException] = []
    done = threading.Event()

    def run() -> None:
        try:
            result.append(work())
        except BaseException as error:  # noqa: BLE001 - handed to the caller
            failure.append(error)
        finally:
            done.set()

    thread = threading.Thread(target=run, name="keyturn-renewal", daemon=False)
    thread.start()
    # Not thread.join(): interrupted, it takes the thread for ended (CPython 3.11 and 3.12), and so would the
    # interpreter when it ends.
    try:
        done.wait()
    except BaseException:
        done.wait()
        raise
    if failure:
        raise failure[0]
    return result[0]
