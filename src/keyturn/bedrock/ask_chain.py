"""A program that asks botocore's chain once and prints what it gave: run by `keyturn.bedrock.resolve`.

It is a process of its own, because only there the settings' variables can be botocore's environment, and a
resolution that hangs can be ended; no event loop and no lock of the host program is in the way. It prints one
JSON object on stdout, with keys or with an error sorted by what can be done about it, and nothing else.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from typing import Any, NoReturn

# what botocore's errors mean, by the names of their classes and of those above them
_EXPIRED = {"LoginError", "SSOError", "TokenRetrievalError"}
_CONFIGURATION = {
    "ConfigNotFound",
    "ConfigParseError",
    "InfiniteLoopConfigError",
    "InvalidConfigError",
    "MissingDependencyException",
    "NoRegionError",
    "PartialCredentialsError",
    "ProfileNotFound",
    "UnknownCredentialError",
}
_NETWORK = {"ConnectionError", "HTTPClientError", "MetadataRetrievalError", "EndpointProviderError"}
_STILL_EXPIRED = "still expired"  # botocore has no class of its own for keys that come and are at an end
_EXPIRED_CODES = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "InvalidIdentityToken",
    "UnauthorizedException",
    "UnrecognizedClientException",
}


def main() -> NoReturn:
    """Ask, print, and be gone: nothing is collected, and nothing taken down, in so short a life."""
    gc.disable()
    try:
        said = ask()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told as data
        said = {"error": kind_of(error), "type": type(error).__name__, "message": str(error)}
    sys.stdout.write(json.dumps(said))
    sys.stdout.flush()
    os._exit(0)


def ask() -> dict[str, Any]:
    """The keys as data; an error of kind `missing` when the whole chain has none."""
    from botocore.session import get_session

    credentials = get_session().get_credentials()
    if credentials is None:
        return {"error": "missing", "type": "NoCredentials", "message": "the AWS chain found no credentials"}
    frozen = credentials.get_frozen_credentials()
    ends = getattr(credentials, "_expiry_time", None)  # botocore says it nowhere else
    return {
        "access_key": frozen.access_key,
        "secret_key": frozen.secret_key,
        "token": frozen.token,
        "account": getattr(frozen, "account_id", None),
        "expires_at": None if ends is None else ends.timestamp(),
        "method": credentials.method,
    }


def kind_of(error: BaseException) -> str:
    """expired, missing, configuration, denied, network, person (somebody would have to type) or failed."""
    names = {kind.__name__ for kind in type(error).__mro__}
    answer = getattr(error, "response", None)
    if isinstance(answer, dict) and "ClientError" in names:
        code = str((answer.get("Error") or {}).get("Code") or "")
        return "expired" if code in _EXPIRED_CODES else "denied"
    if type(error) is RuntimeError and _STILL_EXPIRED in str(error):
        return "expired"
    for kind, members in (
        ("expired", _EXPIRED),
        ("configuration", _CONFIGURATION),
        ("network", _NETWORK),
        ("missing", {"NoCredentialsError"}),
        ("person", {"EOFError", "RefreshWithMFAUnsupportedError"}),
    ):
        if names & members:
            return kind
    return "failed"


if __name__ == "__main__":
    main()
