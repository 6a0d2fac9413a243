"""The report of numbered statements and their tests, on small projects made here."""

import subprocess
import sys
from pathlib import Path

import pytest

from scripts import requirements

SCRIPT = Path(requirements.__file__)

STATEMENTS = "# x\n- **R1** One thing.\n- **L2** Another.\n- **T3** A third.\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/requirements.md").write_text(STATEMENTS)
    (tmp_path / "tests/cases/an_empty_variable").mkdir(parents=True)
    return tmp_path


def write_test(project: Path, text: str) -> None:
    (project / "tests/test_some.py").write_text(text)


def test_a_mark_on_a_function_a_class_a_module_and_a_row_all_count(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_test(
        project,
        "import pytest\n"
        "pytestmark = pytest.mark.proves('R1')\n"
        "@pytest.mark.proves('L2')\n"
        "class TestIt:\n"
        "    @pytest.mark.proves('R1', 'L2')\n"
        "    def test_deep(self): ...\n"
        "@pytest.mark.parametrize('n', [pytest.param(1, marks=pytest.mark.proves('T3'))])\n"
        "def test_row(n): ...\n",
    )
    assert requirements.main(project) == 0
    assert capsys.readouterr().out == (
        "R1  One thing.\n"
        "      tests/test_some.py\n"
        "      tests/test_some.py::TestIt::test_deep\n"
        "L2  Another.\n"
        "      tests/test_some.py::TestIt\n"
        "      tests/test_some.py::TestIt::test_deep\n"
        "T3  A third.\n"
        "      tests/test_some.py::test_row\n"
        "\n3 statements, 3 with a test\nwithout a test: none\n"
    )


def test_a_case_folder_proves_and_what_has_no_test_is_listed_last(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "tests/cases/an_empty_variable/case.toml").write_text('proves = ["L2"]\n')
    assert requirements.main(project) == 0
    out = capsys.readouterr().out
    assert "L2  Another.\n      tests/cases/an_empty_variable\n" in out
    assert out.endswith("3 statements, 1 with a test\nwithout a test: R1 T3\n")


def test_an_unknown_number_is_an_error_that_names_its_test(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_test(project, "import pytest\n@pytest.mark.proves('R99')\ndef test_it(): ...\n")
    assert requirements.main(project) == 1
    assert capsys.readouterr().err == (
        "error: tests/test_some.py::test_it proves R99, which docs/requirements.md lacks\n"
    )


@pytest.mark.parametrize(
    ("statements", "test", "case", "message"),
    [
        ("- **R1** a\n- **R1** b\n", "", "", "two statements R1"),
        ("no statement\n", "", "", "no line like"),
        (None, "", "", "cannot read"),
        ("- **R1** a\n", "def (", "", "cannot parse tests/test_some.py"),
        ("- **R1** a\n", "N = 1\n@pytest.mark.proves(N)\ndef test_it(): ...", "", "takes literal strings"),
        ("- **R1** a\n", "", "proves = 'R1'", "must be a list of strings"),
        ("- **R1** a\n", "", "proves = [", "cannot parse tests/cases/an_empty_variable/case.toml"),
    ],
)
def test_what_cannot_be_read_is_an_error_and_no_report(
    project: Path,
    capsys: pytest.CaptureFixture[str],
    statements: str | None,
    test: str,
    case: str,
    message: str,
) -> None:
    if statements is None:
        (project / "docs/requirements.md").unlink()
    else:
        (project / "docs/requirements.md").write_text(statements)
    write_test(project, test)
    (project / "tests/cases/an_empty_variable/case.toml").write_text(case)
    assert requirements.main(project) == 1
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.out == ""


def test_the_script_runs_by_itself_on_this_project() -> None:
    done = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "without a test:" in done.stdout.splitlines()[-1]
