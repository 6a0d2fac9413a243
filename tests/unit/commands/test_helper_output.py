"""Whatever a helper prints is a credential or one clear error, which shows nothing of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from keyturn import Auth
from keyturn.commands import export
from keyturn.commands.helper import LIMIT, read
from keyturn.errors import AuthError, Rejected
from keyturn.settings.layers import Setting
from keyturn.testing import FakeWorld
from keyturn.testing.commands import Outcome
from keyturn.testing.world import NOW
from keyturn.values import HelperKey, Secret
from tests.helpers import LINE, with_helper, with_settings
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from pathlib import Path

SETTING = Setting(key="apiKeyHelper", scope="user", value=LINE, path="/home/me/.claude/settings.json")
FUZZ = settings(max_examples=400, deadline=None, derandomize=True, database=None)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["token", "expires_at", "x", ""]), inner, max_size=4)
    ),
    max_leaves=8,
)


def outcome_of(text: str) -> str:
    """What comes of it: a credential that a header can carry, or the code of its error."""
    failure = None
    try:
        secret, expires_at = read(Secret(text.strip()), SETTING)
    except Rejected as error:
        failure = error
    if failure is not None:
        assert failure.exit == 4
        assert failure.hint
        assert "apiKeyHelper in /home/me/.claude/settings.json" in failure.message
        return failure.code
    token = secret.reveal()
    assert 0 < len(token) <= LIMIT
    assert all("!" <= character <= "~" for character in token)
    assert expires_at is None or -1e12 < expires_at < 1e12
    return "credential"


@pytest.mark.proves("P22", "R56")
class TestFuzz:
    @FUZZ
    @given(st.text(max_size=200))
    @example("\udcff\udcfe")
    @example("{")
    @example("{}")
    @example('{"token": "\\ud800"}')
    @example('{"token": "x", "token": "y"}')
    @example('{"token": "a\\nb"}')
    @example("{" * 1000)
    def test_any_text(self, text: str) -> None:
        outcome_of(text)

    @FUZZ
    @given(st.binary(max_size=200))
    def test_any_bytes(self, data: bytes) -> None:
        outcome_of(data.decode("utf-8", "surrogateescape"))

    @FUZZ
    @given(st.dictionaries(st.sampled_from(["token", "expires_at", "x"]), JSON, max_size=3))
    @example({"token": "x", "expires_at": "0001-01-01T00:00:00+23:59"})
    @example({"token": "x", "expires_at": "9999-12-31T23:59:59-23:59"})
    @example({"token": "x", "expires_at": True})
    @example({"token": "x", "expires_at": float("nan")})
    @example({"token": "x", "expires_at": 10**400})
    def test_any_json(self, value: dict[str, object]) -> None:
        outcome_of(json.dumps(value))

    @FUZZ
    @given(st.text(alphabet='sk-ant test_\n\t\r\x1b{}"\\:,é', max_size=40))
    def test_what_is_nearly_a_key(self, text: str) -> None:
        outcome_of(text)

    @settings(FUZZ, max_examples=100)
    @given(st.text(max_size=60), st.text(max_size=60), st.sampled_from([0, 1, 126, 127, 255]))
    def test_a_whole_run(
        self, tmp_path_factory: pytest.TempPathFactory, out: str, err: str, status: int
    ) -> None:
        secret = "sk-ant-test-hidden-in-what-is-printed"
        world = FakeWorld(tmp_path_factory.mktemp("fuzz"))
        with_helper(world, Outcome(stdout=out + secret, stderr=f"{err} {secret} {err}", status=status))
        failure = None
        try:
            given = Auth(world=world).credential().secret.reveal()
        except AuthError as error:
            failure = error
        if failure is None:
            assert status == 0
            assert given.endswith(secret)
            return
        shown = f"{failure} {failure.hint} {failure.facts}"
        assert secret not in shown
        assert failure.exit == 4
        assert not any(character < " " or "\x7f" <= character <= "\x9f" for character in shown)


def test_bytes_that_are_no_text_are_no_trouble_in_an_error(tmp_path: Path) -> None:
    world = FakeWorld(tmp_path)
    with_helper(world, Outcome(stdout="\udcff\udcfe" * 8, stderr="\ufffd failed", status=1))
    with pytest.raises(Rejected, match="failed"):
        Auth(world=world).credential()


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("sk-ant-test-key\r\n", "credential"),
        ("  sk-ant-test-key  \n\n", "credential"),
        ('{"token": "x"}', "credential"),
        ('{"token": "x", "expires_at": null}', "credential"),
        ('{"token": "x", "expires_at": 1800000000}', "credential"),
        ('{"token": "x", "expires_at": 1800000000.5}', "credential"),
        ('{"token": "x", "expires_at": "2027-01-15T08:00:00+01:00"}', "credential"),
        ('{"token": "x", "expires_at": "2027-01-15T08:00:00"}', "helper_expiry"),
        ('{"token": "x", "expires_at": "tomorrow"}', "helper_expiry"),
        ('{"token": "x", "expires_at": ""}', "helper_expiry"),
        ('{"token": "x", "expires_at": false}', "helper_expiry"),
        ('{"token": ""}', "helper_empty"),
        ('{"token": 5}', "helper_no_token"),
        ("{}", "helper_no_token"),
        ('{"token": "x"} and more', "helper_not_json"),
        ('["x"]', "credential"),  # a gateway may take what it likes: it is one word of ASCII
        ("x" * LIMIT, "credential"),
        ("x" * (LIMIT + 1), "helper_too_long"),
        ("one\ntwo", "helper_lines"),
        ("one\rtwo", "helper_lines"),
        ("one two", "helper_words"),
        ("<html>\n", "credential"),
        ("one\x00two", "helper_control"),
        ("one\x7ftwo", "helper_control"),
        ("one\u00a0two", "helper_not_ascii"),
        ("", "helper_empty"),
    ],
)
def test_what_is_a_credential_and_what_is_not(text: str, outcome: str) -> None:
    assert outcome_of(text) == outcome


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ('{"token": "x", "expires_at": "1970-01-01T01:00:00Z"}', 3600),
        ('{"token": "x", "expires_at": 12}', 12),
    ],
)
def test_an_end_is_unix_seconds(text: str, seconds: float) -> None:
    assert read(Secret(text), SETTING)[1] == seconds


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ('{"error": {"message": "OAuth token has expired"}}', True),
        ('{"error": {"message": "Invalid API key"}}', True),
        ('{"error": {"message": "invalid bearer token"}}', True),
        ('{"error": {"message": "this key was revoked"}}', True),
        ('{"error": {"message": "your organisation may not use this model"}}', False),
        ('{"error": {"message": "invalid model name"}}', False),
        ("", False),
    ],
)
@pytest.mark.proves("P21")
def test_which_403_is_about_the_credential(body: str, *, refused: bool) -> None:
    assert HelperKey.is_refused_in(body) is refused


def test_stderr_is_redacted_by_what_was_printed_in_any_spelling(tmp_path: Path) -> None:
    secret = make_secret("token")
    world = FakeWorld(tmp_path)
    printed = json.dumps({"token": secret, "status": "denied"})
    with_helper(world, Outcome(stdout=printed, stderr=f"got {secret}\nand failed", status=1))
    with pytest.raises(Rejected) as caught:
        Auth(world=world).credential()
    assert "got [secret] and failed" in caught.value.message


@pytest.mark.proves("T15")
def test_stderr_shows_no_secret_that_the_command_was_given(tmp_path: Path) -> None:
    mine, quoted, aws = (make_secret("password") for _ in range(3))
    world = FakeWorld(tmp_path, {"MY_VAULT": mine, "OP_SESSION": f"{quoted}/&", "AWS_SECRET_ACCESS_KEY": aws})
    world.variables["AWS_SHARED_CREDENTIALS_FILE"] = "/home/me/some-credentials"
    world.write_config({"helper_environment": ["MY_VAULT", "OP_SESSION"]})
    said = f"tried {mine} and {quoted}%2F%26 and {aws} of $AWS_SHARED_CREDENTIALS_FILE"
    said = said.replace("$AWS_SHARED_CREDENTIALS_FILE", "/home/me/some-credentials")
    with_settings(world, {"apiKeyHelper": "x", "awsCredentialExport": "y"})
    scene = Auth(world=world).scene()
    for key, hidden in (("apiKeyHelper", 2), ("awsCredentialExport", 3)):
        world.outcomes.append(Outcome(stderr=said if hidden == 3 else said.replace(aws, ""), status=1))
        setting = scene.settings.get(key)
        assert setting is not None
        with pytest.raises(Rejected) as caught:
            export(scene, setting)
        told = caught.value.message
        assert told.count("[secret]") == hidden
        assert told.endswith("/home/me/some-credentials")
        assert not any(secret in told for secret in (mine, quoted, aws))


def test_of_a_long_stderr_the_end_is_shown(tmp_path: Path) -> None:
    world = FakeWorld(tmp_path)
    with_helper(world, Outcome(stderr="noise " * 5000 + "the reason", status=1))
    with pytest.raises(Rejected) as caught:
        Auth(world=world).credential()
    assert caught.value.message.endswith("the reason")
    assert len(caught.value.message) < 600


def test_nothing_that_an_error_carries_holds_what_was_printed(tmp_path: Path) -> None:
    secret = make_secret("api-key")
    world = FakeWorld(tmp_path)
    with_helper(world, Outcome(stdout=f"{secret} {secret}"))
    with pytest.raises(Rejected) as caught:
        Auth(world=world).credential()
    held = []
    trace = caught.value.__traceback__
    while trace is not None:
        if "/src/keyturn/" in trace.tb_frame.f_code.co_filename:
            held += [repr(value) for value in trace.tb_frame.f_locals.values()]
        trace = trace.tb_next
    assert not any(secret in text for text in held)
    assert caught.value.__cause__ is None


def test_the_credential_shows_its_end_and_not_its_secret(tmp_path: Path) -> None:
    secret = make_secret("api-key")
    world = FakeWorld(tmp_path)
    with_helper(world, Outcome(stdout=json.dumps({"token": secret, "expires_at": NOW + 60})))
    credential = Auth(world=world).credential()
    assert credential.expires_at == NOW + 60
    assert secret not in repr(credential)
