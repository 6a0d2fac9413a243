"""Keys for a child process: those that end by themselves, and no others."""

from __future__ import annotations

from keyturn.values import AwsKeys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.scene import Scene
    from keyturn.values import Credential


def short_lived(scene: Scene, credential: Credential) -> Credential:
    """The credential, if it has an end; in place of a user's lasting keys a session of 12 hours.

    Raises: Rejected, Unavailable when AWS gives none; then the program is not run.
    """
    if not isinstance(credential, AwsKeys) or credential.session_token is not None:
        return credential
    from keyturn.bedrock.sts import session_of
    from keyturn.errors import AuthError

    try:
        found = session_of(scene, credential)
    except AuthError as error:
        error.hint = (
            "a program gets short-lived keys only, and AWS gives none for these lasting ones; "
            "it can read them itself if it is run without keyturn"
        )
        raise
    return credential.replace(
        access_key_id=found.access_key_id,
        expires_at=found.expires_at,
        method=found.method,
        secret=found.secret,
        session_token=found.session_token,
    )
