"""`keyturn.survey` as tests: what every source promises when it is looked at and redeemed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from keyturn.errors import AuthError
from keyturn.order import ORDER
from keyturn.scene import Scene
from keyturn.settings.config import read_config
from keyturn.survey import Absent, Offer
from keyturn.testing.stores import error_of
from keyturn.testing.world import FakeWorld
from keyturn.values import BILLING
from keyturn.wire import origin

if TYPE_CHECKING:
    from pathlib import Path

    from keyturn.survey import Source

STATES = ("usable", "renewable", "expired", "rejected")


class SourceContract:
    """Subclass it, as `TestMySource(SourceContract)`, and say what makes the source have something."""

    source_id: str
    route = "anthropic"
    # whether a child gets the secret itself; False for what it gets in the same way as keyturn did
    hands_over = True

    def fill(self, world: FakeWorld) -> str:
        """Give the source something to find on this machine; returns the secret that it then offers."""
        raise NotImplementedError

    def spoil(self, world: FakeWorld) -> tuple[str, str]:
        """Make what it finds unusable; returns what must be named and the text that must not be shown."""
        raise NotImplementedError

    def scene(self, world: FakeWorld) -> Scene:
        """The scene of a machine; for sources that need more than the configuration gives."""
        config = read_config(world)
        name, chosen_by = config.chosen(None, world)
        return Scene(world, config, config.profile(name), chosen_by)

    @property
    def source(self) -> Source:
        """The row of the order that is under test."""
        return next(source for source in ORDER[self.route] if source.id == self.source_id)

    def test_it_is_absent_with_a_reason_on_an_empty_machine(self, tmp_path: Path) -> None:
        answer = self.source.look(self.scene(FakeWorld(tmp_path)))
        assert isinstance(answer, Absent)
        assert answer.why

    def test_its_offer_says_everything_a_person_asks(self, tmp_path: Path) -> None:
        _, offer, _ = self._offer(tmp_path)
        assert offer.billing in BILLING
        assert offer.state in STATES
        assert offer.kind in ("api_key", "bearer", "aws", "google")
        assert offer.where
        assert offer.remedy
        assert origin(offer.base_url).confidential
        assert offer.renewable in (True, False)

    def test_looking_changes_nothing_and_asks_nobody(self, tmp_path: Path) -> None:
        world, _, _ = self._offer(tmp_path)
        scene = self.scene(world)
        before, variables = everything_below(world.folder), dict(world.variables)
        first, second = self.source.look(scene), self.source.look(scene)
        assert isinstance(first, Offer)
        assert isinstance(second, Offer)
        assert first.replace(redeem=None) == second.replace(redeem=None)
        assert everything_below(world.folder) == before
        assert world.variables == variables
        assert (world.requests, world.browsed, world.slept) == ([], [], 0.0)

    def test_redeeming_gives_the_secret_bound_to_where_the_offer_said(self, tmp_path: Path) -> None:
        _, offer, secret = self._offer(tmp_path)
        credential = offer.redeem(None)
        assert credential.secret.reveal() == secret
        assert credential.source == self.source_id
        assert credential.where == offer.where
        assert credential.kind == offer.kind
        assert credential.billing == offer.billing
        assert credential.base_url == offer.base_url
        assert credential.audience == str(origin(offer.base_url))
        assert any(secret in value for value in credential.headers().values())
        assert any(secret == value for value in credential.environment().values()) is self.hands_over

    def test_a_second_request_gets_the_same_credential(self, tmp_path: Path) -> None:
        _, offer, _ = self._offer(tmp_path)
        assert offer.redeem(None) == offer.redeem(None)

    def test_what_it_shows_never_holds_the_secret(self, tmp_path: Path) -> None:
        _, offer, secret = self._offer(tmp_path)
        credential = offer.redeem(None)
        assert (
            secret not in f"{offer!r} {offer.where} {offer.note} {offer.remedy} {credential!r} {credential}"
        )

    def test_a_rejected_credential_is_replaced_or_an_error_that_names_the_place(self, tmp_path: Path) -> None:
        world, offer, secret = self._offer(tmp_path)
        credential = offer.redeem(None)
        self.answer_renewal(world)
        try:
            renewed = offer.redeem(credential)
        except AuthError as error:
            assert error.exit == 4  # noqa: PLR2004 - the command line's own number
            assert error.hint
            assert secret not in f"{error} {error.hint} {error.facts}"
            assert credential.where in error.message or self.source_id in str(error.facts)
        else:
            assert renewed.secret.reveal() != secret

    def answer_renewal(self, world: FakeWorld) -> None:
        """Script what a renewal needs, for sources that can renew."""

    def test_what_cannot_be_used_is_an_error_and_not_absent(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path)
        named, hidden = self.spoil(world)
        error = error_of(AuthError, lambda: self.source.look(self.scene(world)))
        assert error.exit in (5, 7, 8)
        assert error.hint
        assert named in error.message
        assert hidden not in f"{error} {error.hint} {error.facts} {error!r}"

    def _offer(self, tmp_path: Path) -> tuple[FakeWorld, Offer, str]:
        world = FakeWorld(tmp_path)
        secret = self.fill(world)
        offer = self.source.look(self.scene(world))
        assert isinstance(offer, Offer)
        return world, offer, secret


def everything_below(directory: str) -> dict[str, tuple[int, int, bytes | None]]:
    """Every file and folder below a directory, with mode, time and content."""
    found: dict[str, tuple[int, int, bytes | None]] = {}
    for folder, folders, files in os.walk(directory):
        for name in (*folders, *files):
            path = os.path.join(folder, name)
            state = os.lstat(path)
            content = None
            if name in files:
                with open(path, "rb") as file:
                    content = file.read()
            found[path] = (state.st_mode, state.st_mtime_ns, content)
    return found
