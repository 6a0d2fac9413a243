"""Handing a URL to the person's browser: real programs, real arguments, nothing a hostile server can use."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.errors import Refused
from keyturn.world.browser import checked_url, open_browser
from keyturn.world.programs import find_program

if TYPE_CHECKING:
    from collections.abc import Callable

URL = "https://auth.example.com/authorize?client_id=a%20b&state=x;y&scope=a+b#c"
GIVEN = URL.replace(";", "%3B")  # as a program is given it: the same address, with nothing a shell acts on
LONG = 30.0

RECORDER = """#!{python}
import json, os, sys, time
note = dict(
    argv=sys.argv, env=dict(os.environ), cwd=os.getcwd(), sid=os.getsid(0), pid=os.getpid(),
    streams=[os.path.samestat(os.fstat(n), os.stat("/dev/null")) for n in (0, 1, 2)],
)
with open({path!r} + ".tmp", "w") as file:
    json.dump(note, file)
os.rename({path!r} + ".tmp", {path!r} + ".json")
time.sleep({sleep})
sys.exit({status})
"""


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., Path]:
    """Make a real program that notes how it was called."""

    def make(name: str, *, status: int = 0, sleep: float = 0, folder: str = "bin") -> Path:
        path = tmp_path / folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(RECORDER.format(python=sys.executable, path=str(path), sleep=sleep, status=status))
        path.chmod(0o755)
        return path

    return make


def noted(path: Path) -> dict[str, object]:
    note: dict[str, object] = json.loads(path.with_name(path.name + ".json").read_text())
    return note


def called(path: Path) -> bool:
    return path.with_name(path.name + ".json").exists()


def opened(env: dict[str, str], *, url: str = URL, platform: str = "linux") -> str | None:
    found = open_browser(url, env, platform=platform, moment=LONG)
    return found.program if found else None


@pytest.mark.proves("T7")
def test_the_platforms_program_gets_the_url_as_one_argument(program: Callable[..., Path]) -> None:
    xdg = program("xdg-open")
    assert opened({"DISPLAY": ":0", "PATH": str(xdg.parent)}) == str(xdg)
    assert noted(xdg)["argv"] == [str(xdg), GIVEN]


@pytest.mark.proves("T8")
def test_the_browser_gets_no_credential_and_no_terminal(program: Callable[..., Path]) -> None:
    xdg = program("xdg-open")
    env = {
        "PATH": os.pathsep.join(["", ".", "bin", str(xdg.parent)]),
        "DISPLAY": ":0", "HOME": "/home/someone", "XDG_RUNTIME_DIR": "/run/user/1", "LC_ALL": "C.UTF-8",
        "ANTHROPIC_API_KEY": "sk-ant-test-1", "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-test-2",
        "AWS_SECRET_ACCESS_KEY": "sk-ant-test-3", "LD_PRELOAD": "/x.so",
        "PYTHONPATH": "/x", "BASH_ENV": "/x",
        "HTTPS_PROXY": "http://user:sk-ant-test-4@proxy:1", "HTTP_PROXY": "http://proxy:1",
    }  # fmt: skip
    assert opened(env)
    note = noted(xdg)
    kept = {"PATH": str(xdg.parent)} | {
        name: env[name] for name in ("DISPLAY", "HOME", "XDG_RUNTIME_DIR", "LC_ALL", "HTTP_PROXY")
    }
    got = note["env"]
    assert isinstance(got, dict)
    # the interpreter that runs the recorder may coerce its locale
    assert {name: value for name, value in got.items() if name != "LC_CTYPE"} == kept
    assert note["streams"] == [True, True, True]
    assert note["sid"] == note["pid"] != os.getsid(0)
    assert note["cwd"] == "/"


def test_a_failing_program_gives_way_to_the_next(program: Callable[..., Path]) -> None:
    first, second = program("xdg-open", status=3), program("gio")
    assert opened({"WAYLAND_DISPLAY": "w", "PATH": str(first.parent)}) == str(second)
    assert called(first)
    assert noted(second)["argv"] == [str(second), "open", GIVEN]


def test_nothing_that_opens_means_none(program: Callable[..., Path]) -> None:
    names = [program(name, status=1) for name in ("xdg-open", "gio", "x-www-browser")]
    assert opened({"DISPLAY": ":0", "PATH": str(names[0].parent)}) is None
    assert all(called(name) for name in names)


def test_a_browser_that_stays_is_left_running(program: Callable[..., Path]) -> None:
    xdg = program("xdg-open", sleep=60)
    found = open_browser(URL, {"DISPLAY": ":0", "PATH": str(xdg.parent)}, platform="linux", moment=0.5)
    assert found
    assert found.program == str(xdg)
    while not called(xdg):  # a machine under load may still be starting it; the test's time limit ends this
        pass
    pid = noted(xdg)["pid"]
    assert isinstance(pid, int)
    os.kill(pid, signal.SIGKILL)
    while Path(f"/proc/{pid}").exists():  # reaped by us, or it would stay as a zombie
        pass


@pytest.mark.parametrize(
    "env", [{}, {"BROWSER": ""}, {"DISPLAY": "", "WAYLAND_DISPLAY": ""}, {"SSH_CONNECTION": "1 2 3 4"}]
)
def test_without_a_display_nothing_is_started(program: Callable[..., Path], env: dict[str, str]) -> None:
    xdg = program("xdg-open")
    assert opened({**env, "PATH": str(xdg.parent)}) is None
    assert not called(xdg)


# -- BROWSER --


def test_browser_is_honoured_even_without_a_display(program: Callable[..., Path]) -> None:
    mine = program("my browser")
    assert opened({"BROWSER": f"'{mine}' --new --url=%s", "PATH": ""}) == str(mine)
    assert noted(mine)["argv"] == [str(mine), "--new", f"--url={GIVEN}"]


def test_browser_is_a_list_and_the_url_is_added_where_it_is_not_placed(program: Callable[..., Path]) -> None:
    bad, good = program("bad", status=1), program("good")
    chosen = os.pathsep.join(["", "nowhere-at-all", "unclosed ' quote", "&", "bad", "good -x &"])
    assert opened({"BROWSER": chosen, "PATH": str(bad.parent)}) == str(good)
    assert called(bad)
    assert noted(good)["argv"] == [str(good), "-x", GIVEN]


def test_browser_rules_alone(program: Callable[..., Path]) -> None:
    xdg = program("xdg-open")
    assert opened({"BROWSER": "none", "DISPLAY": ":0", "PATH": str(xdg.parent)}) is None
    assert not called(xdg)


@pytest.mark.proves("T7")
def test_no_shell_reads_the_url(program: Callable[..., Path], tmp_path: Path) -> None:
    mine = program("mine")
    url = f"https://auth.example.com/a?b=$(touch%20{tmp_path}/owned)&c;touch&'%s'"
    assert opened({"BROWSER": "mine %s", "PATH": str(mine.parent)}, url=url)
    (given,) = noted(mine)["argv"][1:]  # type: ignore[index] # a list
    assert unquote(given) == unquote(url)
    assert not set("$;'()!`") & set(given)
    assert not (tmp_path / "owned").exists()


@pytest.mark.proves("T7")
@pytest.mark.parametrize(
    "entry",
    [
        "sh -c 'mine %s'",
        "{sh} -c 'mine %s'",
        "/usr/bin/env bash -lc mine%s",
        "sh -c %s",
        "xterm -e 'mine %s'",
        "cmd.exe /c 'start %s'",
        "mine 'a %s'",
    ],
)
def test_a_command_that_would_take_the_url_apart_is_not_used_and_the_person_is_told(
    program: Callable[..., Path], tmp_path: Path, caplog: pytest.LogCaptureFixture, entry: str
) -> None:
    mine = program("mine")
    url = f"https://auth.example.com/a?b=c&touch${{IFS}}{tmp_path}/owned;touch&mine"
    url = url.replace("{", "%7B").replace("}", "%7D")
    paths = os.pathsep.join([str(mine.parent), "/usr/bin", "/bin"])
    sh = find_program("sh", {"PATH": paths})
    assert opened({"BROWSER": entry.format(sh=sh), "PATH": paths}, url=url) is None
    assert not called(mine)
    assert "BROWSER is not used" in caplog.text
    assert "word of its own" in caplog.text


def test_a_shell_that_gets_the_url_as_a_word_of_its_own_is_fine(program: Callable[..., Path]) -> None:
    mine = program("mine")
    paths = os.pathsep.join([str(mine.parent), "/usr/bin", "/bin"])
    assert opened({"BROWSER": "sh -c 'mine \"$0\"' %s", "PATH": paths})
    assert noted(mine)["argv"] == [str(mine), GIVEN]


@pytest.mark.proves("T7")
def test_programs_of_the_working_directory_are_never_run(
    program: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap = program("xdg-open", folder="hostile")
    monkeypatch.chdir(trap.parent)
    paths = os.pathsep.join(["", ".", "..", "../hostile", "hostile"])
    assert opened({"DISPLAY": ":0", "PATH": paths}) is None
    for named in ("./xdg-open", "xdg-open", "../hostile/xdg-open", "."):
        assert opened({"BROWSER": named, "PATH": paths}) is None
    assert not called(trap)
    (tmp_path / "notes.txt").write_text("not a program")
    assert find_program(str(tmp_path / "notes.txt"), {}) is None
    assert find_program("hostile", {"PATH": str(tmp_path)}) is None


# -- other systems, whose programs are stood in for --


def test_wsl_prefers_its_own_bridge_and_needs_no_display(program: Callable[..., Path]) -> None:
    bridge = program("rundll32.exe")
    env = {"WSL_DISTRO_NAME": "Debian", "PATH": str(bridge.parent)}
    assert opened(env) == str(bridge)
    assert noted(bridge)["argv"] == [str(bridge), "url.dll,FileProtocolHandler", GIVEN]
    wslview = program("wslview")
    assert opened(env) == str(wslview)


def test_macos_and_windows_programs_are_named_by_their_full_path() -> None:
    from keyturn.world.browser import _commands

    assert list(_commands(URL, {}, "darwin")) == [["/usr/bin/open", URL]]
    (words,) = _commands(URL, {"SYSTEMROOT": r"D:\Win"}, "win32")
    assert words == [r"D:\Win\System32\rundll32.exe", "url.dll,FileProtocolHandler", URL]


# -- which URLs --


@pytest.mark.proves("T10")
@pytest.mark.parametrize(
    "url",
    [
        URL,
        "https://auth.example.com",
        "https://[2001:db8::1]/x",
        "http://127.0.0.1:8080/a?b=c",
        "http://[::1]:8080/",
        "http://localhost:1/",
        "HTTP://LOCALHOST:1/",
    ],
)
def test_https_and_this_machine_may_be_opened(url: str) -> None:
    assert checked_url(url) == url


@pytest.mark.proves("T10")
@pytest.mark.parametrize(
    "url",
    [
        "",
        "auth.example.com",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "ftp://127.0.0.1/",
        "http://auth.example.com/",
        "http://127.0.0.1.evil.example/",
        "http://127.0.0.1@evil.example/",
        "http://localhost.evil.example/",
        "http://localhost./",
        "http://evil.example#@127.0.0.1/",
        "http://127.0.0.2/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://[::ffff:127.0.0.1]/",
        "http://127.0.0.1%2eevil.example/",
        "http:/127.0.0.1/",
        "http:127.0.0.1",
        "http://127.0.0.1\\@evil.example/",
        "https://user:pw@auth.example.com/",
        "https://@auth.example.com/",
        "https:///nohost",
        "https://auth.example.com:port/",
        "https://auth.example.com:99999/",
        "https://[::1/",
        "https://auth.example.com/a b",
        "https://auth.example.com/a\nb",
        "https://auth.example.com/\x00",
        "https://auth.example.com/\x1b[31m",
        'https://auth.example.com/"',
        "https://auth.example.com/`id`",
        "https://аuth.example.com/",  # its first letter is Cyrillic
        "https://auth.example.com/" + "a" * 20000,
        "--new-window",
        " https://auth.example.com",
    ],
)
def test_every_other_url_is_refused_before_anything_runs(program: Callable[..., Path], url: str) -> None:
    mine = program("mine")
    with pytest.raises(Refused) as caught:
        open_browser(url, {"BROWSER": str(mine)}, platform="linux")
    assert caught.value.exit == 7
    assert caught.value.hint
    assert not called(mine)


@given(st.text(max_size=80))
def test_no_text_gets_through_that_could_be_an_option_or_more_than_one_word(text: str) -> None:
    try:
        passed = checked_url("https://auth.example.com/" + text)
    except Refused:
        return
    assert passed.isascii()
    assert not set(passed) & set(' \t\r\n\0"`<>\\^{}|')
