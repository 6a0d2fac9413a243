"""Values are frozen and show no secret, however they are shown."""

from __future__ import annotations

import base64
import copy
import json
import logging
import pickle
import traceback

import pytest

from keyturn import ApiKey, BearerToken, Secret
from keyturn.testing import make_authority, make_login
from keyturn.values import OAUTH_BETA, Value
from keyturn.wire import Request
from tests.secretscan import leaks, make_secret


@pytest.fixture
def text() -> str:
    return make_secret("token")


@pytest.fixture
def credential(text: str) -> BearerToken:
    return BearerToken(
        source="auth-token-env",
        where="a test",
        secret=Secret(text),
        audience="https://api.example.com",
        base_url="https://api.example.com",
        billing="gateway",
        oauth_beta=True,
    )


def _fail(*facts: object) -> None:
    raise ValueError(*facts)


@pytest.mark.proves("T15")
class TestNothingShowsASecret:
    def test_not_in_any_text_of_it(self, text: str, credential: BearerToken) -> None:
        login = make_login(access_token=Secret(text), refresh_token=Secret(text), api_key=Secret(text))
        authority = make_authority(client_secret=Secret(text))
        request = Request(method="POST", url="https://a.example", headers={"a": text}, body=text.encode())
        for value in (Secret(text), credential, login, authority, request, [credential], {"a": Secret(text)}):
            shown = f"{value} {value!r} {value!s:>400} {value!a} %s" % (value,)
            assert leaks(shown) == []

    def test_not_in_a_log_or_a_traceback(
        self, text: str, credential: BearerToken, caplog: pytest.LogCaptureFixture
    ) -> None:
        try:
            _fail(credential, Secret(text))
        except ValueError as error:
            logging.getLogger("a program").exception("it failed with %s", credential)
            shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=False).format())
        assert leaks(shown + caplog.text) == []

    def test_not_in_a_pickle_nor_in_a_copy(self, text: str, credential: BearerToken) -> None:
        for value in (Secret(text), credential):
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
                with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
                    pickle.dumps(value, protocol)
        with pytest.raises(TypeError):
            copy.deepcopy(Secret(text))

    def test_not_in_json(self, text: str) -> None:
        with pytest.raises(TypeError):
            json.dumps({"token": Secret(text)})

    def test_the_scan_of_the_tests_would_see_it(self, text: str) -> None:
        assert leaks(f"… {text} …") == ["token"]
        assert leaks(base64.b64encode(f"x{text}".encode())) == ["token"]


class TestASecret:
    def test_it_says_its_text_only_when_asked(self, text: str) -> None:
        assert Secret(text).reveal() == text
        assert bool(Secret(text))
        assert not Secret("")

    def test_equal_texts_are_equal_secrets_and_equal_hashes(self, text: str) -> None:
        assert Secret(text) == Secret(text)
        assert hash(Secret(text)) == hash(Secret(text))
        assert Secret(text) != Secret(text + "x")
        assert Secret(text) != text
        assert Secret("ü") != Secret("u")

    def test_it_is_frozen(self, text: str) -> None:
        with pytest.raises(AttributeError):
            Secret(text)._text = "another"


class TestAValue:
    def test_it_is_frozen(self, credential: BearerToken) -> None:
        with pytest.raises(AttributeError, match="frozen"):
            credential.billing = "metered"
        with pytest.raises(AttributeError, match="frozen"):
            del credential.billing

    def test_a_field_it_does_not_have_is_an_error(self) -> None:
        with pytest.raises(TypeError, match="no field 'bill'"):
            ApiKey(bill="metered")

    def test_what_is_not_said_is_none(self) -> None:
        assert ApiKey(source="x").account is None

    def test_replacing_a_field_makes_another_value(self, credential: BearerToken) -> None:
        other = credential.replace(billing="metered")
        assert (credential.billing, other.billing) == ("gateway", "metered")
        assert type(other) is BearerToken
        assert other != credential
        assert other.replace(billing="gateway") == credential
        assert hash(other.replace(billing="gateway")) == hash(credential)

    def test_values_of_two_kinds_are_never_equal(self) -> None:
        class One(Value):
            __slots__ = ("x",)

        class Two(Value):
            __slots__ = ("x",)

        assert One(x=1) != Two(x=1)
        assert One(x=1) != 1


class TestWhatIsSent:
    def test_a_key_goes_in_x_api_key(self, text: str) -> None:
        assert ApiKey(secret=Secret(text)).headers() == {"x-api-key": text}

    def test_a_token_goes_in_authorization(self, text: str) -> None:
        assert BearerToken(secret=Secret(text), oauth_beta=False).headers() == {
            "Authorization": f"Bearer {text}"
        }

    def test_an_oauth_token_names_its_beta(self, text: str) -> None:
        assert BearerToken(secret=Secret(text), oauth_beta=True).headers()["anthropic-beta"] == OAUTH_BETA
