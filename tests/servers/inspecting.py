"""What mitmproxy does with the hosts of a test: brings them to this machine, and notes each request.

Environment variables name the files. Of a request only method, host and path are noted, so nothing secret is.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def request(flow: Any) -> None:
    """Mitmproxy's own hook, called with the whole request."""
    hosts = json.loads(Path(os.environ["KEYTURN_TEST_HOSTS"]).read_text(encoding="utf-8"))
    asked = flow.request
    path = asked.path.partition("?")[0]
    with Path(os.environ["KEYTURN_TEST_SEEN"]).open("a", encoding="utf-8") as seen:
        seen.write(f"{asked.method} {asked.host}{path}\n")
    if asked.host in hosts:
        asked.scheme, asked.host, asked.port = "http", "127.0.0.1", hosts[asked.host]
