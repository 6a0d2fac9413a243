"""Asking a person to log in: the address shown, the browser opened, and whichever answer comes first."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from keyturn.errors import LoginRefused, Rejected, UsageError
from keyturn.oauth.granting import Attempt, Found
from keyturn.oauth.paste import read_paste
from keyturn.oauth.refusal import refusal
from keyturn.values import Value
from keyturn.world.surroundings import surroundings, ways_in

if TYPE_CHECKING:
    from keyturn.oauth.authority import Metadata
    from keyturn.oauth.grant import Person
    from keyturn.oauth.paste import Pasted
    from keyturn.oauth.pending import PendingFile
    from keyturn.world import World
    from keyturn.world.listener import Answer, Listener

PERSON_SECONDS = 300.0
# how often a login that another terminal may finish looks whether that has happened
_GLANCE_SECONDS = 2.0
# addresses longer than this are broken in two by many terminals, and typed by nobody
_LONG = 100
_COPY = ("c", "C")


class Wish(Value):
    """How the person wants to log in. `callback_port` 0 is any; `yes` agrees to replacing another account.

    `pending` is where the login is kept for another terminal to finish; None keeps it nowhere.
    """

    __slots__ = ("browser", "callback_port", "pending", "yes")
    browser: bool
    callback_port: int
    pending: PendingFile | None
    yes: bool


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
        self.show()
        deadline = self._world.clock() + PERSON_SECONDS
        may_paste = True
        while (left := deadline - self._world.clock()) > 0:
            text = None
            self._check_finished_elsewhere()
            left = min(left, _GLANCE_SECONDS) if self._wish.pending else left
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
            hint="run keyturn login again; over ssh or in a container use: keyturn login --no-browser, "
            "or, where the authority offers it: keyturn login --device",
            code="login_timeout",
        )

    def show(self) -> None:
        """Show the person where to go, and open the browser unless that is not wished."""
        if self._wish.browser:
            self._show_for_browser()
        else:
            self._show_for_paste()

    @property
    def _elsewhere(self) -> Attempt:
        """What a browser on another machine can finish, by its code or by the address of its last page."""
        return self._by_paste or self._direct

    def _show_for_paste(self) -> None:
        person, url = self._person, self._elsewhere.url
        person.say("open this address in a browser, on any machine, and log in:")
        person.show_url(url)
        person.hand_over(url, phone=url)
        if self._by_paste is not None:
            person.say("its last page shows a code; paste it here:")
        else:
            person.say("its last page may fail to load; copy the address of that page and paste it here:")

    def _show_for_browser(self) -> None:
        person, url = self._person, self._direct.url
        person.say("log in at this address in your browser:")
        person.show_url(url)
        opened = self._world.open_browser(url)
        if opened:
            person.say("a browser was opened with it; finish the login there")
        else:
            person.say("no browser could be opened here; open the address yourself")
        if not opened and len(url) > _LONG:
            person.say("on this machine, this short address leads there too:")
            person.show_url(self._listener.lead_to(url, f"/{self._world.random_text(6)}"))
        if not opened:
            for sentence, command in ways_in(surroundings(self._world.env), self._listener.port):
                person.say(sentence)
                if command is not None:
                    person.show_command(command)
        if self._by_paste is not None:
            person.say("if your browser runs on another machine, use this address; it shows a code to copy:")
            person.show_url(self._by_paste.url)
            person.hand_over(url if opened else self._by_paste.url, phone=self._by_paste.url)
            person.say("waiting for the browser; a code can be pasted here:")
        else:
            person.hand_over(url, phone=None)
            person.say("waiting for the browser; if its last page cannot be reached, paste its address here:")

    def _check_finished_elsewhere(self) -> None:
        if self._wish.pending is not None and self._wish.pending.taken():
            raise LoginRefused(
                "another terminal has taken this login over",
                hint="see there how it ended; or here: keyturn status",
                code="finished_elsewhere",
            )

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
        if text.strip() in _COPY:  # no code is a single letter
            self._person.copy(self._elsewhere.url)
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
