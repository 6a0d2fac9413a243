"""A throw-away environment for peers that keyturn itself never needs."""

from __future__ import annotations

import os
import subprocess
import sys

from bench.processes import ROOT

PACKAGES = ("huggingface_hub==2.4.0", "keyring==25.7.0", "keyrings.alt==5.0.2")
PLACE = ROOT / "build" / "bench-venv"


def environment() -> str:
    """The Python of build/bench-venv, made when it is not there. CalledProcessError when pip fails."""
    python = str(PLACE / "bin" / "python")
    if not os.access(python, os.X_OK):
        subprocess.run([sys.executable, "-m", "venv", str(PLACE)], check=True)
    quiet = ("--quiet", "--disable-pip-version-check")
    subprocess.run([python, "-m", "pip", "install", *quiet, *PACKAGES], check=True)
    return python


def versions() -> list[str]:
    """For the record of a result."""
    return [package.replace("==", " ") for package in PACKAGES]
