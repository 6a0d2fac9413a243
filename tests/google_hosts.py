"""Google's own token host, as far as a proxy of the test's own leads there: google-auth knows no other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from keyturn.sandbox.google import ACCOUNT, GoogleRefusal
from tests.certificates import Authority
from tests.middle import Middle
from tests.web import Asked, Said, Web

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from keyturn.sandbox import Sandbox

HOSTS = ("oauth2.googleapis.com", "iamcredentials.googleapis.com")


class GoogleHosts:
    """The two hosts of Google's that give tokens, served by a sandbox; `variables` lead a program to them."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self._authority = Authority(folder / "authority")
        self._server = _Tokens(sandbox, self._authority)
        self._proxy: Middle | None = None

    def __enter__(self) -> Self:
        self._server.__enter__()
        self._proxy = Middle(self._server.port).__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._proxy is not None
        self._proxy.__exit__(kind, error, trace)
        self._server.__exit__(kind, error, trace)

    @property
    def variables(self) -> dict[str, str]:
        """The proxy, and the authority whose certificates it brings."""
        assert self._proxy is not None
        return {"HTTPS_PROXY": self._proxy.url, "SSL_CERT_FILE": str(self._authority.file)}

    @property
    def grants(self) -> int:
        """How many token requests arrived."""
        return len(self._server.asked)


class _Tokens(Web):
    def __init__(self, sandbox: Sandbox, authority: Authority) -> None:
        super().__init__(tls=authority.server(*HOSTS))
        self._sandbox = sandbox

    def next(self, asked: Asked) -> Said:
        super().next(asked)
        google = self._sandbox.google
        if asked.path.endswith(":generateAccessToken"):
            assert ACCOUNT in asked.path
            bearer = asked.headers.get("authorization", "").removeprefix("Bearer ")
            if google.trouble_of(bearer) is not None:
                return Said(403, body=b'{"error": {"status": "PERMISSION_DENIED", "message": "denied"}}')
            token = google.issue("impersonation")["access_token"]
            return Said(
                body=json.dumps({"accessToken": token, "expireTime": "2100-01-01T00:00:00Z"}).encode()
            )
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        try:
            answer = google.by_refresh(form.get("refresh_token", ""), form.get("client_secret", ""))
        except GoogleRefusal as refusal:
            body = {"error": refusal.error, "error_description": refusal.description}
            body |= {"error_subtype": refusal.subtype} if refusal.subtype else {}
            return Said(refusal.status, body=json.dumps(body).encode())
        return Said(body=json.dumps(answer).encode())
