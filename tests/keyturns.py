"""The installed `keyturn` on a machine of the test's own: run to its end, or on a terminal with a person."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keyturn.stores import login_of, open_store
from keyturn.world import World
from tests.secretscan import leaks
from tests.terminals import LONG, PtyScreen

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    from keyturn.login import Login

KEYTURN = str(Path(sys.executable).with_name("keyturn"))

# A browser that knows no HTML but the sandbox's forms: signs in, answers, and follows the way back, which it
# may be told to reach at ::1 alone. What it was shown at the end is left in a file.
_BROWSER = """#!{python}
import http.client, pathlib, sys
from urllib.parse import urlsplit
from keyturn.sandbox.person import visit
back = urlsplit(visit(sys.argv[1], account="{account}", allow={allow}))
connection = http.client.HTTPConnection("{address}", back.port, timeout=60)
connection.request("GET", f"{{back.path}}?{{back.query}}", headers={{"Host": back.netloc}})
pathlib.Path("{shown}").write_bytes(connection.getresponse().read())
"""


class Household:
    """A home directory, its variables, and every program started in it; nothing secret may be shown there.

    `allowed` says that the next command may print a secret, as `keyturn token` does.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "keyturn home"
        self.env = {
            "HOME": str(folder),
            "KEYTURN_HOME": str(self.home),
            "LANG": "C.UTF-8",
            "PATH": os.environ["PATH"],
        }
        self._screens: list[PtyScreen] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for screen in self._screens:
            with screen:
                shown = leaks(bytes(screen.raw))
                assert shown == [], f"the screen showed {shown}"

    def run(
        self,
        *words: str,
        piped: str | bytes = "",
        secret: bool = False,
        before: Sequence[str] = (),
        **variables: str,
    ) -> subprocess.CompletedProcess[str]:
        """Run `keyturn` to its end, without a terminal; `before` is a program that starts it."""
        data = piped.encode() if isinstance(piped, str) else piped
        done = subprocess.run(
            [*before, KEYTURN, *words],
            input=data,
            capture_output=True,
            env={**self.env, **variables},
            cwd=self.folder,
            timeout=LONG,
            check=False,
        )
        out, err = done.stdout.decode(), done.stderr.decode()
        assert leaks(err if secret else out + err) == []
        return subprocess.CompletedProcess(done.args, done.returncode, out, err)

    def start(self, *words: str, columns: int = 80, **variables: str) -> PtyScreen:
        """Start `keyturn` on a terminal."""
        screen = PtyScreen([KEYTURN, *words], {**self.env, **variables}, columns=columns, rows=60)
        self._screens.append(screen)
        return screen

    def browser(
        self, account: str = "developer@example.com", *, allow: bool = True, address: str = "127.0.0.1"
    ) -> str:
        """A value for BROWSER: a person who signs in to the sandbox, without drawing a page."""
        program = self.folder / "browser"
        text = _BROWSER.format(
            python=sys.executable, account=account, allow=allow, address=address, shown=self.shown
        )
        program.write_text(text, encoding="utf-8")
        program.chmod(0o755)
        return f'"{program}"'

    @property
    def shown(self) -> Path:
        """The page that `browser` ended on."""
        return self.folder / "shown.html"

    def contents(self) -> dict[str, bytes]:
        """Every file below KEYTURN_HOME but the lock files."""
        files = (path for path in self.home.rglob("*") if path.is_file() and path.suffix != ".lock")
        return {str(path): path.read_bytes() for path in files}

    def config(self) -> Any:
        """What is remembered, or None."""
        path = self.home / "config.json"
        return json.loads(path.read_text()) if path.exists() else None

    def stored(self, profile: str = "default") -> Login | None:
        """The login of a profile in the file store."""
        return login_of(open_store(World(self.env), profile, "file").load())


def addresses(screen: PtyScreen) -> list[str]:
    """The addresses that stand raw and alone between two line breaks."""
    lines = bytes(screen.raw).decode().replace("\r\n", "\n").split("\n")
    return [line for line in lines if line.startswith("http")]
