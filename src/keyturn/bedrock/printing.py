"""AWS keys as a `credential_process` prints them, so that keyturn can be one."""

from __future__ import annotations

from keyturn.errors import NoCredential, UsageError
from keyturn.values import AwsKeys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.values import Credential


def process_object(credential: Credential, ends: str | None, *, header: bool = False) -> dict[str, object]:
    """The object; `ends` is its `Expiration`, where it is known.

    Raises: UsageError for a header, which a signature is not; NoCredential where requests leave unsigned.
    """
    if not isinstance(credential, AwsKeys):
        raise NoCredential(
            f"requests leave unsigned ({credential.where}), so there is nothing to print",
            hint="unset it to use credentials: env -u CLAUDE_CODE_SKIP_BEDROCK_AUTH keyturn …",
            code="unsigned",
        )
    if header:
        raise UsageError(
            "AWS keys are in no header: they sign each request",
            hint="give them to a program: keyturn run -- CMD; in Python: keyturn.http.RequestAuth",
            code="no_header",
        )
    given = credential.as_process()
    if ends is not None:
        given["Expiration"] = ends
    return given
