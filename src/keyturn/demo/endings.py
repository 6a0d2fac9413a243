"""Steps 5 and 6: a login revoked elsewhere and replaced while programs run, and a logout that leaves nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from keyturn.errors import AuthError, NoCredential
from keyturn.oauth.logout import log_out as log_out_for_real

from .ask import answer
from .crowd import SIZE
from .login import enter
from .stampede import answered, status_of

if TYPE_CHECKING:
    from keyturn.auth import Auth

    from .props import Props

AGAIN = "Am I still logged in?"
_UNAUTHORIZED = 401


def revoke(props: Props) -> None:
    """End the login at the authority, see the next request say so, log in again, and go on."""
    stage, screen = props.stage, props.screen
    stage.sandbox.set(token_delay=0.0)
    mark = stage.mark()
    props.check("logins revoked at the authority", 1, stage.sandbox.revoke_all())
    screen.say("The next request of a running program:")
    error = _refused(stage.auth)
    if error is not None:
        screen.block([f"keyturn: error: {error.message}", f"hint: {error.hint}"])
    props.check("error", "login_ended", error.code if error is not None else None)
    props.check("its hint names the next command", True, "keyturn login" in str(error and error.hint))  # noqa: FBT003 - a fact
    results = [event.facts.get("result") for event in stage.seen(mark, "token", grant="refresh_token")]
    props.check("what the authority answered to the one renewal", ["invalid_grant"], results)
    screen.say("So the demo logs in again by itself; the programs go on running.")
    enter(props, alone=True)
    mark = stage.mark()
    pieces, _ = answer(stage.auth, AGAIN)
    props.check("the same program asks again, and is answered", True, AGAIN in "".join(pieces))  # noqa: FBT003 - a fact
    props.check(
        "of the running programs are answered", SIZE, answered(props.programs.ask("programs with an answer"))
    )
    props.check("renewals that this took", 0, len(stage.seen(mark, "token", grant="refresh_token")))


def log_out(props: Props) -> None:
    """Log out and look for anything that is left, at the authority and in the demo's files."""
    stage, screen = props.stage, props.screen
    last = stage.auth.credential()
    mark = stage.mark()
    log_out_for_real(stage.world, stage.profile.name, stage.store)
    revoked = [event.facts.get("status") for event in stage.seen(mark, "revoke")]
    props.check("tokens revoked at the authority, by its answers", [200, 200], revoked)
    props.check("status of the last token at the API", _UNAUTHORIZED, status_of(props, last))
    props.check("logins that are still alive there", 0, stage.sandbox.revoke_all())
    error = _refused(stage.auth)
    screen.say(f"The next request now says: {error.message if error is not None else 'nothing'}")
    props.check("kind of that error", NoCredential.__name__, type(error).__name__)
    props.check("exit statuses of the programs", [0] * SIZE, props.programs.end())
    files, found = _left_over(stage.home, stage.secrets)
    props.check(f"tokens and codes ever made: {len(stage.secrets)}; of them left in {files} files", 0, found)
    shown = "".join(screen.shown)
    props.check("of them shown on this screen", 0, sum(secret in shown for secret in stage.secrets))


def _refused(auth: Auth) -> AuthError | None:
    try:
        pieces, _ = answer(auth, AGAIN)
        for _ in pieces:
            pass
    except AuthError as error:
        return error
    return None


def _left_over(folder: str, secrets: list[str]) -> tuple[int, int]:
    """How many files there are below a folder, and how many secrets are in them."""
    texts = []
    for place, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(place, name), "rb") as file:
                texts.append(file.read())
    whole = b"\0".join(texts)
    return len(texts), sum(secret.encode() in whole for secret in secrets)
