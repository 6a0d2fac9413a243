"""Each trouble is made, found by `keyturn doctor`, repaired by the very command that it names, and gone."""

from __future__ import annotations

import datetime as dt
import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from keyturn.errors import Unavailable
from keyturn.login import ENDS_AT, Quarantine
from keyturn.records import write_record
from keyturn.stores.journal import Intent, JournalFile
from keyturn.testing.world import NOW, answer, token_answer
from keyturn.world.certificates import Certificate
from tests.certificates import Authority
from tests.secretscan import make_secret
from tests.unit.cli.test_doctor import ISSUER, findings, logins

if TYPE_CHECKING:
    from collections.abc import Callable

    from keyturn.login import Login
    from tests.unit.cli.conftest import Machine

# Stands for the person at the editor: puts right what is wrong in the file that it is called with.
EDITOR = """#!/bin/sh
for path; do :; done
printf '{"version": 1}' > "$path"
"""


def repair(keyturn: Machine, command: str) -> None:
    """Do what a person would do with the command: paste it."""
    if command.startswith("unset "):
        del keyturn.variables[command.removeprefix("unset ")]
    elif command.startswith("keyturn "):
        words = shlex.split(command.removesuffix(" > /dev/null"))[1:]
        if words[0] == "trust":  # a person is asked, and says yes
            words.insert(1, "--yes")
        done = keyturn(*words)
        assert done.status == 0, done.err
    else:
        editor = Path(keyturn.world.folder, "editor")
        editor.write_text(EDITOR, encoding="utf-8")
        editor.chmod(0o755)
        subprocess.run(["sh", "-c", command], check=True, env={**os.environ, "EDITOR": str(editor)})


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


# -- what is stored


def others_can_read(keyturn: Machine, _login: Login) -> None:
    (logins(keyturn) / "default.json").chmod(0o644)


def others_can_write(keyturn: Machine, _login: Login) -> None:
    logins(keyturn).chmod(0o770)


def others_can_list(keyturn: Machine, _login: Login) -> None:
    logins(keyturn).chmod(0o755)


def a_link(keyturn: Machine, _login: Login) -> None:
    record = logins(keyturn) / "default.json"
    record.rename(record.with_name("elsewhere.json"))
    record.symlink_to(record.with_name("elsewhere.json"))


def no_directory(keyturn: Machine, _login: Login) -> None:
    shutil.rmtree(logins(keyturn))
    logins(keyturn).touch()


def a_damaged_copy(keyturn: Machine, _login: Login) -> None:
    (logins(keyturn) / "default.json.corrupt-1700000000").touch(mode=0o600)


def a_waiting_login(keyturn: Machine, login: Login) -> None:
    journal = JournalFile(str(logins(keyturn) / "default.journal"))
    journal.rescue(login.replace(generation=login.generation + 1, expires_at=NOW - 1), login.identity)
    write_login(keyturn, login.replace(expires_at=NOW - 1))
    keyturn.world.script = [token_answer(make_secret("token"), make_secret("refresh"))]


def a_stale_journal(keyturn: Machine, login: Login) -> None:
    JournalFile(str(logins(keyturn) / "default.journal")).begin(
        Intent(at=NOW, attempt=1, generation=9, login_id=login.login_id, refresh_hash="x")
    )


def write_login(keyturn: Machine, login: Login) -> None:
    write(logins(keyturn) / "default.json", write_record(login))


# -- what is configured


def damaged_configuration(keyturn: Machine, _login: Login) -> None:
    write(Path(keyturn.world.write_config({})), '{"profiles": ]')


def damaged_settings(keyturn: Machine, _login: Login) -> None:
    write(Path(keyturn.world.folder, ".claude", "settings.json"), '{"env": {,}}')


def no_certificates(keyturn: Machine, _login: Login) -> None:
    keyturn.variables["SSL_CERT_FILE"] = "/nowhere/ca.pem"


def no_proxy_at_all(keyturn: Machine, _login: Login) -> None:
    keyturn.world.write_config(ISSUER)
    keyturn.variables["HTTPS_PROXY"] = "socks5://proxy.example.com"


def a_malformed_key(keyturn: Machine, _login: Login) -> None:
    keyturn.variables["ANTHROPIC_API_KEY"] = f"{make_secret('api-key')} and more"


def a_key_that_takes_the_place_of_a_login(keyturn: Machine, login: Login) -> None:
    write_login(keyturn, login.replace(billing="subscription"))
    keyturn.variables["ANTHROPIC_API_KEY"] = make_secret("api-key")


def an_untrusted_project(keyturn: Machine, _login: Login) -> None:
    project = Path(keyturn.world.folder, "a project")
    write(project / ".claude" / "settings.json", '{"apiKeyHelper": "cat key"}')
    keyturn.world.working_directory = str(project)


def a_project_that_changed(keyturn: Machine, login: Login) -> None:
    an_untrusted_project(keyturn, login)
    place = keyturn.world.cwd()
    assert keyturn("trust", "--yes", place).status == 0
    write(Path(place, ".claude", "settings.json"), '{"apiKeyHelper": "cat another"}')


REPAIRED: list[tuple[Callable[[Machine, Login], None], str, int]] = [
    (others_can_read, "store_denied", 5),
    (others_can_write, "store_mode", 5),
    (others_can_list, "store_mode", 5),
    (a_link, "store_denied", 5),
    (no_directory, "no_directory", 5),
    (a_damaged_copy, "damaged_copy", 5),
    (a_waiting_login, "login_waits_in_journal", 5),
    (a_stale_journal, "journal_stale", 0),
    (damaged_configuration, "configuration", 8),
    (damaged_settings, "settings", 8),
    (no_certificates, "configuration", 8),
    (no_proxy_at_all, "configuration", 8),
    (a_malformed_key, "configuration", 8),
    (a_key_that_takes_the_place_of_a_login, "shadowed_billing", 7),
    (an_untrusted_project, "untrusted_project", 0),
    (a_project_that_changed, "untrusted_project", 7),
]


@pytest.mark.proves("P36", "P4", "T2")
@pytest.mark.parametrize(("arrange", "code", "status"), REPAIRED, ids=[row[0].__name__ for row in REPAIRED])
def test_the_command_of_a_finding_makes_it_go_away(
    keyturn: Machine, arrange: Callable[[Machine, Login], None], code: str, status: int
) -> None:
    arrange(keyturn, keyturn.log_in())
    found = findings(keyturn, status=status)[code]
    assert found["needs_person"] == (status != 0)
    repair(keyturn, found["repair"])
    assert code not in findings(keyturn)


class TestLogins:
    LOGIN = "keyturn login --profile default"

    def found(self, keyturn: Machine, status: int, **changes: Any) -> dict[str, Any]:
        login = keyturn.log_in()
        write_login(keyturn, login.replace(**changes))
        return findings(keyturn, status=status)

    def test_one_whose_token_ran_out_and_cannot_be_renewed_is_dead(self, keyturn: Machine) -> None:
        dead = self.found(keyturn, 4, refresh_token=None, expires_at=NOW - 7200)["login_dead"]
        assert "ran out 2 h ago, and it cannot be renewed" in dead["message"]
        assert (dead["severity"], dead["repair"]) == ("error", self.LOGIN)

    def test_one_that_its_authority_ended_is_dead_when_its_token_is(self, keyturn: Machine) -> None:
        over = Quarantine(at=NOW, reason="the authority rejected its refresh token")
        assert (
            "rejected its refresh"
            in self.found(keyturn, 4, quarantine=over, expires_at=NOW)["login_dead"]["message"]
        )

    @pytest.mark.parametrize(("days", "status"), [(2.9, 4), (3.1, 0)])
    def test_one_that_ends_within_three_days_is_said_to(
        self, keyturn: Machine, days: float, status: int
    ) -> None:
        ends = NOW + days * 86400
        found = self.found(keyturn, status, issued_at=NOW - 90 * 86400, extra={ENDS_AT: ends})
        assert ("login_expires" in found) == (status == 4)
        if found:
            assert "its login ends in" in found["login_expires"]["message"]
            assert found["login_expires"]["repair"] == self.LOGIN

    @pytest.mark.parametrize(("minutes", "status"), [(11, 4), (13, 0)])
    def test_one_that_lives_an_hour_is_not_called_ending_from_its_start(
        self, keyturn: Machine, minutes: int, status: int
    ) -> None:
        left = minutes * 60
        self.found(keyturn, status, refresh_token=None, issued_at=NOW + left - 3600, expires_at=NOW + left)

    def test_one_that_can_be_renewed_is_fine_however_old_its_token(self, keyturn: Machine) -> None:
        assert self.found(keyturn, 0, expires_at=NOW - 86400) == {}


class TestNetwork:
    def test_each_host_is_reached_and_named_with_who_vouches_for_it(self, keyturn: Machine) -> None:
        keyturn.world.write_config(ISSUER)
        keyturn.variables["ANTHROPIC_API_KEY"] = make_secret("api-key")
        chain = Certificate(
            begins="2026-01-01",
            ends="2027-02-03",
            fetches_issuer=False,
            issuer="Example Inspection",
            names=("auth.example.com",),
            organisation=None,
            self_signed=False,
            subject="auth.example.com",
        )
        keyturn.world.chains = {"https://auth.example.com": (chain,)}
        keyturn.world.script = [answer({}, 404), answer({}, 404)]
        done = keyturn("doctor", "--network", "--json")
        assert done.status == 0
        [found] = [one for one in done.json["findings"] if one["code"] == "server"]
        assert found["message"] == "reached; Example Inspection vouches for it, until 2027-02-03"
        asked = [request.url for request in keyturn.world.requests]
        assert asked == ["https://auth.example.com/", "https://api.anthropic.com/"]

    @pytest.mark.parametrize(
        ("code", "named", "hint", "repair"),
        [
            ("proxy_password", "proxy_password", "export HTTPS_PROXY=http://USER:PASSWORD@proxy:1", None),
            ("tls_untrusted", "tls_untrusted", "if so, name it: export SSL_CERT_FILE=/path/to/ca.pem", None),
            ("timeout", "unreachable", "try again in a moment", "curl -v https://auth.example.com/"),
        ],
    )
    def test_what_stands_in_the_way_is_told_by_its_code_and_its_command(
        self, keyturn: Machine, code: str, named: str, hint: str, repair: str | None
    ) -> None:
        keyturn.world.write_config(ISSUER)
        keyturn.world.script = [Unavailable("it cannot be reached", hint=hint, code=code, sent=False)]
        found = findings(keyturn, "--network", status=6)[named]
        assert found["message"] == "profile default cannot reach it: it cannot be reached"
        assert found["repair"] == (repair or hint[hint.index("export") :])

    def test_what_other_programs_read_is_not_thought_to_count(self, keyturn: Machine) -> None:
        keyturn.variables["ALL_PROXY"] = "http://proxy.example.com"
        found = findings(keyturn, status=0)["proxy_not_read"]
        assert found["repair"] == 'export HTTPS_PROXY="$ALL_PROXY"'
        keyturn.variables["HTTPS_PROXY"] = "http://proxy.example.com"
        assert "proxy_not_read" not in findings(keyturn)

    def test_a_proxy_that_would_stop_every_request_is_not_made_to_count(self, keyturn: Machine) -> None:
        keyturn.variables["ALL_PROXY"] = "socks5://proxy.example.com"
        found = findings(keyturn, status=0)["proxy_not_read"]
        assert found["repair"] is None
        assert "of a kind that keyturn does not speak to" in found["message"]

    def test_a_client_certificate_is_missed_before_it_ends(self, keyturn: Machine, tmp_path: Path) -> None:
        now = dt.datetime.now(dt.UTC)
        keyturn.world.set_wall_clock(now.timestamp())
        clients = Authority(tmp_path / "clients", "clients of the company")
        for days, severity, status in ((-1, "error", 6), (2, "warning", 6), (30, None, 0)):
            begins, ends = dt.timedelta(days=-9), dt.timedelta(days=days)
            pair = clients.signed("client", begins=begins, ends=ends)
            keyturn.variables["CLAUDE_CODE_CLIENT_CERT"] = str(pair)
            found = findings(keyturn, status=status).get("client_certificate")
            assert (found["severity"] if found else None) == severity
            if found:
                assert "(client)" in found["message"]
                assert subprocess.run(["sh", "-c", found["repair"]], check=True, capture_output=True).stdout


def test_no_finding_shows_a_secret(keyturn: Machine) -> None:
    secret = make_secret("password")
    keyturn.world.write_config(ISSUER)
    keyturn.log_in()
    keyturn.variables["HTTPS_PROXY"] = f"http://me:{secret}@proxy.example.com:3128"
    keyturn.variables["ANTHROPIC_AUTH_TOKEN"] = f"{secret} {secret}"
    for done in (keyturn("doctor"), keyturn("doctor", "--json"), keyturn.drawn("doctor")):
        assert secret not in done.out + done.err
        assert json.dumps(secret) not in done.out
