"""Asking a person to log in: the address shown, the browser opened, and whichever answer comes first."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from keyturn.errors import LoginRefused, Rejected, UsageError
from keyturn.oauth.paste import read_paste
from keyturn.oauth.refusal import refusal
from keyturn.values import Value

if TYPE_CHECKING:
    from keyturn.oauth.authority import Metadata
    from keyturn.oauth.grant import Person
    from keyturn.oauth.paste import Pasted
    from keyturn.world import World
    from keyturn.world.listener import Answer, Listener

PERSON_SECONDS = 300.0


class Wish(Value):
    """How the person wants to log in. `callback_port` 0 is any; `yes` agrees to replacing another account."""

    __slots__ = ("browser", "callback_port", "yes")
    browser: bool
    callback_port: int
    yes: bool


class Attempt(Value):
    """One authorization request: its secrets, where its answer goes, and the URL that starts it."""

    __slots__ = ("redirect_uri", "state", "url", "verifier")
    redirect_uri: str
    state: str
    url: str
    verifier: str

    def __repr__(self) -> str:
        return f"Attempt(redirect_uri={self.redirect_uri!r})"


class Found(Value):
    """A code with the attempt it answers; `bare` when it came without that attempt's state."""

    __slots__ = ("attempt", "bare", "code")
    attempt: Attempt
    bare: bool
    code: str

    def __repr__(self) -> str:
        return f"Found(attempt={self.attempt!r}, bare={self.bare})"


class Asking:
    """One login's wait, with its two ways back: the loopback listener and the terminal."""

    def __init__(
        self,
        world: World,
        person: Person,
        wish: Wish,
        listener: Listener,
        metadata: Metadata,
        direct: Attempt,
        by_paste: Attempt | None,
    ) -> None:
        self._world = world
        self._person = person
        self._wish = wish
        self._listener = listener
        self._metadata = metadata
        self._direct = direct
        self._by_paste = by_paste

    def answer(self) -> Found:
        """The code, within five minutes.

        Raises: LoginRefused, Rejected (another authority's answer), UsageError (no code was piped in).
        """
        self._show()
        deadline = self._world.clock() + PERSON_SECONDS
        may_paste = True
        while (left := deadline - self._world.clock()) > 0:
            text = None
            if may_paste:
                try:
                    text = self._person.pasted(self._listener.fileno(), left)
                except EOFError:
                    may_paste = False
                    self._only_browser_is_left()
            answer = self._listener.wait(0.0 if may_paste else left)
            found = self._from_browser(answer) if answer is not None else self._from_paste(text or "")
            if found is not None:
                return found
        raise LoginRefused(
            f"nobody finished the login in the browser within {PERSON_SECONDS / 60:.0f} minutes",
            hint="run keyturn login again; over ssh or in a container use: keyturn login --no-browser",
            code="login_timeout",
        )

    def _show(self) -> None:
        if self._wish.browser:
            self._show_for_browser()
            return
        person = self._person
        person.say("open this address in a browser, on any machine, and log in:")
        if self._by_paste is not None:
            person.show_url(self._by_paste.url)
            person.say("its last page shows a code; paste it here:")
        else:
            person.show_url(self._direct.url)
            person.say("its last page may fail to load; copy the address of that page and paste it here:")

    def _show_for_browser(self) -> None:
        person = self._person
        person.say("log in at this address in your browser:")
        person.show_url(self._direct.url)
        opened = self._world.open_browser(self._direct.url)
        person.say(
            "a browser was opened with it; finish the login there"
            if opened
            else "no browser could be opened here; open the address yourself"
        )
        if self._by_paste is not None:
            person.say("if your browser runs on another machine, use this address; it shows a code to copy:")
            person.show_url(self._by_paste.url)
            person.say("waiting for the browser; a code can be pasted here:")
        else:
            person.say("waiting for the browser; if its last page cannot be reached, paste its address here:")

    def _only_browser_is_left(self) -> None:
        if not self._wish.browser:
            raise UsageError(
                "standard input ended before a code came",
                hint="log in on a terminal, or pipe the code in: keyturn login --no-browser < code.txt",
                code="no_code",
            )
        self._person.say("nothing can be pasted any more; still waiting for the browser (Ctrl-C stops)")

    def _from_browser(self, answer: Answer) -> Found:
        expected = self._metadata.issuer
        if answer.iss is None and self._metadata.names_issuer:
            raise _mixed_up(f"the answer in the browser does not say that it comes from {expected}")
        if not _same(answer.iss, expected):
            raise _mixed_up(f"the answer in the browser comes from another authority than {expected}")
        if answer.error is not None:
            raise refusal(answer.error, answer.error_description)
        if not answer.code:
            raise refusal("invalid_response")
        return Found(code=answer.code, attempt=self._direct, bare=False)

    def _from_paste(self, text: str) -> Found | None:
        """The code in a pasted text and the attempt it belongs to; None to let the person paste again."""
        if not text.strip():
            return None
        mistake: UsageError | None = None
        for attempt in (self._by_paste, self._direct):
            if attempt is None:
                continue
            try:
                pasted = read_paste(text, expected_state=attempt.state)
                return self._checked(pasted, attempt)
            except UsageError as error:
                mistake = mistake or error
        if mistake is not None and not self._person.present:
            raise mistake
        if mistake is not None:
            self._person.say(f"{mistake.message}; {mistake.hint or 'try again'}")
        return None

    def _checked(self, pasted: Pasted, attempt: Attempt) -> Found:
        if not _same(pasted.iss, self._metadata.issuer):
            raise _mixed_up(f"the pasted address comes from another authority than {self._metadata.issuer}")
        if pasted.state is None and not self._metadata.s256:
            raise UsageError(
                "the code came without its state, and this authority does not say that it supports PKCE",
                hint="paste the whole address, or the code with the # and what follows it",
                code="paste_without_state",
            )
        return Found(code=pasted.code, attempt=attempt, bare=pasted.state is None)


def _same(iss: str | None, expected: str | None) -> bool:
    return iss is None or expected is None or hmac.compare_digest(iss.encode(), expected.encode())


def _mixed_up(fact: str) -> Rejected:
    return Rejected(
        fact,
        hint="somebody may be mixing up two logins; run keyturn login again and watch the address bar",
        code="wrong_issuer",
    )
