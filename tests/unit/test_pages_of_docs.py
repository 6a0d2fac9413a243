"""The documentation is built by one command: a site whose links all lead somewhere, and a man page."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from keyturn.cli.commands import COMMANDS, PRINT, SESSION, WORDS
from keyturn.cli.dispatch import parser_of
from scripts.manual import manual
from scripts.pages import build
from tests.servers import need

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("docs") / "site"
    assert build(target) == []
    return target


def test_every_page_of_docs_is_in_the_site_and_in_its_menu(site: Path) -> None:
    written = {path.relative_to(DOCS).with_suffix(".html").as_posix() for path in DOCS.rglob("*.md")}
    made = {path.relative_to(site).as_posix() for path in site.rglob("*.html")}
    assert made == written | {"index.html"}
    menu = (site / "index.html").read_text(encoding="utf-8").partition("</nav>")[0]
    for page in made:
        assert f'href="{page}"' in menu


def test_nothing_in_the_site_is_asked_of_another_host(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "<script" not in text
        assert re.findall(r'(?:src|rel="stylesheet" href)="(?:https?:)?//', text) == []


def test_a_link_that_leads_nowhere_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    from scripts import pages

    copy = tmp_path / "docs"
    shutil.copytree(DOCS, copy)
    (copy / "commands.md").write_text(
        "# Commands\n\n[a](nowhere.md) [b](json.md#nothing)\n", encoding="utf-8"
    )
    monkeypatch.setattr(pages, "DOCS", copy)
    wrong = pages.build(tmp_path / "site")
    assert "commands.html links nowhere.html, which is not there" in wrong
    assert "commands.html links json.html#nothing, which is not there" in wrong


def test_the_guides_are_those_that_people_look_for() -> None:
    assert [path.stem for path in sorted((DOCS / "guides").glob("*.md"))] == [
        "1-laptop",
        "2-server",
        "3-ci",
        "4-containers",
        "5-company-network",
        "6-many-accounts",
        "7-moving",
    ]


def test_the_man_page_says_what_the_help_says() -> None:
    text = re.sub(r"\\f[BIR]", "", manual()).replace("\\-", "-").replace("\\(aq", "'").replace("\\(dq", '"')
    text = text.replace("\\&", "").replace("\\e", "\\")
    for name in WORDS:
        assert f'.SS "keyturn {name}"' in text
    for command in COMMANDS.values():
        for typed, does in command.examples:
            assert f"{typed.replace('…', '...')}\n" in text
            assert f"{does.replace('…', '...')}\n" in text
        for action in parser_of(command, 80).actions(common=True):
            for option in action.option_strings:
                assert option in text
    assert {PRINT, SESSION} <= set(COMMANDS)
    assert "KEYTURN_HOME" in text
    assert re.search(r"^130\n", text, re.MULTILINE)


def test_the_man_page_is_one_to_its_reader(tmp_path: Path) -> None:
    page = tmp_path / "keyturn.1"
    page.write_text(manual(), encoding="utf-8")
    lint = subprocess.run(
        [need("mandoc", "mandoc"), "-T", "lint", "-W", "warning", str(page)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (lint.returncode, lint.stdout, lint.stderr) == (0, "", "")
    read = subprocess.run(["mandoc", "-T", "utf8", str(page)], capture_output=True, text=True, check=True)
    shown = re.sub(r".\x08", "", read.stdout)
    assert "keyturn - get, keep, renew and explain the credential" in shown
    assert "--callback-port PORT" in shown
