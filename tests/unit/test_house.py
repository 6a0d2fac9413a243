"""The walls of the house stand where docs/architecture.md says, however much the house grows."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "keyturn"
MODULES = {
    ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(SOURCE.rglob("*.py"))
}
MAX_LINES = 300

# What reaches the operating system. It comes in by one door: tests hand in another world and patch nothing.
EFFECTS = {"fcntl", "os", "select", "shutil", "signal", "socket", "subprocess", "tempfile", "time"}
DOORS = ("keyturn.world", "keyturn.stores")
# Modules and packages that may, each for one reason.
ALLOWED: dict[str, tuple[set[str], str]] = {
    "keyturn.sandbox": ({"socket", "time"}, "is a server of its own, which a World would only wrap"),
    "keyturn.demo": (
        {"os", "select", "subprocess", "tempfile"},
        "plays the person and other programs",
    ),
    "keyturn.doctor": ({"os", "time"}, "looks at the machine itself, which is all that it is for"),
    "keyturn.cli.demo": ({"os", "tempfile"}, "makes the file that the picture is written to"),
    "keyturn.testing": ({"os", "time"}, "stands in for the operating system"),
    "keyturn.cli.run": ({"os", "signal", "subprocess"}, "becomes the command that it was asked to run"),
    "keyturn.cli.signals": ({"signal"}, "lets its own process end in good order"),
    "keyturn.cli.terminal": ({"os"}, "restores the streams that the person closed, asks how wide they are"),
    "keyturn.cli.person": (
        {"os", "select"},
        "reads what a person types, beside a browser that may be quicker",
    ),
    "keyturn.cli.ask": ({"select"}, "as person: waits for a line, but not for ever"),
    "keyturn.cli.times": ({"time"}, "writes a given moment as a date; asks no clock"),
    "keyturn.bedrock.ask_chain": ({"os"}, "is a program of its own, and ends without ceremony"),
    "keyturn.session.failure": ({"socket"}, "knows the errors of a network by their type"),
}


def imports(name: str, path: Path, *, types: bool) -> Iterator[str]:
    """Yield each `module.name` that the file imports, in functions too; with types, for type checkers too."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    yield from _imports(ast.parse(path.read_text(encoding="utf-8")), package, types=types)


def _imports(node: ast.AST, package: str, *, types: bool) -> Iterator[str]:
    children = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING") and not types:
        children = list(node.orelse)
    elif isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
        module = ".".join([*above, *([node.module] if node.module else [])])
        yield from (f"{module}.{alias.name}" for alias in node.names)
    for child in children:
        yield from _imports(child, package, types=types)


def module_of(imported: str) -> str | None:
    """The module of the house that holds this name, if one does."""
    while imported and imported not in MODULES:
        imported = imported.rpartition(".")[0]
    return imported or None


def below(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def test_there_is_a_house_to_look_at() -> None:
    assert {"keyturn", "keyturn.values", "keyturn.errors", "keyturn.world"} <= MODULES.keys()


def test_sources_know_neither_stores_nor_the_command_line() -> None:
    wrong = [
        f"{name} imports {imported}"
        for name, path in MODULES.items()
        if below(name, "keyturn.sources")
        for imported in imports(name, path, types=True)
        if below(imported, "keyturn.stores", "keyturn.cli")
    ]
    assert wrong == []


def effects_of(*packages: str) -> dict[str, set[str]]:
    """What each module of these packages imports of the operating system."""
    found = {
        name: {imported.partition(".")[0] for imported in imports(name, path, types=False)} & EFFECTS
        for name, path in MODULES.items()
        if below(name, *packages)
    }
    return {name: effects for name, effects in found.items() if effects}


def allowed_to(name: str) -> set[str]:
    return set().union(*(effects for package, (effects, _) in ALLOWED.items() if below(name, package)))


def test_only_the_world_and_the_stores_touch_the_operating_system() -> None:
    wrong = {
        name: sorted(effects - allowed_to(name))
        for name, effects in effects_of("keyturn").items()
        if not below(name, *DOORS) and effects - allowed_to(name)
    }
    assert wrong == {}


def test_every_exception_is_still_needed() -> None:
    unneeded = {
        package: sorted(effects - set().union(*effects_of(package).values()))
        for package, (effects, _) in ALLOWED.items()
        if effects - set().union(*effects_of(package).values())
    }
    assert unneeded == {}


def test_no_module_imports_itself_by_a_detour() -> None:
    edges = {
        name: sorted(
            {
                module
                for imported in imports(name, path, types=False)
                if (module := module_of(imported)) is not None and module != name
            }
        )
        for name, path in MODULES.items()
    }
    assert list(cycles(edges)) == []


def cycles(edges: dict[str, list[str]]) -> Iterator[str]:
    """Yield each cycle found by walking depth first, once, as `a -> b -> a`."""
    finished: set[str] = set()

    def walk(name: str, trail: tuple[str, ...]) -> Iterator[str]:
        if name in trail:
            yield " -> ".join((*trail[trail.index(name) :], name))
        elif name not in finished:
            for target in edges[name]:
                yield from walk(target, (*trail, name))
            finished.add(name)

    for name in edges:
        yield from walk(name, ())


def test_a_cycle_would_be_found() -> None:
    assert list(cycles({"a": ["b"], "b": ["c"], "c": ["b"], "d": ["a"]})) == ["b -> c -> b"]
    assert list(cycles({"a": ["b", "c"], "b": ["c"], "c": []})) == []


def test_only_a_type_checker_sees_what_is_imported_for_types(tmp_path: Path) -> None:
    file = tmp_path / "example.py"
    file.write_text(
        "import a\nif TYPE_CHECKING:\n    import b\nelse:\n    from c import d\ndef f():\n    import e\n"
        "    from . import g\n    from ..h import i\n"
    )
    assert list(imports("x.y.z", file, types=False)) == ["a", "c.d", "e", "x.y.g", "x.h.i"]
    assert list(imports("x.y.z", file, types=True)) == ["a", "b", "c.d", "e", "x.y.g", "x.h.i"]


IMPORTED = """
import json, sys
before = set(sys.modules)
import keyturn
after = {name.partition(".")[0] for name in set(sys.modules) - before}
print(json.dumps(sorted(after - set(sys.stdlib_module_names) - {"keyturn"})))
"""


@pytest.mark.proves("T20")
def test_importing_keyturn_loads_nothing_of_others() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_no_file_is_too_long_to_be_read_at_once() -> None:
    long = [
        f"{path.relative_to(ROOT)}: {count} lines"
        for path in MODULES.values()
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > MAX_LINES
    ]
    assert long == []


def tracked() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a clone: no list of tracked files")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


# Built from parts, so that this file does not find itself.
FORBIDDEN = {
    "a path of one machine": re.compile(r"(?:^|[\s\"'=(`:])/(?:work|farm|root|Users/[a-z]+)" + "/"),
    "an address to download from": re.compile(
        '"resolved"' + r"\s*:\s*\"https?:|registry" + r"\s*=\s*\"?https?:"
    ),
    "a package index": re.compile("--(?:extra-)?index" + "-url|--find" + "-links[ =]"),
    "a real-looking secret": re.compile(
        r"sk-ant-(?:api|oat|ort)[0-9]{2}-[A-Za-z0-9_-]{40,}|AKIA[0-9A-Z]{16}"
    ),
    "a private key": re.compile("-----BEGIN [A-Z ]*PRIVATE" + " KEY-----"),
}


def test_no_tracked_file_names_a_machine_a_host_to_download_from_or_a_secret() -> None:
    wrong = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture
        for number, line in enumerate(text.splitlines(), 1):
            wrong += [
                f"{path.relative_to(ROOT)}:{number}: {what}"
                for what, form in FORBIDDEN.items()
                if form.search(line)
            ]
    assert wrong == []


@pytest.mark.parametrize("name", ["pip.txt", "runtime.txt", "dev.txt"])
@pytest.mark.proves("T20")
def test_every_locked_package_has_one_version_and_hashes_and_no_host(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^-", text, re.MULTILINE)
    packages = re.split(
        r"\n(?=\S)", "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    )
    assert packages
    for package in packages:
        assert re.match(r"[a-z0-9._-]+==\S+ ", package), package
        assert "--hash=sha256:" in package, package


def test_every_npm_package_is_locked_by_hash_and_without_a_host() -> None:
    lock = json.loads((ROOT / "tests" / "servers" / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: facts for name, facts in lock["packages"].items() if name}
    assert packages
    for name, facts in packages.items():
        assert facts["integrity"].startswith("sha512-"), name
        assert "resolved" not in facts, name


def test_every_exception_from_the_linter_has_a_reason() -> None:
    section = re.search(
        r"^ignore = \[\n(.*?)^\]", (ROOT / "pyproject.toml").read_text(), re.DOTALL | re.MULTILINE
    )
    assert section is not None
    assert [line for line in section[1].splitlines() if not re.search(r'",\s+# ["\w]', line)] == []
