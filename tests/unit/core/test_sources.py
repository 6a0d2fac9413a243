"""Each source by its contract, and what a look may find: malformed values, wrong descriptors."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from keyturn import ApiKey, Auth, AuthError, BearerToken, ConfigurationError, NoCredential, Refused, Rejected
from keyturn.errors import UsageError
from keyturn.login import Tombstone
from keyturn.sources import descriptor
from keyturn.stores.memory import MemoryStore
from keyturn.testing import (
    FakeWorld,
    SourceContract,
    answer,
    make_authority,
    make_expired_login,
    make_login,
    token_answer,
)
from keyturn.testing.stores import save
from keyturn.testing.world import NOW
from keyturn.values import Secret
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keyturn.scene import Scene


def token() -> str:
    return make_secret("token")


def spoilt(world: FakeWorld, name: str) -> tuple[str, str]:
    """A value with a line break in the middle, as from copying a wrapped line."""
    half = make_secret("api-key")
    world.variables[name] = f"{half[:10]}\n{half[10:]}"
    return name, half[10:]


class TestAuthTokenEnv(SourceContract):
    source_id = "auth-token-env"

    def fill(self, world: FakeWorld) -> str:
        world.variables["ANTHROPIC_AUTH_TOKEN"] = (secret := token())
        return secret

    def spoil(self, world: FakeWorld) -> tuple[str, str]:
        return spoilt(world, "ANTHROPIC_AUTH_TOKEN")


class TestOauthTokenEnv(SourceContract):
    source_id = "oauth-token-env"

    def fill(self, world: FakeWorld) -> str:
        world.variables["CLAUDE_CODE_OAUTH_TOKEN"] = (secret := token())
        return secret

    def spoil(self, world: FakeWorld) -> tuple[str, str]:
        return spoilt(world, "CLAUDE_CODE_OAUTH_TOKEN")


class TestApiKeyEnv(SourceContract):
    source_id = "api-key-env"

    def fill(self, world: FakeWorld) -> str:
        world.variables["ANTHROPIC_API_KEY"] = (secret := make_secret("api-key"))
        return secret

    def spoil(self, world: FakeWorld) -> tuple[str, str]:
        return spoilt(world, "ANTHROPIC_API_KEY")


class TestOauthTokenDescriptor(SourceContract):
    source_id = "oauth-token-fd"

    @pytest.fixture(autouse=True)
    def file(self) -> Iterator[None]:
        with tempfile.TemporaryFile() as self.opened:
            yield

    def fill(self, world: FakeWorld) -> str:
        secret = token()
        self.opened.write(secret.encode())
        self.opened.seek(0)
        world.variables[descriptor.NAME] = str(self.opened.fileno())
        return secret

    def spoil(self, world: FakeWorld) -> tuple[str, str]:
        world.variables[descriptor.NAME] = (value := token())
        return descriptor.NAME, value


class TestStoredLogin(SourceContract):
    source_id = "stored-login"

    def fill(self, world: FakeWorld) -> str:
        secret = token()
        save(self.scene(world).store, make_login(access_token=Secret(secret)))
        return secret

    def spoil(self, world: FakeWorld) -> tuple[str, str]:
        self.fill(world)
        path = self.scene(world).store.where
        Path(path).write_text(
            '{"version": 1, "access_token": {"inside": "test-access-in-the-middle"}}', encoding="utf-8"
        )
        return path, "test-access-in-the-middle"

    def answer_renewal(self, world: FakeWorld) -> None:
        world.script.append(token_answer(token(), make_secret("refresh")))


class TestStoredKey(SourceContract):
    source_id = "stored-login"

    def fill(self, world: FakeWorld) -> str:
        secret = make_secret("api-key")
        save(
            self.scene(world).store,
            make_login(
                access_token=None, refresh_token=None, authority=None, expires_at=None, api_key=Secret(secret)
            ),
        )
        return secret

    def spoil(self, world: FakeWorld) -> tuple[str, str]:
        return TestStoredLogin.spoil(self, world)  # type: ignore[arg-type] # the same record, damaged


def auth(world: FakeWorld, **options: str) -> Auth:
    return Auth(world=world, **options)  # type: ignore[arg-type] # options of text


def with_login(world: FakeWorld, **fields: object) -> Scene:
    scene = auth(world).scene()
    save(scene.store, make_login(**fields))
    return scene


# -- standing down (R10, R11 against R52)


@pytest.mark.proves("R10", "R11", "R52")
class TestStandingDown:
    def test_a_login_stands_down_while_a_key_is_set_and_the_survey_says_so(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": make_secret("api-key")})
        with_login(world)
        row = auth(world).explain().row("stored-login")
        assert row.state == "stands_down"
        assert "ANTHROPIC_API_KEY is set" in row.why

    def test_it_is_not_renewed_for_a_key(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": make_secret("api-key")})
        save(auth(world).scene().store, make_expired_login())
        assert isinstance(auth(world).credential(), ApiKey)
        assert world.requests == []

    def test_a_malformed_key_still_makes_it_stand_down_and_is_the_error(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": "sk-ant-test with a space"})
        with_login(world)
        found = auth(world).explain()
        assert found.row("stored-login").state == "stands_down"
        assert found.row("api-key-env").state == "error"
        with pytest.raises(ConfigurationError, match="ANTHROPIC_API_KEY") as caught:
            auth(world).credential()
        assert caught.value.exit == 8
        assert "sk-ant-test" not in str(caught.value)

    def test_pinning_the_login_overrides_it(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": make_secret("api-key")})
        with_login(world)
        assert isinstance(auth(world, source="stored-login").credential(), BearerToken)
        world.variables["KEYTURN_SOURCE"] = "stored-login"
        assert isinstance(auth(world).credential(), BearerToken)

    def test_nothing_stored_is_absent_and_does_not_stand_down(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": make_secret("api-key")})
        assert auth(world).explain().row("stored-login").state == "absent"
        scene = with_login(world)
        save(scene.store, Tombstone(at=NOW, generation=1))
        assert auth(world).explain().row("stored-login").state == "absent"

    def test_outranked_by_a_token_it_still_says_that_it_stands_down(self, tmp_path: Path) -> None:
        world = FakeWorld(
            tmp_path, {"ANTHROPIC_API_KEY": make_secret("api-key"), "ANTHROPIC_AUTH_TOKEN": token()}
        )
        with_login(world)
        assert auth(world).explain().row("stored-login").state == "stands_down"


class TestPins:
    def test_an_unknown_source_is_a_usage_error(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="no source named 'stored_login'") as caught:
            auth(FakeWorld(tmp_path), source="stored_login").credential()
        assert caught.value.exit == 2

    def test_a_winner_that_fails_is_never_replaced_by_a_lower_source(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path, {"ANTHROPIC_AUTH_TOKEN": "a b", "CLAUDE_CODE_OAUTH_TOKEN": token()})
        with pytest.raises(ConfigurationError, match="ANTHROPIC_AUTH_TOKEN"):
            auth(world).credential()


# -- values


class TestValues:
    @pytest.mark.parametrize("name", ["ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_API_KEY"])
    @pytest.mark.parametrize("empty", ["", " ", "\n", " \t\r\n"])
    def test_empty_is_unset(self, tmp_path: Path, name: str, empty: str) -> None:
        world = FakeWorld(tmp_path, {name: empty})
        assert {row.state for row in auth(world).explain().rows} == {"absent"}

    def test_space_around_a_secret_is_taken_off(self, tmp_path: Path) -> None:
        secret = make_secret("api-key")
        world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": f" {secret}\r\n"})
        assert auth(world).credential().headers() == {"x-api-key": secret}

    @pytest.mark.parametrize(
        ("inside", "what"),
        [
            ("\n", "a line break"),
            ("\r", "a line break"),
            (" ", "a space"),
            ("\t", "a space"),
            ("\x00", "a control character"),
            ("\x1b", "a control character"),
            ("\x7f", "a control character"),
            ("ü", "a character that is not ASCII"),
            ("\u200b", "a character that is not ASCII"),
        ],
    )
    @pytest.mark.parametrize(
        "name", ["ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"]
    )
    def test_what_no_header_can_carry_is_an_error_with_the_name_and_without_the_value(
        self, tmp_path: Path, name: str, inside: str, what: str
    ) -> None:
        world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": token(), name: f"sk-ant-first{inside}second-half"})
        with pytest.raises(ConfigurationError) as caught:
            auth(world).credential()
        error = caught.value
        assert error.exit == 8
        assert name in error.message
        assert what in error.message
        assert name in (error.hint or "")
        assert "first" not in f"{error} {error.hint} {error.facts}"
        assert "second" not in f"{error} {error.hint} {error.facts}"


# -- the descriptor


def pipe_with(data: bytes, *, closed: bool = True) -> tuple[int, int | None]:
    reading, writing = os.pipe()
    os.write(writing, data)
    if closed:
        os.close(writing)
        return reading, None
    return reading, writing


@pytest.mark.proves("R49")
class TestDescriptor:
    def wrong(self, tmp_path: Path, value: str) -> AuthError:
        world = FakeWorld(tmp_path, {descriptor.NAME: value})
        with pytest.raises(ConfigurationError) as caught:
            auth(world).credential()
        assert caught.value.exit == 8
        assert descriptor.NAME in caught.value.message
        return caught.value

    def test_closed(self, tmp_path: Path) -> None:
        number, _ = pipe_with(b"")
        os.close(number)
        assert f"descriptor {number} is not open" in self.wrong(tmp_path, str(number)).message

    @pytest.mark.parametrize("value", ["three", "-1", "3.0", "0x3", "٣", "99999999999999"])
    def test_not_a_number(self, tmp_path: Path, value: str) -> None:
        assert self.wrong(tmp_path, value).message

    def test_a_directory(self, tmp_path: Path) -> None:
        number = os.open(tmp_path, os.O_RDONLY)
        try:
            assert "is a directory" in self.wrong(tmp_path, str(number)).message
        finally:
            os.close(number)

    def test_not_readable(self, tmp_path: Path) -> None:
        number = os.open(tmp_path / "written", os.O_WRONLY | os.O_CREAT)
        try:
            assert "cannot be read" in self.wrong(tmp_path, str(number)).message
        finally:
            os.close(number)

    def test_larger_than_16_kib(self, tmp_path: Path) -> None:
        with tempfile.TemporaryFile() as file:
            file.write(b"x" * (16 * 1024 + 1))
            file.seek(0)
            assert "more than 16 KiB" in self.wrong(tmp_path, str(file.fileno())).message

    def test_exactly_16_kib_is_a_token(self, tmp_path: Path) -> None:
        with tempfile.TemporaryFile() as file:
            file.write(b"x" * 16 * 1024)
            file.seek(0)
            world = FakeWorld(tmp_path, {descriptor.NAME: str(file.fileno())})
            assert len(auth(world).credential().secret.reveal()) == 16 * 1024

    @pytest.mark.parametrize(
        ("data", "why"),
        [(b"", "is empty"), (b" \n", "is empty"), (b"\xff\xfe", "not text"), (b"a\nb", "a line break")],
    )
    def test_what_it_gives_is_no_token(self, tmp_path: Path, data: bytes, why: str) -> None:
        number, _ = pipe_with(data)
        try:
            world = FakeWorld(tmp_path, {descriptor.NAME: str(number)})
            with pytest.raises(ConfigurationError, match=why):
                auth(world).credential()
        finally:
            os.close(number)

    def test_a_pipe_that_nobody_closes_is_given_up(self, tmp_path: Path) -> None:
        number, writing = pipe_with(b"test-access-and-no-end", closed=False)
        assert writing is not None
        try:
            world = FakeWorld(tmp_path, {descriptor.NAME: str(number)})
            clock = iter(range(0, 1000, 3))
            world.clock = lambda: float(next(clock))  # type: ignore[method-assign] # 3 s pass at every look
            with pytest.raises(ConfigurationError, match="stayed open"):
                auth(world).credential()
        finally:
            os.close(number)
            os.close(writing)

    def test_it_is_read_once_for_all_auths_of_the_process(self, tmp_path: Path) -> None:
        secret = token()
        number, _ = pipe_with(secret.encode() + b"\n")
        try:
            world = FakeWorld(tmp_path, {descriptor.NAME: str(number)})
            auth(world).explain()
            assert [auth(world).credential().secret.reveal() for _ in range(2)] == [secret, secret]
        finally:
            os.close(number)

    def test_an_unset_variable_reads_nothing(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path, {descriptor.NAME: ""})
        assert auth(world).explain().row("oauth-token-fd").state == "absent"


# -- where a credential may go


GATEWAY = "https://gateway.example.com"


@pytest.mark.proves("T13")
class TestAudience:
    @pytest.mark.parametrize(
        ("name", "header"), [("ANTHROPIC_AUTH_TOKEN", "Authorization"), ("ANTHROPIC_API_KEY", "x-api-key")]
    )
    def test_a_key_or_gateway_token_goes_where_the_person_points_it(
        self, tmp_path: Path, name: str, header: str
    ) -> None:
        world = FakeWorld(tmp_path, {name: token(), "ANTHROPIC_BASE_URL": f"{GATEWAY}/v2"})
        credential = auth(world).credential()
        assert (credential.audience, credential.base_url) == (GATEWAY, f"{GATEWAY}/v2")
        assert header in credential.headers()

    def test_it_goes_to_the_profile_s_api_else(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": token()})
        assert auth(world).credential().audience == "https://api.anthropic.com"
        world.write_config({"profiles": {"default": {"api_base_url": GATEWAY}}})
        assert auth(world).credential().audience == GATEWAY

    def refused(self, world: FakeWorld) -> Refused:
        with pytest.raises(Refused) as caught:
            auth(world).credential()
        assert caught.value.exit == 7
        assert caught.value.hint
        return caught.value

    def test_an_oauth_token_of_the_environment_goes_to_no_gateway(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path, {"CLAUDE_CODE_OAUTH_TOKEN": token(), "ANTHROPIC_BASE_URL": GATEWAY})
        message = self.refused(world).message
        assert "https://api.anthropic.com" in message
        assert GATEWAY in message

    def test_unless_the_configuration_allows_that_origin(self, tmp_path: Path) -> None:
        world = FakeWorld(
            tmp_path, {"CLAUDE_CODE_OAUTH_TOKEN": token(), "ANTHROPIC_BASE_URL": f"{GATEWAY}/v1"}
        )
        world.write_config({"allow_oauth_origins": [f"{GATEWAY}/"]})
        assert auth(world).credential().base_url == f"{GATEWAY}/v1"
        world.write_config(
            {"allow_oauth_origins": ["https://gateway.example.com:8443", "nonsense", "http://[::"]}
        )
        self.refused(world)

    def test_a_login_goes_to_its_own_api_only(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path, {"ANTHROPIC_BASE_URL": "https://api.anthropic.com"})
        with_login(world, api_base_url=GATEWAY)
        message = self.refused(world).message
        assert GATEWAY in message
        assert "https://api.anthropic.com" in message
        world.variables["ANTHROPIC_BASE_URL"] = GATEWAY
        assert auth(world).credential().audience == GATEWAY

    def test_a_login_that_names_no_api_goes_nowhere(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path)
        with_login(world, api_base_url=None)
        with pytest.raises(ConfigurationError, match="does not say which API"):
            auth(world).credential()

    def test_a_stored_key_goes_to_anthropic_unless_its_profile_names_another_host(
        self, tmp_path: Path
    ) -> None:
        world = FakeWorld(tmp_path)
        key = {"access_token": None, "refresh_token": None, "authority": None, "api_key": Secret(token())}
        with_login(world, api_base_url=None, **key)
        assert auth(world).credential().audience == "https://api.anthropic.com"
        world.variables["ANTHROPIC_BASE_URL"] = GATEWAY
        assert "https://api.anthropic.com" in self.refused(world).message

    @pytest.mark.parametrize("name", ["ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY"])
    def test_plain_http_needs_to_be_allowed(self, tmp_path: Path, name: str) -> None:
        world = FakeWorld(tmp_path, {name: token(), "ANTHROPIC_BASE_URL": "http://claude-proxy:8080"})
        assert self.refused(world).code == "plain_http"
        world.write_config({"allow_http_origins": ["http://claude-proxy:8080"]})
        assert auth(world).credential().audience == "http://claude-proxy:8080"
        world.variables["ANTHROPIC_BASE_URL"] = "http://claude-proxy:8081"
        self.refused(world)

    def test_plain_http_is_never_allowed_for_an_oauth_token(self, tmp_path: Path) -> None:
        world = FakeWorld(
            tmp_path, {"CLAUDE_CODE_OAUTH_TOKEN": token(), "ANTHROPIC_BASE_URL": "http://claude-proxy:8080"}
        )
        listed = ["http://claude-proxy:8080"]
        world.write_config({"allow_http_origins": listed, "allow_oauth_origins": listed})
        assert self.refused(world).code == "plain_http"

    def test_plain_http_is_never_allowed_for_a_login(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path)
        world.write_config({"allow_http_origins": ["http://claude-proxy:8080"]})
        with_login(world, api_base_url="http://claude-proxy:8080")
        assert self.refused(world).code == "plain_http"

    @pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://[::1]:9", "http://localhost:9"])
    def test_plain_http_on_this_machine_is_fine(self, tmp_path: Path, url: str) -> None:
        world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": token(), "ANTHROPIC_BASE_URL": url})
        assert auth(world).credential().audience == url

    @pytest.mark.parametrize(
        "url",
        ["http://127.0.0.1.example.com", "http://localhost.example.com", "http://0127.0.0.1", "http://127.1"],
    )
    def test_a_host_that_only_looks_like_this_machine_is_not(self, tmp_path: Path, url: str) -> None:
        world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": token(), "ANTHROPIC_BASE_URL": url})
        assert self.refused(world).code == "plain_http"

    def test_an_address_that_is_none_is_a_configuration_error(self, tmp_path: Path) -> None:
        for url in ("gateway.example.com", "ftp://example.com", "https://me:pw@example.com", "https://"):
            world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": token(), "ANTHROPIC_BASE_URL": url})
            with pytest.raises(ConfigurationError, match="ANTHROPIC_BASE_URL") as caught:
                auth(world).credential()
            assert "pw" not in str(caught.value)


# -- the configuration against the login (L3)


@pytest.mark.proves("L3")
@pytest.mark.parametrize("key", ["issuer", "token_url", "client_id", "api_base_url"])
def test_a_configuration_edited_after_the_login_refuses_and_names_the_key(tmp_path: Path, key: str) -> None:
    world = FakeWorld(tmp_path)
    with_login(world, authority=make_authority())
    world.write_config({"profiles": {"default": {key: "https://elsewhere.example.com"}}})
    with pytest.raises(ConfigurationError, match=f"another {key}") as caught:
        auth(world).credential()
    assert "log in again" in (caught.value.hint or "")
    assert world.requests == []


# -- whose money it is


@pytest.mark.proves("P4")
class TestBilling:
    def test_another_class_than_the_required_one_is_refused(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": token()})
        with pytest.raises(Refused, match="billed as metered, and subscription is required") as caught:
            auth(world, require_billing="subscription").credential()
        assert caught.value.exit == 7
        assert auth(world, require_billing="metered").credential().billing == "metered"

    def test_the_configuration_may_require_it_too(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": token()})
        world.write_config({"require_billing": "subscription"})
        with pytest.raises(Refused, match="subscription is required"):
            auth(world).credential()
        assert auth(world, require_billing="metered").credential().source == "api-key-env"

    def test_a_class_that_does_not_exist_is_a_usage_error(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": token()})
        with pytest.raises(UsageError, match="no billing class 'free'"):
            auth(world, require_billing="free").credential()

    def test_a_key_put_in_the_login_s_place_while_running_is_not_spent(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path)
        scene = with_login(world)
        running = auth(world, require_billing="subscription")
        running.credential()
        save(
            scene.store,
            make_login(access_token=None, refresh_token=None, authority=None, api_key=Secret(token())),
        )
        world.advance(3)
        with pytest.raises(Rejected, match="changed"):
            running.credential()

    def test_a_metered_key_over_a_usable_login_is_warned_about_with_a_local_remedy(
        self, tmp_path: Path
    ) -> None:
        world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": token()})
        with_login(world)
        warning = " ".join(auth(world).explain().warnings)
        assert "ANTHROPIC_API_KEY is billed by use" in warning
        assert "env -u ANTHROPIC_API_KEY" in warning
        assert "logout" not in warning

    def test_a_key_without_any_login_is_not_warned_about(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": token()})
        assert auth(world).explain().warnings == ()


@pytest.mark.proves("P34")
def test_a_key_that_some_tool_loaded_from_dotenv_is_told(tmp_path: Path) -> None:
    secret = make_secret("api-key")
    world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": secret})
    dotenv = tmp_path / ".env"
    dotenv.write_text(f"OTHER=1\nexport ANTHROPIC_API_KEY='{secret}'\n", encoding="utf-8")
    found = auth(world).explain()
    dotenv.unlink()
    assert "./.env" in (found.row("api-key-env").where or "")
    assert any("./.env" in warning for warning in found.warnings)


@pytest.mark.proves("P34")
def test_dotenv_is_never_loaded_and_never_in_the_way(tmp_path: Path) -> None:
    world = FakeWorld(tmp_path)
    (tmp_path / ".env").write_text("ANTHROPIC_API_KEY=sk-ant-nobody-set-this\n", encoding="utf-8")
    with pytest.raises(NoCredential):
        auth(world).credential()
    (tmp_path / ".env").unlink()
    os.mkfifo(tmp_path / ".env")
    world.variables["ANTHROPIC_API_KEY"] = token()
    assert auth(world).credential().source == "api-key-env"


@pytest.mark.proves("P22", "P24")
@pytest.mark.parametrize("name", ["ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_API_KEY"])
def test_a_rejected_value_of_the_environment_is_an_error_at_once_that_names_it(
    tmp_path: Path, name: str
) -> None:
    world = FakeWorld(tmp_path, {name: token()})
    running = auth(world)
    credential = running.credential()
    with pytest.raises(Rejected, match=name) as caught:
        running.credential(rejected=credential)
    assert caught.value.exit == 4
    assert world.requests == []
    assert not Path(world.state_dir(), "logins").exists()


def test_a_store_that_cannot_be_opened_stops_only_its_own_source(tmp_path: Path) -> None:
    world = FakeWorld(tmp_path, {"ANTHROPIC_AUTH_TOKEN": token()})
    world.write_config({"profiles": {"default": {"store": "postgresql://db"}}})
    assert auth(world).credential().source == "auth-token-env"
    assert auth(world).explain().row("stored-login").state == "error"
    del world.variables["ANTHROPIC_AUTH_TOKEN"]
    with pytest.raises(ConfigurationError, match="postgresql"):
        auth(world).credential()


def test_a_store_of_one_s_own_is_used(tmp_path: Path) -> None:
    world = FakeWorld(tmp_path)
    store = MemoryStore(world)
    login = save(store, make_expired_login())
    world.script.append(answer({"error": "temporarily_unavailable"}, 503))
    with pytest.raises(AuthError):
        Auth(world=world, store=store).credential()
    assert store.load() == login
