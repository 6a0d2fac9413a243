"""Keys from the AWS chain: asked of botocore in a process of its own, at most 60 s, and kept by `keeping`."""

from __future__ import annotations

from keyturn import jsontext
from keyturn.bedrock.chain import IN_CHAIN
from keyturn.bedrock.keys import Found
from keyturn.bedrock.profiles import named_profile
from keyturn.bedrock.region import region_of
from keyturn.errors import AuthError, ConfigurationError, NoCredential, Rejected, Unavailable, frameless
from keyturn.values import Secret
from keyturn.variables import checked_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from keyturn.bedrock.chain import Link
    from keyturn.scene import Scene
    from keyturn.world.processes import Ended

SECONDS = 60.0
# one attempt, botocore's own default, takes a metadata service that stumbles once for one that is not there
_PATIENCE = {"AWS_METADATA_SERVICE_NUM_ATTEMPTS": "3", "AWS_METADATA_SERVICE_TIMEOUT": "2"}
_PROGRAM = "import sys; sys.path[:] = sys.argv[1:]; from keyturn.bedrock.ask_chain import main; main()"
_LIMIT = 128 * 1024
_SHOWN = 400


@frameless
def from_chain(scene: Scene, link: Link | None) -> Found:
    """What botocore's chain gives now; `link` is where that will come from, as far as it could be seen.

    Raises: Rejected for credentials that have expired or cannot be got, NoCredential, ConfigurationError,
    Unavailable. Their fact `renewable` says whether a refresh command may help.
    """
    ended = scene.world.run(_command(scene))
    if ended.why == "timeout":
        raise Unavailable(
            f"the AWS chain gave no credentials within {SECONDS:.0f} s ({_place(link)})",
            hint="see what it waits for: aws sts get-caller-identity --debug",
            code="aws_timeout",
            sent=False,
        )
    said = _said(ended)
    if "error" in said:
        raise failure(said, link, named_profile(scene).name)
    ends = said.get("expires_at")
    key, secret, token = (
        _checked(said.get(name), name, link) for name in ("access_key", "secret_key", "token")
    )
    if key is None or secret is None:
        raise failure({"error": "failed", "message": "it gave half a pair of keys"}, link, "")
    return Found(
        access_key_id=key,
        account=said.get("account"),
        expires_at=float(ends) if ends is not None else None,
        method=str(said.get("method") or "chain"),
        secret=secret,
        session_token=token,
    )


def _checked(value: object, name: str, link: Link | None) -> Secret | None:
    """A member as a secret that can sign and be in a header. Raises: ConfigurationError."""
    text = checked_text(str(value or ""), f"the {name.replace('_', ' ')} of {_place(link)}")
    return Secret(text) if text else None


def failure(said: Mapping[str, Any], link: Link | None, profile: str) -> AuthError:
    """The error for what botocore says went wrong."""
    from keyturn.clean import clean
    from keyturn.redact import redact

    kind, place = said["error"], _place(link)
    detail = redact(clean(str(said.get("message") or ""), 4 * _SHOWN))[:_SHOWN].rstrip(". ")
    again = _login_command(link, profile)
    if kind == "missing":
        return NoCredential(
            f"the AWS chain has no credentials ({place})", hint=again, code="aws_missing", renewable=True
        )
    if kind == "expired":
        return Rejected(
            f"the AWS credentials of {place} have expired: {detail}",
            hint=again,
            code="aws_expired",
            renewable=True,
        )
    if kind == "configuration":
        return ConfigurationError(
            f"the AWS configuration cannot be used ({place}): {detail}",
            hint="correct it: aws configure list",
            code="aws_configuration",
        )
    if kind == "network":
        return Unavailable(
            f"AWS did not answer while credentials were asked for ({place}): {detail}",
            hint="check the network and the proxy; nothing has changed",
            code="aws_unreachable",
            sent=False,
        )
    if kind == "person":
        return Rejected(
            f"{place} asks for a code of a person's (MFA), and nobody can type one here",
            hint="get short-lived keys with it first: aws sts get-session-token --token-code …",
            code="aws_mfa",
        )
    what = "refused them" if kind == "denied" else "failed"
    return Rejected(
        f"getting AWS credentials from {place} {what}: {detail}",
        hint="see what AWS says itself: aws sts get-caller-identity",
        code="aws_denied" if kind == "denied" else "aws_failed",
    )


def _command(scene: Scene) -> Any:  # noqa: ANN401 - keyturn.world.processes is loaded when it runs
    import sys

    from keyturn.world.processes import Command

    # -I: nothing of the working directory and of PYTHON… is imported (T6); our own path is handed over
    words = (interpreter(), "-I", "-S", "-c", _PROGRAM, *(path for path in sys.path if path))
    return Command(
        directory=scene.world.home(),
        environment=environment(scene),
        line="",
        seconds=SECONDS,
        stdout_limit=_LIMIT,
        words=words,
    )


def environment(scene: Scene) -> dict[str, str]:
    """The environment of the process that asks the chain, with the settings' variables.

    Everything but Claude's credentials, as a credential_process may need anything; and the profile that
    counts.
    """
    from keyturn.commands.environment import HELD

    layered = {
        key.removeprefix("env."): found.value
        for key, found in scene.settings.found.items()
        if key.startswith("env.")
    }
    profile, region = named_profile(scene), region_of(scene).value
    own = {
        # botocore knows one of the two names, and no default; a role is assumed in some region (P38)
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        # half a session of somebody else's keys is worse than none
        **dict.fromkeys(("AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_DEFAULT_PROFILE"), ""),
        "AWS_PROFILE": profile.name if profile.by is not None else "",
        "KEYTURN_IN_HELPER": "1",
        IN_CHAIN: "\n".join(filter(None, (scene.world.variable(IN_CHAIN), profile.name))),
    }
    whole = {**_PATIENCE, **scene.world.env, **layered, **own}
    return {name: value for name, value in whole.items() if value and name not in HELD}


def interpreter() -> str:
    """The Python that runs this; not a program that has one built in, which would start itself once more."""
    import sys

    name = sys.executable.replace("\\", "/").rpartition("/")[2].lower()
    if name.startswith(("python", "pypy")):
        return sys.executable
    return f"{sys.exec_prefix}/python.exe" if sys.platform == "win32" else f"{sys.exec_prefix}/bin/python3"


def _said(ended: Ended) -> Mapping[str, Any]:
    try:
        if ended.why == "exit":
            return jsontext.parse_object(ended.stdout.reveal())
    except jsontext.NotJson:
        pass
    last = (ended.stderr.reveal().strip().splitlines() or [ended.detail or ended.why])[-1]
    return {"error": "failed", "message": last}


def _place(link: Link | None) -> str:
    return f"{link.what}; {link.where}" if link is not None else "nothing that it knows of"


def _login_command(link: Link | None, profile: str) -> str:
    named = f" --profile {profile}"
    if link is not None and link.kind == "login":
        return f"log in again: aws login{named}"
    if link is not None and link.kind in ("sso", "assume-role"):
        return f"log in again: aws sso login{named}"
    return "renew them where they come from, or log in: aws sso login; see: keyturn explain"
