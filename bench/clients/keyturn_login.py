"""keyturn's own stored login, through the public `Auth`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keyturn.auth import Auth
    from keyturn.values import Credential


class KeyturnSession:
    """One `Auth` for the life of the program, as its documentation shows it."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth
        self._credential: Credential | None = None

    def token(self) -> str:
        """The credential's text."""
        self._credential = self._auth.credential()
        return self._credential.secret.reveal()

    def renewed(self) -> str:
        """As the transport does it: hand back the one that was rejected."""
        return self._auth.credential(rejected=self._credential).secret.reveal()


class KeyturnClient:
    """The file store below KEYTURN_HOME."""

    name = "keyturn"
    recovers_from_401 = True

    def load(self) -> None:
        """Import what a renewal uses."""
        import httpx2  # noqa: F401 - what the transport imports at its first request

        import keyturn.auth
        import keyturn.oauth.protocol
        import keyturn.world.transport  # noqa: F401 - for its side effect

    def keep(self, home: str, login: dict[str, object], judge: str) -> None:
        """Write the record as `keyturn login` would have, and the journal as an earlier renewal leaves it."""
        from keyturn.login import Authority, Identity, Login
        from keyturn.stores.file import FileStore
        from keyturn.stores.journal import Intent
        from keyturn.values import Secret
        from keyturn.world import World

        expires_at = float(str(login["expires_at"]))
        record = Login(
            access_token=Secret(str(login["access_token"])),
            refresh_token=Secret(str(login["refresh_token"])),
            ancestors=(),
            api_base_url=judge,
            authority=Authority(client_id="bench", token_request="form", token_url=f"{judge}/token"),  # noqa: S106 - no password
            billing="unknown",
            expires_at=expires_at,
            extra={},
            generation=0,
            issued_at=min(time.time() - 60, expires_at - 3600),
            login_id="bench",
            oauth_beta=False,
            profile="default",
            scopes=("user:inference",),
        )
        store = FileStore(World({"KEYTURN_HOME": home}), "default")
        held = store.hold(seconds=5)
        assert held is not None  # noqa: S101 - nobody else works in this home
        with held:
            stored = held.save(record, replacing=None)
            identity = {name: getattr(stored.identity, name) for name in Identity.fields}
            held.journal.begin(Intent(at=time.time(), attempt=1, **identity))
            held.journal.clear()

    def open(self, home: str, judge: str) -> KeyturnSession:  # noqa: ARG002 - the record names its server
        """A new program in that home."""
        from keyturn.auth import Auth
        from keyturn.world import World

        return KeyturnSession(Auth(world=World({"KEYTURN_HOME": home})))


CLIENT = KeyturnClient()
