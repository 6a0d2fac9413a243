"""For tests of programs that use keyturn, and of new sources and stores: a fake machine and two contracts.

`FakeWorld` is a machine of your own. `StoreContract` and `SourceContract` are every promise of a store and of
a source as tests for pytest: subclass one, supply what it asks for, and the promises are tested.
"""

from __future__ import annotations

from keyturn.stores.memory import MemoryStore
from keyturn.testing.sources import SourceContract
from keyturn.testing.stores import StoreContract
from keyturn.testing.values import make_authority, make_expired_login, make_login
from keyturn.testing.world import FakeWorld, answer, token_answer

__all__ = [
    "FakeWorld",
    "MemoryStore",
    "SourceContract",
    "StoreContract",
    "answer",
    "make_authority",
    "make_expired_login",
    "make_login",
    "token_answer",
]
