"""`keyturn login` as a person meets it: what it asks, says and remembers."""

from __future__ import annotations

import json

import pytest

from keyturn.testing import answer
from tests.secretscan import make_secret
from tests.unit.cli.desk import AT, WHERE, Desk
from tests.unit.oauth.conftest import API, ISSUER, contents, metadata, tokens

# -- on a terminal


@pytest.mark.proves("R3", "R4")
def test_a_login_says_on_stdout_who_and_where_and_remembers_what_was_typed(desk: Desk) -> None:
    done = desk(
        "login", *AT, *WHERE, "--scope", "a b", "--scope", "c", lines="", script=[metadata(), tokens()]
    )
    assert done.status == 0
    record = desk.home / "logins/default.json"
    assert done.out == f"logged in as developer@example.com; stored in profile default ({record})\n"
    assert f"\n{desk.world.browsed[0]}\n" in done.err
    remembered = {
        "issuer": ISSUER,
        "client_id": "example-client",
        "api_base_url": API,
        "scopes": ["a", "b", "c"],
    }
    assert desk.config() == {"version": 1, "profiles": {"default": remembered}}
    assert "scope=a+b+c" in desk.world.browsed[0]


def test_the_next_login_needs_no_flags(logged_in: Desk) -> None:
    before = (logged_in.home / "config.json").read_bytes()
    done = logged_in("login", lines="", script=[metadata(), tokens()])
    assert done.status == 0
    assert (logged_in.home / "config.json").read_bytes() == before


def test_json_tells_programs_what_happened(desk: Desk) -> None:
    done = desk("login", *AT, *WHERE, "--json", lines="", script=[metadata(), tokens()])
    assert json.loads(done.out) == {
        "version": 1,
        "profile": "default",
        "changed": True,
        "kind": "bearer",
        "account": "developer@example.com",
        "where": str(desk.home / "logins/default.json"),
        "winner": "stored-login",
    }


def test_a_person_is_asked_which_api_the_login_is_for(desk: Desk) -> None:
    done = desk("login", *AT, lines=f"{API}\n", script=[metadata(), tokens()])
    assert done.status == 0
    assert "address of the API this login is for" in done.err
    assert desk.config()["profiles"]["default"]["api_base_url"] == API
    assert len(desk.world.requests) == 2


def test_without_an_answer_to_that_nothing_happens(desk: Desk) -> None:
    done = desk("login", *AT, lines="\n", script=[metadata()])
    assert done.status == 8
    assert "keyturn login --api-base-url https://" in done.err
    assert contents(desk.home) == {}


@pytest.mark.proves("R35")
def test_a_login_that_does_not_win_says_what_still_does(desk: Desk) -> None:
    desk.world.variables["ANTHROPIC_AUTH_TOKEN"] = make_secret("token")
    done = desk("login", *AT, *WHERE, lines="", script=[metadata(), tokens()])
    assert done.status == 0
    assert "ANTHROPIC_AUTH_TOKEN" in done.err
    assert "still comes first; see: keyturn explain" in done.err


@pytest.mark.parametrize(("typed", "status"), [("y\n", 0), ("\n", 3), ("nonsense\n", 3), ("", 3)])
def test_another_account_is_replaced_when_the_person_types_y(
    logged_in: Desk, typed: str, status: int
) -> None:
    before = contents(logged_in.home)
    done = logged_in("login", lines=typed, script=[metadata(), tokens("operator@example.com")])
    assert done.status == status
    assert "by the login of operator@example.com" in done.err
    assert (contents(logged_in.home) == before) is bool(status)


def test_yes_answers_that_question(logged_in: Desk) -> None:
    done = logged_in("login", "--yes", lines="", script=[metadata(), tokens("operator@example.com")])
    assert done.status == 0
    assert "[y/N]" not in done.err


# -- what is remembered, and when


def test_a_login_that_fails_is_not_remembered(logged_in: Desk) -> None:
    before = contents(logged_in.home)
    done = logged_in(
        "login", *AT, "--billing", "subscription", lines="", script=[metadata(), answer({}, 500)]
    )
    assert done.status == 6
    assert contents(logged_in.home) == before


def test_what_keyturn_does_not_know_in_the_configuration_stays(logged_in: Desk) -> None:
    config = logged_in.config()
    config["of_a_later_version"] = {"x": [1]}
    config["profiles"]["default"]["also_later"] = True
    config["profiles"]["work"] = {"issuer": "https://work.example.com", "later": 1}
    (logged_in.home / "config.json").write_text(json.dumps(config))
    done = logged_in("login", "--billing", "subscription", lines="", script=[metadata(), tokens()])
    assert done.status == 0
    config["profiles"]["default"]["billing"] = "subscription"
    assert logged_in.config() == config


@pytest.mark.proves("T13")
def test_another_authority_inherits_nothing_of_the_old_one(logged_in: Desk) -> None:
    config = logged_in.config()
    config["profiles"]["default"] |= {"oauth_beta": True, "later": 1, "store": "file", "resource": API}
    (logged_in.home / "config.json").write_text(json.dumps(config))
    other = "https://other.example.com"
    script = [
        metadata(
            issuer=other,
            authorization_endpoint=f"{other}/a",
            token_endpoint=f"{other}/t",
            registration_endpoint=f"{other}/r",
        ),
        answer({"client_id": "registered"}, 201),
        tokens(),
    ]
    done = logged_in("login", "--issuer", other, lines="https://api.other.example\ny\n", script=script)
    assert done.status == 0
    remembered = logged_in.config()["profiles"]["default"]
    assert remembered == {
        "issuer": other,
        "api_base_url": "https://api.other.example",
        "store": "file",
        "later": 1,
    }
    stored = logged_in.stored()
    assert stored is not None
    assert (stored.api_base_url, stored.oauth_beta) == ("https://api.other.example", False)
    assert stored.authority is not None
    assert stored.authority.client_id == "registered"


def test_a_damaged_configuration_is_named_and_left_alone(desk: Desk) -> None:
    desk.home.mkdir(mode=0o700)
    (desk.home / "config.json").write_text("{,")
    done = desk("login", *AT, *WHERE, lines="")
    assert done.status == 8
    assert f"{desk.home}/config.json:1:2:" in done.err
    assert (desk.home / "config.json").read_text() == "{,"


def test_a_profile_of_its_own_leaves_the_others_alone(logged_in: Desk) -> None:
    before = (logged_in.home / "logins/default.json").read_bytes()
    done = logged_in("login", "--profile", "work", *AT, *WHERE, lines="", script=[metadata(), tokens()])
    assert done.status == 0
    assert (logged_in.home / "logins/default.json").read_bytes() == before
    assert sorted(logged_in.config()["profiles"]) == ["default", "work"]


# -- wrong calls


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        ((*AT, *WHERE, "--device"), 8, "keyturn login --no-browser"),
        (("--device", "--no-browser"), 2, "not allowed with"),
        (("--begin", "--device"), 2, "not allowed with"),
        (("--code-file", "-", "--begin"), 2, "not allowed with"),
        (("--code-file",), 2, "--code-file"),
        (("--code-file", "no-such-file"), 2, "no login of profile default waits to be finished"),
        (("--code-file", "-", "--issuer", ISSUER), 2, "--issuer counts where a login is begun"),
        (("--url-file", ""), 2, "--url-file is empty"),
        (("--url-file", "/"), 2, "--url-file / cannot be written"),
        (("--url-file", "/dev/null"), 2, "--url-file /dev/null cannot be written"),
        (("--url-file", "a\0b"), 2, "--url-file is no path"),
        ((*AT, *WHERE, "--url-file", "/no/such/folder/url"), 2, "/no/such/folder/url cannot be written"),
        (("--from-json", "token.json"), 2, "keyturn login --from-json - < token.json"),
        (("--issuer", ""), 2, "--issuer is empty"),
        (("--client-id", " "), 2, "--client-id is empty"),
        (("--issuer", "https://a b"), 8, "--issuer holds a space at position 10"),
        (("--client-id", "ü"), 8, "--client-id holds a character that is not ASCII"),
        (("--profile", "../x"), 2, "the profile name in --profile is not one"),
        (("--no-browser", "--with-api-key"), 2, "not allowed with"),
        (("--callback-port", "http"), 2, "--callback-port"),
        *(
            ((*way, "--callback-port", "4242"), 2, "--callback-port is where a browser's answer arrives")
            for way in (("--device",), ("--with-api-key",), ("--from-json", "-"), ("--code-file", "-"))
        ),
        (("--store", "vault"), 2, "--store"),
        (("--issuer", "http://auth.example.com"), 7, "plain http on another machine"),
        ((*AT, *WHERE, "--callback-port", "70000"), 2, "callback port 70000 is not between"),
        ((*AT, "--api-base-url", "http://api.example.com"), 7, "without encryption"),
        ((*AT, *WHERE, "--redirect-uri", "https://x"), 8, "http://127.0.0.1:PORT/PATH"),
    ],
)
def test_a_wrong_call_is_explained_and_changes_nothing(
    desk: Desk, words: tuple[str, ...], status: int, says: str
) -> None:
    done = desk("login", *words, lines="", script=[metadata()])
    assert (done.status, done.out) == (status, "")
    assert says in done.err
    assert "\nhint: " in done.err
    assert contents(desk.home) == {}


@pytest.mark.proves("R2", "R54")
@pytest.mark.parametrize("variables", [{}, {"CI": "true"}, {"CI": "1"}])
@pytest.mark.parametrize("words", [(), ("--no-input",)])
def test_where_nobody_can_be_asked_it_says_what_to_set(
    desk: Desk, variables: dict[str, str], words: tuple[str, ...]
) -> None:
    desk.world.variables.update(variables)
    asks = bool(variables or words)  # a terminal that may not be used is as none
    done = desk("login", *words, lines="1\n" if asks else None)
    assert (done.status, done.out) == (3, "")
    for way in ("keyturn login --issuer", "keyturn login --with-api-key < key.txt", "ANTHROPIC_API_KEY"):
        assert way in done.err
    assert contents(desk.home) == {}


@pytest.mark.parametrize("words", [(*AT, *WHERE), (*AT, *WHERE, "--no-input", "--no-browser")])
def test_with_an_authority_but_without_a_person_nothing_is_opened(desk: Desk, words: tuple[str, ...]) -> None:
    done = desk("login", *words, lines=None if "--no-input" not in words else "")
    assert done.status == 3
    assert "keyturn login --from-json -" in done.err
    assert (desk.world.browsed, desk.world.requests) == ([], [])


@pytest.mark.parametrize("words", [("--with-api-key",), ("--from-json", "-")])
def test_a_terminal_that_may_not_be_used_is_not_read(desk: Desk, words: tuple[str, ...]) -> None:
    done = desk("login", *words, "--no-input", lines="sk-ant-test-of-nobody")
    assert done.status == 3
    assert "standard input is a terminal, and --no-input forbids asking" in done.err


@pytest.mark.parametrize("words", [(), AT], ids=["nothing configured", "an authority"])
def test_what_forbids_asking_is_named(desk: Desk, words: tuple[str, ...]) -> None:
    assert "and there is no terminal to ask on\n" in desk("login", *words).err
    assert "and --no-input forbids asking\n" in desk("login", *words, "--no-input", lines="").err
    desk.world.variables["CI"] = "1"
    assert "and CI is set, which forbids asking\n" in desk("login", *words, lines="").err
