"""A machine that has IPv6 only: login, question, renewal and logout, directly and through a proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keyturn.sandbox import Sandbox
from tests.certificates import Authority
from tests.front import Front
from tests.keyturns import KEYTURN, Household
from tests.middle import Middle
from tests.netns import ADDRESS, IPv6Only
from tests.places import AS_ROOT
from tests.secretscan import register
from tests.terminals import PtyScreen

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.system, AS_ROOT, pytest.mark.proves("T18", "P10", "P36")]


def test_a_machine_without_ipv4_logs_in_asks_renews_and_logs_out(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    with IPv6Only() as network, Sandbox(on_secret=register) as sandbox, Household(tmp_path) as house:
        with pytest.raises(OSError, match="assign requested address"):
            network.listen("127.0.0.1")
        issuer = Front(sandbox.issuer, listening=network.listen("::1"))
        api = Front(sandbox.api_base_url, listening=network.listen(ADDRESS))
        inner = Front(sandbox.api_base_url)
        api.tls = inner.tls = authority.server(ADDRESS)
        house.env["SSL_CERT_FILE"] = str(authority.file)
        proxy = Middle(inner.port, listening=network.listen(ADDRESS))
        with issuer, api, inner, proxy:
            at = ("--issuer", issuer.url, "--api-base-url", api.url, "--oauth-beta")
            screen = PtyScreen(
                [*network.before, KEYTURN, "login", *at],
                {**house.env, "BROWSER": house.browser(address="::1")},
            )
            with screen:
                assert screen.ended() == 0, screen.lines
            done = house.run("-p", "Six?", before=network.before)
            assert "You asked: “Six?”." in done.stdout, done.stderr
            assert len(api.asked) == 1

            house.env["HTTPS_PROXY"] = f"http://[{ADDRESS}]:{proxy.port}"
            sandbox.expire_access_tokens()
            assert "You asked: “Through?”." in house.run("-p", "Through?", before=network.before).stdout
            assert (len(api.asked), len(proxy.asked)) == (1, 1)
            assert len(sandbox.log.refreshes(result="granted")) == 1
            without = house.run("-p", "Round it?", before=network.before, NO_PROXY="fd00::/8")
            assert "You asked: “Round it?”." in without.stdout
            assert (len(api.asked), len(proxy.asked)) == (2, 1)

            assert house.run("logout", before=network.before).returncode == 0
            assert sandbox.log.count("revoke", status=200) == 2
