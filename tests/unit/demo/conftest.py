"""A round of sixteen programs as the demo sees it, with times that a person can check by eye."""

from __future__ import annotations

from typing import Any

import pytest

from keyturn.demo.timeline import Timeline, timeline

START = 5000.0  # of the clock that all processes share
RENEWER = 4  # counted from 0


def answer(number: int) -> dict[str, Any]:
    """What one program tells, which asks `number` milliseconds after the first."""
    found: dict[str, Any] = {
        "asked": START + number / 1000,
        "wanted": START + (number + 1) / 1000,
        "served": START + 0.29,
        "token": START + 0.3 + number / 1000,
        "done": START + 0.35 + number / 1000,
        "statuses": [200],
    }
    if number == RENEWER:
        found |= {"sent": START + 0.02, "answered": START + 0.28}
    return found


@pytest.fixture
def found() -> Timeline:
    return timeline([answer(number) for number in range(16)], (START + 0.03, START + 0.27))
