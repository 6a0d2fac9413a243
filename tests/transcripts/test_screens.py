"""Each way of logging in as a terminal of 80 and of 40 columns receives it, line by line, as bytes.

`TRANSCRIPTS=write` writes the pages in `screens/` anew. Every line stands there once, however it is broken:
so an address that is whole here is whole for whoever copies it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from keyturn.sandbox import Sandbox
from keyturn.sandbox.person import confirm_device, visit
from tests.keyturns import Household, addresses
from tests.persons import asked
from tests.secretscan import register

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.terminals import PtyScreen

pytestmark = pytest.mark.system

PAGES = Path(__file__).parent / "screens"
SSH = {"SSH_CONNECTION": "192.0.2.7 50022 192.0.2.9 22", "USER": "developer"}
_SAME_EVERYWHERE = [
    (r"\x1b\]8;;[^\x1b]*\x1b\\\(the same, as a link\)\x1b\]8;;\x1b\\", "(the same, as a link)"),
    (r"\x1b\]52;c;[A-Za-z0-9+/=]+\x07", "[to the clipboard] "),
    (r"\x1b\[[0-9;]*m", ""),
    (r"^http://127\.0\.0\.1:\d+/authorize\?\S*%2Fpaste\S*$", "$ADDRESS_OF_THE_PASTE_PAGE"),
    (r"^http://127\.0\.0\.1:\d+/authorize\?\S*$", "$ADDRESS"),
    (r"^http://127\.0\.0\.1:\d+/[\w-]{8}$", "$SHORT_ADDRESS"),
    (r"\b[A-Z]{4}-[A-Z]{4}\b", "CODE-CODE"),
    (r"(?:[A-Z] ){4}- (?:[A-Z] ){3}[A-Z]", "C O D E - C O D E"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"-L \d+:", "-L PORT:"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"),
]


def pasted(address: str) -> str:
    answer = asked(visit(address))
    return f"{answer['code']}#{answer['state']}"


def by_browser(screen: PtyScreen, sandbox: Sandbox) -> None:
    del screen, sandbox  # the browser does it all


def by_hand(screen: PtyScreen, sandbox: Sandbox) -> None:
    del sandbox
    screen.wait_for("a code can be pasted here:")
    screen.type(pasted(addresses(screen)[-1]) + "\r")


def by_paste(screen: PtyScreen, sandbox: Sandbox) -> None:
    del sandbox
    screen.wait_for("paste it here:")
    screen.type(pasted(addresses(screen)[0]) + "\r")


def by_device(screen: PtyScreen, sandbox: Sandbox) -> None:
    screen.wait_for("waiting for you to confirm it there")
    [code] = re.findall(r"^([A-Z]{4}-[A-Z]{4})\r?$", bytes(screen.raw).decode(), re.MULTILINE)
    confirm_device(f"{sandbox.issuer}/device", code)


def left(screen: PtyScreen, sandbox: Sandbox) -> None:
    del sandbox
    screen.wait_for("choose 1-")
    screen.enter()


FLOWS: dict[str, tuple[tuple[str, ...], dict[str, str], Callable[[PtyScreen, Sandbox], None], int]] = {
    "browser": ((), {}, by_browser, 0),
    "no-browser-here": ((), {"BROWSER": "/bin/false"}, by_hand, 0),
    "over-ssh": ((), {"BROWSER": "/bin/false", **SSH}, by_hand, 0),
    "paste": (("--no-browser",), {}, by_paste, 0),
    "paste-and-copy": (("--no-browser", "--copy"), {}, by_paste, 0),
    "device": (("--device",), {}, by_device, 0),
    "begin": (("--begin",), {}, by_browser, 0),
}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(on_secret=lambda kind, secret: kind == "code" or register(kind, secret)) as running:
        yield running


@pytest.mark.proves("P8", "R3")
@pytest.mark.parametrize("columns", [80, 40])
@pytest.mark.parametrize("flow", FLOWS)
def test_a_terminal_receives_what_the_page_shows(
    tmp_path: Path, sandbox: Sandbox, flow: str, columns: int
) -> None:
    words, variables, person, status = FLOWS[flow]
    with Household(tmp_path) as house:
        env = {"BROWSER": house.browser(), **variables}
        screen = house.start("login", "--issuer", sandbox.issuer, *words, columns=columns, **env)
        person(screen, sandbox)
        assert screen.ended() == status
        seen = same_everywhere(bytes(screen.raw).decode(), tmp_path)
    page = PAGES / f"{flow}-{columns}.txt"
    if os.environ.get("TRANSCRIPTS") == "write":
        page.write_text(seen, encoding="utf-8")
    assert seen == page.read_text(encoding="utf-8")


def same_everywhere(text: str, home: Path) -> str:
    """What was received, without what differs from run to run, and without what a person typed."""
    text = text.replace("\r\n", "\n").replace(str(home), "$HOME")
    for pattern, name in _SAME_EVERYWHERE:
        text = re.sub(pattern, name, text, flags=re.MULTILINE)
    # whether the machine of the tests is a container, too, is its own affair
    text = re.sub(r"this is a container,[^$]*?or\s+use\s+the\s+code\n", "", text)
    lines = [line for line in text.split("\n") if not re.fullmatch(r"[\w-]{30,}#[\w-]+", line)]
    # a path is as long as the run makes it, and sentences are parted around it
    joined = "\n".join(lines)
    return re.sub(r"(logged in as [^\n]*)\n?", r"\1\n", joined)
