"""The page a person sees in the browser at the end of a login."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from keyturn.oauth import page

ALL = sorted(page.KINDS)


class Reader(HTMLParser):
    """Collects what a browser would: tags with attributes, and the text a person reads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self._inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("style", "script"):
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("style", "script"):
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.words += data


def hashed(text: str, tag: str) -> str:
    (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
    return "'sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode() + "'"


@pytest.mark.proves("T11")
@pytest.mark.parametrize("kind", ALL)
def test_only_its_own_style_and_script_are_allowed_by_hash(kind: str) -> None:
    text, headers = page.render(kind, detail="words", account="words")
    policy = dict(part.strip().partition(" ")[::2] for part in headers["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "style-src": hashed(text, "style"),
        "script-src": hashed(text, "script"),
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.proves("T11")
@pytest.mark.parametrize("kind", ALL)
def test_nothing_is_loaded_from_anywhere(kind: str) -> None:
    text, _ = page.render(kind)
    tags = Reader(text).tags
    assert not {"link", "img", "iframe", "form", "a", "base", "object"} & {tag for tag, _ in tags}
    assert not [attrs for _, attrs in tags if {"src", "href", "style"} & set(attrs)]
    assert not [name for _, attrs in tags for name in attrs if name.startswith("on")]
    assert "//" not in text
    assert "@import" not in text
    assert "url(" not in text


@pytest.mark.parametrize("kind", ALL)
def test_every_page_says_what_happened_and_that_the_window_can_be_closed(kind: str) -> None:
    text, _ = page.render(kind)
    reader = Reader(text)
    assert ("html", {"lang": "en"}) in reader.tags
    assert "h1" in dict(reader.tags)
    assert "You can close this window" in reader.words
    assert "terminal" in reader.words
    assert "prefers-color-scheme:dark" in text
    assert "width=device-width" in text


def test_the_pages_tell_different_stories() -> None:
    titles = [re.findall("<h1>(.*?)</h1>", page.render(kind)[0])[0] for kind in ALL]
    assert len(set(titles)) == len(ALL) == 7


@pytest.mark.proves("T11", "T14")
@pytest.mark.parametrize("field", ["detail", "account"])
def test_foreign_text_is_shown_as_text(field: str) -> None:
    hostile = "<script>alert(1)</script>\"'&\x1b[31m\u202egnp\u200b</bdi>"
    text, _ = page.render("failed", **{field: hostile})
    reader = Reader(text)
    assert text.count("<script>") == 1
    assert "<script>alert(1)</script>\"'&" in reader.words
    assert not {"\x1b", "\u202e", "\u200b"} & set(text)


def test_a_long_description_is_cut() -> None:
    words = Reader(page.render("failed", detail="x" * 9000)[0]).words
    assert "x" * 299 + "…" in words
    assert "x" * 300 not in words


def test_the_code_leaves_the_address_bar_and_only_success_closes_the_window() -> None:
    text, _ = page.render("success")
    assert 'history.replaceState(null,"",location.pathname)' in text
    tones = {kind: dict(Reader(page.render(kind)[0]).tags)["body"]["data-tone"] for kind in ALL}
    assert [kind for kind, tone in tones.items() if tone == "good"] == ["success"]


def test_a_kind_nobody_knows_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(KeyError):
        page.render("celebrated")
