"""Whether AWS takes the credential, asked as cheaply as it can be: for keys, who they are."""

from __future__ import annotations

from keyturn.clean import clean
from keyturn.errors import Rejected, Unavailable
from keyturn.values import AwsKeys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from keyturn.auth import Auth

    Verdict = Literal["accepted", "rejected", "unreachable"]


def ask(auth: Auth, seconds: float) -> tuple[Verdict, str]:
    """A verdict and its reason, renewing once after a refusal. Raises: ConfigurationError, Refused."""
    from keyturn.bedrock.sts import caller_identity

    until = auth.world.clock() + seconds
    try:
        credential = auth.credential()
        if not isinstance(credential, AwsKeys):
            return "unreachable", f"only a request can tell about {credential.where}: keyturn -p Hello"
        try:
            who = caller_identity(auth.scene(), credential, seconds=seconds)
        except Rejected as error:
            if not error.facts.get("renewable"):
                raise
            renewed = auth.credential(rejected=credential)
            assert isinstance(renewed, AwsKeys)  # noqa: S101 - of the same source
            left = max(1.0, until - auth.world.clock())
            who = caller_identity(auth.scene(), renewed, seconds=left)
    except Rejected as error:
        return "rejected", clean(error.message)
    except Unavailable as error:
        return "unreachable", clean(error.message)
    return "accepted", f"AWS takes the keys of {who.arn}"
