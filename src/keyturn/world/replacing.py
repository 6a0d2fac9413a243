"""Putting a file in another one's place, where something may have that open for a moment (P40)."""

from __future__ import annotations

import os
import time

# Windows: access denied, sharing violation. Scanners and indexers open whatever has just been written.
_OPEN_ELSEWHERE = (5, 32)
_PAUSES_SECONDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4)


def put_in_place(temporary: str, path: str) -> None:
    """Rename; tried again for a second while another program keeps the old file open. Raises: OSError."""
    for pause in _PAUSES_SECONDS:
        try:
            os.replace(temporary, path)
        except PermissionError as error:
            if getattr(error, "winerror", None) not in _OPEN_ELSEWHERE:
                raise
            time.sleep(pause)
        else:
            return
    os.replace(temporary, path)
