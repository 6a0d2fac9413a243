"""One thread for all tasks of an event loop that ask for the same at once.

Threads of a loop are few, and whatever looks up a name needs one. If each of sixty tasks that wait for a
login or a helper took one, nothing else of that loop could connect until it is done.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from keyturn.values import Credential, Secret

    Key = tuple[asyncio.AbstractEventLoop, Secret | None]


class Together:
    """Who asks while another task's question is under way gets the answer to that."""

    def __init__(self) -> None:
        # the loop itself is in the key: as long as it is there no other loop can be taken for it
        self._asking: dict[Key, asyncio.Task[Credential]] = {}

    async def ask(
        self,
        obtain: Callable[[Credential | None], Credential],
        rejected: Credential | None,
        serving: Callable[[], Credential | None],
    ) -> Credential:
        """What `obtain(rejected)` gives, in a thread; at once what serves meanwhile, if anything does.

        A task that is cancelled leaves the others' question alone. Raises: as `obtain`.
        """
        key = (asyncio.get_running_loop(), rejected.secret if rejected is not None else None)
        asking = self._asking.get(key)
        if asking is None:
            asking = asyncio.create_task(asyncio.to_thread(obtain, rejected))
            self._asking[key] = asking
            asking.add_done_callback(lambda done: self._over(key, done))
        elif rejected is None and (kept := serving()) is not None:
            return kept  # nobody waits for somebody who renews ahead of time
        return await asyncio.shield(asking)

    def _over(self, key: Key, done: asyncio.Task[Credential]) -> None:
        self._asking.pop(key, None)
        if not done.cancelled():
            done.exception()  # whoever asked may have been cancelled meanwhile: then nobody hears of it
