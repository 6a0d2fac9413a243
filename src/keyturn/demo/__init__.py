"""The whole story against a sandbox on this machine: log in, ask, expire, renew once, revoke, log out.

Nothing is staged: real processes, keyturn's own flows, a real authority on loopback. Every step is judged by
what the sandbox saw, not by what keyturn says of itself. Needs the extra `keyturn[sandbox]`.
"""

from __future__ import annotations
