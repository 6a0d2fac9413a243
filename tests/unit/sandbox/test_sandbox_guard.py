"""What a hostile page in the person's browser can try against the sandbox."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx2
import pytest

from keyturn.sandbox import Sandbox, configuration_text
from keyturn.sandbox.clients import redirect_allowed
from keyturn.sandbox.guard import source_hash
from keyturn.sandbox.person import forms

if TYPE_CHECKING:
    from tests.unit.sandbox.conftest import Flow

CONTROL = {"X-Keyturn-Sandbox": "1"}


@pytest.mark.parametrize("host", ["attacker.example", "localhost", "127.0.0.1", "127.0.0.1:1", ""])
def test_another_host_is_answered_nowhere(sandbox: Sandbox, http: httpx2.Client, host: str) -> None:
    for url in (
        f"{sandbox.issuer}/",
        f"{sandbox.issuer}/token",
        f"{sandbox.issuer}/.well-known/oauth-authorization-server",
        f"{sandbox.issuer}/_sandbox/log",
        f"{sandbox.issuer}/no-such-page",
        f"{sandbox.api_base_url}/v1/models",
        f"{sandbox.api_base_url}/_sandbox/redirect?to=http://127.0.0.1",
    ):
        refused = http.get(url, headers={**CONTROL, "host": host})
        assert refused.status_code == 421, url
        assert "location" not in refused.headers


def test_the_right_host_with_the_other_origins_port_is_refused(sandbox: Sandbox, http: httpx2.Client) -> None:
    other = sandbox.api_base_url.removeprefix("http://")
    assert http.get(sandbox.issuer, headers={"host": other}).status_code == 421


@pytest.mark.parametrize("step", ["sign-in", "allow", "refuse", "switch"])
@pytest.mark.parametrize("csrf", ["", "guess"])
def test_a_form_without_this_browsers_token_does_nothing(flow: Flow, step: str, csrf: str) -> None:
    url = flow.url()
    page = flow.http.get(url)
    signed_in = {**forms(page.text)[0].fields, "step": "sign-in"}
    flow.http.post(url, data=signed_in)
    refused = flow.http.post(url, data={**signed_in, "csrf": csrf, "step": step})
    assert refused.status_code == 403
    assert "location" not in refused.headers
    assert "out of date" in refused.text


def test_the_token_of_another_browser_does_nothing(flow: Flow) -> None:
    url = flow.url()
    with httpx2.Client(trust_env=False) as other:
        theirs = forms(other.get(url).text)[0].fields
    flow.http.get(url)
    assert flow.http.post(url, data={**theirs, "step": "sign-in"}).status_code == 403


def test_a_form_that_the_browser_says_came_from_elsewhere_does_nothing(flow: Flow) -> None:
    url = flow.url()
    fields = {**forms(flow.http.get(url).text)[0].fields, "step": "sign-in"}
    for site in ("cross-site", "same-site"):
        assert flow.http.post(url, data=fields, headers={"Sec-Fetch-Site": site}).status_code == 403
    assert flow.http.post(url, data=fields, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 303


def test_revoking_needs_the_token_too(flow: Flow) -> None:
    login = flow.login()
    assert flow.http.post(f"{flow.sandbox.issuer}/logins", data={"step": "revoke-all"}).status_code == 403
    assert flow.models(login).status_code == 200


def test_every_page_forbids_what_it_does_not_use(flow: Flow) -> None:
    flow.redirect_uri = f"{flow.sandbox.issuer}/paste"
    for path in ("/", "/logins", "/paste?code=x", "/authorize", "/authorize?client_id=nobody"):
        page = flow.http.get(f"{flow.sandbox.issuer}{path}")
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; ")
        assert "frame-ancestors 'none'" in policy
        assert "base-uri 'none'" in policy
        assert "form-action 'self'" in policy
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["cache-control"] == "no-store"
        style = re.search(r"<style>(.*?)</style>", page.text, re.DOTALL)
        assert style is not None
        assert source_hash(style[1]) in policy
        # Nothing is loaded from anywhere: no address outside of links to this server.
        assert not re.search(r"(src|href)=\"(?!/)|url\(|@import", page.text)


def test_the_cookie_is_hidden_from_scripts_and_from_other_sites(flow: Flow) -> None:
    cookie = flow.http.get(flow.url()).headers["set-cookie"]
    port = flow.sandbox.issuer.rpartition(":")[2]
    assert cookie.startswith(f"keyturn_sandbox_{port}=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_what_a_program_says_about_itself_is_escaped(flow: Flow) -> None:
    page = flow.http.get(flow.url(state="<script>alert(1)</script>", login_hint="<script>alert(2)</script>"))
    assert "<script>alert" not in page.text


@pytest.mark.parametrize(
    ("asked", "registered", "allowed"),
    [
        ("http://127.0.0.1:5/cb", "http://127.0.0.1/cb", True),
        ("http://127.0.0.1/cb", "http://127.0.0.1:9/cb", True),
        ("http://[::1]:5/cb", "http://[::1]/cb", True),
        ("https://app.example/cb", "https://app.example/cb", True),
        ("https://app.example:5/cb", "https://app.example/cb", False),
        ("http://localhost:5/cb", "http://127.0.0.1/cb", False),
        ("http://127.0.0.1:5/cb/", "http://127.0.0.1/cb", False),
        ("http://127.0.0.1:5/cb?a=1", "http://127.0.0.1/cb", False),
        ("http://127.0.0.1:99999/cb", "http://127.0.0.1/cb", False),
        ("http://me@127.0.0.1:5/cb", "http://127.0.0.1/cb", False),
        ("http://127.0.0.1:5/cb#", "http://127.0.0.1/cb", False),
        ("http://127.0.0.1:5/ cb", "http://127.0.0.1/ cb", False),
        ("http://app.example/cb", "http://app.example/cb", False),
    ],
)
def test_only_the_port_may_differ_and_only_on_loopback(asked: str, registered: str, allowed: bool) -> None:
    assert redirect_allowed(asked, registered) is allowed


def test_the_control_plane_needs_its_header(sandbox: Sandbox, http: httpx2.Client) -> None:
    for path in ("set", "expire", "revoke"):
        url = f"{sandbox.issuer}/_sandbox/{path}"
        assert http.post(url, json={}).status_code == 403
        assert http.post(url, json={}, headers={"X-Keyturn-Sandbox": "0"}).status_code == 403
    assert http.get(f"{sandbox.issuer}/_sandbox/log").status_code == 403
    asked = http.options(
        f"{sandbox.issuer}/_sandbox/set",
        headers={**CONTROL, "origin": "http://attacker.example", "access-control-request-method": "POST"},
    )
    assert not any(name.startswith("access-control") for name in asked.headers)


def test_the_control_plane_sets_expires_revokes_and_shows_the_log(flow: Flow) -> None:
    login, control = flow.login(), f"{flow.sandbox.issuer}/_sandbox"
    assert flow.http.post(f"{control}/expire", headers=CONTROL).json() == {"expired": 1}
    assert flow.models(login).status_code == 401
    renewed = flow.renew(login).json()
    assert flow.http.post(f"{control}/revoke", headers=CONTROL).json() == {"revoked": 1}
    assert flow.models(renewed).status_code == 401
    assert flow.http.post(f"{control}/set", headers=CONTROL, json={"token_fail_next": 1}).status_code == 200
    assert flow.renew(login).status_code == 503
    wrong = flow.http.post(f"{control}/set", headers=CONTROL, json={"nonsense": 1})
    assert wrong.status_code == 400
    assert "unknown sandbox setting 'nonsense'" in wrong.json()["error"]
    assert flow.http.post(f"{control}/set", headers=CONTROL, content="[]").status_code == 400
    events = flow.http.get(f"{control}/log", headers=CONTROL, params={"kind": "token"}).json()["events"]
    assert [(event["grant"], event["result"]) for event in events] == [
        ("authorization_code", "granted"),
        ("refresh_token", "granted"),
        ("refresh_token", "failed"),
    ]


def test_the_configuration_names_both_origins_and_the_key(sandbox: Sandbox) -> None:
    text = configuration_text(sandbox)
    assert f"--issuer {sandbox.issuer} --api-base-url {sandbox.api_base_url}" in text
    assert f"ANTHROPIC_BASE_URL={sandbox.api_base_url}" in text
    assert f"ANTHROPIC_API_KEY={sandbox.api_key}" in text
    assert f"ANTHROPIC_BEDROCK_BASE_URL={sandbox.api_base_url}" in text
    assert "--profile tests" in configuration_text(sandbox, "tests")


def test_importing_the_sandbox_loads_nothing_of_its_extra() -> None:
    code = "import sys, keyturn.sandbox; print({'flask', 'authlib', 'werkzeug'} & set(sys.modules))"
    assert _printed(code) == "set()"


def test_without_the_extra_it_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['flask'] = None\n"
        "from keyturn.sandbox import Sandbox\n"
        "try: Sandbox().start()\n"
        "except ModuleNotFoundError as e: print(e)"
    )
    assert _printed(code) == "the sandbox needs more packages: pip install 'keyturn[sandbox]'"


def test_addresses_are_not_known_before_the_start() -> None:
    idle = Sandbox()
    with pytest.raises(RuntimeError, match="not started"):
        _ = idle.issuer
    with pytest.raises(RuntimeError, match="not started"):
        _ = idle.api_key


def _printed(code: str) -> str:
    arguments = [sys.executable, "-c", code]
    return subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=60).stdout.strip()
