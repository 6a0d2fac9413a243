"""The whole process of `keyturn token` with a fresh stored login, beside others that print a token."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

from bench.clients import client_named
from bench.peers import versions
from bench.processes import BIN, clean_environment, in_rounds, output, peak_kib
from bench.result import TIMES, Budget, Result, Table, in_pairs, package, spread

ROUNDS = 31
SLOW_ROUNDS = 7
SECRET = "sk-ant-test-oat-cold"  # noqa: S105 - plainly fake
BARE = "`python -c pass`"
KEYTURN = "**`keyturn token`**"
GH = "`gh auth token`"
SDK = "official SDK, one line"
SLOW = (SDK,)

_JSON = "import json, sys; print(json.load(open(sys.argv[1]))['access_token'])"
_ARGPARSE = (
    "import argparse, json; p = argparse.ArgumentParser(); p.add_argument('path'); "
    "print(json.load(open(p.parse_args().path))['access_token'])"
)
_SDK = (
    "from anthropic.lib.credentials import CredentialsFile, TokenCache; "
    "print(TokenCache(CredentialsFile('default')).get_token())"
)


def run(peers: str | None = None) -> Result:
    """Measure them in turn, and check first that each prints the token it was given."""
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        env = clean_environment(
            home,
            KEYTURN_HOME=f"{home}/keyturn",
            ANTHROPIC_CONFIG_DIR=f"{home}/sdk",
            GH_CONFIG_DIR=f"{home}/gh",
            HF_TOKEN_PATH=f"{home}/login.txt",
            PYTHON_KEYRING_BACKEND="keyrings.alt.file.PlaintextKeyring",
        )
        programs, notes = _programs(home)
        if peers:
            programs |= _peers(home, env, Path(peers).parent)
        for name, argv in programs.items():
            found = output(argv, env)
            if found != ("" if "pass" in name else SECRET):
                raise RuntimeError(f"{name} printed something else than its token")
        times = in_rounds({name: argv for name, argv in programs.items() if name not in SLOW}, env, ROUNDS)
        slow = in_rounds({name: programs[name] for name in (BARE, *SLOW)}, env, SLOW_ROUNDS)
        memory = {name: peak_kib(programs[name], env) for name in programs}
    ratios = {name: in_pairs(samples, times[BARE]) for name, samples in times.items()}
    ratios |= {name: in_pairs(slow[name], slow[BARE]) for name in SLOW}
    times |= {name: slow[name] for name in SLOW}
    budgets = [
        Budget("`keyturn token`, of `python -c pass`", 3.0, ratios[KEYTURN]),
        Budget("the same, as a goal", 2.0, ratios[KEYTURN], wish=True),
        Budget("its peak memory, of `python -c pass`", 2.0, memory[KEYTURN] / memory[BARE]),
    ]
    if GH in times:
        budgets.insert(
            2, Budget("`keyturn token`, of `gh auth token`", 1.0, in_pairs(times[KEYTURN], times[GH]))
        )
    rows = tuple(
        (
            name,
            spread([sample * 1e3 for sample in times[name]]),
            f"{ratios[name]:.3g}",
            f"{memory[name] / memory[BARE]:.2f}",
        )
        for name in sorted(times, key=lambda name: ratios[name])
    )
    return Result(
        name="cold",
        title="Cold start: print the stored token",
        method=f"Whole processes from start to end, {ROUNDS} rounds with all of them in turn "
        f"({SLOW_ROUNDS} for the SDK), ratios inside a round, medians. The installed console script, and "
        "the Python of the same environment for all others. Each was checked to print its token.",
        tables=(
            Table(
                "Time and memory",
                ("program", "ms: median (range)", f"{TIMES} {BARE}", f"peak memory {TIMES}"),
                rows,
            ),
        ),
        budgets=tuple(budgets),
        notes=tuple(notes),
        numbers={
            "seconds": times,
            "peak KiB": memory,
            "versions": [package("anthropic"), *_gh_version(programs, env), *(versions() if peers else [])],
        },
    )


def _programs(home: str) -> tuple[dict[str, list[str]], list[str]]:
    python = str(BIN / "python")
    login: dict[str, object] = {
        "access_token": SECRET,
        "refresh_token": "sk-ant-test-ort-cold",
        "expires_at": time.time() + 24 * 3600,
    }
    for client, directory in (("keyturn", "keyturn"), ("sdk", "sdk"), ("reference", ".")):
        Path(home, directory).mkdir(mode=0o700, exist_ok=True)
        client_named(client).keep(f"{home}/{directory}", login, "http://127.0.0.1:9")
    file = str(Path(home, "login.json"))
    programs = {
        BARE: [python, "-c", "pass"],
        "`python -I -S -c pass`": [python, "-I", "-S", "-c", "pass"],
        "floor: `json`": [python, "-c", _JSON, file],
        "floor: `argparse` and `json`": [python, "-c", _ARGPARSE, file],
        KEYTURN: [str(BIN / "keyturn"), "token"],
        SDK: [python, "-c", _SDK],
    }
    gh = next((path for path in ("/usr/bin/gh", "/usr/local/bin/gh") if os.access(path, os.X_OK)), None)
    if gh is None:
        return programs, [f"{GH} was NOT measured: it is not installed (`apt-get install gh`)"]
    Path(home, "gh").mkdir()
    Path(home, "gh", "hosts.yml").write_text(
        json.dumps({"github.com": {"oauth_token": SECRET, "user": "nobody"}})
    )
    return {**programs, GH: [gh, "auth", "token"]}, []


def _peers(home: str, env: dict[str, str], place: Path) -> dict[str, list[str]]:
    Path(home, "login.txt").write_text(SECRET)
    keyring = [str(place / "keyring")]
    subprocess.run([*keyring, "set", "bench", "nobody"], input=SECRET, env=env, text=True, check=True)
    return {
        "`hf auth token`": [str(place / "hf"), "auth", "token"],
        "`keyring get`, a plain file": [*keyring, "get", "bench", "nobody"],
    }


def _gh_version(programs: dict[str, list[str]], env: dict[str, str]) -> list[str]:
    if GH not in programs:
        return []
    return [output([programs[GH][0], "--version"], env).split(" (")[0].replace(" version", "")]
