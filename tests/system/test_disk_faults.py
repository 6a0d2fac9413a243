"""A disk fails under a renewal: at each single call, for good, full, read-only, or closed to this user."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest

from keyturn.records import write_record
from keyturn.sandbox import Sandbox
from keyturn.world import files
from tests.crash.failing import failures
from tests.crash.nursery import RENEWAL
from tests.crash.programs import Programs
from tests.crash.renewals import Renewals
from tests.logins import store_login

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programs]:
    folder = tmp_path_factory.mktemp("nursery")
    warm = folder / "warm"
    warm.mkdir(mode=0o700)
    with Sandbox() as sandbox:
        store_login(sandbox, warm, expires_at=1.0, issued_at=0.5)
        with Programs(folder, warm) as made:
            yield made


@pytest.fixture
def renewals(programs: Programs, tmp_path: Path) -> Iterator[Renewals]:
    with Sandbox() as sandbox:
        yield Renewals(programs, sandbox, tmp_path)


@pytest.mark.proves("I5", "L13", "L15")
@pytest.mark.parametrize(
    ("error", "names"),
    [
        ("EIO", None),
        ("ENOSPC", ("write", "pwrite64", "fsync", "rename")),
        ("EROFS", ("openat", "rename", "unlink")),
    ],
    ids=["EIO", "ENOSPC", "EROFS"],
)
def test_one_call_that_fails_costs_no_login_and_no_token_that_was_paid_for(
    renewals: Renewals, error: str, names: tuple[str, ...] | None
) -> None:
    found = list(failures(renewals, error, names) if names else failures(renewals, error))
    assert [f"{one.call}: {'; '.join(one.faults)}" for one in found if one.faults] == []
    assert {one.sent for one in found} == {False, True}


@pytest.mark.proves("L15")
@pytest.mark.parametrize("error", ["ENOSPC", "EIO", "EROFS"])
def test_a_record_that_can_never_be_replaced_leaves_the_login_in_the_journal(
    renewals: Renewals, error: str
) -> None:
    renewal = renewals.one(RENEWAL, f"inject=rename:error={error}:when=1+")
    assert renewal.answer is not None
    assert renewal.stored() == renewal.old
    assert "token" in renewal.answer
    assert renewals.next(renewal.home)["token"] == renewal.answer["token"]
    assert renewals.requests() == 1
    assert list(renewals.unlike(renewal.stored(), [renewal.answer])) == []


@pytest.mark.proves("L15", "I5")
def test_a_disk_that_takes_nothing_any_more_is_an_error_and_later_an_explanation(renewals: Renewals) -> None:
    names = [call.name for call in renewals.one(RENEWAL).calls]
    before = names[: names.index("sendto")].count("pwrite64")  # these get through: the intent is the last
    wishes = ("inject=rename:error=EIO:when=1+", f"inject=pwrite64:error=EIO:when={before + 1}+")
    renewal = renewals.one(RENEWAL, *wishes)
    assert renewal.sent
    assert renewal.answer is not None
    assert renewal.answer["kind"] == "StoreDenied"
    assert "input/output error" in renewal.answer["error"]
    assert renewal.stored() == renewal.old
    for _ in range(2):
        assert "the answer to its renewal was lost at 20" in renewals.next(renewal.home)["error"]
    assert renewals.requests() == 2


@pytest.mark.proves("L13", "L15")
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EROFS, errno.EIO], ids=errno.errorcode.get)
def test_a_disk_that_was_dead_before_costs_no_request(renewals: Renewals, error: int) -> None:
    name = errno.errorcode[error]
    renewal = renewals.one(
        RENEWAL, f"inject=pwrite64:error={name}:when=1+", f"inject=fsync:error={name}:when=1+"
    )
    assert renewal.answer is not None
    assert renewal.answer["kind"] == "StoreDenied"
    assert renewals.requests() == 0
    assert renewal.stored() == renewal.old
    assert "token" in renewals.next(renewal.home)
    assert renewals.requests() == 1


@pytest.mark.proves("I2", "I5", "L15")
def test_a_rename_that_may_not_last_leaves_the_login_in_the_journal_too(renewals: Renewals) -> None:
    """The directory cannot be synced; then the power fails, and the rename has never been."""
    clean = renewals.one(RENEWAL)
    names = [call.name for call in clean.calls]
    synced = names[: names.index("rename")].count("fsync") + 1
    renewal = renewals.one(RENEWAL, f"inject=fsync:error=EIO:when={synced}")
    assert renewal.answer is not None
    assert "token" in renewal.answer
    assert renewal.stored().refresh_token != renewal.old.refresh_token
    files.write_durably(f"{renewal.home}/logins/default.json", write_record(renewal.old))
    assert renewals.next(renewal.home)["token"] == renewal.answer["token"]
    assert renewals.requests() == 1
    assert list(renewals.unlike(renewal.stored(), [renewal.answer])) == []
