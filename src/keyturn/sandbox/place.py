"""The ports of `keyturn sandbox` when nobody chooses others; `keyturn login` looks for it there."""

from __future__ import annotations

AUTHORITY_PORT = 18571
API_PORT = 18572
