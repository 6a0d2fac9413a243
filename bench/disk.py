"""What one renewal writes durably, counted in its system calls."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from bench.clients import client_named
from bench.judge import Judge
from bench.processes import BIN, clean_environment
from bench.result import Budget, Result, Table

_CALL = re.compile(r"(fsync|fdatasync|rename(?:at2?)?)\((?:\d+<[^>]*/([^/>]+)>|\"[^\"]*)")
_NAMES = {"logins": "the directory", "default.journal": "the journal"}
TITLE = "A renewal on disk"


def run(_peers: str | None = None) -> Result:
    """Count the first renewal of a login, which makes its journal, and the next one."""
    if shutil.which("strace") is None:
        missing = "NOT measured: strace is not installed (`apt-get install strace`)"
        return Result("disk", TITLE, missing, (), (), {}, (missing,))
    with Judge() as judge, tempfile.TemporaryDirectory(prefix="bench-") as home:
        client, counts = client_named("keyturn"), []
        trial = judge.new_login(0)
        client.keep(home, trial.login(seconds_left=-60), judge.origin)
        Path(home, "logins", "default.journal").unlink()  # as a login leaves it that was never renewed
        for _ in range(2):
            counts.append(_renewal(home))
            # the stored login is the judge's newest; it is made to look used up for the next round
            _age(home)
        if trial.verdict()["granted"] != len(counts):
            raise RuntimeError("a renewal did not happen")
    what = sorted({name for count in counts for name in count})
    first, later = counts
    durable = sum(
        count for name, count in later.items() if name.startswith("fsync") and "directory" not in name
    )
    return Result(
        name="disk",
        title=TITLE,
        method="`keyturn token` on an expired login under strace: its calls of fsync and rename. The intent "
        "goes to a journal that is overwritten in place, then the login is replaced, and the intent cleared.",
        tables=(
            Table(
                "Calls",
                ("call", "first renewal", "each later one"),
                tuple((name, str(first[name]), str(later[name])) for name in what),
            ),
        ),
        budgets=(Budget("durable writes of a renewal", 3, durable, ""),),
        numbers={"first": dict(first), "later": dict(later)},
    )


def _renewal(home: str) -> Counter[str]:
    argv = ["strace", "-f", "-y", "-e", "trace=fsync,fdatasync,rename,renameat,renameat2"]
    done = subprocess.run(
        [*argv, str(BIN / "keyturn"), "token"],
        env=clean_environment(home, KEYTURN_HOME=home),
        check=True,
        capture_output=True,
        text=True,
    )
    return Counter(
        f"{call}: {_NAMES.get(name, 'the login')}" if name else call
        for call, name in _CALL.findall(done.stderr)
    )


def _age(home: str) -> None:
    from keyturn.login import Login
    from keyturn.records import write_record
    from keyturn.stores.file import FileStore
    from keyturn.world import World

    store = FileStore(World({"KEYTURN_HOME": home}), "default")
    login = store.load()
    assert isinstance(login, Login)  # noqa: S101 - it was renewed a moment ago
    with open(store.path, "w", encoding="utf-8") as file:  # noqa: PTH123 - in place: this is no renewal
        file.write(write_record(login.replace(expires_at=login.issued_at)))
