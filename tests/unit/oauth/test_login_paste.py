"""Pasting: the code of the server's page or the whole address, beside the browser or alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from keyturn.errors import AuthError, ConfigurationError, LoginRefused, Rejected, UsageError
from keyturn.oauth.asking import Wish
from tests.persons import CODE, ScriptedPerson, asked, comes_back
from tests.unit.oauth.conftest import ISSUER, PASTE_WISH, Desk, contents, metadata, profile, tokens
from tests.unit.oauth.test_login_browser import NoBrowser

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = f"{ISSUER}/paste"


def pair(urls: list[str]) -> str:
    """What the server's page shows for the last address that was shown."""
    return f"{CODE}#{asked(urls[-1])['state']}"


def exchanged(desk: Desk) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(desk.sent()[-1].body.decode()).items()}


@pytest.mark.parametrize("present", [True, False])
def test_without_a_browser_the_code_of_the_page_is_enough(desk: Desk, present: bool) -> None:
    person = ScriptedPerson(present=present, pastes=[pair])
    login = desk.log_in(
        metadata(), tokens(), person=person, wish=PASTE_WISH, at=profile(paste_redirect_uri=PAGE)
    )
    assert desk.stored() == login
    assert desk.world.browsed == []
    assert [asked(url)["redirect_uri"] for url in person.urls] == [PAGE]
    assert exchanged(desk)["redirect_uri"] == PAGE


def test_without_such_a_page_the_address_of_the_last_one_is_pasted(desk: Desk) -> None:
    person = ScriptedPerson(pastes=[lambda urls: comes_back(urls[0], iss=ISSUER)])
    desk.log_in(metadata(), tokens(), person=person, wish=PASTE_WISH)
    assert exchanged(desk)["redirect_uri"].startswith("http://127.0.0.1:")
    assert "copy the address of that page and paste it here" in person.said[-2]


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda text: f"\x1b[200~{text}\x1b[201~\n",
        lambda text: f"  '{text[:20]}\n {text[20:]}'  ",
        lambda text: f"{PAGE}?code={text.partition('#')[0]}&state={text.partition('#')[2]}",
    ],
)
def test_a_paste_may_be_wrapped_in_anything(desk: Desk, wrapped: Callable[[str], str]) -> None:
    person = ScriptedPerson(pastes=[lambda urls: wrapped(pair(urls))])
    desk.log_in(metadata(), tokens(), person=person, browser=NoBrowser(), at=profile(paste_redirect_uri=PAGE))
    assert (exchanged(desk)["code"], exchanged(desk)["redirect_uri"]) == (CODE, PAGE)


def test_beside_the_browser_either_answer_counts(desk: Desk) -> None:
    person = ScriptedPerson(pastes=[lambda urls: comes_back(urls[0])])
    desk.log_in(metadata(), tokens(), person=person, browser=NoBrowser(), at=profile(paste_redirect_uri=PAGE))
    # the address of the first request goes with the verifier of the first request
    assert exchanged(desk)["redirect_uri"] == asked(person.urls[0])["redirect_uri"]


def test_a_wrong_paste_may_be_tried_again(desk: Desk) -> None:
    person = ScriptedPerson(pastes=["\n", f"{CODE}#{'x' * 43}", "ünlesbar", pair])
    desk.log_in(metadata(), tokens(), person=person, browser=NoBrowser(), at=profile(paste_redirect_uri=PAGE))
    assert "this code belongs to another login attempt; use the page of the newest attempt, " in " ".join(
        person.said
    )
    assert desk.stored() is not None
    assert CODE not in " ".join(person.said)


@pytest.mark.parametrize(
    ("paste", "says"),
    [
        (f"{CODE}#{'x' * 43}", "belongs to another login attempt"),
        ("ünlesbar", "characters that no code has"),
        ("a" * 5000, "the pasted code is too long"),
        (EOFError, "standard input ended before a code came"),
    ],
)
def test_from_a_pipe_a_wrong_code_is_the_end(desk: Desk, paste: Any, says: str) -> None:
    person = ScriptedPerson(present=False, pastes=[paste])
    with pytest.raises(UsageError, match=says) as caught:
        desk.log_in(metadata(), person=person, wish=PASTE_WISH, at=profile(paste_redirect_uri=PAGE))
    assert caught.value.exit == 2
    assert contents(desk.home) == {}
    assert len(desk.sent()) == 1


def test_when_nothing_can_be_pasted_any_more_the_browser_still_counts(desk: Desk) -> None:
    person = ScriptedPerson(pastes=[EOFError])
    desk.log_in(metadata(), tokens(), person=person)
    assert desk.shown() == "success"
    assert any("still waiting for the browser" in text for text in person.said)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"error": "access_denied"}, LoginRefused),
        ({"error": "invalid_scope"}, ConfigurationError),
        ({"iss": "https://evil.example"}, Rejected),
    ],
)
def test_an_error_that_is_pasted_ends_the_attempt_as_one_that_arrives(
    desk: Desk, said: dict[str, str], kind: type[AuthError]
) -> None:
    person = ScriptedPerson(pastes=[lambda urls: comes_back(urls[0], **said)])
    with pytest.raises(kind):
        desk.log_in(metadata(), person=person, browser=NoBrowser())
    assert contents(desk.home) == {}


# -- a code without its state


def bare(desk: Desk, person: ScriptedPerson, **options: Any) -> Any:
    return desk.log_in(
        metadata(**options.pop("told", {})),
        tokens(),
        person=person,
        browser=NoBrowser(),
        at=profile(paste_redirect_uri=PAGE),
        **options,
    )


def test_a_bare_code_needs_the_person_to_confirm_the_account(desk: Desk) -> None:
    person = ScriptedPerson(pastes=[CODE], answers=[True])
    assert bare(desk, person).account == "developer@example.com"
    assert person.asked == ["the code came without its state; is that you: developer@example.com?"]


def test_a_bare_code_of_a_stranger_is_not_stored(desk: Desk) -> None:
    with pytest.raises(LoginRefused, match="nobody confirmed that developer@") as caught:
        bare(desk, ScriptedPerson(pastes=[CODE], answers=[False]))
    assert (caught.value.exit, caught.value.code) == (3, "not_confirmed")
    assert contents(desk.home) == {}


def test_a_bare_code_from_a_pipe_needs_yes(desk: Desk) -> None:
    with pytest.raises(LoginRefused, match="nothing was stored"):
        bare(desk, ScriptedPerson(present=False, pastes=[CODE]), wish=PASTE_WISH)
    person = ScriptedPerson(present=False, pastes=[CODE])
    bare(desk, person, wish=Wish(browser=False, callback_port=0, yes=True))
    assert desk.stored() is not None


def test_a_bare_code_is_refused_where_the_authority_does_not_promise_pkce(desk: Desk) -> None:
    person = ScriptedPerson(present=False, pastes=[CODE])
    with pytest.raises(UsageError, match="came without its state") as caught:
        bare(desk, person, wish=PASTE_WISH, told={"code_challenge_methods_supported": None})
    assert caught.value.code == "paste_without_state"
    assert len(desk.sent()) == 1
