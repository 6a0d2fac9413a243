"""Whatever lies in a credentials file, and whatever Google's servers say: an error of ours, or a token."""

from __future__ import annotations

import json
import tempfile
from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keyturn import Auth, AuthError
from keyturn.vertex.adc import KINDS
from keyturn.wire import Response
from tests.google import external_info, impersonating_info, key_info, user_info, vertex_world

FIELDS = sorted({field for fields in KINDS.values() for field in fields} | {"project_id", "quota_project_id"})
LEAF = (
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=12) | st.just("https://a.example.com/x")
)
VALUE = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
WHOLE: dict[str, Any] = {
    "authorized_user": user_info,
    "service_account": key_info,
    "external_account": lambda: external_info({"file": "/nowhere"}),
    "impersonated_service_account": lambda: impersonating_info(user_info()),
}
ANSWER = st.builds(
    lambda status, body: Response(status=status, headers={}, body=body),
    st.sampled_from([200, 201, 302, 400, 401, 403, 404, 500, 503]),
    st.binary(max_size=40)
    | st.dictionaries(
        st.sampled_from(["access_token", "expires_in", "error", "error_description", "error_subtype"]), VALUE
    ).map(lambda fields: json.dumps(fields).encode()),
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    kind=st.sampled_from(sorted(WHOLE)),
    changes=st.dictionaries(st.sampled_from(FIELDS), VALUE, max_size=3),
    answers=st.lists(ANSWER, min_size=6, max_size=6),
)
def test_any_file_and_any_answer(kind: str, changes: dict[str, Any], answers: list[Response]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = vertex_world(folder, {**WHOLE[kind](), **changes})
        world.script = list(answers)
        auth = Auth(world=world)
        with suppress(AuthError):
            credential = auth.credential()
            assert credential.secret.reveal().isprintable()
            assert all(value.isprintable() for value in credential.headers().values())
        for row in auth.explain().rows:
            assert row.why
