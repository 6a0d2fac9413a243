"""README and docs: what they point to is there, and what they list is all there is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from keyturn.models import DEFAULTS
from keyturn.settings.config import Config, Profile, read_config
from keyturn.settings.forced import METHODS
from keyturn.settings.parsing import COMMANDS, FORCED
from keyturn.testing import FakeWorld
from keyturn.values import BILLING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
VARIABLE = re.compile(
    r'"((?:KEYTURN|ANTHROPIC|CLAUDE_CODE|XDG|NODE_EXTRA|SSL_CERT)_[A-Z_]+'
    r'|(?:HTTPS?|NO)_PROXY|NO_COLOR|CI|BROWSER|COLUMNS|TERM)"'
)


def anchors(page: Path) -> set[str]:
    """What can stand behind # in an address of the page."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def links(page: Path) -> Iterator[str]:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    yield from re.findall(r"\]\(([^)\s]+)\)", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_and_image_leads_somewhere(page: Path) -> None:
    lost = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if "://" in link:
            continue
        if not target.exists() or (anchor and anchor not in anchors(target)):
            lost.append(link)
    assert lost == []


class TestConfiguration:
    """docs/configuration.md against the code."""

    def test_every_key_is_explained(self) -> None:
        keys = {*Profile.fields, *Config.fields} - {"name", "path", "raw"}
        keys |= {*COMMANDS, *FORCED, *METHODS, "env"}
        assert [key for key in sorted(keys) if f"`{key}`" not in CONFIGURATION] == []

    def test_no_key_is_explained_that_there_is_not(self) -> None:
        tables = CONFIGURATION.partition("## Variables")[0]
        explained = {
            key
            for row in re.findall(r"^\| (`.*?`) \|", tables, re.MULTILINE)
            for key in re.findall(r"`(\w+)`", row)
        }
        settings = {*COMMANDS, *FORCED, "env"}
        assert explained - {*Profile.fields, *Config.fields, *settings, "version"} == set()

    def test_every_variable_that_the_code_knows_is_explained(self) -> None:
        source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
        named = {name.rstrip("_") for name in VARIABLE.findall(source)}
        assert {"KEYTURN_HOME", "ANTHROPIC_API_KEY", "CI"} <= named
        assert [name for name in sorted(named) if name not in CONFIGURATION] == []

    def test_the_example_is_read(self, tmp_path: Path) -> None:
        example, *_ = re.findall(r"^```json\n(.*?)^```", CONFIGURATION, re.DOTALL | re.MULTILINE)
        world = FakeWorld(tmp_path)
        world.write_config(json.loads(example))
        assert read_config(world).profile("work").issuer == "https://auth.example.com"


@pytest.mark.parametrize("page", ["commands.md", "configuration.md"])
def test_every_class_of_billing_is_listed(page: str) -> None:
    (row,) = re.findall(
        r"^\| `(?:--require-billing CLASS|require_billing)` \|.*$",
        (ROOT / "docs" / page).read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert [word for word in BILLING if f"`{word}`" not in row] == []


def test_the_model_of_the_readme_is_the_default_one() -> None:
    named = re.findall(r'model="([^"]+)"', (ROOT / "README.md").read_text(encoding="utf-8"))
    assert named == [DEFAULTS["anthropic"].model]


def test_the_map_of_the_house_names_every_room() -> None:
    map_ = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").partition("## One request")[0]
    rooms = [
        f"`{path.name}/`" if path.is_dir() else f"`{path.name}`"
        for path in sorted((ROOT / "src" / "keyturn").iterdir())
        if (path.is_dir() and (path / "__init__.py").exists())
        or (path.suffix == ".py" and not path.name.startswith("_"))
    ]
    assert "`bedrock/`" in rooms
    assert [room for room in rooms if room not in map_] == []
