"""What a URL says about where a secret would go."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.wire import origin


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://api.anthropic.com", "https://api.anthropic.com"),
        ("https://api.anthropic.com/", "https://api.anthropic.com"),
        ("https://API.Anthropic.com:443/v1?x=1#y", "https://api.anthropic.com"),
        ("HTTPS://a.example", "https://a.example"),
        ("https://a.example:8443/x", "https://a.example:8443"),
        ("http://a.example:80", "http://a.example"),
        ("http://a.example:443", "http://a.example:443"),
        ("https://a.example?x=/y", "https://a.example"),
        ("https://a.example#@b.example", "https://a.example"),
        ("https://a.example/@b.example:1/", "https://a.example"),
        ("http://[::1]:80/x", "http://[::1]"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://127.0.0.1:", "http://127.0.0.1"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("https://under_score.example", "https://under_score.example"),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, expected: str) -> None:
    assert str(origin(url)) == expected


@pytest.mark.proves("T10", "T13")
@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.anthropic.com",
        "//api.anthropic.com",
        "ftp://a.example",
        "javascript://a.example/%0aalert(1)",
        "https:a.example",
        "https:/a.example",
        "https://",
        "https:///path",
        "https://:443",
        "https://user@a.example",
        "https://user:password@a.example",
        "https://a.example@b.example",
        "https://a.example\\@b.example",
        "https://a.example\\.b.example",
        "https://a example",
        "https://a.example/with space",
        "https://a.example\n",
        "https://a.example\t.b",
        "https://\x00a.example",
        "https://ä.example",
        "https://a.example:port",
        "https://a.example:70000",
        "https://a.example:0",
        "https://a.example:-1",
        "https://a.example:1:2",
        "https://[::1",
        "https://::1]",
        "https://[::1]x",
        "https://[a.example]",
        "https://[::1%25eth0]",
        "https://a%2eexample",
        "https://a.example,b.example",
        "https://a.example;b",
        "https://<a>.example",
    ],
)
def test_what_could_be_read_in_two_ways_is_no_address(url: str) -> None:
    with pytest.raises(ValueError, match=r"^its? ") as caught:
        origin(url)
    assert "password" not in str(caught.value)


@given(st.text(alphabet="htps:/.@[]?#\\%ab1_-~ \n\x00ä", max_size=30).map(lambda text: f"https://{text}"))
def test_whoever_reads_it_otherwise_reads_the_same_host_or_it_is_refused(url: str) -> None:
    try:
        found = origin(url)
    except ValueError:
        return
    parts = urlsplit(url)
    assert (found.scheme, found.host, found.port) == (parts.scheme, parts.hostname, parts.port or 443)
    assert parts.username is None


@pytest.mark.proves("T10")
@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1", True),
        ("http://127.0.0.1:9/x", True),
        ("http://[::1]", True),
        ("http://localhost", True),
        ("http://LOCALHOST:1", True),
        ("http://127.0.0.2", False),
        ("http://127.0.0.1.example.com", False),
        ("http://localhost.example.com", False),
        ("http://localhost.", False),
        ("http://0.0.0.0", False),
        ("http://0x7f.1", False),
        ("http://2130706433", False),
        ("http://[::ffff:127.0.0.1]", False),
        ("http://[0:0:0:0:0:0:0:1]", False),
    ],
)
def test_loopback_is_a_host_that_is_exactly_one_of_three(url: str, loopback: bool) -> None:
    assert origin(url).loopback == loopback
    assert origin(url).confidential == loopback
    assert origin(url.replace("http:", "https:")).confidential
