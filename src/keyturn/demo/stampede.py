"""Steps 3 and 4: sixteen programs need a new token at one moment, and one request is made for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .crowd import SIZE, Crowd
from .stage import LIFETIME_SECONDS
from .timeline import timeline

if TYPE_CHECKING:
    from keyturn.sandbox.events import Event
    from keyturn.values import Credential

    from .props import Props

AUTHORITY_SECONDS = 0.25
"""the authority's time for a refresh, as over a slow line; without it the picture would show nothing"""
LONG_SECONDS = 3600.0
SHORT_SECONDS = 12.0
"""of the last token: all programs are answered with it, and the story sees it run out, because renewals that
rejections cause are a minute apart (L19)"""
_MARGIN_SECONDS = 0.2
_UNAUTHORIZED = 401


def expire(props: Props) -> None:
    """Start the programs, let each use the login, wait until it has expired, and let all ask at once."""
    stage, screen = props.stage, props.screen
    screen.say(f"{SIZE} processes start, each a Python with a keyturn.Auth() of its own, and each asks once.")
    props.crowd = Crowd(stage.world, stage.env, stage.home, props.progress)
    first = props.crowd.ask("programs that have started and asked", at_once=False)
    props.check("programs that were answered", SIZE, answered(first))
    old = wait_until_expired(props, LIFETIME_SECONDS)
    props.check("status of that token at the API now", _UNAUTHORIZED, status_of(props, old))
    stage.sandbox.set(lifetime=LONG_SECONDS, token_delay=AUTHORITY_SECONDS)
    mark = stage.mark()
    screen.say(f"Now all {SIZE} ask at one moment. The authority takes {AUTHORITY_SECONDS * 1000:.0f} ms.")
    answers = props.crowd.ask("programs with an answer")
    request = _judge(props, mark, answers)
    # The sandbox keeps Unix time, the programs the clock of this boot.
    shift = stage.world.clock() - stage.world.now()
    props.timeline = timeline(answers, (request.began + shift, (request.ended or request.began) + shift))


def reject(props: Props) -> None:
    """Have a request of each program ready, make the API refuse its token, and let all of them go."""
    stage, screen = props.stage, props.screen
    screen.say(
        f"The same {SIZE} have a request ready, the new token on it. Then the API stops taking that token."
    )
    props.check("requests ready to go", SIZE, props.programs.sign("requests ready"))
    stage.sandbox.set(lifetime=SHORT_SECONDS)
    stage.sandbox.expire_access_tokens()
    mark = stage.mark()
    answers = props.programs.send("programs with an answer")
    refused = stage.seen(mark, "api", path="/v1/messages", status=_UNAUTHORIZED)
    props.check("of them answered with 401", SIZE, len(refused))
    _judge(props, mark, answers)


def _judge(props: Props, mark: int, answers: list[dict[str, Any]]) -> Event:
    """What must hold after either: one refresh request, no failure, one new token. Returns the request."""
    stage = props.stage
    refreshes = stage.seen(mark, "token", grant="refresh_token")
    props.check("refresh requests that the authority counted", 1, len(refreshes))
    props.check("the authority's answer", "granted", refreshes[0].facts.get("result"))
    props.check("programs that failed", 0, SIZE - answered(answers))
    taken = stage.seen(mark, "api", path="/v1/messages", status=200)
    props.check("requests answered with 200", SIZE, len(taken))
    new = refreshes[0].facts.get("access_token")
    tokens = sorted({str(event.facts.get("credential")) for event in taken})
    props.check("one token for all, its fingerprint at authority and API", new, " and ".join(tokens))
    return refreshes[0]


def answered(answers: list[dict[str, Any]]) -> int:
    """How many programs had no error and a 200 at the end."""
    return sum("error" not in answer and answer["statuses"][-1:] == [200] for answer in answers)


def wait_until_expired(props: Props, lifetime: float) -> Credential:
    """Wait for the clock; the credential that was good until then."""
    stage, screen = props.stage, props.screen
    credential = stage.auth.credential()
    expires_at = credential.expires_at or 0.0
    left = expires_at - stage.world.now()
    screen.say(f"The token was given {lifetime:.0f} s to live; {max(0.0, left):.0f} s are left. Waiting.")
    while (left := expires_at + _MARGIN_SECONDS - stage.world.now()) > 0:
        screen.live(f"the login expires in {left:.0f} s")
        stage.world.sleep(min(0.25, left))
    screen.quiet()
    return credential


def status_of(props: Props, credential: Credential) -> int:
    """What the API answers to a credential, asked without keyturn's renewal."""
    from keyturn.wire import Request

    url = f"{props.stage.sandbox.api_base_url}/v1/models"
    headers = {**credential.headers(), "anthropic-version": "2023-06-01"}
    return props.stage.world.send(Request(method="GET", url=url, headers=headers, body=b"")).status
