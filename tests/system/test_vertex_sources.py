"""Google credentials of each kind with real parts: google-auth, official client, a sandbox that verifies."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

import pytest

from keyturn.sandbox.google import ACCOUNT, POOL, PROJECT
from keyturn.sandbox.sigv4 import SignedRequest, verify
from tests import secretscan
from tests.certificates import Authority
from tests.google import put
from tests.google_hosts import GoogleHosts
from tests.keyturns import Household
from tests.secretscan import make_secret
from tests.vertex import BOTH, ask, auth_of, external, grants, key, metadata, variables
from tests.web import Asked, Said, Web

if TYPE_CHECKING:
    from pathlib import Path

    from keyturn.sandbox import Sandbox

pytestmark = pytest.mark.system


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

    @pytest.mark.proves("T15")
    def test_what_a_program_printed_before_it_failed_is_never_shown(
        self, sandbox: Sandbox, tmp_path: Path
    ) -> None:
        program, subject = tmp_path / "program", sandbox.google.subject_token()
        put(program, f"#!/bin/sh\necho 'the token is {subject}'\nexit 3\n", 0o700)
        source = {"executable": {"command": str(program), "timeout_millis": 10000}}
        with Household(tmp_path) as house:
            house.env |= variables(sandbox, tmp_path, **external(sandbox, tmp_path, source))
            done = house.run("token", GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES="1")
        assert done.returncode == 4
        assert "return code 3" in done.stderr
        assert "the token is" not in done.stderr

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


@pytest.mark.proves("R29")
def test_an_account_of_aws_signs_a_question_that_aws_answers(sandbox: Sandbox, tmp_path: Path) -> None:
    key = sandbox.aws.issue()
    answers = {
        "/token": make_secret("token"),
        "/zone": "us-east-2b",
        "/keys": "role",
        "/keys/role": json.dumps(
            {"AccessKeyId": key.access_key_id, "SecretAccessKey": key.secret, "Token": key.token}
        ),
    }
    token = sandbox.google.issue("exchange")
    with Answering(answers) as machine, Web(Said(body=json.dumps(token).encode())) as exchange:
        source = {
            "environment_id": "aws1",
            "imdsv2_session_token_url": f"{machine.url}/token",
            "region_url": f"{machine.url}/zone",
            "url": f"{machine.url}/keys",
            "regional_cred_verification_url": "https://sts.{region}.example.com?Action=GetCallerIdentity",
        }
        kind = "urn:ietf:params:aws:token-type:aws4_request"
        env = external(sandbox, tmp_path, source, subject_token_type=kind, token_url=exchange.url)
        with Household(tmp_path) as house:
            house.env |= variables(sandbox, tmp_path, **env)
            done = house.run("token", secret=True)
        assert done.stdout.strip() == token["access_token"], done.stderr
        (request,) = exchange.asked
    shown = {one.headers.get("x-aws-ec2-metadata-token") for one in machine.asked if one.method == "GET"}
    assert shown == {answers["/token"]}
    assert key.secret.encode() not in request.body
    signed = json.loads(unquote(parse_qs(request.body.decode())["subject_token"][0]))
    headers = [(one["key"].lower(), one["value"]) for one in signed["headers"]]
    assert ("x-goog-cloud-target-resource", POOL) in headers
    assert ("host", "sts.us-east-2.example.com") in headers
    target = "/" + signed["url"].partition(".example.com")[2]
    whole = SignedRequest(method=signed["method"], target=target, headers=headers, body=b"")
    assert verify(whole, lambda _: key, service="sts", now=time.time()) == key


class Answering(Web):
    """The machine's own metadata: one text for each path."""

    def __init__(self, answers: dict[str, str]) -> None:
        super().__init__()
        self._by_path = answers

    def next(self, asked: Asked) -> Said:
        super().next(asked)
        return Said(body=self._by_path[asked.path].encode())
