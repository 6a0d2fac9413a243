"""The shells' completion is made from the parsers, so it names what they take."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from keyturn.cli import completion
from keyturn.cli.commands import WORDS

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Machine

COMPLETE = """
source /dev/stdin
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_keyturn; printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed(*words: str, home: Path) -> set[str]:
    """What bash would offer for the last word."""
    done = subprocess.run(
        ["bash", "-c", COMPLETE, "bash", "keyturn", *words],
        input=completion.bash(),
        env={
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(home),
            "KEYTURN_HOME": str(home),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return set(done.stdout.split())


def test_bash_completes_commands_options_and_profiles(keyturn: Machine) -> None:
    keyturn.log_in("work")
    home = Path(keyturn.variables["KEYTURN_HOME"])
    assert completed("", home=home) >= {*WORDS, "-p", "--profile"}
    assert completed("st", home=home) == {"status"}
    assert completed("status", "--v", home=home) == {"--verify"}
    assert completed("--json", "token", "--m", home=home) == {"--min-ttl"}
    assert completed("profile", "", home=home) >= {"list", "use", "bind", "remove"}
    assert completed("status", "--profile", "", home=home) == {"default", "work"}
    assert completed("profile", "use", "w", home=home) == {"work"}
    assert completed("token", "--source", "stored", home=home) == {"stored-login"}
    assert completed("run", "--", "l", home=home) == set()
    assert completed("login", "--store", "k", home=home) == {"keychain"}
    assert completed("login", "--qr", "--dev", home=home) == {"--device", "--device-url"}
    assert completed("login", "--url-file", "", home=home) == set()  # bash's own: files
    assert "keychain" not in completed("login", "", home=home)


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_every_shell_s_script_names_every_command_and_option(keyturn: Machine, shell: str) -> None:
    done = keyturn("completion", shell)
    assert done.status == 0
    for word in WORDS:
        assert word in done.out
    for option in ("verify", "min-ttl", "expires-within", "require-billing", "callback-port", "lifetime"):
        assert option in done.out


def test_an_unknown_shell_is_a_mistake(keyturn: Machine) -> None:
    assert keyturn("completion", "csh").status == 2
    assert keyturn("completion").status == 2
