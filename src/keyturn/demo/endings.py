"""Steps 5 and 6: a login revoked and replaced while programs run, and a logout that leaves nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from keyturn.errors import AuthError, NoCredential
from keyturn.oauth.logout import log_out as log_out_for_real

from .ask import answer
from .crowd import SIZE
from .login import enter
from .stampede import LONG_SECONDS, SHORT_SECONDS, answered, status_of, wait_until_expired

if TYPE_CHECKING:
    from .props import Props

AGAIN = "Am I still logged in?"
_UNAUTHORIZED = 401


def revoke(props: Props) -> None:
    """Let the token run out, end the login, see the next request say so, log in again, and go on."""
    stage, screen = props.stage, props.screen
    stage.sandbox.set(token_delay=0.0, lifetime=LONG_SECONDS)
    mark = stage.mark()
    wait_until_expired(props, SHORT_SECONDS)
    props.check("logins revoked at the authority", 1, stage.sandbox.revoke_all())
    error = _next_request(props)
    props.check("code of that error", "login_ended", error.code if error is not None else None)
    props.confirm("its hint names the next command", seen="keyturn login" in str(error and error.hint))
    results = [event.facts.get("result") for event in stage.seen(mark, "token", grant="refresh_token")]
    props.check("the authority's answer to the one renewal tried", ["invalid_grant"], results)
    screen.say(f"So the demo logs in again by itself. The {SIZE} programs run on, none is restarted.")
    enter(props, alone=True)
    mark = stage.mark()
    pieces, _ = answer(stage.auth, AGAIN)
    props.confirm("the program that failed is answered again", seen=AGAIN in "".join(pieces))
    answers = props.programs.ask("programs with an answer")
    props.check("of the others are answered", SIZE, answered(answers))
    props.check("refresh requests that this took", 0, len(stage.seen(mark, "token", grant="refresh_token")))


def log_out(props: Props) -> None:
    """Log out and look for anything that is left, at the authority and in the demo's files."""
    stage, screen = props.stage, props.screen
    last = stage.auth.credential()
    mark = stage.mark()
    log_out_for_real(stage.world, stage.profile.name, stage.store)
    revoked = [event.facts.get("status") for event in stage.seen(mark, "revoke")]
    props.check("the authority's answers to two revocations", [200, 200], revoked)
    props.check("status of the last token at the API now", _UNAUTHORIZED, status_of(props, last))
    props.check("logins still alive at the authority", 0, stage.sandbox.revoke_all())
    error = _next_request(props)
    props.check("kind of that error", NoCredential.__name__, type(error).__name__)
    props.check("programs that then end with status 0", SIZE, props.programs.end().count(0))
    files, found = _left_over(stage.home, stage.secrets)
    props.check(f"secrets left in {files} files, of {len(stage.secrets)} ever made", 0, found)
    shown = "".join(screen.shown)
    props.check("secrets shown on this screen", 0, sum(secret in shown for secret in stage.secrets))


def _next_request(props: Props) -> AuthError | None:
    """What keyturn says to the next request of a running program."""
    props.screen.say("The next request of a running program:")
    try:
        pieces, _ = answer(props.stage.auth, AGAIN)
        for _ in pieces:
            pass
    except AuthError as error:
        props.screen.quote(f"error: {error.message}", f"hint: {error.hint}")
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
