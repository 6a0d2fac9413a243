"""All combinations of the sources of the anthropic route, each by resolving and by explaining."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from keyturn import Auth, NoCredential
from keyturn.sources import descriptor
from keyturn.testing import FakeWorld, make_login
from keyturn.testing.commands import Outcome
from keyturn.testing.stores import save
from tests.helpers import with_helper
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# ids in the order of the specification's table, with what they send and how they are billed
TABLE = {
    "auth-token-env": ("gateway", {"Authorization"}),
    "oauth-token-env": ("subscription", {"Authorization", "anthropic-beta"}),
    "oauth-token-fd": ("subscription", {"Authorization", "anthropic-beta"}),
    "api-key-helper": ("metered", {"Authorization", "x-api-key"}),
    "stored-login": ("subscription", {"Authorization"}),
    "api-key-env": ("metered", {"x-api-key"}),
}
IDS = tuple(TABLE)
DISPLACING = {"api-key-env", "api-key-helper"}


@dataclass(frozen=True)
class Expected:
    """What the specification says, in its own words and not in the program's."""

    winner: str | None
    next_winner: str | None
    states: dict[str, str]


def expected(present: frozenset[str]) -> Expected:
    """Fixed order, first offer wins; while a key or a helper is set, what the profile holds stands down."""

    def first(there: frozenset[str]) -> str | None:
        contenders = there - {"stored-login"} if DISPLACING & there else there
        return next((one for one in IDS if one in contenders), None)

    winner = first(present)
    states = {}
    for one in IDS:
        if one not in present:
            states[one] = "absent"
        elif one == winner:
            states[one] = "selected"
        elif one == "stored-login" and DISPLACING & present:
            states[one] = "stands_down"  # also when something else outranks it
        else:
            states[one] = "outranked"
    next_winner = first(present - {winner}) if winner else None
    return Expected(winner, next_winner, states)


COMBINATIONS = [
    frozenset(chosen) for size in range(len(IDS) + 1) for chosen in itertools.combinations(IDS, size)
]


class Machine:
    """A machine on which the sources of one combination have something."""

    def __init__(self, directory: Path, present: frozenset[str]) -> None:
        self.world = FakeWorld(directory)
        self.secrets = {one: make_secret("api-key" if "key" in one else "token") for one in present}
        self.descriptor: int | None = None
        for one in present:
            self._place(one)

    def auth(self, **options: str) -> Auth:
        return Auth(world=self.world, **options)  # type: ignore[arg-type] # options of text

    def _place(self, one: str) -> None:
        secret = self.secrets[one]
        if one == "auth-token-env":
            self.world.variables["ANTHROPIC_AUTH_TOKEN"] = secret
        elif one == "oauth-token-env":
            self.world.variables["CLAUDE_CODE_OAUTH_TOKEN"] = secret
        elif one == "api-key-env":
            self.world.variables["ANTHROPIC_API_KEY"] = secret
        elif one == "api-key-helper":
            with_helper(self.world, Outcome(stdout=secret))
        elif one == "oauth-token-fd":
            reading, writing = os.pipe()
            os.write(writing, secret.encode() + b"\n")
            os.close(writing)
            self.descriptor = reading
            self.world.variables[descriptor.NAME] = str(reading)
        else:
            from keyturn.values import Secret

            save(Auth(world=self.world).scene().store, make_login(access_token=Secret(secret)))


@pytest.fixture
def machines() -> Iterator[list[Machine]]:
    made: list[Machine] = []
    yield made
    for machine in made:
        if machine.descriptor is not None:
            os.close(machine.descriptor)


def test_the_table_has_every_combination() -> None:
    assert len(set(COMBINATIONS)) == 2 ** len(IDS) == 64


@pytest.mark.proves("R8", "R10", "R11", "R47", "R48", "R49", "R51", "R52", "R55")
@pytest.mark.parametrize("present", COMBINATIONS, ids=lambda present: "+".join(sorted(present)) or "nothing")
class TestEveryCombination:
    def test_resolving_gives_the_winner_s_credential(
        self, tmp_path: Path, machines: list[Machine], present: frozenset[str]
    ) -> None:
        machines.append(machine := Machine(tmp_path, present))
        wanted = expected(present)
        if wanted.winner is None:
            with pytest.raises(NoCredential) as caught:
                machine.auth().credential()
            assert caught.value.exit == 3
            assert caught.value.survey is not None
            assert {row.state for row in caught.value.survey.rows} == {"absent"}
            return
        credential = machine.auth().credential()
        billing, headers = TABLE[wanted.winner]
        assert credential.source == wanted.winner
        assert credential.secret.reveal() == machine.secrets[wanted.winner]
        assert credential.billing == billing
        assert set(credential.headers()) == headers
        assert machine.world.requests == []

    def test_explaining_says_the_same_of_every_source(
        self, tmp_path: Path, machines: list[Machine], present: frozenset[str]
    ) -> None:
        machines.append(machine := Machine(tmp_path, present))
        wanted = expected(present)
        found = machine.auth().explain()
        assert [row.source.id for row in found.rows] == list(IDS)
        assert {row.source.id: row.state for row in found.rows} == wanted.states
        assert (found.winner.source.id if found.winner else None) == wanted.winner
        assert (found.next_winner.source.id if found.next_winner else None) == wanted.next_winner
        assert all(row.why for row in found.rows)
        if machine.descriptor is not None:
            assert os.read(machine.descriptor, 1)  # looking did not read from it

    def test_the_next_winner_is_who_wins_without_the_winner(
        self, tmp_path: Path, machines: list[Machine], present: frozenset[str]
    ) -> None:
        wanted = expected(present)
        if wanted.winner is None:
            assert not present
            return
        machines.append(machine := Machine(tmp_path, present - {wanted.winner}))
        found = machine.auth().explain()
        assert (found.winner.source.id if found.winner else None) == wanted.next_winner

    @pytest.mark.parametrize("pinned", IDS)
    def test_a_pinned_source_is_the_one_or_the_request_ends(
        self, tmp_path: Path, machines: list[Machine], present: frozenset[str], pinned: str
    ) -> None:
        machines.append(machine := Machine(tmp_path, present))
        if pinned in present:
            assert machine.auth(source=pinned).credential().source == pinned
            return
        with pytest.raises(NoCredential, match="pinned") as caught:
            machine.auth(source=pinned).credential()
        assert caught.value.exit == 3
