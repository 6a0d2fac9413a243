"""Every command of the guides is typed by somebody with a browser, and does what the guide says."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from keyturn.sandbox import Sandbox
from keyturn.sandbox.person import confirm_device, visit
from tests.keyturns import Household, addresses
from tests.persons import asked
from tests.secretscan import declare_store, leaks, register
from tests.terminals import PtyScreen

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.system

GUIDES = sorted((Path(__file__).parents[2] / "docs/guides").glob("*.md"))
BLOCK = re.compile(r"^```(console|yaml)\n(.*?)^```", re.DOTALL | re.MULTILINE)
# Stands in for a container engine: runs the image's command here, with the variables and volumes it gets.
DOCKER = """#!{python}
import os, pathlib, sys
words = sys.argv[2:]
assert sys.argv[1] == "run", sys.argv
env = {{name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TERM") if name in os.environ}}
places = {{}}
while words[0].startswith("-"):
    flag = words.pop(0)
    if flag == "-v":
        name, _, place = words.pop(0).partition(":")
        places[place] = os.path.join(os.environ["HOME"], "volumes", name)
        pathlib.Path(places[place]).mkdir(mode=0o700, parents=True, exist_ok=True)
    elif flag == "-e":
        name, _, value = words.pop(0).partition("=")
        env[name] = value
    else:
        assert flag in ("--rm", "-i", "-it"), flag
env = {{name: places.get(value, value) for name, value in env.items()}}
assert words.pop(0) == "IMAGE"
os.execvpe(words[0], words, env)
"""


def plain(text: str) -> str:
    """Without colours, and with single blanks: columns are as wide as what is in them."""
    return re.sub(r" +", " ", re.sub(r"\x1b\[[0-9;]*m", "", text))


class Typed(NamedTuple):
    """A command, and the lines that a guide shows of what it says; … stands for anything."""

    command: str
    shown: list[str]


def typed_in(text: str) -> Iterator[Typed]:
    for kind, body in BLOCK.findall(text):
        if kind == "yaml":
            yield from (Typed(line, []) for line in re.findall(r"^\s*- run: (.*)$", body, re.MULTILINE))
            continue
        for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
            command, *shown = part.splitlines()
            yield Typed(command, [line for line in shown if line])


class Reader:
    """Somebody who follows a guide at a machine of their own, beside a sandbox."""

    def __init__(self, house: Household, sandbox: Sandbox) -> None:
        self._house, self._sandbox = house, sandbox
        home = house.folder
        (home / "bin").mkdir()
        docker = home / "bin/docker"
        docker.write_text(DOCKER.format(python=sys.executable), encoding="utf-8")
        docker.chmod(0o755)
        for name, text in (("key.txt", sandbox.api_key), ("login.json", json.dumps(sandbox.issue()))):
            declare_store(home / name)
            (home / name).write_text(text, encoding="utf-8")
        declare_store(home / "volumes")
        self._env = {
            **house.env,
            "BROWSER": house.browser(),
            "PATH": f"{home}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}",
        }

    def follow(self, typed: Typed, **variables: str) -> None:
        command = typed.command.replace("https://auth.example.com", self._sandbox.issuer)
        command = command.replace("https://gateway.example.com", self._sandbox.api_base_url)
        line = f"cd {self._house.folder} && {command}"
        env = {**self._env, **variables}
        with PtyScreen(["bash", "-c", line], env, columns=300, rows=200) as screen:
            if "--device" in command:
                screen.wait_for("waiting for you to confirm it there")
                [code] = re.findall(r"^([A-Z]{4}-[A-Z]{4})\r?$", bytes(screen.raw).decode(), re.MULTILINE)
                confirm_device(addresses(screen)[0], code)
            elif "--no-browser" in command:
                screen.wait_for("paste it here:")
                screen.enter(self._code(addresses(screen)[0]))
            status = screen.ended()
            seen = bytes(screen.raw).decode().replace("\r\n", "\n")
            if "--begin" in command:
                (self._house.folder / "code.txt").write_text(self._code(addresses(screen)[0]))
        assert status == 0, (command, seen)
        assert leaks(seen) == [], command
        for expected in typed.shown:
            pattern = ".*".join(re.escape(part) for part in plain(expected).split("…"))
            assert re.search(pattern, plain(seen)), (command, expected, seen)

    def _code(self, address: str) -> str:
        answer = asked(visit(address))
        return f"{answer['code']}#{answer['state']}"


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[tuple[Reader, Sandbox]]:
    with Sandbox(on_secret=lambda kind, secret: kind == "code" or register(kind, secret)) as sandbox:
        register("api-key", sandbox.api_key)
        with Household(tmp_path) as house:
            yield Reader(house, sandbox), sandbox


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_what_a_guide_says_can_be_typed_from_top_to_bottom(
    reader: tuple[Reader, Sandbox], guide: Path
) -> None:
    somebody, sandbox = reader
    text = guide.read_text(encoding="utf-8")
    typed = list(typed_in(text))
    assert len(typed) >= 3
    in_ci = {"ANTHROPIC_API_KEY": sandbox.api_key, "ANTHROPIC_BASE_URL": sandbox.api_base_url, "CI": "true"}
    for one in typed:
        from_yaml = f"- run: {one.command}" in text
        somebody.follow(one, **(in_ci if from_yaml else {}))


def test_a_guide_that_lies_is_noticed(reader: tuple[Reader, Sandbox]) -> None:
    somebody, _ = reader
    somebody.follow(Typed("keyturn --version", ["keyturn …"]))
    with pytest.raises(AssertionError):
        somebody.follow(Typed("keyturn --version", ["another program"]))
    with pytest.raises(AssertionError):
        somebody.follow(Typed("keyturn statu", []))
