"""The installed keyturn on the Vertex route: each command, gcpAuthRefresh, a session, the walk of login."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from keyturn.sandbox.google import PROJECT
from tests.google import put
from tests.google_hosts import GoogleHosts
from tests.keyturns import Household
from tests.vertex import asked, key, metadata, variables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from keyturn.sandbox import Sandbox

pytestmark = pytest.mark.system


@pytest.fixture
def house(sandbox: Sandbox, tmp_path: Path) -> Iterator[Household]:
    with Household(tmp_path) as found:
        found.env |= variables(sandbox, tmp_path)
        yield found


class TestCommandLine:
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
