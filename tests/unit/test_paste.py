"""Whatever a person can paste after a login, and what is said when it is no use."""

from __future__ import annotations

import secrets
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.errors import AuthError, ConfigurationError, LoginRefused, Unavailable, UsageError
from keyturn.oauth.paste import read_paste

STATE = "state-" + secrets.token_urlsafe(12)
CODE = "sk-ant-test-" + secrets.token_urlsafe(24)

codes = st.text("abcXYZ019-._~+/=", min_size=8, max_size=200).filter(lambda c: "://" not in c)
noise = st.sampled_from([" ", "\n", "\r\n", "\t", "\u200b", "\ufeff", "\u00a0", "\u2060", "\u202e"])
wraps = st.sampled_from(
    ['"', "'", "`", "<>", "“”", "\x1b[200~", "\x1b[201~", "^[[200~", "[201~", " \n", "\u200f"]
)


def address(**values: str) -> str:
    return "http://127.0.0.1:43111/callback?" + urlencode(values)


@pytest.mark.proves("P9")
@pytest.mark.parametrize(
    "text",
    [
        f"{CODE}#{STATE}",
        f"  {CODE}#{STATE}\n",
        f'"{CODE}#{STATE}"',
        f"“{CODE}#{STATE}”",
        f"\x1b[200~{CODE}#{STATE}\x1b[201~",
        f"^[[200~{CODE}#{STATE}^[[201~\n",
        f"{CODE[:11]}\n{CODE[11:]}#\r\n{STATE[:4]}  \n  {STATE[4:]}",
        f"{CODE[:3]}\u200b{CODE[3:]}\ufeff#{STATE}",
        f"{CODE}%23{STATE}",
        address(code=CODE, state=STATE),
        address(state=STATE, code=CODE, scope="read write"),
        f"'{address(code=CODE, state=STATE)}'",
        f"http://127.0.0.1:43111/callback#{urlencode({'code': CODE, 'state': STATE})}",
        f"127.0.0.1:43111/callback?code={CODE}&state={STATE}",
        f"?code={CODE}&state={STATE}",
        f"code={CODE}&state={STATE}",
        address(code=CODE, state=STATE)[:50] + "\n" + address(code=CODE, state=STATE)[50:],
    ],
)
def test_every_usual_form_gives_code_and_state(text: str) -> None:
    pasted = read_paste(text, expected_state=STATE)
    assert (pasted.code, pasted.state) == (CODE, STATE)


@pytest.mark.proves("P9")
@pytest.mark.parametrize("text", [CODE, f" {CODE} ", f"{CODE}#", f"`{CODE}`", address(code=CODE)])
def test_a_code_without_its_state_says_so_by_leaving_it_out(text: str) -> None:
    pasted = read_paste(text, expected_state=STATE)
    assert (pasted.code, pasted.state) == (CODE, None)


def test_the_issuer_of_the_address_is_kept_for_the_check_of_rfc_9207() -> None:
    pasted = read_paste(address(code=CODE, state=STATE, iss="https://auth.example.com"), expected_state=STATE)
    assert pasted.iss == "https://auth.example.com"


@pytest.mark.proves("P9")
@pytest.mark.parametrize(
    "text",
    [f"{CODE}#{STATE}x", f"{CODE}#other", address(code=CODE, state="other"), address(error="e", state="x")],
)
def test_another_attempts_answer_is_named_as_such(text: str) -> None:
    with pytest.raises(UsageError, match="belongs to another login attempt") as caught:
        read_paste(text, expected_state=STATE)
    assert caught.value.code == "paste_wrong_state"
    assert CODE not in f"{caught.value} {caught.value.hint} {caught.value.facts}"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("access_denied", LoginRefused),
        ("server_error", Unavailable),
        ("temporarily_unavailable", Unavailable),
        ("invalid_scope", ConfigurationError),
        ("unauthorized_client", ConfigurationError),
    ],
)
@pytest.mark.parametrize("state", [STATE, None])
def test_the_servers_error_is_told_with_what_it_means(
    error: str, kind: type[AuthError], state: str | None
) -> None:
    values = {"error": error, "error_description": "not\x1b[2J today.", **({"state": state} if state else {})}
    with pytest.raises(kind, match=error) as caught:
        read_paste(address(**values), expected_state=STATE)
    assert str(caught.value).endswith("not [2J today")
    assert caught.value.hint


def test_an_error_name_that_is_no_name_is_not_shown() -> None:
    with pytest.raises(ConfigurationError, match="an unnamed error"):
        read_paste(address(error="<b>\u202egnihtemos", state=STATE), expected_state=STATE)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "paste_empty"),
        (" \n\t ", "paste_empty"),
        ("\x1b[200~\x1b[201~", "paste_empty"),
        ('""', "paste_empty"),
        ("\u200b\ufeff", "paste_empty"),
        (f"#{STATE}", "paste_unusable"),
        ("https://auth.example.com/authorize", "paste_unusable"),
        (address(state=STATE), "paste_unusable"),
        (address(code="", state=STATE), "paste_unusable"),
        (f"{CODE}#{STATE}#{STATE}", "paste_unusable"),
        (f"{CODE}\x00#{STATE}", "paste_unusable"),
        (f"{CODE}\x1b[31m#{STATE}", "paste_unusable"),
        (f"{CODE}é", "paste_unusable"),
        (address(code="café", state=STATE), "paste_unusable"),
        (address(code=CODE, state=STATE) + "&code=another", "paste_unusable"),
        ("http://127.0.0.1/?" + "&".join(f"a{n}=1" for n in range(60)), "paste_unusable"),
        ("x" * 4097, "paste_too_long"),
        ("x" * 20000, "paste_too_long"),
        (" " * 20000, "paste_too_long"),
    ],
)
def test_what_is_no_use_is_refused_with_its_own_reason(text: str, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_paste(text, expected_state=STATE)
    assert caught.value.code == code
    assert caught.value.exit == 2
    assert caught.value.hint
    assert CODE not in f"{caught.value!r} {caught.value.hint} {caught.value.facts}"


def test_the_pasted_value_does_not_show_its_code() -> None:
    pasted = read_paste(f"{CODE}#{STATE}", expected_state=STATE)
    assert CODE not in f"{pasted!r} {pasted} {[pasted]}"
    assert STATE not in repr(pasted)


@pytest.mark.proves("P9")
@given(code=codes, state=st.text("abcXYZ019-_", min_size=16, max_size=64), data=st.data())
def test_no_wrapping_by_terminals_chats_or_mails_changes_what_is_read(
    code: str, state: str, data: st.DataObject
) -> None:
    form = data.draw(st.sampled_from(["pair", "address", "fragment"]))
    text = f"{code}#{state}" if form == "pair" else urlencode({"code": code, "state": state})
    if form != "pair":
        text = "https://paste.example.com/done" + ("?" if form == "address" else "#") + text
    for position in sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=8)), reverse=True):
        text = text[:position] + data.draw(noise) + text[position:]
    text = data.draw(wraps) + text + data.draw(wraps)
    pasted = read_paste(text, expected_state=state)
    assert (pasted.code, pasted.state) == (code, state)


@given(text=st.text(max_size=300))
def test_any_text_gives_a_code_or_an_error_that_does_not_repeat_it(text: str) -> None:
    said = ""
    try:
        pasted = read_paste(f"{CODE}{text}", expected_state=STATE)
    except AuthError as error:
        said = f"{error!r} {error} {error.hint} {error.facts}"
    else:
        assert pasted.code.isascii()
        assert pasted.code.isprintable()
    assert CODE not in said
