"""A token behind an inherited descriptor, and everything else that may lie there."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

import pytest

from keyturn import Auth, AuthError, ConfigurationError
from keyturn.sources import descriptor
from keyturn.testing import (
    FakeWorld,
)
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from pathlib import Path


def token() -> str:
    return make_secret("token")


def auth(world: FakeWorld, **options: str) -> Auth:
    return Auth(world=world, **options)  # type: ignore[arg-type] # options of text


def pipe_with(data: bytes, *, closed: bool = True) -> tuple[int, int | None]:
    reading, writing = os.pipe()
    os.write(writing, data)
    if closed:
        os.close(writing)
        return reading, None
    return reading, writing


@pytest.mark.proves("R49")
class TestDescriptor:
    def wrong(self, tmp_path: Path, value: str) -> AuthError:
        world = FakeWorld(tmp_path, {descriptor.NAME: value})
        with pytest.raises(ConfigurationError) as caught:
            auth(world).credential()
        assert caught.value.exit == 8
        assert descriptor.NAME in caught.value.message
        return caught.value

    def test_closed(self, tmp_path: Path) -> None:
        number, _ = pipe_with(b"")
        os.close(number)
        assert f"descriptor {number} is not open" in self.wrong(tmp_path, str(number)).message

    @pytest.mark.parametrize("value", ["three", "-1", "3.0", "0x3", "٣", "99999999999999"])
    def test_not_a_number(self, tmp_path: Path, value: str) -> None:
        assert self.wrong(tmp_path, value).message

    def test_a_directory(self, tmp_path: Path) -> None:
        number = os.open(tmp_path, os.O_RDONLY)
        try:
            assert "is a directory" in self.wrong(tmp_path, str(number)).message
        finally:
            os.close(number)

    def test_not_readable(self, tmp_path: Path) -> None:
        number = os.open(tmp_path / "written", os.O_WRONLY | os.O_CREAT)
        try:
            assert "cannot be read" in self.wrong(tmp_path, str(number)).message
        finally:
            os.close(number)

    def test_larger_than_16_kib(self, tmp_path: Path) -> None:
        with tempfile.TemporaryFile() as file:
            file.write(b"x" * (16 * 1024 + 1))
            file.seek(0)
            assert "more than 16 KiB" in self.wrong(tmp_path, str(file.fileno())).message

    def test_exactly_16_kib_is_a_token(self, tmp_path: Path) -> None:
        with tempfile.TemporaryFile() as file:
            file.write(b"x" * 16 * 1024)
            file.seek(0)
            world = FakeWorld(tmp_path, {descriptor.NAME: str(file.fileno())})
            assert len(auth(world).credential().secret.reveal()) == 16 * 1024

    @pytest.mark.parametrize(
        ("data", "why"),
        [(b"", "is empty"), (b" \n", "is empty"), (b"\xff\xfe", "not text"), (b"a\nb", "a line break")],
    )
    def test_what_it_gives_is_no_token(self, tmp_path: Path, data: bytes, why: str) -> None:
        number, _ = pipe_with(data)
        try:
            world = FakeWorld(tmp_path, {descriptor.NAME: str(number)})
            with pytest.raises(ConfigurationError, match=why):
                auth(world).credential()
        finally:
            os.close(number)

    def test_a_pipe_that_nobody_closes_is_given_up(self, tmp_path: Path) -> None:
        number, writing = pipe_with(b"test-access-and-no-end", closed=False)
        assert writing is not None
        try:
            world = FakeWorld(tmp_path, {descriptor.NAME: str(number)})
            clock = iter(range(0, 1000, 3))
            world.clock = lambda: float(next(clock))  # type: ignore[method-assign] # 3 s pass at every look
            with pytest.raises(ConfigurationError, match="stayed open"):
                auth(world).credential()
        finally:
            os.close(number)
            os.close(writing)

    def test_it_is_read_once_for_all_auths_of_the_process(self, tmp_path: Path) -> None:
        secret = token()
        number, _ = pipe_with(secret.encode() + b"\n")
        try:
            world = FakeWorld(tmp_path, {descriptor.NAME: str(number)})
            auth(world).explain()
            assert [auth(world).credential().secret.reveal() for _ in range(2)] == [secret, secret]
        finally:
            os.close(number)

    def test_a_file_that_was_written_anew_is_read_anew(self, tmp_path: Path) -> None:
        with tempfile.TemporaryFile() as file:
            world = FakeWorld(tmp_path, {descriptor.NAME: str(file.fileno())})
            for secret in (token(), token()):
                file.seek(0)
                file.truncate()
                file.write(secret.encode())
                file.seek(0)
                assert auth(world).credential().secret.reveal() == secret

    def test_an_unset_variable_reads_nothing(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path, {descriptor.NAME: ""})
        assert auth(world).explain().row("oauth-token-fd").state == "absent"
