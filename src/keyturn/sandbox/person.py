"""A person without a browser: fills in the sandbox's pages over HTTP, form by form, as a browser would.

For demonstrations and tests on machines that have neither a browser nor a person.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from .accounts import ACCOUNTS

if TYPE_CHECKING:
    import httpx2

LIMIT = 30.0


@dataclass(slots=True)
class Form:
    """What a form would send, and the buttons that send it."""

    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


def visit(authorize_url: str, *, account: str = ACCOUNTS[0].email, allow: bool = True) -> str:
    """Sign in, answer the consent page, and return the address to which the browser is sent then.

    That address is not fetched. Raises RuntimeError when a page other than the expected one is shown.
    """
    import ssl

    import httpx2

    # Only plain http on loopback is visited: a context that trusts nobody is the right one, and made at once.
    nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with httpx2.Client(timeout=LIMIT, trust_env=False, verify=nobody) as client:
        page = client.get(authorize_url)
        page = _press(client, page, "sign-in", account=account)
        page = _press(client, page, "allow" if allow else "refuse")
        return page.headers["location"]


def confirm_device(address: str, code: str, *, account: str = ACCOUNTS[0].email, allow: bool = True) -> str:
    """Sign in at the page of device codes, type a code, decide, and return the title of the last page.

    Raises RuntimeError when a page other than the expected one is shown.
    """
    import ssl

    import httpx2

    nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with httpx2.Client(timeout=LIMIT, trust_env=False, verify=nobody) as client:
        page = _press(client, client.get(address), "sign-in", account=account)
        page = _press(client, page, "enter", user_code=code)
        page = client.get(urljoin(address, page.headers["location"]))
        form = forms(page.text)[0]
        step = "allow" if allow else "refuse"
        done = client.post(str(page.url), data={**form.fields, "step": step})
    if done.status_code != HTTPStatus.OK:
        raise RuntimeError(f"the sandbox did not take {step!r}, status {done.status_code}")
    return done.text.partition("<title>")[2].partition("</title>")[0]


def forms(html: str) -> list[Form]:
    """Return the forms of a page."""
    reader = _Reader()
    reader.feed(html)
    return reader.forms


def _press(client: httpx2.Client, page: httpx2.Response, step: str, **filled: str) -> httpx2.Response:
    form = next((form for form in forms(page.text) if ("step", step) in form.buttons), None)
    if form is None:
        raise RuntimeError(f"the sandbox shows no page with the button {step!r}, status {page.status_code}")
    answer = client.post(str(page.url), data={**form.fields, **filled, "step": step})
    if answer.status_code == HTTPStatus.SEE_OTHER and step == "sign-in":
        return client.get(urljoin(str(page.url), answer.headers["location"]))
    if "location" not in answer.headers:
        raise RuntimeError(f"the sandbox did not take {step!r}, status {answer.status_code}")
    return answer


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form())
        if not self.forms or "name" not in facts:
            return
        name, value = facts["name"], facts.get("value", "")
        if tag == "button":
            self.forms[-1].buttons.append((name, value))
        elif tag == "input" and (facts.get("type") != "radio" or "checked" in facts):
            self.forms[-1].fields[name] = value
