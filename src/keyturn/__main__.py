"""`python -m keyturn`: the same as the command; nothing more of the working directory is imported (T6).

What Python looks up before this runs it cannot take back, and that is this package itself: where the
directory is not yours use the command, or `python -P -m keyturn`.
"""

from __future__ import annotations

import sys

if not sys.flags.safe_path and sys.path:
    # `-m` puts the working directory first
    del sys.path[0]

from keyturn.cli import main

if __name__ == "__main__":
    sys.exit(main())
