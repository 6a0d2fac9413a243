"""The Bedrock route with real parts: botocore, the official client, boto3, the sandbox's AWS, and keyturn."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anthropic
import httpx2
import pytest

import keyturn
from keyturn import Auth, Rejected
from keyturn.http import RequestAuth
from keyturn.sandbox import Sandbox
from keyturn.world import World
from tests import secretscan
from tests.keyturns import KEYTURN, Household
from tests.standins import Reply, StandIn
from tests.terminals import LONG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keyturn.sandbox.sigv4 import IssuedKey

pytestmark = pytest.mark.system

QUESTION: dict[str, Any] = {
    "model": "us.anthropic.claude-opus-5-v1:0",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "What is the answer?"}],
}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(on_secret=secretscan.register) as running:
        yield running


def variables(sandbox: Sandbox, folder: Path, **more: str) -> dict[str, str]:
    """A machine whose AWS is the sandbox."""
    return {
        "HOME": str(folder),
        "KEYTURN_HOME": str(folder / "keyturn home"),
        "PATH": os.environ["PATH"],
        "CLAUDE_CODE_USE_BEDROCK": "1",
        "ANTHROPIC_BEDROCK_BASE_URL": sandbox.api_base_url,
        "AWS_ENDPOINT_URL_STS": sandbox.api_base_url,
        "AWS_EC2_METADATA_DISABLED": "true",
        **more,
    }


def write_keys(folder: Path, key: IssuedKey, profile: str = "default") -> None:
    """As a tool that logs in to AWS writes them."""
    path = folder / ".aws" / "credentials"
    path.parent.mkdir(exist_ok=True)
    secretscan.declare_store(path.parent)  # that is where these belong
    token = f"aws_session_token = {key.token}\n" if key.token else ""
    text = (
        f"[{profile}]\naws_access_key_id = {key.access_key_id}\naws_secret_access_key = {key.secret}\n{token}"
    )
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def auth_of(sandbox: Sandbox, folder: Path, **more: str) -> Auth:
    return Auth(world=World(variables(sandbox, folder, **more)))


def exported(key: IssuedKey) -> dict[str, str]:
    token = {"AWS_SESSION_TOKEN": key.token} if key.token else {}
    return {"AWS_ACCESS_KEY_ID": key.access_key_id, "AWS_SECRET_ACCESS_KEY": key.secret, **token}


def text_of(message: Any) -> str:
    return "".join(block.text for block in message.content)


def statuses(sandbox: Sandbox, ending: str = "invoke") -> list[object]:
    found = sandbox.log.events("api", route="bedrock")
    return [event.facts["status"] for event in found if str(event.facts["path"]).endswith(ending)]


@pytest.mark.proves("R12", "R13")
def test_the_official_client_is_ready_to_use_in_every_way(sandbox: Sandbox, tmp_path: Path) -> None:
    write_keys(tmp_path, sandbox.aws.issue())
    auth = auth_of(sandbox, tmp_path)
    with keyturn.anthropic(auth) as client:
        assert anthropic.AnthropicBedrock in type(client).__mro__
        assert "What is the answer?" in text_of(client.messages.create(**QUESTION))
        with client.messages.stream(**QUESTION) as stream:
            assert "What is the answer?" in "".join(stream.text_stream)
        copied = client.with_options(timeout=30)
        assert "What is the answer?" in text_of(copied.messages.create(**QUESTION))

    async def asked() -> tuple[str, str]:
        async with keyturn.async_anthropic(auth) as client:
            assert anthropic.AsyncAnthropicBedrock in type(client).__mro__
            whole = text_of(await client.messages.create(**QUESTION))
            async with client.messages.stream(**QUESTION) as stream:
                return whole, "".join([piece async for piece in stream.text_stream])

    assert all("What is the answer?" in text for text in asyncio.run(asked()))
    assert set(statuses(sandbox)) == {200}
    assert set(statuses(sandbox, "invoke-with-response-stream")) == {200}


def test_a_bedrock_key_and_no_credential_reach_the_client_too(sandbox: Sandbox, tmp_path: Path) -> None:
    bearer = auth_of(sandbox, tmp_path, AWS_BEARER_TOKEN_BEDROCK=sandbox.aws.issue_bearer())
    with keyturn.anthropic(bearer) as client:
        assert "What is the answer?" in text_of(client.messages.create(**QUESTION))
    unsigned = auth_of(sandbox, tmp_path, CLAUDE_CODE_SKIP_BEDROCK_AUTH="1")
    with keyturn.anthropic(unsigned) as client, pytest.raises(anthropic.PermissionDeniedError) as caught:
        client.messages.create(**QUESTION)
    assert "Missing Authentication Token" in str(caught.value)


@pytest.mark.proves("P18", "R42")
def test_two_terminals_the_other_one_logs_in_and_this_one_goes_on(sandbox: Sandbox, tmp_path: Path) -> None:
    write_keys(tmp_path, sandbox.aws.issue())
    auth = auth_of(sandbox, tmp_path)
    with keyturn.anthropic(auth, max_retries=0) as client:
        client.messages.create(**QUESTION)
        sandbox.aws.expire()
        with pytest.raises(Rejected, match="does not take the keys"):
            client.messages.create(**QUESTION)
        write_keys(tmp_path, sandbox.aws.issue())
        assert "What is the answer?" in text_of(client.messages.create(**QUESTION))


@pytest.mark.proves("P18", "R21")
def test_a_session_that_ends_is_renewed_by_the_command_and_nobody_notices(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    write_keys(tmp_path, sandbox.aws.issue())
    with keyturn.anthropic(auth_of(sandbox, tmp_path), max_retries=0) as client:
        client.messages.create(**QUESTION)
        sandbox.aws.expire()
        with_refresh(tmp_path, sandbox)
        assert "What is the answer?" in text_of(client.messages.create(**QUESTION))
    assert runs(tmp_path) == 1
    assert statuses(sandbox) == [200, 403, 200]


def with_refresh(folder: Path, sandbox: Sandbox, before: str = "") -> None:
    """A command that logs in: it leaves new keys, and a line in `runs`."""
    new = folder / "new"
    new.mkdir(exist_ok=True)
    write_keys(new, sandbox.aws.issue())
    script = folder / "log-in.sh"
    script.write_text(
        f"echo run >> '{folder}/runs'\n{before}\ncp '{new}/.aws/credentials' '{folder}/.aws/credentials'\n"
    )
    settings = folder / ".claude" / "settings.json"
    settings.parent.mkdir(exist_ok=True)
    settings.write_text(json.dumps({"awsAuthRefresh": f"sh '{script}'"}))


def runs(folder: Path) -> int:
    path = folder / "runs"
    return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.mark.proves("P16")
def test_eight_processes_at_once_are_one_run_of_the_command(sandbox: Sandbox, tmp_path: Path) -> None:
    write_keys(tmp_path, sandbox.aws.issue())
    sandbox.aws.expire()
    with_refresh(tmp_path, sandbox)
    env = variables(sandbox, tmp_path)
    started = [
        subprocess.Popen(
            [KEYTURN, "status", "--verify"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(8)
    ]
    said = [program.communicate(timeout=LONG) for program in started]
    assert [program.returncode for program in started] == [0] * 8, said
    assert runs(tmp_path) == 1


@pytest.mark.proves("R22", "P17")
def test_a_device_code_is_on_the_screen_while_the_command_waits(sandbox: Sandbox, tmp_path: Path) -> None:
    write_keys(tmp_path, sandbox.aws.issue())
    sandbox.aws.expire()
    gate = tmp_path / "approved"
    os.mkfifo(gate)
    with_refresh(tmp_path, sandbox, f"printf 'your code: WDJB-MJHT'\nread approved < '{gate}'")
    with Household(tmp_path) as house:
        house.env |= variables(sandbox, tmp_path)
        with house.start("-p", "Hello") as screen:
            screen.wait_for("your code: WDJB-MJHT")
            gate.write_text("yes\n")
            screen.wait_for("You asked")
            assert screen.ended() == 0


def test_the_command_line_asks_shows_and_hands_over(sandbox: Sandbox, tmp_path: Path) -> None:
    lasting = sandbox.aws.issue(lasting=True)
    write_keys(tmp_path, lasting)
    with Household(tmp_path) as house:
        house.env |= variables(sandbox, tmp_path)
        asked = house.run("-p", "Hello")
        assert "Hello" in asked.stdout, asked.stderr
        verified = house.run("status", "--verify", "--json")
        found = json.loads(verified.stdout)
        assert (found["verified"], found["kind"], found["billing"]) == ("accepted", "aws", "cloud")
        assert found["facts"]["region"] == {"value": "us-east-1", "origin": "default"}
        printed = json.loads(house.run("token", secret=True).stdout)
        assert printed == {
            "Version": 1,
            "AccessKeyId": lasting.access_key_id,
            "SecretAccessKey": lasting.secret,
        }
        assert house.run("token", "--header").returncode == 2
        program = (
            "import os; print(os.environ['AWS_ACCESS_KEY_ID']); print('AWS_SESSION_TOKEN' in os.environ)"
        )
        given = house.run("run", "--", sys.executable, "-c", program, secret=True).stdout.split()
        assert given[0] != lasting.access_key_id
        assert given[1] == "True"


BOTO3 = """
import boto3, json
client = boto3.client("bedrock-runtime")
body = json.dumps({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 64,
                   "messages": [{"role": "user", "content": "What is the answer?"}]})
answer = json.loads(client.invoke_model(modelId="us.anthropic.test-v1:0", body=body)["body"].read())
print(answer["content"][0]["text"])
stream = client.invoke_model_with_response_stream(modelId="us.anthropic.test-v1:0", body=body)["body"]
print([json.loads(event["chunk"]["bytes"])["type"] for event in stream][-1])
"""


def test_boto3_in_a_child_needs_nothing_else(sandbox: Sandbox, tmp_path: Path) -> None:
    write_keys(tmp_path, sandbox.aws.issue(lasting=True), "work")
    with Household(tmp_path) as house:
        house.env |= variables(sandbox, tmp_path, AWS_PROFILE="work")
        done = house.run("run", "--", sys.executable, "-c", BOTO3)
    assert done.returncode == 0, done.stderr
    assert "What is the answer?" in done.stdout
    assert done.stdout.splitlines()[-1] == "message_stop"


@pytest.mark.proves("L24")
def test_keyturn_is_a_credential_process_and_not_its_own(sandbox: Sandbox, tmp_path: Path) -> None:
    write_keys(tmp_path, sandbox.aws.issue(lasting=True), "base")
    config = tmp_path / ".aws" / "config"
    config.write_text(
        f"[profile through]\ncredential_process = env AWS_PROFILE=base '{KEYTURN}' --route bedrock token\n"
        f"[profile itself]\ncredential_process = '{KEYTURN}' --route bedrock token\n"
    )
    env = variables(sandbox, tmp_path)
    program = "import boto3; print(boto3.client('sts', region_name='us-east-1').get_caller_identity()['Arn'])"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**env, "AWS_PROFILE": "through"},
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )
    assert done.stdout.strip() == "arn:aws:iam::123456789012:user/sandbox", done.stderr
    with Household(tmp_path) as house:
        house.env |= env
        refused = house.run("token", AWS_PROFILE="itself")
    assert refused.returncode == 4
    assert "asks this same profile again" in refused.stderr


def test_logging_in_and_out_say_what_they_mean_and_touch_no_stored_login(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    write_keys(tmp_path, sandbox.aws.issue())
    with Household(tmp_path) as house:
        grant = json.dumps(sandbox.issue())
        told = ("--issuer", sandbox.issuer, "--client-id", sandbox.client_id)
        api = ("--api-base-url", sandbox.api_base_url, "--oauth-beta")
        assert house.run("login", *told, *api, "--from-json", "-", piped=grant).returncode == 0
        house.env |= variables(sandbox, tmp_path)
        before = house.contents()
        done = house.run("login")
        assert "arn:aws:iam::123456789012:user/sandbox" in done.stdout, done.stderr
        assert "keyturn keeps no login" in done.stderr
        done = house.run("logout")
        assert "nothing to remove" in done.stdout
        assert "keyturn --route anthropic logout" in done.stderr
        assert house.contents() == before


def test_the_walk_ends_in_a_working_profile(sandbox: Sandbox, tmp_path: Path) -> None:
    write_keys(tmp_path, sandbox.aws.issue(), "work")
    with Household(tmp_path) as house:
        env = variables(sandbox, tmp_path)
        del env["CLAUDE_CODE_USE_BEDROCK"]
        house.env |= env
        with house.start("login") as screen:
            screen.wait_for("through Amazon Bedrock", "choose 1-")
            at = next(line for line in screen.lines if "through Amazon Bedrock" in line)
            screen.enter(at.strip()[0])
            screen.wait_for("found the AWS profile work", "region (Enter: us-east-1")
            screen.enter("eu-west-1")
            screen.wait_for("AWS takes the keys of arn:aws:iam::123456789012:user/sandbox")
            screen.wait_for(
                "eu.anthropic.claude-opus-5", "ready: profile default uses Amazon Bedrock in eu-west-1"
            )
            assert screen.ended() == 0
        assert house.config()["profiles"]["default"] == {
            "route": "bedrock",
            "aws_profile": "work",
            "aws_region": "eu-west-1",
        }
        assert "Hello" in house.run("-p", "Hello").stdout


@pytest.mark.proves("P38")
def test_a_wrong_clock_is_explained(sandbox: Sandbox, tmp_path: Path) -> None:
    write_keys(tmp_path, sandbox.aws.issue())
    sandbox.set(clock_offset=900.0)
    with (
        httpx2.Client(auth=RequestAuth(auth_of(sandbox, tmp_path))) as client,
        pytest.raises(Rejected) as caught,
    ):
        client.post(f"{sandbox.api_base_url}/model/x/invoke", json={})
    assert caught.value.code == "clock_skew"
    assert "15 min behind" in caught.value.message


MOTO = str(Path(sys.executable).with_name("moto_server"))


def test_moto_s_token_service_takes_what_we_sign_and_gives_what_we_ask(tmp_path: Path) -> None:
    from keyturn.bedrock.sts import caller_identity, session_of
    from keyturn.values import AwsKeys

    with subprocess.Popen(
        [MOTO, "-H", "127.0.0.1", "-p", "0"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stderr is not None
            said = next(line for line in server.stderr if "Running on http" in line)
            origin = said.rpartition(" ")[2].strip()
            auth = Auth(
                world=World(
                    {
                        "HOME": str(tmp_path),
                        "CLAUDE_CODE_USE_BEDROCK": "1",
                        "AWS_ACCESS_KEY_ID": "test-key-id",
                        "AWS_SECRET_ACCESS_KEY": "test-secret-key",
                        "AWS_ENDPOINT_URL_STS": origin,
                    }
                )
            )
            keys = auth.credential()
            assert isinstance(keys, AwsKeys)
            assert caller_identity(auth.scene(), keys).account == "123456789012"
            session = session_of(auth.scene(), keys)
            assert session.session_token
            assert session.expires_at
        finally:
            server.terminate()


def test_a_session_talks_to_bedrock_and_knows_what_login_means_there(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    write_keys(tmp_path, sandbox.aws.issue())
    with Household(tmp_path) as house:
        house.env |= variables(sandbox, tmp_path)
        with house.start() as screen:
            screen.wait_for("us.anthropic.claude-opus-5", "billing: cloud")
            screen.wait_for_prompt()
            screen.enter("What is the answer?")
            screen.wait_for("You asked: “What is the answer?”")
            screen.wait_for_prompt()
            screen.enter("/login")
            screen.wait_for("keyturn keeps no login", "arn:aws:iam::123456789012:user/sandbox")
            screen.wait_for_prompt()
            screen.enter("/logout")
            screen.wait_for("there is nothing to remove")
            screen.wait_for_prompt()
            screen.enter("/model")
            screen.wait_for("listed among the inference profiles")
            screen.wait_for_prompt()
            screen.enter("/exit")
            assert screen.ended() == 0


def test_a_stream_that_fails_in_the_middle_is_an_error_and_no_end(sandbox: Sandbox, tmp_path: Path) -> None:
    write_keys(tmp_path, sandbox.aws.issue())
    sandbox.set(api_cut_next=1)
    with (
        keyturn.anthropic(auth_of(sandbox, tmp_path), max_retries=0) as client,
        pytest.raises(anthropic.APIError, match="stopped in the middle"),
        client.messages.stream(**QUESTION) as stream,
    ):
        stream.until_done()


@pytest.mark.proves("T13")
def test_a_redirect_takes_neither_signature_nor_session_token_elsewhere(tmp_path: Path) -> None:
    with StandIn() as gateway, StandIn() as elsewhere:
        gateway.answers["/model/x/invoke"] = Reply(
            status=307, headers={"Location": f"{elsewhere.origin}/there"}
        )
        elsewhere.answers["/there"] = Reply({})
        env = {
            "HOME": str(tmp_path),
            "CLAUDE_CODE_USE_BEDROCK": "1",
            "ANTHROPIC_BEDROCK_BASE_URL": gateway.origin,
            "AWS_ACCESS_KEY_ID": "test-key-id",
            "AWS_SECRET_ACCESS_KEY": secretscan.make_secret("token"),
            "AWS_SESSION_TOKEN": secretscan.make_secret("token"),
        }
        auth = RequestAuth(Auth(world=World(env)))
        with httpx2.Client(auth=auth, follow_redirects=True) as client:
            client.post(f"{gateway.origin}/model/x/invoke", json={})
        (sent,), (followed,) = gateway.asked("/model/x/invoke"), elsewhere.asked("/there")
    names = {"authorization", "x-amz-security-token"}
    assert names <= {name.lower() for name in sent.headers}
    assert not names & {name.lower() for name in followed.headers}
