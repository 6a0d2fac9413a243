"""Logging in from anywhere: by device code, picture, clipboard or file, and from a second terminal."""

from __future__ import annotations

import base64
import json
import os
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest

from keyturn.cli.showing import framed, picture
from keyturn.oauth.pending import LIFE_SECONDS
from keyturn.world import files
from tests.persons import Browser, asked
from tests.unit.cli.desk import AT, WHERE, Desk, Done
from tests.unit.oauth.conftest import API, ISSUER, contents, metadata, tokens
from tests.unit.oauth.test_login_device import DEVICE_URL, PAGE, PENDING, codes

if TYPE_CHECKING:
    from pathlib import Path

    from keyturn.wire import Response

PASTE = ("--paste-redirect-uri", f"{ISSUER}/paste")


def offering() -> Response:
    return metadata(device_authorization_endpoint=DEVICE_URL)


def begun(desk: Desk, *words: str, profile: str = "default") -> dict[str, str]:
    """Begin a login; the parameters of its address."""
    done = desk(
        "login", "--begin", "--profile", profile, *AT, *WHERE, *PASTE, *words, "--json", script=[metadata()]
    )
    assert done.status == 0, done.err
    return asked(str(json.loads(done.out)["url"]))


def finished(desk: Desk, text: str, *words: str, script: Any = None, lines: str | None = None) -> Done:
    """Finish it with a code in a file."""
    file = desk.home.parent / "code.txt"
    file.write_text(text, encoding="utf-8")
    script = [tokens()] if script is None else script
    return desk("login", "--code-file", str(file), *words, script=script, lines=lines)


class ByHand(Browser):
    """A person who opens the address without keyturn's help."""

    def __call__(self, url: str) -> bool:
        super().__call__(url)
        return False


# -- by device code


@pytest.mark.proves("P11", "T12")
def test_the_code_stands_raw_on_its_line_and_large_above(desk: Desk) -> None:
    desk.world.variables["COLUMNS"] = "40"
    done = desk("login", *AT, *WHERE, "--device", lines="", script=[offering(), codes(), PENDING, tokens()])
    assert done.status == 0, done.err
    assert f"\n{PAGE}\n" in done.err
    assert "\nWDJB-MJHT\n" in done.err
    assert "│  W D J B - M J H T  │" in done.err
    assert done.err.index(PAGE) < done.err.index("WDJB-MJHT")
    assert desk.config()["profiles"]["default"]["issuer"] == ISSUER
    assert desk.world.browsed == []


def test_the_log_of_a_container_is_enough_for_a_device_code(desk: Desk) -> None:
    done = desk("login", *AT, *WHERE, "--device", script=[offering(), codes(), tokens()])
    assert done.status == 0, done.err
    assert "\nWDJB-MJHT\n" in done.err
    assert "│" not in done.err


@pytest.mark.proves("P29")
@pytest.mark.parametrize(("words", "variable"), [(("--no-input",), ""), ((), "true")])
def test_where_asking_is_forbidden_no_code_is_waited_for(
    desk: Desk, words: tuple[str, ...], variable: str
) -> None:
    desk.world.variables["CI"] = variable
    done = desk("login", *AT, *WHERE, "--device", *words, lines="")
    assert (done.status, desk.world.requests) == (3, [])
    assert "--from-json -" in done.err


def test_a_code_too_long_for_the_window_is_shown_once() -> None:
    assert framed("ABCD-EFGH", 22) == []
    assert [len(line) for line in framed("ABCD-EFGH", 23)] == [23, 23, 23]


# -- the address in other ways


@pytest.mark.proves("P8")
def test_the_address_is_written_to_a_file_for_its_owner_alone(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "url.txt"
    done = desk("login", *AT, *WHERE, "--url-file", str(file), lines="", script=[metadata(), tokens()])
    assert done.status == 0
    assert file.read_text(encoding="utf-8") == f"{desk.world.browsed[0]}\n"
    assert file.stat().st_mode & 0o777 == 0o600
    again = desk("login", "--url-file", str(file), lines="", script=[metadata(), tokens()])
    assert again.status == 0
    assert file.read_text(encoding="utf-8") == f"{desk.world.browsed[1]}\n"


@pytest.mark.parametrize("text", ["export PATH=/bin\n", "https://a.example\nand more", "\n\nx"])
def test_a_file_with_anything_else_in_it_is_not_overwritten(desk: Desk, tmp_path: Path, text: str) -> None:
    file = tmp_path / "precious"
    file.write_text(text, encoding="utf-8")
    done = desk("login", *AT, *WHERE, "--url-file", str(file), lines="")
    assert (done.status, desk.world.requests) == (2, [])
    assert "is not overwritten" in done.err
    assert file.read_text(encoding="utf-8") == text


@pytest.mark.proves("P8")
def test_the_clipboard_of_the_terminal_gets_the_very_address(desk: Desk) -> None:
    done = desk("login", *AT, *WHERE, "--copy", lines="", script=[metadata(), tokens()])
    [sent] = re.findall("\x1b]52;c;([A-Za-z0-9+/=]+)\x07", done.err)
    assert base64.b64decode(sent).decode() == desk.world.browsed[0]


def test_without_a_terminal_there_is_no_clipboard(desk: Desk) -> None:
    done = desk(
        "login", *AT, *WHERE, *PASTE, "--no-browser", "--copy", piped="code", script=[metadata(), tokens()]
    )
    assert "\x1b" not in done.err
    assert "there is no terminal whose clipboard could take the address" in done.err


@pytest.mark.proves("P8")
def test_a_camera_gets_the_address_that_works_on_a_phone(desk: Desk) -> None:
    desk.world.variables["COLUMNS"] = "200"
    done = desk("login", *AT, *WHERE, *PASTE, "--qr", lines="", script=[metadata(), tokens()])
    by_paste = next(line for line in done.err.splitlines() if line.startswith("https://") and "paste" in line)
    drawn = "\n".join(picture(by_paste))
    assert drawn in done.err


def test_a_picture_wider_than_the_window_is_not_drawn(desk: Desk) -> None:
    desk.world.variables["COLUMNS"] = "40"
    done = desk("login", *AT, *WHERE, *PASTE, "--qr", lines="", script=[metadata(), tokens()])
    assert "█" not in done.err
    assert re.search(r"the picture of this address is \d+ columns wide, and the terminal 40", done.err)


def test_a_phone_cannot_finish_a_login_that_ends_on_this_machine(desk: Desk) -> None:
    done = desk("login", *AT, *WHERE, "--qr", lines="", script=[metadata(), tokens()])
    assert "no picture is drawn" in done.err


def test_without_its_package_a_picture_names_what_to_install(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "segno", None)  # as the import system says that a package is not there
    done = desk("login", *AT, *WHERE, "--qr", lines="")
    assert (done.status, desk.world.requests) == (8, [])
    assert "pip install 'keyturn[qr]'" in done.err


def test_a_picture_is_a_qr_code_of_the_address() -> None:
    lines = picture(f"{PAGE}?user_code=WDJB-MJHT")
    assert {len(line) for line in lines} == {len(lines[0])}
    assert len(lines[0]) <= 40  # fits the narrowest terminals
    # the finder in the upper left corner, behind the quiet zone: seven dark modules, then a frame
    assert lines[1].startswith("██ ▄▄▄▄▄ █")
    assert lines[2].startswith("██ █   █ █")


@pytest.mark.proves("P8")
def test_a_short_address_is_shown_where_no_browser_opens(desk: Desk) -> None:
    desk.world.browser = ByHand()
    done = desk("login", *AT, *WHERE, *PASTE, lines="", script=[metadata(), tokens()])
    shown = [line for line in done.err.splitlines() if line.startswith("http") and " " not in line]
    assert len(shown) == 3
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{8}", shown[1])
    assert len(shown[1]) <= 40 < len(shown[0])


@pytest.mark.proves("P10")
def test_an_ssh_session_gets_the_exact_forwarding_command(desk: Desk) -> None:
    desk.world.browser = ByHand()
    desk.world.variables |= {"SSH_CONNECTION": "192.0.2.7 50022 192.0.2.9 2222", "USER": "developer"}
    done = desk("login", *AT, *WHERE, *PASTE, lines="", script=[metadata(), tokens()])
    port = re.findall(r"http://127\.0\.0\.1:(\d+)/", done.err)[0]
    assert f"\nssh -N -L {port}:127.0.0.1:{port} -p 2222 developer@192.0.2.9\n" in done.err


# -- begun here, finished there


@pytest.mark.proves("P9")
@pytest.mark.parametrize("form", ["code#state", "address", "quoted"])
def test_a_login_begun_in_one_terminal_is_finished_from_another(desk: Desk, form: str) -> None:
    told = begun(desk)
    code = f"abc123#{told['state']}"
    text = {
        "code#state": code,
        "address": f"{ISSUER}/paste?code=abc123&state={told['state']}",
        "quoted": f'  "{code[:9]}\n{code[9:]}"\n',
    }[form]
    done = finished(desk, text)
    assert done.status == 0, done.err
    assert done.out.startswith("logged in as developer@example.com; stored in profile default")
    assert desk.stored() is not None
    sent = desk.world.requests[-1].body.decode()
    assert "code=abc123" in sent
    assert "code_verifier=" in sent
    remembered = desk.config()["profiles"]["default"]
    assert (remembered["issuer"], remembered["api_base_url"]) == (ISSUER, API)
    assert not list((desk.home / "pending").iterdir())


@pytest.mark.proves("P9")
def test_what_was_begun_lies_there_for_its_owner_alone_and_ten_minutes(desk: Desk) -> None:
    told = begun(desk)
    [file] = (desk.home / "pending").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert desk.config() is None
    desk.world.advance(LIFE_SECONDS + 1)
    done = finished(desk, f"abc#{told['state']}", script=[])
    assert done.status == 2
    assert "was begun more than 10 minutes ago" in done.err
    assert "keyturn login --begin" in done.err
    assert not file.exists()


def test_a_code_may_come_through_a_pipe(desk: Desk) -> None:
    told = begun(desk)
    done = desk("login", "--code-file", "-", piped=f"abc#{told['state']}\n", script=[tokens()])
    assert done.status == 0, done.err


@pytest.mark.proves("P29")
@pytest.mark.parametrize(("words", "variable"), [(("--no-input",), ""), ((), "true")])
def test_on_a_terminal_where_asking_is_forbidden_no_code_is_waited_for(
    desk: Desk, words: tuple[str, ...], variable: str
) -> None:
    told = begun(desk)
    desk.world.variables["CI"] = variable
    done = desk("login", "--code-file", "-", *words, lines=f"abc#{told['state']}\n")
    assert done.status == 3
    assert "--code-file FILE" in done.err


def test_on_a_terminal_a_code_is_asked_for(desk: Desk) -> None:
    told = begun(desk)
    done = desk("login", "--code-file", "-", lines=f"abc#{told['state']}\n", script=[tokens()])
    assert done.status == 0, done.err
    assert "the code of the last page, or its address: " in done.err


@pytest.mark.proves("P14")
def test_no_code_is_spent_on_a_store_that_could_not_take_the_login(desk: Desk) -> None:
    told = begun(desk)
    (desk.home / "logins").chmod(0o777)  # others could put another record there
    done = finished(desk, f"abc#{told['state']}", script=[])
    assert done.status == 5
    (desk.home / "logins").chmod(0o700)
    assert finished(desk, f"abc#{told['state']}").status == 0


@pytest.mark.parametrize("text", ["", " \n", "abc#anotherstate", "a#b#c", "ü", "x" * 20000])
def test_a_text_that_is_no_code_of_it_leaves_it_waiting(desk: Desk, text: str) -> None:
    told = begun(desk)
    wrong = finished(desk, text, script=[])
    assert wrong.status == 2
    assert "\nhint: " in wrong.err
    assert finished(desk, f"abc#{told['state']}").status == 0


def test_a_code_is_used_once(desk: Desk) -> None:
    told = begun(desk)
    assert finished(desk, f"abc#{told['state']}").status == 0
    again = finished(desk, f"abc#{told['state']}", script=[])
    assert again.status == 2
    assert "no login of profile default waits to be finished" in again.err


@pytest.mark.proves("T11")
def test_a_bare_code_from_a_file_needs_somebody_who_knows_the_account(desk: Desk) -> None:
    begun(desk)
    done = finished(desk, "abc")
    assert done.status == 3
    assert "is that you" not in done.out
    assert desk.stored() is None
    begun(desk)
    assert finished(desk, "abc", "--yes").status == 0


@pytest.mark.proves("P5")
def test_each_profile_has_a_beginning_of_its_own(desk: Desk) -> None:
    one, other = begun(desk, profile="one"), begun(desk, profile="other")
    wrong = finished(desk, f"abc#{one['state']}", "--profile", "other", script=[])
    assert wrong.status == 2
    assert "belongs to another login attempt" in wrong.err
    assert finished(desk, f"abc#{other['state']}", "--profile", "other").status == 0
    assert finished(desk, f"abc#{one['state']}", "--profile", "one").status == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"version": 1}',
        '{"version": 2, "until": 1800000100.0}',
        '{"version": 1, "until": "x"}',
    ],
)
def test_a_damaged_beginning_is_said_and_removed(desk: Desk, text: str) -> None:
    begun(desk)
    [file] = (desk.home / "pending").iterdir()
    file.write_text(text, encoding="utf-8")
    done = finished(desk, "abc", script=[])
    assert (done.status, file.exists()) == (2, False)
    assert "keyturn login --begin" in done.err


@pytest.mark.parametrize(
    "change",
    [
        {"state": 7},
        {"verifier": None},
        {"redirect_uri": []},
        {"api_base_url": 1},
        {"typed": {"colour": "red"}},
        {"typed": 3},
        {"authority": {}},
        {"authority": {"client_id": "x", "token_url": 5}},
        {"authority": []},
    ],
)
def test_a_beginning_with_a_value_that_none_has_is_damaged(desk: Desk, change: dict[str, Any]) -> None:
    begun(desk)
    [file] = (desk.home / "pending").iterdir()
    file.write_text(json.dumps(json.loads(file.read_text()) | change), encoding="utf-8")
    done = finished(desk, "abc", script=[])
    assert (done.status, file.exists()) == (2, False)
    assert "or cannot be read" in done.err


def test_what_others_can_read_is_not_trusted(desk: Desk) -> None:
    told = begun(desk)
    [file] = (desk.home / "pending").iterdir()
    file.chmod(0o644)
    done = finished(desk, f"abc#{told['state']}", script=[])
    assert done.status == 5
    assert "chmod 600" in done.err


def test_a_login_that_waits_notices_that_another_terminal_took_it(desk: Desk) -> None:
    def take(url: str) -> bool:
        del url
        [file] = (desk.home / "pending").iterdir()
        file.unlink()
        return True

    desk.world.browser = take
    done = desk("login", *AT, *WHERE, lines="", script=[metadata()])
    assert done.status == 3
    assert "another terminal has taken this login over" in done.err
    assert desk.stored() is None


def test_a_login_that_ends_leaves_nothing_to_finish(desk: Desk) -> None:
    assert desk("login", *AT, *WHERE, lines="", script=[metadata(), tokens()]).status == 0
    assert [path for path in contents(desk.home) if "pending" in path] == []


def test_ctrl_c_while_it_is_being_kept_leaves_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    write = files.write_durably

    def interrupted(path: str, text: str) -> None:
        write(path, text)
        if "/pending/" in path:
            raise KeyboardInterrupt

    monkeypatch.setattr(files, "write_durably", interrupted)
    assert desk("login", *AT, *WHERE, lines="", script=[metadata()]).status == 130
    assert [path for path in contents(desk.home) if "pending" in path] == []


@pytest.mark.proves("P30")
def test_after_a_logout_nothing_waits_to_be_finished(desk: Desk) -> None:
    told = begun(desk)
    assert desk("logout").status == 0
    assert list((desk.home / "pending").iterdir()) == []
    assert finished(desk, f"abc#{told['state']}", script=[]).status == 2


@pytest.mark.proves("P9")
def test_what_nobody_finished_in_time_goes_with_the_next_login_of_anybody(desk: Desk) -> None:
    begun(desk, profile="one")
    left = desk.home / "pending" / ".two.json.123-abc.tmp"
    left.write_text("{}")
    os.utime(left, (desk.world.now(), desk.world.now()))
    desk.world.advance(LIFE_SECONDS + 1)
    begun(desk, profile="three")
    assert [file.name for file in (desk.home / "pending").iterdir()] == ["three.json"]


def test_what_the_settings_forbid_is_not_finished_either(desk: Desk) -> None:
    told = begun(desk)
    user = desk.home.parent / ".claude"
    user.mkdir()
    (user / "settings.json").write_text('{"forceLoginMethod": "console"}', encoding="utf-8")
    (user / "settings.json").chmod(0o600)
    done = finished(desk, f"abc#{told['state']}", script=[])
    assert done.status == 7
    assert "forceLoginMethod" in done.err
    assert desk.stored() is None
