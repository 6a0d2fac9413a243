"""The running sandbox: two loopback servers of one process, started and stopped together."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from .accounts import ACCOUNTS, account_named
from .clients import CLIENT_ID
from .conduct import Conduct
from .events import Log
from .listener import Listener, bind_loopback

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from .aws import Aws
    from .google import Google
    from .ledger import Ledger


class Sandbox:
    """A Claude side of your own: an authority and an API on two origins of 127.0.0.1.

    Ports are chosen by the machine when 0; times are seconds; more keywords are those of `conduct.Settings`.
    `on_secret` is told kind and value of each token and code it makes, for harnesses that watch for leaks.
    What it remembers survives `stop` and `start`, on the same ports.
    """

    client_id = CLIENT_ID

    def __init__(
        self,
        *,
        authority_port: int = 0,
        api_port: int = 0,
        lifetime: float = 3600.0,
        grace: float = 0.0,
        on_secret: Callable[[str, str], object] | None = None,
        **settings: object,
    ) -> None:
        self.log = Log()
        self._conduct = Conduct(lifetime=lifetime, grace=grace, **settings)
        self._ports = (authority_port, api_port)
        self._on_secret = on_secret
        self._guard = threading.Lock()
        self._listeners: tuple[Listener, ...] = ()
        self._ledger: Ledger | None = None

    def start(self) -> Self:
        """Listen; raises OSError when a port is taken, ModuleNotFoundError without the extra."""
        _require_extra()
        from .api import api_app
        from .authority import authority_app
        from .ledger import Ledger

        with self._guard:
            if self._listeners:
                raise RuntimeError("the sandbox is running already")
            sockets: list[socket.socket] = []
            try:
                sockets.extend(bind_loopback(port) for port in self._ports)
            except OSError:
                for bound in sockets:
                    bound.close()
                raise
            self._ports = (sockets[0].getsockname()[1], sockets[1].getsockname()[1])
            if self._ledger is None:
                self._ledger = Ledger(self._conduct, self.issuer, self._on_secret)
            apps = (
                authority_app(self.issuer, self.api_base_url, self._ledger, self.log),
                api_app(self.api_base_url, self._ledger, self.log),
            )
            self._listeners = tuple(
                Listener(bound, app, self._ledger.now) for bound, app in zip(sockets, apps, strict=True)
            )
        return self

    def stop(self) -> None:
        """Stop listening and wait until nothing accepts any more; does nothing when stopped."""
        with self._guard:
            for listener in self._listeners:
                listener.stop()
            self._listeners = ()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def issuer(self) -> str:
        """The authority's origin, which is its issuer."""
        return self._origin(0)

    @property
    def api_base_url(self) -> str:
        """The API's origin."""
        return self._origin(1)

    @property
    def api_key(self) -> str:
        """A key that the API accepts, made at the first start."""
        return self._memory.api_key

    def set(self, **changes: object) -> None:
        """Change settings (`conduct.Settings`) from now on; raises ValueError for what it does not know."""
        self._conduct.set(**changes)

    def revoke_all(self) -> int:
        """Revoke every login, as if the person had: neither of its tokens works any more."""
        revoked = self._memory.end_all("the sandbox was told to revoke it")
        self.log.add("revoke-all", logins=revoked)
        return revoked

    def expire_access_tokens(self) -> int:
        """Let the API answer 401 to every access token made so far; refresh tokens still work."""
        expired = self._memory.expire_access_tokens()
        self.log.add("expire", tokens=expired)
        return expired

    def issue(self, account: str = ACCOUNTS[0].email) -> dict[str, object]:
        """Log an account in without a browser: the token answer, as for `keyturn login --from-json -`."""
        person = account_named(account)
        if person is None:
            raise ValueError(f"no account {account!r}, there are: {', '.join(one.email for one in ACCOUNTS)}")
        return dict(self._memory.issue(person))

    @property
    def aws(self) -> Aws:
        """The AWS side: it makes the keys that the Bedrock side takes."""
        return self._memory.aws

    @property
    def google(self) -> Google:
        """Google's side: credentials files to be had, tokens, and what becomes of them."""
        return self._memory.google

    @property
    def _memory(self) -> Ledger:
        if self._ledger is None:
            raise RuntimeError("the sandbox was not started yet")
        return self._ledger

    def _origin(self, position: int) -> str:
        port = self._ports[position]
        if port == 0:
            raise RuntimeError("the sandbox was not started yet: its ports are not known")
        return f"http://127.0.0.1:{port}"


def _require_extra() -> None:
    try:
        import authlib  # noqa: F401 - only whether it is there
        import flask  # noqa: F401 - only whether it is there
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError(
            "the sandbox needs more packages: pip install 'keyturn[sandbox]'", name=missing.name
        ) from None
