"""People: two accounts in two directories, a key in a .env, a password manager, and everything expired."""

from __future__ import annotations

import json
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest

from keyturn.login import Quarantine
from keyturn.stores import open_store
from keyturn.world import World
from tests.keyturns import KEYTURN
from tests.secretscan import declare_store, leaks, make_secret
from tests.servers import need
from tests.terminals import LONG

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.secret_service import SecretService
    from tests.system.setups.owner import Owner

pytestmark = pytest.mark.system


@pytest.mark.proves("P9", "P5")
def test_two_accounts_in_two_directories(owner: Owner) -> None:
    """Each directory has its own login; two terminals at once never touch each other's."""
    people = {"work": "developer@example.com", "home": "operations@example.com"}
    for name, account in people.items():
        (owner.folder / name).mkdir()
        owner.log_in("--profile", name, account=account)
        assert owner.run("profile", "bind", name, str(owner.folder / name)).returncode == 0
    owner.sandbox.expire_access_tokens()
    asking = [
        subprocess.Popen(
            [KEYTURN, "-p", f"At {name}?"],
            cwd=owner.folder / name,
            env=owner.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in people
    ]
    for name, process in zip(people, asking, strict=True):
        assert f"You asked: “At {name}?”." in process.communicate(timeout=LONG)[0]
    assert len(owner.sandbox.log.refreshes(result="granted")) == 2
    for name, account in people.items():
        done = subprocess.run(
            [KEYTURN, "status", "--json"],
            cwd=owner.folder / name,
            env=owner.env,
            capture_output=True,
            text=True,
            check=True,
        )
        said = json.loads(done.stdout)
        assert (said["profile"], said["account"].split()[0]) == (name, account)
    assert owner.examined(0) == {}


@pytest.mark.proves("P34", "P4")
def test_a_key_in_a_dotenv_file(owner: Owner) -> None:
    """Some tool loads it everywhere, and the subscription lies idle: said, and undone by one command."""
    owner.log_in()
    key = owner.sandbox.api_key
    declare_store(owner.folder / ".env")
    (owner.folder / ".env").write_text(f"ANTHROPIC_API_KEY={key}\n", encoding="utf-8")
    loaded = {"ANTHROPIC_API_KEY": key, "ANTHROPIC_BASE_URL": owner.sandbox.api_base_url}
    owner.asks("Who pays?", **loaded)
    said = owner.status(**loaded)
    assert (said["source"], said["billing"]) == ("api-key-env", "metered")
    assert any("./.env" in line for line in said["warnings"])
    found = owner.examined(7, **loaded)["shadowed_billing"]
    assert "./.env" in found["where"]
    done = subprocess.run(
        ["sh", "-c", f"{found['repair']}; exec {shlex.quote(KEYTURN)} doctor"],
        env={**owner.env, **loaded},
        cwd=owner.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "nothing is wrong\n")


@pytest.mark.proves("P13")
def test_a_helper_from_a_password_manager(owner: Owner, secret_service: SecretService) -> None:
    """The key lies in the system's keyring; the helper's line is what `secret-tool` is for."""
    kept = {**owner.env, "DBUS_SESSION_BUS_ADDRESS": secret_service.env["DBUS_SESSION_BUS_ADDRESS"]}
    tool = need("secret-tool", "libsecret-tools")
    words = [tool, "store", "--label=Claude", "service", "claude"]
    subprocess.run(words, input=owner.sandbox.api_key, text=True, env=kept, check=True, timeout=LONG)
    owner.env = kept | {"ANTHROPIC_BASE_URL": owner.sandbox.api_base_url}
    settings = owner.folder / ".claude" / "settings.json"
    settings.parent.mkdir()
    settings.write_text(json.dumps({"apiKeyHelper": f"{tool} lookup service claude"}), encoding="utf-8")
    owner.asks("By helper?")
    assert owner.status()["source"] == "api-key-helper"
    assert owner.examined(0) == {}

    subprocess.run([tool, "clear", "service", "claude"], env=kept, check=True, timeout=LONG)
    done = owner.run("-p", "And now?")
    assert done.returncode == 4
    assert str(settings) in done.stderr


@pytest.mark.proves("P2", "P22")
def test_expired_everything(owner: Owner, tmp_path: Path) -> None:
    """A login that ended, a token of last year, certificates that are gone: one by one it is put right."""
    owner.log_in()
    end(owner)
    owner.env["SSL_CERT_FILE"] = str(tmp_path / "gone.pem")
    owner.env["CLAUDE_CODE_OAUTH_TOKEN"] = make_secret("token")
    found = owner.examined(8)
    assert {"configuration", "login_dead"} <= found.keys()
    assert found["configuration"]["repair"] == "unset SSL_CERT_FILE"
    del owner.env["SSL_CERT_FILE"]

    assert owner.run("-p", "Anybody?").returncode != 0
    dead = owner.examined(4)["login_dead"]
    assert dead["repair"] == "keyturn login --profile default"
    del owner.env["CLAUDE_CODE_OAUTH_TOKEN"]
    done = owner.run("-p", "Anybody?")
    assert done.returncode == 4
    assert "hint: log in again: keyturn login" in done.stderr
    screen = owner.start(*shlex.split(dead["repair"])[1:], BROWSER=owner.browser())
    assert screen.ended() == 0, screen.lines
    owner.asks("Alive again?")
    assert owner.examined(0) == {}
    assert leaks("\n".join(screen.lines)) == []


def end(owner: Owner) -> None:
    """Let the stored login have ended last week, as its authority said then."""
    store = open_store(World(owner.env), "default", "file")
    held = store.hold(seconds=10)
    login = owner.stored()
    assert held is not None
    assert login is not None
    over = Quarantine(at=login.issued_at - 7 * 86400, reason="the authority rejected its refresh token")
    with held:
        held.save(
            login.replace(expires_at=login.issued_at - 8 * 86400, quarantine=over), replacing=login.identity
        )
