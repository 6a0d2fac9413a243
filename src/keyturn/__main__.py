"""`python -m keyturn`: the same as the command, and nothing of the working directory is imported (T6)."""

from __future__ import annotations

import sys

if not sys.flags.safe_path and sys.path:
    # `-m` puts the working directory first
    del sys.path[0]

from keyturn.cli import main

if __name__ == "__main__":
    sys.exit(main())
