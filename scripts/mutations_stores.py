"""The mutants of what keeps a login: stores, locks and files."""

from __future__ import annotations

from scripts.mutant import Mutant

FILE, JOURNAL, SIDECAR, CLAIM = (
    "stores/file.py",
    "stores/journal.py",
    "stores/sidecar.py",
    "stores/claim.py",
)
LOCKS, KEYCHAIN, FILES, DIRECTORIES = (
    "world/locks.py",
    "stores/keychain.py",
    "world/files.py",
    "world/directories.py",
)

STORES = [
    Mutant(
        ("I1", "L8"),
        "the lock",
        LOCKS,
        "                free = _lock(descriptor, shared=shared)",
        "                free = True",
    ),
    Mutant(
        ("L1",),
        "a lock for each profile",
        FILE,
        'f"{self.directory}/{profile}.lock"',
        'f"{self.directory}/all.lock"',
    ),
    Mutant(
        ("L2", "I3"), "the comparison before each write", FILE, "    if found != replacing:", "    if False:"
    ),
    Mutant(
        ("L2",),
        "the generation that only grows",
        FILE,
        "generation=newest + 1",
        "generation=record.generation + 1",
    ),
    Mutant(
        ("L6",),
        "the refusal of mounted records",
        FILE,
        "        directories.check_replaceable(self._store.path)\n",
        "",
    ),
    Mutant(
        ("L7",),
        "the owner of the directory",
        DIRECTORIES,
        "    if state.st_uid != os.geteuid()",
        "    if False",
    ),
    Mutant(
        ("L8",),
        "the lock's own inode",
        LOCKS,
        "        return there is not None and here.st_ino == there[0]",
        "        return True",
    ),
    Mutant(("L9",), "the fork's new gates", LOCKS, "    GATES.replace()\n", ""),
    Mutant(("L9",), "the fork's locks forgotten", LOCKS, "        lock.forget()", "        pass"),
    Mutant(
        ("L11", "L20"),
        "the failure that waiters share",
        SIDECAR,
        "        return pausing or since <= self.at <= now",
        "        return False",
    ),
    Mutant(
        ("L11",),
        "the name of the holder",
        LOCKS,
        "            pid, host, since = file.read(512).split()",
        "            raise ValueError",
    ),
    Mutant(
        ("L12",),
        "waiters that look at the record",
        LOCKS,
        "            if until is not None and until():",
        "            if False:",
    ),
    Mutant(
        ("L15",),
        "real blocks of the journal",
        JOURNAL,
        "                self._fill(descriptor)",
        "                os.ftruncate(descriptor, SIZE)",
    ),
    Mutant(("L15",), "the sweep of leftovers", FILE, "        files.sweep(path)\n", ""),
    Mutant(
        ("L20",),
        "clocks that jumped",
        SIDECAR,
        "now < self.retry_at <= now + FARTHEST_SECONDS",
        "now < self.retry_at",
    ),
    Mutant(
        ("L22",),
        "the cache made invalid first",
        KEYCHAIN,
        "        files.remove_durably(store.cache_path)\n        if isinstance(stored",
        "        if isinstance(stored",
    ),
    Mutant(
        ("L22",),
        "the time limit of a keychain",
        "stores/secret_service.py",
        "        thread.join(SECONDS)",
        "        thread.join(30)",
    ),
    Mutant(
        ("L23",),
        "the second look at a damaged record",
        FILE,
        "            if not held:\n                raise",
        "            if True:\n                raise",
    ),
    Mutant(
        ("L10", "I1"),
        "the claim on a network file system",
        FILE,
        "        if not world.shares_files(self._store.directory):",
        "        if True:",
    ),
    Mutant(("L10",), "the exclusive creation", CLAIM, " | os.O_EXCL", ""),
    Mutant(
        ("L10", "L26"),
        "the holder's time",
        CLAIM,
        "            if standing.left <= 0 and self._made",
        "            if self._made",
    ),
    Mutant(
        ("L10", "L26"),
        "the clock of the file server",
        CLAIM,
        "            return os.stat(lock).st_mtime - os.stat(path).st_mtime",
        "            return 0.0",
    ),
    Mutant(
        ("L10",),
        "a number that is never given twice",
        CLAIM,
        "        if max(self._numbers(), default=number) == number:",
        "        if True:",
    ),
    Mutant(
        ("L10", "I5"),
        "a dead program of this machine",
        CLAIM,
        '(boot is not None and said.get("boot") == boot)',
        "False",
    ),
    Mutant(
        ("L10", "L15"),
        "a rename that another machine has made",
        FILES,
        "        if found is None or found.text != text:",
        "        if True:",
    ),
    Mutant(
        ("L15", "I2"),
        "the rename that may not last",
        FILES,
        '        raise StoreDenied(\n            f"what was just written',
        '        return\n        raise StoreDenied(\n            f"what was just written',
    ),
    Mutant(
        ("P40",),
        "the moment in which a file is open elsewhere",
        "world/replacing.py",
        "            time.sleep(pause)",
        "            raise",
    ),
]
