"""Step 1: a person, or the demo in a person's place, logs in in the browser; everything behind it is real."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keyturn.oauth.asking import Wish
from keyturn.oauth.login import log_in as log_in_for_real

from .visitor import Nobody, Visitor

if TYPE_CHECKING:
    from keyturn.login import Login

    from .props import Props


def log_in(props: Props) -> None:
    """Log in for the first time; on a terminal the person may do it."""
    stage, screen = props.stage, props.screen
    mark = stage.mark()
    if props.stdin is None:
        screen.say(
            "Nobody is asked here: the demo completes the login itself. It walks the sandbox's own pages "
            "over HTTP (sign in, consent) and follows the redirect to keyturn's listener on 127.0.0.1."
        )
    else:
        screen.say("The sandbox's page lets you pick an account; any password does.")
    login = enter(props, alone=props.stdin is None)
    props.check("consent given on the sandbox's page", 1, len(stage.seen(mark, "consent", answer="allow")))
    codes = stage.seen(mark, "token", grant="authorization_code", result="granted")
    props.check("code exchanged for a login, with PKCE", 1, len(codes))
    accounts = {event.facts["account"] for event in stage.seen(mark, "consent")}
    props.check("the stored login is that of", " and ".join(sorted(map(str, accounts))), login.account)


def enter(props: Props, *, alone: bool) -> Login:
    """Log in by keyturn's own flow and return what is stored; `alone`: without asking the person.

    Raises: AuthError; RuntimeError when the walk through the pages went wrong.
    """
    world, screen = props.stage.world, props.screen
    world.walks = alone
    visitor = None if alone or props.stdin is None else Visitor(world, screen, props.stdin)
    wish = Wish(browser=True, callback_port=0, yes=True)
    screen.live("waiting for the browser to come back")
    login = log_in_for_real(world, props.stage.profile, props.stage.store, visitor or Nobody(world), wish)
    if visitor is not None:
        visitor.finish()
    if world.visit is not None:
        world.visit.join(10.0)
        props.confirm("the browser's last page says that it worked", seen=world.visit.arrived)
    return login
