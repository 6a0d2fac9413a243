"""Know every secret that the tests made, and find each one that shows where it must not (T19).

Tests make their secrets with `make_secret`; test servers append theirs to the file that is named by
KEYTURN_TEST_SECRETS. At the end of the run `conftest.py` looks for all of them, plain, URL-encoded and base64
at each alignment, in the captured output of tests, the arguments of the programs they started, the
environment and arguments of the run itself, core files, and the files they left behind, in the temporary
folder too.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import stat
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

REGISTRY = "KEYTURN_TEST_SECRETS"
REGISTRY_PREFIX = "keyturn-test-secrets-"
LARGEST = 64 * 1024 * 1024  # of a file in the temporary folder; a core file of ours is smaller
MIN_LENGTH = 16  # shorter ones would be found by chance, and hide nothing
PREFIXES = {
    "api-key": "sk-ant-test-",
    "token": "test-access-",
    "refresh": "test-refresh-",
    "password": "test-password-",
}
# Where a login may lie: the store's files, and the cache and journal beside them (L15, L22).
STORES = ("logins/*.json", "*.cache", "*.journal")

_WINDOW = 12  # a run of token characters is looked up window by window: fast even with thousands of secrets
_RUN = re.compile(rb"[A-Za-z0-9+/_%%.~=-]{%d,}" % _WINDOW)


def make_secret(kind: str) -> str:
    """Return a new, plainly fake secret of a kind in PREFIXES, which must not show anywhere from now on."""
    return register(kind, PREFIXES[kind] + secrets.token_urlsafe(24))


def register(kind: str, secret: str) -> str:
    """Make the run fail if this secret shows; returns it."""
    if len(secret) < MIN_LENGTH:
        message = f"a secret of {len(secret)} characters is too short to look for"
        raise ValueError(message)
    line = json.dumps({"kind": kind, "secret": secret}) + "\n"
    with open(os.environ[REGISTRY], "a", encoding="utf-8") as registry:  # noqa: PTH123 - one append, one write
        registry.write(line)
    return secret


def declare_store(place: Path) -> None:
    """Allow secrets in this file or folder: the test puts them there as a person or a system would."""
    line = json.dumps({"store": str(place.resolve())}) + "\n"
    with open(os.environ[REGISTRY], "a", encoding="utf-8") as registry:  # noqa: PTH123 - one append, one write
        registry.write(line)


def leaks(text: str | bytes) -> list[str]:
    """Return the kinds of all registered secrets that show in this text, such as the output of a program."""
    return Scan.of_registry(Path(os.environ[REGISTRY])).find(text)


def spellings(secret: str) -> set[bytes]:
    """Return the secret as it may show: plain, URL-encoded, and in base64 wherever in a text it began."""
    plain = secret.encode()
    found = {plain, quote(secret, safe="").encode()}
    for offset, skipped in ((0, 0), (1, 2), (2, 3)):
        padded = b"\0" * offset + plain
        encoded = base64.b64encode(padded)
        whole = encoded[
            skipped : len(padded) * 8 // 6
        ]  # without characters that share bits with the neighbours
        found |= {whole, whole.translate(bytes.maketrans(b"+/", b"-_"))}
    return found


class Scan:
    """Finds secrets in bytes, files and folders."""

    def __init__(self, kinds: Mapping[str, str], stores: Iterable[Path] = ()) -> None:
        """Look for these secrets (secret to kind), except below these stores."""
        self._kinds = {spelling: kind for secret, kind in kinds.items() for spelling in spellings(secret)}
        self._stores = tuple(stores)
        self._by_window: dict[bytes, list[bytes]] = {}
        self._odd: list[bytes] = []
        for spelling in self._kinds:
            run = _RUN.search(spelling)
            if run is None:
                self._odd.append(spelling)
            else:
                self._by_window.setdefault(run.group()[:_WINDOW], []).append(spelling)

    @classmethod
    def of_registry(cls, registry: Path) -> Scan:
        """Return a scan for everything in the registry file."""
        lines = [json.loads(line) for line in registry.read_text(encoding="utf-8").splitlines()]
        return cls(
            {line["secret"]: line["kind"] for line in lines if "secret" in line},
            [Path(line["store"]) for line in lines if "store" in line],
        )

    def find(self, text: str | bytes) -> list[str]:
        """Return the kinds of the secrets in this text, sorted; never the secrets."""
        data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
        found = {self._kinds[spelling] for spelling in self._odd if spelling in data}
        for match in _RUN.finditer(data):
            run = match.group()
            for start in range(len(run) - _WINDOW + 1):
                for spelling in self._by_window.get(run[start : start + _WINDOW], ()):
                    if spelling in data:
                        found.add(self._kinds[spelling])
        return sorted(found)

    def find_in_files(self, folder: Path) -> Iterator[tuple[Path, list[str]]]:
        """Yield each regular file below folder with what shows in it, stores left out, links not followed."""
        for path in sorted(folder.rglob("*")):
            if path.is_symlink() or not path.is_file() or self._is_store(path):
                continue
            found = self.find(f"{path.name}\n".encode() + path.read_bytes())
            if found:
                yield path, found

    def find_left_behind(self, folder: Path, since: float) -> Iterator[tuple[Path, list[str]]]:
        """Yield what shows in this user's files of the temporary folder that were written since a moment.

        The folders of test runs are left out, each of which looks through its own, and the lists of secrets.
        """
        tops = _listed(folder)
        for path in sorted([*tops, *(below for top in tops for below in _listed(top))]):
            top = path.relative_to(folder).parts[0]
            if top.startswith(("pytest-of-", REGISTRY_PREFIX)) or self._is_store(path):
                continue
            try:
                state = path.lstat()
                ours = (
                    state.st_uid == os.geteuid() and state.st_mtime >= since and stat.S_ISREG(state.st_mode)
                )
                data = path.read_bytes() if ours and state.st_size <= LARGEST else b""
            except OSError:  # another program's, and gone by now
                continue
            found = self.find(f"{path.name}\n".encode() + data) if ours else []
            if found:
                yield path, found

    def _is_store(self, path: Path) -> bool:
        # not Path.resolve: before Python 3.13 a link that leads to itself is an error there
        place = Path(os.path.realpath(path))
        return any(fnmatch(place.as_posix(), f"*/{pattern}") for pattern in STORES) or any(
            place.is_relative_to(store) for store in self._stores
        )


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:  # no folder, or another program's that is gone by now
        return []
