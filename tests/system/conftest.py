"""Who logs in at the authorization server by hand, for the tests of the servers themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.authority_client import Attempt, Callback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keyturn.sandbox import Sandbox
    from tests.servers import OidcProvider


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A sandbox of its own for each test; what it makes is secret."""
    from keyturn.sandbox import Sandbox
    from tests import secretscan

    with Sandbox(on_secret=secretscan.register) as running:
        yield running


@pytest.fixture
def callback() -> Iterator[Callback]:
    listener = Callback()
    listener.thread.start()
    yield listener
    listener.server.shutdown()
    listener.server.server_close()


@pytest.fixture
def login(oidc_provider: OidcProvider) -> tuple[Attempt, dict[str, Any]]:
    """An attempt that ended well, without a browser, and its token answer."""
    attempt = Attempt(oidc_provider, "http://127.0.0.1:1025/callback")
    query = parse_qs(urlsplit(oidc_provider.authorize(attempt.url())).query)
    answer = attempt.redeem(query["code"][0])
    assert answer.status_code == 200
    return attempt, answer.json()
