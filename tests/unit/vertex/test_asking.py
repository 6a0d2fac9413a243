"""The question that shows whether Vertex takes a credential, and what each answer to it means."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from keyturn import Auth, Rejected, Unavailable
from keyturn.testing.world import answer
from keyturn.vertex.asking import check_taken
from tests.google import PROJECT, granted, user_info, vertex_world

if TYPE_CHECKING:
    from pathlib import Path

    from keyturn.testing import FakeWorld
    from keyturn.wire import Response

WORDS = {
    "error": {"message": "Quota exceeded for aiplatform.googleapis.com.", "status": "RESOURCE_EXHAUSTED"}
}


def ask(folder: Path, said: Response) -> FakeWorld:
    world = vertex_world(folder, user_info())
    world.script = [granted(), said]
    auth = Auth(world=world)
    check_taken(auth.scene(), auth.credential())
    return world


def test_two_letters_are_counted(tmp_path: Path) -> None:
    request = ask(tmp_path, answer({"input_tokens": 2})).requests[-1]
    assert request.url.endswith(
        f"/projects/{PROJECT}/locations/us-east5/publishers/anthropic/models/count-tokens:rawPredict"
    )
    assert json.loads(request.body)["messages"] == [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_says_what_may_be_missing(tmp_path: Path, status: int) -> None:
    with pytest.raises(Rejected) as caught:
        ask(tmp_path, answer(WORDS, status))
    assert f"({status}): Quota exceeded for aiplatform.googleapis.com" in caught.value.message
    assert "Model Garden" in (caught.value.hint or "")


@pytest.mark.parametrize("status", [302, 408, 429, 500, 503])
def test_a_quota_that_is_used_up_refuses_nobody(tmp_path: Path, status: int) -> None:
    with pytest.raises(Unavailable) as caught:
        ask(tmp_path, answer(WORDS, status))
    assert f"status {status}: Quota exceeded" in caught.value.message
