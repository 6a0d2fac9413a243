"""Machines that nobody sits at: ssh without a session bus, tmux of last week, cron, WSL without a browser."""

from __future__ import annotations

import http.client
import re
import subprocess
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from keyturn.sandbox.person import visit
from tests.keyturns import KEYTURN, addresses
from tests.persons import asked
from tests.servers import need
from tests.terminals import LONG

if TYPE_CHECKING:
    from tests.system.setups.owner import Owner

pytestmark = pytest.mark.system

NO_BROWSER = "/bin/false"
PASTE = "a code can be pasted here:"


@pytest.mark.proves("P8", "P10")
def test_ssh_with_no_bus(owner: Owner) -> None:
    """The page is opened on the laptop, and what it shows is pasted here; there is no keychain."""
    owner.env |= {"SSH_CONNECTION": "192.0.2.7 50000 192.0.2.8 22", "SSH_TTY": "/dev/pts/9"}
    owner.env["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={owner.folder}/no-bus"
    screen = owner.start("login", *owner.at, "--store", "keychain", "--no-browser")
    assert screen.ended() == 5
    assert screen.shows("use the file store: keyturn login --store file")

    screen = owner.start("login", *owner.at, "--no-browser", columns=40)
    screen.wait_for("paste")
    answer = asked(visit(addresses(screen)[-1]))
    screen.enter(f"{answer['code']}#{answer['state']}")
    assert screen.ended() == 0, screen.lines
    owner.asks("Over ssh?")
    assert owner.examined(0) == {}


@pytest.mark.proves("P10")
def test_tmux_of_last_week(owner: Owner) -> None:
    """Its windows have the variables of a session that is over; nothing there needs what they named."""
    owner.env |= {"DISPLAY": ":77", "DBUS_SESSION_BUS_ADDRESS": f"unix:path={owner.folder}/gone"}
    owner.env["XDG_RUNTIME_DIR"] = f"{owner.folder}/gone"
    tmux = [need("tmux", "tmux"), "-S", str(owner.folder / "tmux"), "-f", "/dev/null"]
    status = owner.folder / "status"
    words = " ".join(f"'{word}'" for word in (KEYTURN, "login", *owner.at))
    line = f"{words}; echo $? > '{status}'; '{tmux[0]}' -S '{tmux[2]}' wait-for -S done"
    start = [*tmux, "new-session", "-d", "-x", "40", "-y", "24", line]
    env = {**owner.env, "BROWSER": owner.browser(), "TERM": "xterm-256color"}
    try:
        subprocess.run(start, env=env, check=True, timeout=LONG)
        subprocess.run([*tmux, "wait-for", "done"], env=env, check=True, timeout=LONG)
    finally:
        subprocess.run([*tmux, "kill-server"], env=env, check=False, capture_output=True, timeout=LONG)
    assert status.read_text() == "0\n"
    owner.asks("In tmux?")
    assert owner.examined(0) == {}


@pytest.mark.proves("P29")
def test_cron(owner: Owner) -> None:
    """No terminal, next to no environment, no input: it works, or it says within its line what to do."""
    owner.env = {name: owner.env[name] for name in ("HOME", "KEYTURN_HOME")} | {"PATH": "/usr/bin:/bin"}
    owner.wrap = [need("setsid", "util-linux"), "--wait"]
    done = owner.run("-p", "Anybody?", before=owner.wrap)
    assert (done.returncode, done.stdout) == (3, "")
    assert "hint: log in: keyturn login" in done.stderr
    assert owner.run("login", *owner.at, before=owner.wrap).returncode == 3

    owner.log_in()
    owner.sandbox.expire_access_tokens()
    owner.asks("At night?")
    assert len(owner.sandbox.log.refreshes(result="granted")) == 1
    assert owner.examined(0) == {}


@pytest.mark.proves("P10")
def test_wsl_without_a_browser(owner: Owner) -> None:
    """The address is opened in Windows, and comes back by the port that was named."""
    owner.env |= {"WSL_DISTRO_NAME": "Debian", "WSL_INTEROP": "/run/WSL/8_interop", "PATH": "/usr/bin:/bin"}
    owner.env["BROWSER"] = NO_BROWSER
    port = free_port()
    screen = owner.start("login", *owner.at, "--callback-port", str(port))
    screen.wait_for(PASTE)
    direct = addresses(screen)[0]
    back = urlsplit(visit(direct))
    assert back.port == port
    windows = http.client.HTTPConnection("127.0.0.1", port, timeout=LONG)
    windows.request("GET", f"{back.path}?{back.query}", headers={"Host": back.netloc})
    assert re.search(r"You are\s+logged in", windows.getresponse().read().decode())
    assert screen.ended() == 0, screen.lines
    owner.asks("From Windows?")
    assert owner.examined(0) == {}


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
