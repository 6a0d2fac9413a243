"""Whatever a project holds: `keyturn trust` shows it clean, and no edit slips past a consent.

The same examples each time; `make soak` tries others, and more of them.
"""

from __future__ import annotations

import io
import itertools
import json
import os
import tempfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keyturn.cli import main
from keyturn.cli.terminal import Terminal
from keyturn.errors import ConfigurationError
from keyturn.settings import trust
from keyturn.settings.never import never_from_project
from keyturn.settings.parsing import COMMANDS, FORCED
from keyturn.settings.words import named_files
from keyturn.testing import FakeWorld
from tests.projects import Project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SOAK = "KEYTURN_SOAK" in os.environ
EXAMPLES = settings(
    max_examples=int(os.environ.get("KEYTURN_SOAK", "100")),
    derandomize=not SOAK,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
ODD = st.text(st.characters(categories=("Cc", "Cf", "Zl", "Zp", "Lu", "Mn", "Co", "Zs")), max_size=12)
TEXTS = st.one_of(
    st.text(max_size=30), ODD, st.sampled_from(("./key.sh", "sh -c './a; ./b'", "https://x.example"))
)
VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXTS
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=5,
)
USED = st.fixed_dictionaries(
    {},
    optional={
        **{key: st.one_of(TEXTS, VALUES) for key in (*COMMANDS, *FORCED)},
        "env": st.one_of(
            VALUES,
            st.dictionaries(
                st.one_of(TEXTS, st.sampled_from(("PATH", "ANTHROPIC_BASE_URL", "LD_\x1bX"))),
                VALUES,
                max_size=4,
            ),
        ),
    },
)
# what mostly can be agreed to
PLAIN = st.fixed_dictionaries(
    {"apiKeyHelper": TEXTS},
    optional={
        **dict.fromkeys((*COMMANDS[1:], *FORCED), TEXTS),
        "env": st.dictionaries(
            st.sampled_from(("AWS_REGION", "ANTHROPIC_BASE_URL", "LD_PRELOAD", "X")), TEXTS
        ),
    },
)
OTHERS = st.dictionaries(TEXTS.filter(lambda key: key not in (*COMMANDS, *FORCED, "env")), VALUES, max_size=3)
NAMES = st.sampled_from(("key.sh", "bin/key.sh", "a b.sh", "x", "-n", "ü.sh"))


@pytest.fixture
def places(tmp_path: Path) -> Iterator[Path]:
    """A place for each example; a fixture of a test serves all of them."""
    numbers = itertools.count()

    class Places:
        def __next__(self) -> Path:
            return tmp_path / str(next(numbers))

        def __iter__(self) -> Places:
            return self

    return Places()


def project_in(folder: Path) -> Project:
    folder.mkdir()
    (folder / "home").mkdir()
    return Project(FakeWorld(folder, {"HOME": str(folder / "home")}), folder / "job")


def typed(project: Project, *words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    terminal = Terminal(project.world, stdin=io.StringIO(), stdout=out, stderr=err)
    return main(words, terminal=terminal), out.getvalue(), err.getvalue()


@pytest.mark.proves("T3", "T14")
@EXAMPLES
@given(used=USED, others=OTHERS, local=st.one_of(st.none(), USED))
def test_whatever_the_settings_say_what_is_shown_is_clean(
    places: Iterator[Path], used: dict[str, Any], others: dict[str, Any], local: dict[str, Any] | None
) -> None:
    project = project_in(next(places))
    project.write(**{**others, **used})
    if local is not None:
        project.local(**local)
    for words in (
        ("trust", project.path),
        ("trust", "--json", project.path),
        ("trust", "--yes", project.path),
    ):
        status, out, err = typed(project, *words)
        assert status in (0, 2, 7, 8), err
        assert "this should not have happened" not in err
        for line in (out + err).split("\n"):
            assert not any(ord(one) < 0x20 or 0x7F <= ord(one) <= 0x9F for one in line), line
            assert not any(
                one in "\u200b\u200e\u202a\u202e\u2028\u2029\u2066\ufeff\U000e0041" for one in line
            ), line
        if "--json" in words:
            json.loads(out)
    assert project.trusted() == (
        status == 0 and bool(trust.contents(project.path, trust.read(project.path)).items)
    )


@pytest.mark.proves("T1", "T3")
@EXAMPLES
@given(data=st.binary(max_size=60))
def test_whatever_bytes_the_settings_are_nothing_breaks(places: Iterator[Path], data: bytes) -> None:
    project = project_in(next(places))
    project.settings.write_bytes(data)
    assert not project.trusted()
    for words in (("trust", project.path), ("trust", "--yes", project.path), ("trust", "--list")):
        status, out, err = typed(project, *words)
        assert status in (0, 2, 7, 8), err
        assert (out + err).replace("\n", "").isprintable()


@pytest.mark.proves("T2")
@EXAMPLES
@given(before=PLAIN, after=PLAIN, others=OTHERS)
def test_an_edit_of_what_is_used_always_ends_the_consent_and_another_one_never_does(
    places: Iterator[Path], before: dict[str, Any], after: dict[str, Any], others: dict[str, Any]
) -> None:
    project = project_in(next(places))
    project.write(**before)
    assert typed(project, "trust", "--yes", project.path)[0] == 0
    assert project.trusted()
    agreed = items(project)
    project.write(**{**others, **before})
    assert project.trusted()
    for edit in (after, *({**before, key: value} for key, value in after.items())):
        project.write(**edit)
        assert project.trusted() == (items(project) == agreed)


def items(project: Project) -> dict[str, str]:
    """What of the settings counts, by a way of its own: what may be set, with its value as JSON."""
    found = json.loads(project.settings.read_text())
    env = found.get("env", {})
    taken = (
        {f"env {name}": value for name, value in env.items() if not never_from_project(name)}
        if isinstance(env, dict)
        else {"env": env}
    )
    rest = {key: found[key] for key in (*COMMANDS, *FORCED) if key in found}
    return {key: json.dumps(value, sort_keys=True) for key, value in {**rest, **taken}.items()}


@pytest.mark.proves("T2")
@EXAMPLES
@given(
    name=NAMES,
    frame=st.sampled_from(("{}", "sh {}", "sh -c {}", "cat < {}", "A={} true", "true; {}", "(cd . && {} )")),
    before=st.one_of(st.none(), st.binary(max_size=20)),
    after=st.one_of(st.none(), st.binary(max_size=20)),
)
def test_a_named_file_that_changes_always_ends_the_consent(
    places: Iterator[Path], name: str, frame: str, before: bytes | None, after: bytes | None
) -> None:
    project = project_in(next(places))
    word = f"'./{name}'"
    project.write(apiKeyHelper=frame.format(word))

    def put(data: bytes | None) -> None:
        path = project.directory / name
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        if data is not None:
            path.write_bytes(data)

    put(before)
    project.trust()
    assert project.trusted()
    put(after)
    assert project.trusted() == (before == after)


@pytest.mark.proves("T2", "T3")
@EXAMPLES
@given(
    steps=st.lists(
        st.sampled_from(
            (".", "..", "job", "job/.claude", "link", "/", "//", "JOB", "sub", "other", "link/sub")
        ),
        max_size=5,
    )
)
def test_however_a_path_is_written_only_the_one_directory_is_trusted(
    places: Iterator[Path], steps: list[str]
) -> None:
    project = project_in(next(places))
    above = project.directory.parent
    (project.directory / "sub").mkdir()
    (above / "other").mkdir()
    (above / "link").symlink_to("job")
    project.write(apiKeyHelper="true")
    project.trust()
    files = trust.read(project.path)
    path = "/".join([str(above), *steps])
    same = os.path.realpath(path) == project.path
    try:
        assert trust.is_trusted(project.world, path, files) == same
    except ConfigurationError as error:
        raise AssertionError(path) from error


@pytest.mark.proves("T2")
@EXAMPLES
@given(command=st.one_of(st.text(max_size=60), ODD, st.text("ab./'\"\\$`(){}|&;<>~= \n-", max_size=40)))
def test_whatever_a_command_says_its_files_lie_in_the_project(command: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = os.path.realpath(folder)
        world = FakeWorld(project)
        for name in named_files(world, project, command):
            place = os.path.normpath(f"{project}/{name}")
            assert place.startswith(f"{project}/")
            assert place == f"{project}/{name}"
