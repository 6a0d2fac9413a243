"""The journal's file: written before a refresh token is spent, and there when everything else is full."""

from __future__ import annotations

from pathlib import Path

import pytest

from keyturn.errors import StoreDenied
from keyturn.stores.journal import SIZE, Intent, JournalFile
from keyturn.testing.values import make_login

INTENT = Intent(at=1.5, attempt=1, generation=3, login_id="id", refresh_hash="ab" * 32)


@pytest.fixture
def journal(tmp_path: Path) -> JournalFile:
    return JournalFile(str(tmp_path / "default.journal"))


@pytest.mark.proves("L13")
def test_an_intent_is_there_for_whoever_comes_next(journal: JournalFile) -> None:
    assert journal.intent() is None
    journal.begin(INTENT)
    assert JournalFile(journal.path).intent() == INTENT
    journal.clear()
    assert JournalFile(journal.path).intent() is None


@pytest.mark.proves("L13")
def test_it_has_its_whole_size_from_the_first_intent_on_and_keeps_it(journal: JournalFile) -> None:
    journal.begin(INTENT)
    first = Path(journal.path).stat()
    assert first.st_size == SIZE
    assert first.st_blocks * 512 >= SIZE, "a hole would need new blocks when the disk is full"
    assert first.st_mode & 0o777 == 0o600
    journal.rescue(make_login(), make_login().identity)
    journal.clear()
    journal.begin(INTENT.replace(attempt=2))
    again = Path(journal.path).stat()
    assert (again.st_ino, again.st_size) == (first.st_ino, SIZE)


@pytest.mark.proves("L15")
def test_a_rescued_login_comes_back_whole_beside_the_intent(journal: JournalFile) -> None:
    old, new = make_login(), make_login(extra={"kept": [1]})
    journal.begin(INTENT)
    journal.rescue(new, old.identity)
    rescued = JournalFile(journal.path).rescued()
    assert rescued is not None
    assert rescued.login == new
    assert rescued.replaces == old.identity
    assert journal.intent() == INTENT
    journal.clear()
    assert journal.rescued() is None
    with Path(journal.path).open("rb") as file:
        assert file.read().strip() == b"", "a cleared journal holds no token any more"


@pytest.mark.proves("L15", "I5")
@pytest.mark.parametrize("kept", [1, 60, 90, 400])
def test_a_rescue_that_a_crash_tears_leaves_the_intent(journal: JournalFile, kept: int) -> None:
    journal.begin(INTENT)
    journal.rescue(make_login(), make_login().identity)
    with Path(journal.path).open("r+b") as file:
        file.seek(4096 + kept)
        file.write(b" " * 4000)
    assert journal.rescued() is None
    assert journal.intent() == INTENT


@pytest.mark.proves("L13", "I5")
def test_an_intent_that_a_crash_tears_was_not_sent_and_counts_as_none(journal: JournalFile) -> None:
    journal.begin(INTENT)
    with Path(journal.path).open("r+b") as file:
        file.seek(80)
        file.write(b"\0" * 20)
    assert journal.intent() is None


def test_a_journal_of_others_or_behind_a_link_is_refused(journal: JournalFile, tmp_path: Path) -> None:
    journal.begin(INTENT)
    Path(journal.path).chmod(0o644)
    with pytest.raises(StoreDenied, match="not a file of yours alone"):
        journal.begin(INTENT)
    Path(journal.path).rename(tmp_path / "elsewhere")
    Path(journal.path).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreDenied):
        journal.begin(INTENT)


def test_a_login_larger_than_its_place_is_refused_before_anything_is_written(journal: JournalFile) -> None:
    journal.begin(INTENT)
    with pytest.raises(StoreDenied, match="does not fit"):
        journal.rescue(make_login(extra={"much": "x" * SIZE}), make_login().identity)
    assert journal.intent() == INTENT
    assert journal.rescued() is None
