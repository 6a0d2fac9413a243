"""The secret scan finds what it must, and the run that showed a secret fails."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import quote

import pytest

from tests import secretscan

CONFTEST = Path(secretscan.__file__).with_name("conftest.py")

EXAMPLE = "an-example+of/a secret~0123456789"


@pytest.mark.proves("T19")
@pytest.mark.parametrize("before", ["", "x", "xy", "xyz", "Authorization: Bearer "])
@pytest.mark.parametrize("after", ["", "1", "12", "\n"])
@pytest.mark.parametrize(
    "spell",
    [
        str.encode,
        lambda text: quote(text, safe="").encode(),
        lambda text: base64.b64encode(text.encode()),
        lambda text: base64.urlsafe_b64encode(text.encode()),
    ],
    ids=["plain", "url-encoded", "base64", "base64url"],
)
def test_a_secret_is_found_in_every_spelling_and_alignment(before: str, after: str, spell: object) -> None:
    assert callable(spell)
    scan = secretscan.Scan({EXAMPLE: "example", "another-secret-that-is-absent": "absent"})
    assert scan.find(spell(before + EXAMPLE + after)) == ["example"]
    assert scan.find(spell(before + EXAMPLE[:-1] + "!" + after)) == []


def test_files_are_searched_by_content_and_name_but_stores_are_not(tmp_path: Path) -> None:
    scan = secretscan.Scan({EXAMPLE: "example"}, [tmp_path / "declared"])
    encoded = quote(EXAMPLE, safe="")
    for name in (
        "logins/default.json",
        "default.cache",
        "default.journal",
        "declared/a/b",
        "x/left",
        encoded,
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"... {EXAMPLE} ...")
    (tmp_path / "link").symlink_to("x/left")
    (tmp_path / encoded).write_text("")
    assert list(scan.find_in_files(tmp_path)) == [
        (tmp_path / encoded, ["example"]),
        (tmp_path / "x/left", ["example"]),
    ]


def test_a_link_of_somebody_else_that_leads_to_itself_ends_no_run(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "left").write_text(EXAMPLE)
    found = secretscan.Scan({EXAMPLE: "example"}).find_left_behind(tmp_path, since=0.0)
    assert list(found) == [(tmp_path / "left", ["example"])]


def test_a_secret_too_short_to_look_for_is_refused() -> None:
    with pytest.raises(ValueError, match="too short"):
        secretscan.register("token", "short")


def test_leaks_names_the_kind_of_what_a_program_printed() -> None:
    secret = secretscan.make_secret("refresh")
    assert secretscan.leaks(f"debug: {secret}") == ["refresh"]
    assert secretscan.leaks("debug: nothing") == []


# what a test does, and the place that the run must name
LEAKS = {
    "output": ("print(make_secret('token'))", "output of *::test_output"),
    "logged": ("logging.warning(make_secret('token'))", "output of *::test_logged"),
    "failure": ("raise RuntimeError(make_secret('token'))", "output of *::test_failure"),
    "file": ("(tmp_path / 'left').write_text(make_secret('token'))", "file */test_file0/left"),
    "url": ("(tmp_path / 'u').write_text('https://x/?t=' + make_secret('token'))", "file */test_url0/u"),
    "arguments": ("subprocess.run(['true', make_secret('token')])", "arguments of true"),
    "server": ("(tmp_path / 's').write_text(issued_by_a_server())", "file */test_server0/s"),
    "core": ("open('core.4711', 'w').write(make_secret('token'))", "core file */core.4711"),
    "set": ("os.environ['LEFT'] = make_secret('token')", "environment: LEFT"),
    "temporary": (
        "tempfile.NamedTemporaryFile('w', prefix='left-', delete=False).write(make_secret('token'))",
        "left behind */left-*",
    ),
    "artefact": (
        "ARTEFACTS.mkdir(); (ARTEFACTS / 'a').write_text(make_secret('token'))",
        "file */artefacts/a",
    ),
}
HARMLESS = {
    "nothing": "make_secret('token')",
    "read": "print(make_secret('token')); capsys.readouterr()",
    "store": "(tmp_path / 'logins').mkdir(); (tmp_path / 'logins/a.json').write_text(make_secret('token'))",
    "declared": "declare_store(tmp_path / 'mine'); (tmp_path / 'mine').write_text(make_secret('token'))",
    "environment": "subprocess.run(['true'], env={'SECRET': make_secret('token')})",
}


@pytest.fixture
def inner(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project with the real conftest.py and scan, and no CI."""
    monkeypatch.delenv("CI", raising=False)
    (pytester.path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(pytester.path / "temporary"))
    pytester.mkpydir("tests")
    for source in (CONFTEST, Path(secretscan.__file__)):
        (pytester.path / "tests" / source.name).write_text(source.read_text())
    pytester.makeini("[pytest]\npythonpath = .\naddopts = --import-mode=importlib -p no:cacheprovider\n")
    return pytester


HEAD = """
import json, logging, os, pytest, subprocess, tempfile
from tests.conftest import ARTEFACTS
from tests.secretscan import declare_store, make_secret

def issued_by_a_server():
    secret = "issued-by-a-server-0123456789"
    with open(os.environ["KEYTURN_TEST_SECRETS"], "a") as registry:
        registry.write(json.dumps({"kind": "token", "secret": secret}) + "\\n")
    return secret
"""


def run_tests(inner: pytest.Pytester, bodies: dict[str, str]) -> pytest.RunResult:
    tests = [f"def test_{name}(tmp_path, capsys):\n    {body}\n" for name, body in bodies.items()]
    (inner.path / "tests/test_it.py").write_text(HEAD + "".join(tests))
    return inner.runpytest_subprocess("--basetemp=base")


@pytest.mark.proves("T19")
def test_a_run_that_shows_a_secret_fails_and_says_each_place(inner: pytest.Pytester) -> None:
    result = run_tests(inner, {name: body for name, (body, _) in LEAKS.items()})
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes()["errors"] == 1
    result.stdout.fnmatch_lines(["*A secret that a test made shows in:*"])
    for _, place in LEAKS.values():
        result.stdout.fnmatch_lines([f"  {place}: token"])


@pytest.mark.proves("T19")
def test_one_leak_alone_fails_a_run_whose_tests_passed(inner: pytest.Pytester) -> None:
    result = run_tests(inner, {"file": LEAKS["file"][0]})
    assert (result.ret, result.parseoutcomes()) == (1, {"passed": 1, "errors": 1})


def test_secrets_where_they_may_be_fail_nothing(inner: pytest.Pytester) -> None:
    result = run_tests(inner, HARMLESS)
    assert (result.ret, result.parseoutcomes()) == (0, {"passed": len(HARMLESS)})


def test_a_skipped_test_fails_where_ci_is_true_and_only_there(
    inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    skips = {"one": "pytest.skip('no such program')", "two": "pytest.importorskip('no_such_module')"}
    assert run_tests(inner, skips).parseoutcomes() == {"skipped": 2}
    monkeypatch.setenv("CI", "true")
    result = run_tests(inner, skips)
    assert (result.ret, result.parseoutcomes()) == (1, {"failed": 2})
    result.stdout.fnmatch_lines(["*was skipped, and CI is true*"])


def test_a_skipped_file_fails_where_ci_is_true(
    inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    (inner.path / "tests/test_all.py").write_text("import pytest\npytest.importorskip('no_such_module')\n")
    result = inner.runpytest_subprocess()
    assert (result.ret, result.parseoutcomes()) == (pytest.ExitCode.INTERRUPTED, {"errors": 1})
