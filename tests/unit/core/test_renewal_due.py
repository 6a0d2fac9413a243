"""When a token is due: a table of boundaries."""

from __future__ import annotations

import pytest

from keyturn.oauth import renew
from keyturn.testing import make_login
from keyturn.testing.world import NOW
from keyturn.values import Secret
from tests.machine import HOUR, aged


@pytest.mark.proves("R6", "R39")
@pytest.mark.parametrize(
    ("life", "left", "expected"),
    [
        pytest.param(HOUR, HOUR, "fresh", id="an hour, just made"),
        pytest.param(HOUR, 300.001, "fresh", id="an hour, a moment more than 300 s left"),
        pytest.param(HOUR, 300.0, "fresh", id="an hour, 300 s left"),
        pytest.param(HOUR, 299.999, "ahead", id="an hour, a moment less than 300 s left"),
        pytest.param(HOUR, 30.0, "ahead", id="an hour, 30 s left"),
        pytest.param(HOUR, 29.999, "due", id="an hour, a moment less than 30 s left"),
        pytest.param(HOUR, 0.0, "due", id="an hour, at its end"),
        pytest.param(HOUR, -1.0, "due", id="an hour, over"),
        pytest.param(100.0, 20.0, "fresh", id="100 s, 20 % left"),
        pytest.param(100.0, 19.999, "ahead", id="100 s, a moment less than 20 % left"),
        pytest.param(100.0, 5.0, "ahead", id="100 s, 5 % left"),
        pytest.param(100.0, 4.999, "due", id="100 s, a moment less than 5 % left"),
        pytest.param(600.0, 120.0, "fresh", id="ten minutes, 20 % left"),
        pytest.param(600.0, 119.9, "ahead", id="ten minutes, less than 20 % left"),
        pytest.param(600.0, 30.0, "ahead", id="ten minutes, 5 % left"),
        pytest.param(600.0, 29.9, "due", id="ten minutes, less than 5 % left"),
        pytest.param(30 * 86400.0, 300.0, "fresh", id="a month, 300 s left"),
        pytest.param(30 * 86400.0, 299.0, "ahead", id="a month, less than 300 s left"),
        pytest.param(0.0, 0.0, "due", id="no life at all"),
        pytest.param(-10.0, 5.0, "fresh", id="an end before its beginning, still to come"),
        pytest.param(-10.0, -5.0, "due", id="an end before its beginning, over"),
        pytest.param(None, 0.0, "fresh", id="unknown life"),
    ],
)
def test_when_a_token_is_due(life: float | None, left: float, expected: str) -> None:
    assert renew.state(aged(life, left), NOW) == expected


@pytest.mark.proves("R42")
class TestWhatARejectionMakesDue:
    @pytest.mark.parametrize("life", [HOUR, None])
    def test_the_rejected_token_is_due_whatever_its_life(self, life: float | None) -> None:
        login = aged(life, HOUR)
        assert renew.state(login, NOW, login.access_token) == "due"

    def test_another_token_than_the_rejected_one_is_not(self) -> None:
        assert renew.state(aged(HOUR, HOUR), NOW, Secret("test-access-of-an-earlier-time")) == "fresh"

    def test_a_key_has_no_end_and_is_due_only_when_rejected(self) -> None:
        key = Secret("sk-ant-test-key-of-a-profile")
        login = make_login(api_key=key, access_token=None, refresh_token=None, expires_at=NOW - 1)
        assert renew.state(login, NOW) == "fresh"
        assert renew.state(login, NOW, key) == "due"
