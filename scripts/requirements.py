"""Print each numbered statement of docs/requirements.md with the tests that prove it, then those with none.

A statement is a line `- **R12** words`. A test names what it proves in `@pytest.mark.proves("R12")`, a case
folder in `proves = ["R12"]` of its case.toml. A number that no statement has is an error.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

STATEMENT = re.compile(r"^- \*\*([A-Z]+[0-9]+)\*\*\s+(.*)$", re.MULTILINE)

NAMED = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class UnreadableError(Exception):
    """Something that the report would rest on cannot be read: what and where."""


@dataclass(frozen=True, slots=True)
class Proof:
    """One test that says it proves one statement."""

    number: str
    test: str


def main(root: Path) -> int:
    """Print the report for the project at root; 1 if a number is unknown or something is unreadable."""
    try:
        statements = read_statements(root / "docs" / "requirements.md")
        proofs = [*proofs_of_tests(root), *proofs_of_cases(root)]
    except UnreadableError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    by_number: dict[str, list[str]] = {number: [] for number in statements}
    unknown = [proof for proof in proofs if proof.number not in by_number]
    for proof in proofs:
        by_number.setdefault(proof.number, []).append(proof.test)
    for number, words in statements.items():
        print(f"{number}  {words}")
        for test in sorted(set(by_number[number])):
            print(f"      {test}")
    without = [number for number in statements if not by_number[number]]
    print(f"\n{len(statements)} statements, {len(statements) - len(without)} with a test")
    print(f"without a test: {' '.join(without) or 'none'}")
    for proof in unknown:
        print(f"error: {proof.test} proves {proof.number}, which docs/requirements.md lacks", file=sys.stderr)
    return 1 if unknown else 0


def read_statements(path: Path) -> dict[str, str]:
    """Return number to words, in the order of the file; UnreadableError if absent, empty or ambiguous."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        message = f"cannot read {path}: {error.strerror}"
        raise UnreadableError(message) from error
    statements: dict[str, str] = {}
    for number, words in STATEMENT.findall(text):
        if number in statements:
            message = f"{path} has two statements {number}"
            raise UnreadableError(message)
        statements[number] = words
    if not statements:
        message = f"{path} has no line like `- **R12** words`"
        raise UnreadableError(message)
    return statements


def proofs_of_tests(root: Path) -> list[Proof]:
    """Return every number in a `proves(...)` mark of tests/**/*.py with its test, class or file."""
    proofs: list[Proof] = []
    for path in sorted((root / "tests").rglob("test_*.py")):
        if "node_modules" in path.parts:
            continue
        name = path.relative_to(root).as_posix()
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"), filename=name)
        except SyntaxError as error:
            message = f"cannot parse {name}: {error.msg} in line {error.lineno}"
            raise UnreadableError(message) from error
        proofs += _marks(tree, name)
    return proofs


def proofs_of_cases(root: Path) -> list[Proof]:
    """Return every number in `proves` of tests/cases/**/case.toml with its folder."""
    proofs: list[Proof] = []
    for path in sorted((root / "tests" / "cases").rglob("case.toml")):
        name = path.parent.relative_to(root).as_posix()
        try:
            numbers = tomllib.loads(path.read_text(encoding="utf-8")).get("proves", [])
        except tomllib.TOMLDecodeError as error:
            message = f"cannot parse {name}/case.toml: {error}"
            raise UnreadableError(message) from error
        if not isinstance(numbers, list) or not all(isinstance(number, str) for number in numbers):
            message = f"{name}/case.toml: `proves` must be a list of strings"
            raise UnreadableError(message)
        proofs += [Proof(number, name) for number in numbers]
    return proofs


def _marks(node: ast.AST, owner: str) -> list[Proof]:
    proofs: list[Proof] = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, NAMED) and child.name.lower().startswith("test"):
            proofs += _marks(child, f"{owner}::{child.name}")
            continue
        if isinstance(child, ast.Call) and ast.unparse(child.func) == "pytest.mark.proves":
            proofs += _numbers(child, owner)
        proofs += _marks(child, owner)
    return proofs


def _numbers(call: ast.Call, owner: str) -> list[Proof]:
    proofs: list[Proof] = []
    for argument in call.args:
        if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
            message = (
                f"{owner}: `proves` takes literal strings, line {call.lineno} has {ast.unparse(argument)}"
            )
            raise UnreadableError(message)
        proofs.append(Proof(argument.value, owner))
    return proofs


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parent.parent))
