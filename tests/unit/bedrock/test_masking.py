"""What a tool says about its failure is shown; the keys it repeats there are not."""

from __future__ import annotations

import pytest

from keyturn.redact import redact


@pytest.mark.parametrize("before", ["SecretAccessKey ", '"SecretAccessKey": "', "aws_session_token = "])
def test_what_is_named_as_a_secret_of_aws_is_masked(before: str) -> None:
    assert redact(f"{before}test/K7MDENG+bPxRfiCYTESTKEY") == f"{before}[secret]"
