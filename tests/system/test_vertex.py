"""The Vertex route with real parts: google-auth, the official client, loopback Google, installed keyturn."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

import keyturn
from keyturn import Auth, Refused, Rejected, UsageError
from keyturn.http import RequestAuth
from keyturn.sandbox import Sandbox
from keyturn.sandbox.google import ACCOUNT, POOL, PROJECT
from keyturn.world import World
from tests import secretscan
from tests.certificates import Authority
from tests.google import put
from tests.google_hosts import GoogleHosts
from tests.keyturns import Household
from tests.web import Said, Web

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.system

QUESTION: dict[str, Any] = {
    "model": "claude-opus-5",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "What is the answer?"}],
}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(on_secret=secretscan.register) as running:
        yield running


def variables(sandbox: Sandbox, folder: Path, **more: str) -> dict[str, str]:
    """A machine that points to the sandbox, and knows no metadata server unless told."""
    return {
        "HOME": str(folder),
        "KEYTURN_HOME": str(folder / "keyturn home"),
        "PATH": os.environ["PATH"],
        "CLAUDE_CODE_USE_VERTEX": "1",
        "ANTHROPIC_VERTEX_BASE_URL": f"{sandbox.api_base_url}/v1",
        **more,
    }


def metadata(sandbox: Sandbox) -> dict[str, str]:
    return {"GCE_METADATA_HOST": sandbox.api_base_url.removeprefix("http://")}


def key(sandbox: Sandbox, folder: Path) -> dict[str, str]:
    path = put(folder / "key.json", sandbox.google.key_file(sandbox.api_base_url))
    return {"GOOGLE_APPLICATION_CREDENTIALS": path}


def external(sandbox: Sandbox, folder: Path, source: dict[str, Any], **changes: Any) -> dict[str, str]:
    info = {
        "type": "external_account",
        "audience": POOL,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{sandbox.api_base_url}/google/sts",
        "credential_source": source,
        **changes,
    }
    path = put(folder / "external.json", info)
    return {"GOOGLE_APPLICATION_CREDENTIALS": path, "ANTHROPIC_VERTEX_PROJECT_ID": "my-project"}


def auth_of(sandbox: Sandbox, folder: Path, **more: str) -> Auth:
    return Auth(world=World(variables(sandbox, folder, **more)))


def ask(auth: Auth, **options: Any) -> str:
    with keyturn.anthropic(auth, **options) as client:
        assert type(client).__name__ == "AnthropicVertex"
        return str(client.messages.create(**QUESTION).content[0].text)


def aask(auth: Auth, **options: Any) -> str:
    async def asked() -> str:
        async with keyturn.async_anthropic(auth, **options) as client:
            assert type(client).__name__ == "AsyncAnthropicVertex"
            return str((await client.messages.create(**QUESTION)).content[0].text)

    return asyncio.run(asked())


BOTH = pytest.mark.parametrize("how", [ask, aask], ids=["sync", "async"])


def grants(sandbox: Sandbox) -> list[object]:
    return [event.facts["grant"] for event in sandbox.log.events("google-token")]


def asked(sandbox: Sandbox) -> list[tuple[object, object]]:
    """Region and status of each request that went to a model."""
    found = sandbox.log.events("api", route="vertex")
    return [(event.facts["location"], event.facts["status"]) for event in found]


class TestSources:
    @BOTH
    @pytest.mark.proves("R28")
    def test_a_service_account_s_key_signs_what_google_verifies(
        self, sandbox: Sandbox, tmp_path: Path, how: Any
    ) -> None:
        assert "What is the answer?" in how(auth_of(sandbox, tmp_path, **key(sandbox, tmp_path)))
        assert grants(sandbox) == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
        (event,) = sandbox.log.events("api", route="vertex")
        assert event.facts["project"] == PROJECT

    @BOTH
    @pytest.mark.proves("R29")
    def test_the_account_attached_to_a_machine(self, sandbox: Sandbox, tmp_path: Path, how: Any) -> None:
        assert "What is the answer?" in how(auth_of(sandbox, tmp_path, **metadata(sandbox)))
        found = [event.facts["asked"] for event in sandbox.log.events("google-metadata")]
        assert found == ["instance/service-accounts/default/token", "project/project-id"]

    @pytest.mark.proves("R29")
    def test_an_external_account_with_its_token_in_a_file(self, sandbox: Sandbox, tmp_path: Path) -> None:
        path = put(tmp_path / "subject", sandbox.google.subject_token())
        assert ask(auth_of(sandbox, tmp_path, **external(sandbox, tmp_path, {"file": path})))
        assert grants(sandbox) == ["exchange"]

    @pytest.mark.proves("R29")
    def test_an_external_account_with_its_token_at_an_address(self, sandbox: Sandbox, tmp_path: Path) -> None:
        said = json.dumps({"value": sandbox.google.subject_token()}).encode()
        with Web(Said(body=said)) as provider:
            source = {
                "url": f"{provider.url}/identity",
                "headers": {"Metadata": "true"},
                "format": {"type": "json", "subject_token_field_name": "value"},
            }
            assert ask(auth_of(sandbox, tmp_path, **external(sandbox, tmp_path, source)))
            (request,) = provider.asked
        assert (request.path, request.headers["metadata"]) == ("/identity", "true")
        assert grants(sandbox) == ["exchange"]

    def test_an_external_account_that_acts_as_a_service_account(
        self, sandbox: Sandbox, tmp_path: Path
    ) -> None:
        path = put(tmp_path / "subject", sandbox.google.subject_token())
        url = f"{sandbox.api_base_url}/google/iam/v1/projects/-/serviceAccounts/{ACCOUNT}:generateAccessToken"
        env = external(sandbox, tmp_path, {"file": path}, service_account_impersonation_url=url)
        auth = auth_of(sandbox, tmp_path, **env)
        assert ask(auth)
        assert grants(sandbox) == ["exchange", "impersonation"]
        assert auth.credential().account == ACCOUNT

    def test_an_external_account_with_a_program_runs_it_only_when_allowed(
        self, sandbox: Sandbox, tmp_path: Path
    ) -> None:
        program, subject = tmp_path / "program", sandbox.google.subject_token()
        answer = {
            "version": 1,
            "success": True,
            "token_type": "urn:ietf:params:oauth:token-type:jwt",
            "id_token": subject,
            "expiration_time": 4_102_444_800,
        }
        put(program, f"#!/bin/sh\necho '{json.dumps(answer)}'\n", 0o700)
        source = {"executable": {"command": str(program), "timeout_millis": 10000}}
        env = external(sandbox, tmp_path, source)
        with Household(tmp_path) as house:
            house.env |= variables(sandbox, tmp_path, **env)
            refused = house.run("token")
            assert refused.returncode == 7
            assert "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1" in refused.stderr
            allowed = house.run("token", secret=True, GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES="1")
            assert allowed.returncode == 0, allowed.stderr
        assert sandbox.google.trouble_of(allowed.stdout.strip()) is None

    @BOTH
    @pytest.mark.proves("R27", "T18")
    def test_a_login_of_gcloud_through_a_company_s_proxy(
        self, sandbox: Sandbox, tmp_path: Path, how: Any
    ) -> None:
        put(
            tmp_path / ".config/gcloud/application_default_credentials.json",
            sandbox.google.user_file() | {"quota_project_id": "quota-project"},
        )
        with GoogleHosts(sandbox, tmp_path) as hosts:
            env = {**hosts.variables, "ANTHROPIC_VERTEX_PROJECT_ID": "my-project"}
            assert how(auth_of(sandbox, tmp_path, **env))
            assert hosts.grants == 1
        (event,) = sandbox.log.events("api", route="vertex")
        assert event.facts["quota_project"] == "quota-project"

    def test_a_person_who_acts_as_a_service_account(self, sandbox: Sandbox, tmp_path: Path) -> None:
        url = f"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{ACCOUNT}:generateAccessToken"
        info = {
            "type": "impersonated_service_account",
            "service_account_impersonation_url": url,
            "source_credentials": sandbox.google.user_file(),
        }
        path = put(tmp_path / "acting.json", info)
        with GoogleHosts(sandbox, tmp_path) as hosts:
            env = {**hosts.variables, "ANTHROPIC_VERTEX_PROJECT_ID": "my-project"}
            assert ask(auth_of(sandbox, tmp_path, **env, GOOGLE_APPLICATION_CREDENTIALS=path))
            assert hosts.grants == 2


class TestClients:
    def test_an_answer_is_streamed(self, sandbox: Sandbox, tmp_path: Path) -> None:
        with (
            keyturn.anthropic(auth_of(sandbox, tmp_path, **metadata(sandbox))) as client,
            client.messages.stream(**QUESTION) as stream,
        ):
            pieces = list(stream.text_stream)
        assert len(pieces) > 5
        assert "What is the answer?" in "".join(pieces)

    def test_an_answer_is_streamed_to_a_task(self, sandbox: Sandbox, tmp_path: Path) -> None:
        async def streamed() -> str:
            auth = auth_of(sandbox, tmp_path, **metadata(sandbox))
            async with (
                keyturn.async_anthropic(auth) as client,
                client.messages.stream(**QUESTION) as stream,
            ):
                return "".join([piece async for piece in stream.text_stream])

        assert "What is the answer?" in asyncio.run(streamed())

    def test_tokens_are_counted(self, sandbox: Sandbox, tmp_path: Path) -> None:
        with keyturn.anthropic(auth_of(sandbox, tmp_path, **metadata(sandbox))) as client:
            counted = client.messages.count_tokens(model="claude-opus-5", messages=QUESTION["messages"])
        assert counted.input_tokens == 7

    @BOTH
    @pytest.mark.proves("R31")
    def test_a_model_with_a_region_of_its_own_is_asked_there(
        self, sandbox: Sandbox, tmp_path: Path, how: Any
    ) -> None:
        env = metadata(sandbox) | {
            "CLOUD_ML_REGION": "europe-west1",
            "VERTEX_REGION_CLAUDE_5_OPUS": "global",
        }
        auth = auth_of(sandbox, tmp_path, **env)
        how(auth)
        how(auth, region="us-central1")
        with keyturn.anthropic(auth) as client:
            client.messages.create(**{**QUESTION, "model": "claude-haiku-4-5@20251001"})
            client.with_options(timeout=30).messages.create(**QUESTION)
        assert asked(sandbox) == [
            ("global", 200),
            ("us-central1", 200),
            ("europe-west1", 200),
            ("global", 200),
        ]

    @BOTH
    def test_an_expired_token_costs_one_more_request_and_no_failure(
        self, sandbox: Sandbox, tmp_path: Path, how: Any
    ) -> None:
        auth = auth_of(sandbox, tmp_path, **key(sandbox, tmp_path))
        how(auth)
        sandbox.google.expire()
        how(auth)
        assert [status for _, status in asked(sandbox)] == [200, 401, 200]
        assert len(grants(sandbox)) == 2

    @BOTH
    @pytest.mark.proves("L19")
    def test_tokens_that_the_api_never_takes_end_in_one_error(
        self, sandbox: Sandbox, tmp_path: Path, how: Any
    ) -> None:
        auth = auth_of(sandbox, tmp_path, **key(sandbox, tmp_path))
        sandbox.set(api_reject_next=100)
        with pytest.raises(Exception, match="401"):
            how(auth)
        with pytest.raises(Rejected, match="and a new one too"):
            how(auth)
        assert len(grants(sandbox)) == 2

    def test_threads_on_an_expired_token_renew_once(self, sandbox: Sandbox, tmp_path: Path) -> None:
        auth = auth_of(sandbox, tmp_path, **key(sandbox, tmp_path))
        ask(auth)
        sandbox.google.expire()
        sandbox.set(token_delay=0.2)
        said: list[str] = []
        with keyturn.anthropic(auth) as client:
            threads = [
                threading.Thread(target=lambda: said.append(client.messages.create(**QUESTION).id))
                for _ in range(16)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert len(said) == 16
        assert len(grants(sandbox)) == 2

    def test_any_client_of_httpx_signs_through_the_adapter(self, sandbox: Sandbox, tmp_path: Path) -> None:
        auth = auth_of(sandbox, tmp_path, **metadata(sandbox))
        path = "/v1/projects/p-1/locations/global/publishers/anthropic/models/m:rawPredict"
        url = f"{sandbox.api_base_url}{path}"
        body = {"anthropic_version": "vertex-2023-10-16", "max_tokens": 5, "messages": QUESTION["messages"]}
        with httpx2.Client(auth=RequestAuth(auth)) as client:
            assert client.post(url, json=body).status_code == 200
            sandbox.google.expire()
            assert client.post(url, json=body).status_code == 200

    @pytest.mark.proves("T13")
    def test_a_google_token_never_goes_to_another_host(self, sandbox: Sandbox, tmp_path: Path) -> None:
        auth = auth_of(sandbox, tmp_path, **metadata(sandbox))
        with httpx2.Client(auth=RequestAuth(auth)) as client, pytest.raises(Refused, match="is for"):
            client.get(sandbox.issuer)

    def test_a_gateway_that_authenticates_gets_no_token(self, sandbox: Sandbox, tmp_path: Path) -> None:
        env = metadata(sandbox) | {"CLAUDE_CODE_SKIP_VERTEX_AUTH": "1", "GCLOUD_PROJECT": "my-project"}
        with pytest.raises(Exception, match="401"):
            ask(auth_of(sandbox, tmp_path, **env))
        assert sandbox.log.events("google-metadata") == ()
        (event,) = sandbox.log.events("api", route="vertex")
        assert event.facts["sent"] == []

    @pytest.mark.parametrize("option", ["access_token", "credentials"])
    def test_another_credential_is_no_option(self, sandbox: Sandbox, tmp_path: Path, option: str) -> None:
        with pytest.raises(UsageError, match=option):
            keyturn.anthropic(auth_of(sandbox, tmp_path, **metadata(sandbox)), **{option: object()})


class TestCommandLine:
    @pytest.fixture
    def house(self, sandbox: Sandbox, tmp_path: Path) -> Iterator[Household]:
        with Household(tmp_path) as found:
            found.env |= variables(sandbox, tmp_path)
            yield found

    @pytest.mark.proves("R26")
    def test_every_command_works_on_this_route(self, house: Household, sandbox: Sandbox) -> None:
        house.env |= metadata(sandbox)
        assert "What is OAuth?" in house.run("-p", "What is OAuth?").stdout
        status = json.loads(house.run("status", "--verify", "--json").stdout)
        assert (status["route"], status["kind"], status["verified"]) == ("vertex", "google", "accepted")
        explained = json.loads(house.run("explain", "--json").stdout)
        assert explained["winner"] == "google-adc"
        assert explained["facts"]["region"]["value"] == "us-east5"
        header = house.run("token", "--header", secret=True).stdout
        assert header.startswith("Authorization: Bearer sandbox-google-access")
        token = json.loads(house.run("token", "--json", secret=True).stdout)
        assert (token["kind"], token["audience"]) == ("google", sandbox.api_base_url)
        assert token["expires_at"]

    def test_a_program_that_is_run_asks_by_itself(self, house: Household, sandbox: Sandbox) -> None:
        house.env |= key(sandbox, house.folder)
        program = (
            "import anthropic;"
            "print(anthropic.AnthropicVertex().messages.create(model='claude-opus-5', max_tokens=9,"
            "messages=[{'role': 'user', 'content': 'x'}]).content[0].text)"
        )
        done = house.run(
            "run", "--", sys.executable, "-c", program, ANTHROPIC_API_KEY="sk-ant-test-unused-key"
        )
        assert "keyturn sandbox" in done.stdout, done.stderr
        assert [event.facts["kind_of_credential"] for event in sandbox.log.events("api", route="vertex")] == [
            "google"
        ]

    def test_a_command_of_the_settings_signs_in_again_and_is_run_once(
        self, house: Household, sandbox: Sandbox
    ) -> None:
        adc = house.folder / ".config/gcloud/application_default_credentials.json"
        put(adc, sandbox.google.user_file())
        fresh = put(house.folder / "fresh.json", sandbox.google.user_file())
        sandbox.google.end()
        said = f"echo 'Go to the following link'; echo ran >> {house.folder}/ran"
        script = f"{said}; cp {fresh} {adc}; chmod 600 {adc}"
        (house.folder / ".claude").mkdir()
        (house.folder / ".claude/settings.json").write_text(json.dumps({"gcpAuthRefresh": script}))
        with GoogleHosts(sandbox, house.folder) as hosts:
            house.env |= hosts.variables | {"ANTHROPIC_VERTEX_PROJECT_ID": "my-project"}
            before = house.run("token")
            assert before.returncode == 4  # the new login is refused, too: everything is
            assert (house.folder / "ran").read_text() == "ran\n"
            sandbox.google.restore()
            after = house.run("token", secret=True)
            assert after.returncode == 0, after.stderr
            assert (house.folder / "ran").read_text() == "ran\n"
            adc.unlink()
            commands = [
                subprocess.Popen(
                    [sys.executable, "-m", "keyturn", "status", "--verify", "--json"],
                    env=house.env,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
                for _ in range(2)
            ]
            ended = [command.communicate(timeout=120) for command in commands]
        assert [json.loads(out)["verified"] for out, _ in ended] == ["accepted", "accepted"]
        assert sum("Go to the following link" in err for _, err in ended) == 1
        assert (house.folder / "ran").read_text() == "ran\nran\n"

    @pytest.mark.proves("P38")
    def test_a_revoked_login_and_a_company_s_new_sign_in_are_told_apart(
        self, house: Household, sandbox: Sandbox
    ) -> None:
        put(
            house.folder / ".config/gcloud/application_default_credentials.json",
            sandbox.google.user_file(),
        )
        with GoogleHosts(sandbox, house.folder) as hosts:
            house.env |= hosts.variables
            sandbox.google.end()
            revoked = house.run("token")
            sandbox.google.end(reauth=True)
            reauth = house.run("token")
        assert (revoked.returncode, reauth.returncode) == (4, 4)
        assert "expired or was revoked" in revoked.stderr
        assert "your organisation asks for a new sign-in" in reauth.stderr
        assert "gcloud auth application-default login" in revoked.stderr
        assert "gcloud auth application-default login" in reauth.stderr

    @pytest.mark.proves("P39")
    def test_no_credentials_at_all_is_said_at_once(self, house: Household) -> None:
        done = house.run("token")
        assert done.returncode == 3
        assert "no Google credentials" in done.stderr
        pod = house.run("token", KUBERNETES_SERVICE_HOST="10.0.0.1", GCE_METADATA_HOST="127.0.0.1:9")
        assert pod.returncode == 3
        assert "no metadata server answers" in pod.stderr

    @pytest.mark.proves("R26")
    def test_without_google_auth_the_extra_is_named_and_no_other_route_taken(self, house: Household) -> None:
        (house.folder / "hiding/google").mkdir(parents=True)
        (house.folder / "hiding/google/__init__.py").touch()  # the package above, without what is needed
        house.env |= {"PYTHONPATH": str(house.folder / "hiding"), "ANTHROPIC_API_KEY": "sk-ant-test-unused"}
        done = house.run("token")
        assert done.returncode == 8
        assert "pip install 'keyturn[vertex]'" in done.stderr
        assert done.stdout == ""


class TestTerminal:
    @pytest.fixture
    def house(self, sandbox: Sandbox, tmp_path: Path) -> Iterator[Household]:
        with Household(tmp_path) as found:
            found.env |= variables(sandbox, tmp_path)
            yield found

    @pytest.mark.proves("R26", "R36")
    def test_a_session_asks_and_says_what_login_and_logout_mean(
        self, house: Household, sandbox: Sandbox
    ) -> None:
        house.env |= metadata(sandbox)
        screen = house.start()
        screen.wait_for("Google credentials", "billing: cloud", "claude-opus-5 at")
        screen.enter("Hello there")
        screen.wait_for("You asked: “Hello there”.")
        screen.enter("/login")
        screen.wait_for("keyturn keeps no login", "the Google credentials work")
        screen.enter("/logout")
        screen.wait_for("gcloud auth application-default revoke", "nothing to remove")
        sandbox.google.expire()
        screen.enter("Still there?")
        screen.wait_for("You asked: “Still there?”.")
        screen.enter("/exit")
        assert screen.ended() == 0

    def test_the_chooser_walks_to_a_profile_that_works(self, house: Household, sandbox: Sandbox) -> None:
        del house.env["CLAUDE_CODE_USE_VERTEX"]
        house.env |= key(sandbox, house.folder)
        screen = house.start("login")
        screen.wait_for("4) through Google Vertex AI", "choose 1-5")
        screen.enter("4")
        screen.wait_for("found a service account key", f"project (Enter: {PROJECT}):")
        screen.enter()
        screen.wait_for("region (Enter: us-east5, from default):")
        screen.enter("europe-west1")
        assert screen.ended() == 0
        assert screen.shows("ready: profile default uses Google Vertex AI in europe-west1")
        assert house.config()["profiles"]["default"] == {"route": "vertex", "vertex_region": "europe-west1"}
        assert "You asked: “Hello”." in house.run("-p", "Hello").stdout
        assert asked(sandbox)[-1] == ("europe-west1", 200)


@pytest.mark.proves("R28", "T18")
def test_an_account_of_a_certificate_shows_it_to_the_token_exchange(sandbox: Sandbox, tmp_path: Path) -> None:
    ours, theirs = Authority(tmp_path / "ours", "ours"), Authority(tmp_path / "theirs", "theirs")
    pair = ours.signed("workload")
    secretscan.declare_store(pair)
    config = put(
        tmp_path / "certificates.json",
        {"cert_configs": {"workload": {"cert_path": str(pair), "key_path": str(pair)}}},
    )
    token = sandbox.google.issue("certificate")
    with Web(Said(body=json.dumps(token).encode()), tls=theirs.server(client_authority=ours)) as exchange:
        env = external(
            sandbox,
            tmp_path,
            {"certificate": {"certificate_config_location": config}},
            subject_token_type="urn:ietf:params:oauth:token-type:mtls",
            token_url=exchange.url,
        )
        auth = auth_of(sandbox, tmp_path, **env, SSL_CERT_FILE=str(theirs.file))
        assert ask(auth)
        (request,) = exchange.asked
    assert b"mtls" in request.body
