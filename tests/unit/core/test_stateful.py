"""Renewal against a model of reality: any order of calls, faults, deaths, races and people (I1 to I7).

500 examples here, always the same ones; `make soak` runs 10,000 others.
"""

from __future__ import annotations

import functools
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from keyturn.errors import NoCredential, Rejected
from keyturn.login import Login, fingerprint
from keyturn.oauth import provision
from keyturn.oauth.logout import log_out
from keyturn.settings.config import read_config
from keyturn.stores.file import FileStore
from keyturn.values import Secret
from tests import hostile
from tests.reality import Client, Nobody, Reality, UnlockedFile, UnlockedMemory, WatchedMemory

EXAMPLES = int(os.environ.get("KEYTURN_SOAK", "500"))
CLIENTS = st.integers(0, 2)
STEPS_TO_LIVE = st.none() | st.integers(0, 40)
WEATHER = st.lists(st.sampled_from(hostile.WEATHER), max_size=3)


class Renewal(Reality, RuleBasedStateMachine):
    """The model; subclasses say which store."""

    @initialize(grace=st.booleans())
    def begin(self, *, grace: bool) -> None:
        self.prepare(grace=grace)
        self.log_in(account=0, steps=None)

    # -- what programs do

    @rule(client=CLIENTS, steps=STEPS_TO_LIVE, weather=WEATHER)
    def call(self, client: int, steps: int | None, weather: list[str]) -> None:
        """A program makes a request of its API, and perhaps dies of it."""
        self.authority.weather = weather
        self.attempt(client, steps, alone=True)

    @rule(
        client=CLIENTS,
        other=CLIENTS,
        when=st.sampled_from(["before the answer", "after the answer"]),
        weather=WEATHER,
        steps=STEPS_TO_LIVE,
    )
    def race(self, client: int, other: int, when: str, weather: list[str], steps: int | None) -> None:
        """While one program waits for the authority, holding the lock, another one makes a request."""
        self.authority.weather = weather
        if other == client:
            other = (client + 1) % 3
        self.world.meanwhile = {when: lambda: self.attempt(other, None, alone=False)}
        self.attempt(client, steps, alone=False)
        self.world.meanwhile = {}

    @rule(
        client=CLIENTS,
        when=st.sampled_from(["before the answer", "after the answer"]),
        what=st.sampled_from(["login", "other login", "logout"]),
    )
    def two_locks(self, client: int, when: str, what: str) -> None:
        """The lock is granted twice, and somebody logs in or out while a renewal is under way (L2, L4)."""

        def meanwhile() -> None:
            if what == "logout":
                self.act(lambda: log_out(self.world, "default", self.unlocked()), None)
            else:
                self.store_login(self.unlocked(), int(what == "other login"), None)

        self.world.meanwhile = {when: meanwhile}
        self.attempt(client, None, alone=False)
        self.world.meanwhile = {}

    # -- what people do

    @rule(account=st.sampled_from([0, 0, 0, 1]), steps=STEPS_TO_LIVE)
    def log_in(self, account: int, steps: int | None) -> None:
        self.store_login(self.open_store(), account, steps)

    @rule(steps=STEPS_TO_LIVE, weather=WEATHER)
    def log_out(self, steps: int | None, weather: list[str]) -> None:
        self.authority.weather = weather
        self.act(lambda: log_out(self.world, "default", self.open_store()), steps)

    @rule(pick=st.integers(0, 1000))
    def provision_again(self, pick: int) -> None:
        """A container starts, and provisions the token it was built with once more (L5)."""
        record, waiting = self.stored()
        if not isinstance(record, Login) or record.refresh_token is None:
            return
        family = self.authority.family_of(record.refresh_token.reveal())
        known = [
            token
            for former in (*self.former, family)
            for token in former.refresh_tokens
            if fingerprint(Secret(token)) in self.lain & self.replaced
        ]
        token = [*known, record.refresh_token.reveal()][pick % (len(known) + 1)]
        text = f'{{"access_token": "test-built-in", "token_type": "Bearer", "refresh_token": "{token}"}}'
        profile = (
            read_config(self.world)
            .profile("default")
            .replace(
                api_base_url="https://api.example.com",
                client_id="example-client",
                token_url="https://auth.example.com/token",
            )
        )
        outcome = self.act(
            lambda: provision.from_json(text, self.world, profile, self.open_store(), Nobody(), yes=False),
            None,
        )
        assert outcome is None, f"L5: {outcome}"
        assert self.stored() == (record, waiting)

    # -- what the world does

    @rule(seconds=st.sampled_from([1, 3, 70, 400, 1000, 3000, 3400, 4000]))
    def time_passes(self, seconds: int) -> None:
        self.world.advance(seconds)

    @rule(seconds=st.sampled_from([-86400, -600, -90, 90, 600, 86400]))
    def clock_jumps(self, seconds: int) -> None:
        self.world.set_wall_clock(self.world.now() + seconds)

    @rule(full=st.booleans())
    def the_disk_fills_up_or_is_freed(self, *, full: bool) -> None:
        self.set_full(full=full)

    @rule()
    def the_api_rejects_every_token(self) -> None:
        for family in self.authority.families:
            family.access_tokens.clear()

    @rule()
    def somebody_ends_every_login_at_the_authority(self) -> None:
        for family in self.authority.families:
            family.revoked = True
            family.access_tokens.clear()

    @rule(client=CLIENTS)
    def restart(self, client: int) -> None:
        self.clients[client] = Client(self)

    @rule()
    def all_faults_end(self) -> None:
        """Then every login that the authority still knows yields a token, and the rest say why (I5)."""
        self.authority.weather, self.world.meanwhile = [], {}
        self.set_full(full=False)
        self.clients = [Client(self) for _ in self.clients]
        outcomes: list[object] = []
        for _ in range(4):  # a pause is kept for 15 minutes, and a clock that was set back makes it longer
            self.world.advance(1000)
            sent = len(self.authority.sent)
            outcomes = [self.act(functools.partial(self.request, client), None) for client in self.clients]
            if all(outcome is True for outcome in outcomes):
                assert len(self.authority.sent) <= sent + 1, "I1: one renewal is enough for all"
                return
            if all(isinstance(outcome, NoCredential) for outcome in outcomes):
                break
        record, _ = self.stored()
        if not isinstance(record, Login):
            assert all(isinstance(outcome, NoCredential) for outcome in outcomes), outcomes
            return
        assert record.refresh_token is not None
        given_up = [isinstance(outcome, Rejected) and outcome.code == "answer_lost" for outcome in outcomes]
        alive = record.quarantine is None and self.authority.alive(record.refresh_token.reveal())
        assert not alive or all(given_up), f"I5: {outcomes}"
        for outcome in outcomes:
            explained = isinstance(outcome, Rejected) and outcome.code in {"login_ended", "answer_lost"}
            assert explained, f"I5: {outcome!r}"

    # -- what always holds

    @invariant()
    def nothing_is_lost(self) -> None:
        if hasattr(self, "last"):
            self.observe()


class InFiles(Renewal):
    """Every client opens the same directory."""

    def open_store(self) -> Any:
        return FileStore(self.world, "default")

    def unlocked(self) -> Any:
        return UnlockedFile(self.world, "default")

    def set_full(self, *, full: bool) -> None:
        self.disk.full = full


class InMemory(Renewal):
    """Every client shares one store."""

    def made_open(self) -> None:
        self.store = WatchedMemory(self.world)

    def open_store(self) -> Any:
        return self.store

    def unlocked(self) -> Any:
        return UnlockedMemory(self.store)

    def set_full(self, *, full: bool) -> None:
        self.store.full = full


def _settings(share: float) -> settings:
    return settings(
        max_examples=round(EXAMPLES * share),
        stateful_step_count=30,
        deadline=None,
        derandomize=EXAMPLES == 500,
        database=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
        report_multiple_bugs=False,
        # scripts/mutants.py asks only whether there is a fault, and not for its shortest story
        phases=[Phase.generate] if "KEYTURN_FIRST_FAULT" in os.environ else list(Phase),
    )


@pytest.mark.proves("I2", "I3", "I4", "I5", "I7", "L2", "L4", "L5", "L13", "L15")
class TestInFiles(InFiles.TestCase):  # type: ignore[misc,valid-type] # hypothesis makes it at run time
    settings = _settings(0.6)


@pytest.mark.proves("I1", "I2", "I3", "I4", "I5", "I7", "L13", "L15")
class TestInMemory(InMemory.TestCase):  # type: ignore[misc,valid-type] # as above
    settings = _settings(0.4)
