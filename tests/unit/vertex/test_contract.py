"""The sources of the Vertex route keep the contract of sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keyturn.testing import FakeWorld, SourceContract
from tests.google import FLAG, PROJECT, granted, put, user_info, well_known
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from pathlib import Path


class TestGoogleAdc(SourceContract):
    source_id = "google-adc"
    route = "vertex"
    # a child signs for itself, with the same file: no variable takes an access token
    hands_over = False

    def fill(self, world: FakeWorld) -> str:
        world.variables |= {**FLAG, "ANTHROPIC_VERTEX_PROJECT_ID": PROJECT}
        put(well_known(world), user_info())
        secret = make_secret("token")
        world.script = [granted(secret)]
        return secret

    def spoil(self, world: FakeWorld) -> tuple[str, str]:
        info = user_info(refresh_token=7)
        return put(well_known(world), info), info["client_secret"]

    def answer_renewal(self, world: FakeWorld) -> None:
        world.script = [granted()]

    def test_a_child_gets_the_file_and_no_token(self, tmp_path: Path) -> None:
        world, offer, secret = self._offer(tmp_path)
        child = offer.redeem(None).environment()
        assert child["GOOGLE_APPLICATION_CREDENTIALS"] == well_known(world)
        assert secret not in child.values()
