"""A TLS-inspecting proxy as companies have them: mitmproxy, with an authority made for the test."""

from __future__ import annotations

import json
import os
import re
import selectors
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

from tests.secretscan import declare_store
from tests.servers import HERE, START_LIMIT, stop

if TYPE_CHECKING:
    from collections.abc import Mapping

_HOME = Path(__file__).parents[2] / ".venv-mitmproxy"


class Mitmproxy:
    """Listens on a free loopback port; `hosts` says to which local port it brings each host.

    `password` is USER:PASSWORD, which it then asks for. Each folder has an authority of its own. `port` is
    for taking the place of another that is gone.
    """

    def __init__(
        self, folder: Path, hosts: Mapping[str, int], *, password: str | None = None, port: int = 0
    ) -> None:
        if not (_HOME / ".keyturn-setup").exists():
            pytest.skip("mitmproxy is missing; `scripts/mitmproxy.sh` installs it")
        folder.mkdir()
        declare_store(folder)
        self.port = port
        self._folder, self._log = folder, folder / "mitmproxy.log"
        self._hosts, self._seen = folder / "hosts.json", folder / "seen"
        self._hosts.write_text(json.dumps(dict(hosts)), encoding="utf-8")
        settings = {
            "listen_host": "127.0.0.1",
            "connection_strategy": "lazy",  # the hosts of tests exist nowhere else
            "upstream_cert": False,
            **({"proxyauth": password} if password is not None else {}),
        }
        (folder / "config.yaml").write_text(json.dumps(settings), encoding="utf-8")

    def __enter__(self) -> Self:
        python = [str(_HOME / "bin" / name) for name in ("python", "mitmdump")]
        program = [python[0], "-u", python[1], "-s", str(HERE / "inspecting.py")]
        with self._log.open("a", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [*program, "--set", f"confdir={self._folder}", "--listen-port", str(self.port)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": str(self._folder),
                    "KEYTURN_TEST_HOSTS": str(self._hosts),
                    "KEYTURN_TEST_SEEN": str(self._seen),
                },
            )
        self.port = self._said_port()
        return self

    def _said_port(self) -> int:
        """Read what it says until it says where it listens."""
        assert self._process.stdout is not None
        said = ""
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while (found := re.search(r"listening at \S*:(\d+)", said)) is None:
                piece = os.read(self._process.stdout.fileno(), 4096) if selector.select(START_LIMIT) else b""
                if not piece:
                    stop(self._process)
                    raise RuntimeError(f"mitmproxy did not start: {said}\n{self._log.read_text()}")
                said += piece.decode()
        return int(found[1])

    def __exit__(self, *_: object) -> None:
        stop(self._process)

    @property
    def place(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    @property
    def authority(self) -> Path:
        """Its authority's certificate, for whoever trusts it."""
        return self._folder / "mitmproxy-ca-cert.pem"

    def seen(self) -> list[str]:
        """Method, host and path of every request that went through, in order."""
        return self._seen.read_text(encoding="utf-8").splitlines() if self._seen.exists() else []
