"""`keyturn profile`: several logins side by side, chosen per command, variable, directory or for all (P5)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from keyturn.login import Tombstone
from keyturn.stores import open_store

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Machine


def config(keyturn: Machine) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(keyturn.variables["KEYTURN_HOME"], "config.json").read_text())
    return found


def test_the_list_holds_what_is_configured_and_what_is_logged_in(keyturn: Machine) -> None:
    keyturn.world.write_config({"profiles": {"work": {"issuer": "https://auth.example.com"}}})
    keyturn.log_in("home")
    done = keyturn("profile", "list")
    assert done.lines == [
        "default: absent: no login in profile default (chosen)",
        "home: usable: developer@example.com (Example Works)",
        "work: absent: no login in profile work; at https://auth.example.com",
    ]
    assert keyturn("profile", "list", "--names").lines == ["default", "home", "work"]


def test_the_json_is_exactly_what_programs_were_promised(keyturn: Machine) -> None:
    keyturn.log_in("work")
    keyturn.world.write_config(
        {
            "default_profile": "work",
            "bindings": {keyturn.world.folder: "work"},
            "profiles": {"work": {"issuer": "https://auth.example.com"}},
        }
    )
    assert keyturn("profile", "list", "--json").json == {
        "version": 1,
        "profiles": [
            {
                "name": "work",
                "chosen": True,
                "issuer": "https://auth.example.com",
                "api_base_url": None,
                "where": f"{keyturn.variables['KEYTURN_HOME']}/logins/work.json",
                "bound": [keyturn.world.folder],
                "state": "usable",
                "note": None,
                "account": "developer@example.com (Example Works)",
                "expires_at": "2027-01-15T09:00:00Z",
            }
        ],
    }


def test_a_profile_somebody_logged_out_of_is_not_listed(keyturn: Machine) -> None:
    login = keyturn.log_in("work")
    held = open_store(keyturn.world, "work", "file").hold(seconds=0)
    assert held is not None
    with held:
        held.save(Tombstone(at=0.0, generation=login.generation), replacing=login.identity)
    assert keyturn("profile", "list", "--names").lines == ["default"]


@pytest.mark.proves("P5")
def test_a_profile_is_chosen_by_option_variable_directory_and_default_in_this_order(keyturn: Machine) -> None:
    for name in ("one", "two", "three", "four"):
        keyturn.log_in(name)
    below = Path(keyturn.world.folder, "job", "src")
    below.mkdir(parents=True)

    def chosen(*words: str, **variables: str) -> str:
        return str(keyturn("status", "--json", *words, **variables).json["profile"])

    assert chosen() == "default"
    assert keyturn("profile", "use", "four").status == 0
    assert chosen() == "four"
    assert keyturn("profile", "bind", "three", "job").status == 0
    assert chosen() == "four"
    keyturn.world.working_directory = str(below)
    assert chosen() == "three"
    assert chosen(KEYTURN_PROFILE="two") == "two"
    assert chosen("--profile", "one", KEYTURN_PROFILE="two") == "one"


def test_a_binding_can_be_undone(keyturn: Machine) -> None:
    keyturn.log_in("work")
    done = keyturn("profile", "bind", "work")
    assert done.out == f"profile work is used in {keyturn.world.folder} and below\n"
    assert config(keyturn)["bindings"] == {keyturn.world.folder: "work"}
    assert keyturn("profile", "bind", "--none").status == 0
    assert config(keyturn)["bindings"] == {}
    assert keyturn("profile", "bind", "--none").status == 2


def test_use_says_when_something_else_chooses_here(keyturn: Machine) -> None:
    keyturn.log_in("one")
    keyturn.log_in("two")
    keyturn("profile", "bind", "one")
    done = keyturn("profile", "use", "two")
    assert done.out == "profile two is now the default one\n"
    assert f"here profile one is used all the same: bound to {keyturn.world.folder}" in done.err


def test_remove_forgets_configuration_bindings_and_default(keyturn: Machine) -> None:
    kept = {"issuer": "https://auth.example.com", "unknown": [1]}
    keyturn.world.write_config(
        {
            "default_profile": "work",
            "bindings": {"/a": "work", "/b": "home"},
            "profiles": {"work": {"issuer": "https://a.example.com"}, "home": kept},
            "unknown": {"x": 1},
        }
    )
    assert keyturn("profile", "remove", "work").out == "profile work is forgotten\n"
    assert config(keyturn) == {
        "version": 1,
        "default_profile": None,
        "bindings": {"/b": "home"},
        "profiles": {"home": kept},
        "unknown": {"x": 1},
    }


def test_a_profile_that_holds_a_login_is_not_removed(keyturn: Machine) -> None:
    keyturn.log_in("work")
    keyturn.world.write_config({"profiles": {"work": {}}})
    before = config(keyturn)
    done = keyturn("profile", "remove", "work")
    assert done.status == 2
    assert "hint: log out first: keyturn logout --profile work\n" in done.err
    assert config(keyturn) == before


@pytest.mark.parametrize("action", ["use", "bind", "remove"])
def test_an_unknown_profile_is_a_typing_error(keyturn: Machine, action: str) -> None:
    keyturn.log_in("work")
    done = keyturn("profile", action, "wrok")
    assert done.status == 2
    assert "there are: default, work; a new one: keyturn login --profile wrok" in done.err
    assert not Path(keyturn.variables["KEYTURN_HOME"], "config.json").exists()


@pytest.mark.parametrize("name", ["../work", "a b", ".hidden", "x" * 65, ""])
def test_a_name_that_cannot_be_a_file_s_is_refused(keyturn: Machine, name: str) -> None:
    done = keyturn("profile", "use", name)
    assert done.status == 2
    assert "a new one" not in done.err


def test_a_wrong_name_says_where_to_correct_it(keyturn: Machine) -> None:
    typed = keyturn("profile", "list", "--profile", "a/b")
    assert (typed.status, "list the profiles: keyturn profile list" in typed.err) == (2, True)
    said = keyturn("profile", "list", KEYTURN_PROFILE="a/b")
    assert (said.status, "env -u KEYTURN_PROFILE keyturn …" in said.err) == (8, True)
    for fields, key in (
        ({"default_profile": "a/b"}, "default_profile"),
        ({"profiles": {"a/b": {}}}, "profiles"),
        ({"bindings": {keyturn.world.folder: "a/b"}}, f"bindings of {keyturn.world.folder}"),
    ):
        path = keyturn.world.write_config(fields)
        done = keyturn("profile", "list")
        assert (done.status, f"hint: correct {key} in {path} by hand" in done.err) == (8, True)


@pytest.mark.parametrize(
    "words", [["use"], ["remove"], ["bind"], ["list", "x"], ["bind", "default", "/none/such"]]
)
def test_what_is_missing_or_too_much_is_said(keyturn: Machine, words: list[str]) -> None:
    assert keyturn("profile", *words).status == 2


def test_a_damaged_login_is_listed_as_one(keyturn: Machine) -> None:
    keyturn.log_in("work")
    Path(keyturn.variables["KEYTURN_HOME"], "logins", "work.json").write_text("{", encoding="utf-8")
    done = keyturn("profile", "list")
    assert done.status == 0
    assert any(line.startswith("work: error: ") and "is damaged" in line for line in done.lines)


def test_changes_are_reported_as_json_too(keyturn: Machine) -> None:
    keyturn.log_in("work")
    assert keyturn("profile", "use", "work", "--json").json == {"version": 1, "profile": "work"}
    assert keyturn("profile", "bind", "work", "--json").json == {
        "version": 1,
        "directory": keyturn.world.folder,
        "profile": "work",
    }


def test_a_binding_is_undone_from_anywhere_by_naming_its_directory(keyturn: Machine) -> None:
    keyturn.log_in("work")
    keyturn("profile", "bind", "work")
    keyturn.world.working_directory = "/"
    done = keyturn("profile", "bind", "--none", keyturn.world.folder)
    assert done.status == 0, done.err
    assert config(keyturn)["bindings"] == {}
