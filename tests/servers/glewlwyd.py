"""Debian's authorization server glewlwyd: a second implementation, by other people and in another language.

What differs from the certified one: redirect addresses are compared whole, with their port; a refusal of a
refresh token is a 400 without any body; the answer in the browser names no issuer.
"""

from __future__ import annotations

import gzip
import secrets
import shutil
import socket
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

import httpx2

from tests.servers import need, stop

if TYPE_CHECKING:
    from types import TracebackType

SCHEMA = Path("/usr/share/doc/glewlwyd/database/init.sqlite3.sql.gz")
MODULES = Path("/usr/lib/glewlwyd")
START_LIMIT = 30.0  # seconds; it takes a tenth of one
ADMIN = {"username": "admin", "password": "password"}  # as its schema makes it
CLIENT_ID = "keyturn-test"
SCOPE = "openid"
_CONFIG = """
port={port}
bind_address="127.0.0.1"
external_url="{origin}"
login_url="login.html"
api_prefix="api"
static_files_path="{folder}"
cookie_domain="127.0.0.1"
cookie_secure=0
log_mode="console"
log_level="ERROR"
session_expiration=3600
session_key="GLEWLWYD2_SESSION_ID"
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="{modules}/user"
user_middleware_module_path="{folder}/none"
client_module_path="{modules}/client"
user_auth_scheme_module_path="{modules}/scheme"
plugin_module_path="{modules}/plugin"
hash_algorithm="SHA512"
database = {{ type = "sqlite3"; path = "{folder}/glewlwyd.db"; }};
"""


class Glewlwyd:
    """The server with one public client, whose redirect address is exactly `redirect_uri`."""

    client_id = CLIENT_ID

    def __init__(self, *, folder: Path, access_token_ttl: int = 3600) -> None:
        """Name an empty folder for its database and log; seconds of life for access tokens."""
        self._lifetime = access_token_ttl
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.callback_port: int = probe.getsockname()[1]
        self._origin = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._admin = httpx2.Client(base_url=f"{self._origin}/api", timeout=30.0, trust_env=False)

    @property
    def issuer(self) -> str:
        """Its issuer, which has a path."""
        return f"{self._origin}/api/oidc"

    @property
    def redirect_uri(self) -> str:
        """The one address that it redirects to."""
        return f"http://127.0.0.1:{self.callback_port}/callback"

    def __enter__(self) -> Self:
        program = need("glewlwyd", "glewlwyd")
        (self._folder / "none").mkdir(parents=True)
        with sqlite3.connect(self._folder / "glewlwyd.db") as database:
            database.executescript(gzip.decompress(SCHEMA.read_bytes()).decode())
        database.close()
        config = self._folder / "glewlwyd.conf"
        text = _CONFIG.format(port=self._port, origin=self._origin, folder=self._folder, modules=MODULES)
        config.write_text(text, encoding="utf-8")
        log = self._folder / "glewlwyd.log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [program, "-c", str(config)], stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        try:
            self._sign_in(log)
            self._set_up()
        except BaseException:
            stop(self._process)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._admin.close()
        if self._process is not None:
            stop(self._process)
        shutil.rmtree(self._folder / "none", ignore_errors=True)

    def authorize(self, url: str) -> str:
        """Where the browser of the signed-in administrator, who has consented, is sent with a code."""
        answer = self._admin.get(f"{url}&g_continue")
        address = answer.headers.get("location", "")
        assert "code=" in address, (answer.status_code, address)
        return str(address)

    def confirm_device(self, code: str) -> None:
        """Type a device's code as the administrator."""
        answer = self._admin.get(f"{self.issuer}/device", params={"code": code, "g_continue": ""})
        found = parse_qs(urlsplit(answer.headers.get("location", "")).query)
        assert found.get("prompt") == ["deviceComplete"], answer.headers.get("location")

    def revoke_all(self) -> None:
        """Disable every refresh token, as an administrator does in its database; nobody is told."""
        with sqlite3.connect(self._folder / "glewlwyd.db", timeout=20) as database:
            database.execute("UPDATE gpo_refresh_token SET gpor_enabled = 0")
        database.close()

    def _sign_in(self, log: Path) -> None:
        deadline = time.monotonic() + START_LIMIT
        while True:
            try:
                self._post("/auth", ADMIN)
            except httpx2.TransportError:
                assert self._process is not None
                assert self._process.poll() is None, log.read_text(encoding="utf-8", errors="replace")
                assert time.monotonic() < deadline, "glewlwyd does not answer"
                time.sleep(0.02)  # it has no way to say that it is ready
            else:
                return

    def _set_up(self) -> None:
        self._post("/scope", {"name": "api", "display_name": "the API", "password_required": False})
        self._post(
            "/mod/plugin",
            {
                "module": "oidc",
                "name": "oidc",
                "display_name": "OpenID Connect",
                "parameters": {
                    "iss": self.issuer,
                    "jwt-type": "sha",
                    "jwt-key-size": "256",
                    "key": secrets.token_urlsafe(48),
                    "access-token-duration": self._lifetime,
                    "refresh-token-duration": 86400,
                    "code-duration": 600,
                    "refresh-token-rolling": True,
                    "refresh-token-one-use": "always",
                    "allow-non-oidc": True,
                    "auth-type-code-enabled": True,
                    "auth-type-refresh-enabled": True,
                    "auth-type-device-enabled": True,
                    "auth-type-token-enabled": False,
                    "auth-type-id-token-enabled": True,
                    "auth-type-none-enabled": False,
                    "auth-type-password-enabled": False,
                    "auth-type-client-enabled": False,
                    "device-authorization-expiration": 600,
                    "device-authorization-interval": 1,
                    "pkce-allowed": True,
                    "pkce-required": True,
                    "introspection-revocation-allowed": True,
                    "introspection-revocation-allow-target-client": True,
                    "subject-type": "public",
                    "scope-claim": "no",
                    "name-claim": "no",
                    "email-claim": "no",
                    "request-parameter-allow": False,
                },
            },
        )
        self._post(
            "/client",
            {
                "client_id": CLIENT_ID,
                "name": "keyturn",
                "confidential": False,
                "enabled": True,
                "redirect_uri": [self.redirect_uri],
                "authorization_type": ["code", "refresh_token", "device_authorization"],
                "scope": [],
                "token_endpoint_auth_method": ["none"],
            },
        )
        user = self._admin.get("/user/admin").json()
        self._put("/user/admin", {**user, "scope": [*user["scope"], SCOPE]})
        self._put(f"/auth/grant/{CLIENT_ID}", {"scope": SCOPE})

    def _post(self, path: str, body: dict[str, Any]) -> None:
        answer = self._admin.post(path, json=body)
        assert answer.is_success, (path, answer.status_code, answer.text)

    def _put(self, path: str, body: dict[str, Any]) -> None:
        answer = self._admin.put(path, json=body)
        assert answer.is_success, (path, answer.status_code, answer.text)
