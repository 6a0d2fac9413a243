"""Foreign text is shown without what moves, hides or reorders (T14), and without secrets (T15)."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest

from keyturn.clean import clean
from keyturn.redact import MASK, held_secrets, redact
from keyturn.values import Secret
from tests.secretscan import make_secret


@pytest.mark.proves("T14")
@pytest.mark.parametrize(
    ("foreign", "shown"),
    [
        ("Example Works", "Example Works"),
        ("Zoë Müller 山田", "Zoë Müller 山田"),
        ("\x1b[2Jgone", "[2Jgone"),
        ("\x1b]0;title\x07text", "]0;titletext"),
        ("\x9b31mred", "31mred"),
        ("two\r\nlines\tand a tab", "two lines and a tab"),
        ("back\x08space and del\x7f", "backspace and del"),
        ("ab\u202edc\u202c", "abdc"),
        ("\u2066isolated\u2069", "isolated"),
        ("zero\u200bwidth\u200d\u2060\ufeff", "zerowidth"),
        ("soft\u00adhyphen", "softhyphen"),
        ("tag\U000e0041\U000e007f", "tag"),
        ("selector\ufe0f\U000e0100", "selector"),
        ("filler\u3164\uffa0\u115f", "filler"),
        ("half\ud800", "half"),
        ("line\u2028separator", "lineseparator"),
        ("   ", ""),
    ],
)
def test_what_a_terminal_would_obey_is_taken_out(foreign: str, shown: str) -> None:
    assert clean(foreign) == shown


@pytest.mark.proves("T14")
def test_a_text_without_end_is_cut() -> None:
    assert clean("x" * 10_000) == "x" * 299 + "…"
    assert clean("\x1b" * 5_000_000 + "x") == ""
    assert len(clean("é" * 10_000, 40)) == 40


def test_lines_stay_where_they_are_wanted() -> None:
    assert clean("one\x1b[1m  more\ntwo\x00", lines=True) == "one[1m more\ntwo"


@pytest.mark.proves("T15")
def test_a_known_secret_is_masked_in_every_spelling() -> None:
    secret = make_secret("token") + "+/="
    spellings = [
        secret,
        quote(secret, safe=""),
        *(base64.b64encode(before + secret.encode()).decode() for before in (b"", b"a", b"ab")),
        *(base64.urlsafe_b64encode(before + secret.encode()).decode() for before in (b"", b"a", b"ab")),
    ]
    for spelling in spellings:
        assert secret[3:-8] not in redact(f"it was {spelling}.", [secret])
        assert MASK in redact(f"it was {spelling}.", [secret])


@pytest.mark.proves("T15")
@pytest.mark.parametrize(
    "shape",
    [
        "sk-ant-" + "test-abcdefgh",
        "ey" + "JhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "AKIA" + "EXAMPLE0EXAMPLE0",
        "ASIA" + "EXAMPLE0EXAMPLE0",
        "ya29" + ".a0AfExampleExample",
    ],
)
def test_the_shape_of_a_secret_is_masked_although_nobody_knows_it(shape: str) -> None:
    assert redact(f"there was {shape} in it") == f"there was {MASK} in it"


def test_words_are_no_secrets() -> None:
    text = "the bearer of the token said: ask, and ANTHROPIC_API_KEY is not set; see docs/security.md"
    assert redact(text, ["ask", ""]) == text


def test_secrets_that_are_alive_are_found() -> None:
    kept = Secret(make_secret("token"))
    assert kept.reveal() in set(held_secrets())
