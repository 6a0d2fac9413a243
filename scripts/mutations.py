"""The mutants of scripts/mutants.py: the text that a mechanism is made of, and what takes its place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mechanism taken out: `old` stands exactly once in `file` below src/keyturn."""

    numbers: tuple[str, ...]
    what: str
    file: str
    old: str
    new: str


RENEW, SPEND, SAVE, PAUSES, FILE, JOURNAL, SIDECAR = (
    "oauth/renew.py",
    "oauth/spend.py",
    "oauth/save.py",
    "oauth/pauses.py",
    "stores/file.py",
    "stores/journal.py",
    "stores/sidecar.py",
)
GRANT, PROVISION, LOGOUT = "oauth/grant.py", "oauth/provision.py", "oauth/logout.py"
LOCKS, KEYCHAIN, FILES, DIRECTORIES = (
    "world/locks.py",
    "stores/keychain.py",
    "world/files.py",
    "world/directories.py",
)

MUTANTS = [
    Mutant(
        ("I1", "I2"),
        "the second look, under the lock",
        RENEW,
        "    record = held.load()\n    login = login_of(record)\n",
        "    record = store.seen_before if hasattr(store, 'seen_before') else held.load()\n"
        "    store.seen_before = record\n    login = login_of(record)\n",
    ),
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
        ("L3",),
        "what the grant fixed",
        "sources/stored_login.py",
        "configured is not None and value is not None and configured",
        "False and configured",
    ),
    Mutant(
        ("L4",),
        "the revocation of what a late renewal got",
        SAVE,
        "        _revoke(renewal, answer)  # logged out",
        "        pass  # logged out",
    ),
    Mutant(
        ("L4",),
        "the tombstone",
        GRANT,
        "            held.save(stone, replacing=current.identity)",
        "            held.set_aside()",
    ),
    Mutant(
        ("L5",),
        "former tokens at provisioning",
        PROVISION,
        "mark == login.identity.refresh_hash or mark in login.ancestors",
        "mark == login.identity.refresh_hash",
    ),
    Mutant(
        ("L5",),
        "the look at other profiles",
        PROVISION,
        "        if other is not None and _descends",
        "        if False and _descends",
    ),
    Mutant(
        ("L5", "I3"),
        "ancestors over a new login",
        GRANT,
        "                login = _descended(login, there)",
        "                pass",
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
        ("L13", "I5"),
        "the intent",
        SPEND,
        "    held.journal.begin(_intent(renewal, attempt,",
        "    (lambda _: None)(_intent(renewal, attempt,",
    ),
    Mutant(("L13",), "the count of sendings", SPEND, "    if intent.attempt >= SENDINGS:", "    if False:"),
    Mutant(
        ("L13",),
        "whom a stale journal is about",
        SPEND,
        "    if not intent.is_about(renewal.login.identity):",
        "    if False:",
    ),
    Mutant(
        ("L13", "I7"),
        "no risk while the token serves",
        SPEND,
        "    if not renewal.must:\n        # the current",
        "    if False:\n        # the current",
    ),
    Mutant(("L14",), "no redirects", "world/transport.py", "follow_redirects=False", "follow_redirects=True"),
    Mutant(
        ("L15",),
        "the journal as the last place",
        SAVE,
        "        renewal.held.journal.rescue(new, renewal.replaces)",
        "        pass",
    ),
    Mutant(
        ("L15", "I2"),
        "a verdict that waits",
        SAVE,
        "            journal.rescue(dead, renewal.replaces)",
        "            pass",
    ),
    Mutant(
        ("L15", "I2"),
        "what a waiting login replaces",
        RENEW,
        "        replaces=replaces,",
        "        replaces=login.identity,",
    ),
    Mutant(
        ("L15",),
        "real blocks of the journal",
        JOURNAL,
        "                self._fill(descriptor)",
        "                os.ftruncate(descriptor, SIZE)",
    ),
    Mutant(("L15",), "the sweep of leftovers", FILE, "        files.sweep(path)\n", ""),
    Mutant(("L16", "I4"), "the quarantine", SPEND, "        quarantine(renewal, reason)\n", "        pass\n"),
    Mutant(
        ("L16", "I4", "I7"),
        "the access token of a login that has ended",
        RENEW,
        'if now_state == "fresh" or (now_state == "ahead" and not _can_renew(login, store)):',
        'if now_state == "fresh" and _can_renew(login, store):',
    ),
    Mutant(
        ("I4", "L20"),
        "5xx as no end",
        SPEND,
        "    if failure.code == outcomes.LOGIN_ENDED:",
        "    if failure.code == outcomes.LOGIN_ENDED or failure.facts.get('status', 0) >= 500:",
    ),
    Mutant(
        ("I4",),
        "an empty 400 as no end",
        "oauth/outcomes.py",
        '    if answer.error != "invalid_grant":',
        '    if answer.error == "":',
    ),
    Mutant(
        ("L17",),
        "the interrupt that waits for the save",
        "oauth/uninterrupted.py",
        "            if self._begun:  # else",
        "            if False:  # else",
    ),
    Mutant(
        ("L17",),
        "the waiting that an interrupt ends",
        "oauth/uninterrupted.py",
        "            self.unwanted = True",
        "            pass",
    ),
    Mutant(
        ("L18",),
        "whose login it is",
        RENEW,
        "    if expected is not None and not expected.same_person(login):",
        "    if False:",
    ),
    Mutant(("L18", "I6"), "the look every 2 s", "auth.py", "LOOK_SECONDS = 2.0", "LOOK_SECONDS = 2000.0"),
    Mutant(
        ("L19",),
        "the credential's own origin",
        "http.py",
        "    if str(origin(str(response.request.url))) != credential.audience:\n        return False",
        "    if False:\n        return False",
    ),
    Mutant(("L19",), "one renewal a minute", SPEND, "    check_rejections(renewal)\n", ""),
    Mutant(
        ("L20",),
        "pauses",
        PAUSES,
        "            retry_at=now + min(doubled * jitter, FARTHEST_SECONDS),",
        "            retry_at=now,",
    ),
    Mutant(
        ("L20",),
        "clocks that jumped",
        SIDECAR,
        "now < self.retry_at <= now + FARTHEST_SECONDS",
        "now < self.retry_at",
    ),
    Mutant(
        ("L20",), "jitter", PAUSES, "    jitter = 0.75 + 0.5 * renewal.world.random()", "    jitter = 1.0"
    ),
    Mutant(("L20",), "Retry-After", SPEND, "answer.retry_after or PAUSE_FIRST", "PAUSE_FIRST"),
    Mutant(
        ("L21",),
        "digits in a string",
        "oauth/protocol.py",
        "    if isinstance(value, str) and value.isdigit() and value.isascii():",
        "    if False:",
    ),
    Mutant(("L21",), "lives that are none", "oauth/protocol.py", "if 0 < value < 1e11 else", "if True else"),
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
    Mutant(("L25",), "whom a logout also ends", LOGOUT, "            found.add(name)", "            pass"),
    Mutant(
        ("I7",),
        "no trouble ahead of time",
        RENEW,
        "    except AuthError:\n        return login\n    return renewed or login",
        "    except ZeroDivisionError:\n        return login\n    return renewed or login",
    ),
    Mutant(
        ("I6",),
        "a login made elsewhere",
        "sources/stored_login.py",
        "            and mark == self._mark\n",
        "",
    ),
]
