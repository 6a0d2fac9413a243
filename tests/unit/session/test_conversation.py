from __future__ import annotations

import pytest

from keyturn.session.conversation import Conversation


def test_a_turn_that_was_kept_is_part_of_the_next_request() -> None:
    talk = Conversation()
    assert talk.keep("one", "first")
    assert talk.asking("two") == [
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "first"},
        {"role": "user", "content": "two"},
    ]


def test_a_question_that_failed_leaves_no_trace() -> None:
    talk = Conversation()
    talk.asking("lost")
    assert talk.asking("next") == [{"role": "user", "content": "next"}]
    assert len(talk) == 0


@pytest.mark.parametrize("answer", ["", "  \n "])
def test_an_answer_without_text_is_not_kept_because_the_api_would_refuse_it_later(answer: str) -> None:
    talk = Conversation()
    assert not talk.keep("question", answer)
    assert talk.asking("next") == [{"role": "user", "content": "next"}]
