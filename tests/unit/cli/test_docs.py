"""docs/json.md shows what programs rely on: the fields and types that it shows are those that are printed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from keyturn.cli.commands import COMMANDS
from keyturn.cli.sandbox import as_json
from keyturn.sandbox import Sandbox

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Machine

DOCS = Path(__file__).parents[3] / "docs"
SHOWN: dict[str, Any] = {
    name: json.loads(text)
    for name, text in re.findall(
        r"^```json (\w+)\n(.*?)^```", (DOCS / "json.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
}


def shape(value: object) -> object:
    """The fields and types of a JSON value; of a list, those of its first item."""
    if isinstance(value, dict):
        return {name: shape(field) for name, field in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value[:1]]
    return type(value).__name__


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("explain", ["explain"]),
        ("status", ["status"]),
        ("token", ["token"]),
        ("profiles", ["profile", "list"]),
        ("error", ["token", "--source", "api-key-env"]),
    ],
)
def test_what_the_page_shows_is_what_is_printed(keyturn: Machine, name: str, words: list[str]) -> None:
    keyturn.log_in()
    keyturn.world.write_config(
        {
            "bindings": {keyturn.world.folder: "default"},
            "profiles": {
                "default": {"issuer": "https://auth.example.com", "api_base_url": "https://api.example.com"}
            },
        }
    )
    printed = keyturn(*words, "--json").json
    if name == "explain":
        printed["sources"] = [row for row in printed["sources"] if row["state"] == "selected"]
    assert shape(printed) == shape(SHOWN[name])


def test_the_doctor_prints_what_the_page_shows(keyturn: Machine) -> None:
    keyturn.log_in()
    Path(keyturn.world.state_dir(), "logins").chmod(0o770)
    assert shape(keyturn("doctor", "--json").json) == shape(SHOWN["doctor"])


def test_the_sandbox_prints_what_the_page_shows() -> None:
    with Sandbox() as sandbox:
        assert shape(as_json(sandbox)) == shape(SHOWN["sandbox"])


def test_every_command_has_its_place_in_the_documentation() -> None:
    text = (DOCS / "commands.md").read_text(encoding="utf-8") + (DOCS / "json.md").read_text(encoding="utf-8")
    left_to_their_help = {"session", "login", "logout", "demo"}
    assert [
        name for name in COMMANDS if f"keyturn {name}" not in text and name not in left_to_their_help
    ] == []
