"""A program for BROWSER: `browser.py CONFIG URL` returns at once and visits the URL in the background.

CONFIG is a JSON file with steps, until, screenshots_dir, and where to write the result and the process id.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str]) -> int:
    """Start the visit and return, or (with --visit) be the visit."""
    if arguments[:1] == ["--visit"]:
        visit(Path(arguments[1]), arguments[2])
        return 0
    config, url = arguments
    started = subprocess.Popen(
        [sys.executable, __file__, "--visit", config, url],
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    Path(json.loads(Path(config).read_text(encoding="utf-8"))["process_id"]).write_text(str(started.pid))
    return 0


def visit(config: Path, url: str) -> None:
    """Drive the browser as CONFIG says and leave the result whole, or not at all."""
    sys.path.insert(0, str(ROOT))
    from tests.browser import drive

    job = json.loads(config.read_text(encoding="utf-8"))
    try:
        result = asdict(
            drive(url, steps=job["steps"], until=job["until"], screenshots_dir=Path(job["screenshots_dir"]))
        )
    except Exception as error:  # noqa: BLE001 - whatever it was, the test that waits must see it
        result = {"problem": f"{type(error).__name__}: {error}"}
    unfinished = Path(f"{job['result']}.new")
    unfinished.write_text(json.dumps(result), encoding="utf-8")
    os.replace(unfinished, job["result"])  # noqa: PTH105 - one rename, the same everywhere


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
