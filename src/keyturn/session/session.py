"""The interactive session: one prompt after the other, errors survived, nothing written to a file."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from keyturn.clean import clean
from keyturn.errors import AuthError
from keyturn.model_choice import first_choice, settled_choice
from keyturn.models import Chosen, checked_model
from keyturn.session.asking import Reply
from keyturn.session.banner import banner, identity, needs_login
from keyturn.session.conversation import Conversation
from keyturn.session.echo import without_echo
from keyturn.session.slash import COMMANDS, Command, Question, Unknown, read_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TextIO

    from anthropic import AsyncAnthropic

    from keyturn.auth import Auth
    from keyturn.session.voice import Voice
    from keyturn.survey import Survey

# after so long without a first word the person is told what is being waited for
_QUIET_SECONDS = 4.0
_KEYS = {
    "Alt-Enter": "begin a new line",
    "Ctrl-C": "stop, or clear the line",
    "//…": "ask what begins with /",
}


class Session:
    """One conversation, in memory.

    `commands` does /login, /logout, /status and /explain; each takes the rest of its line. `make_auth`
    gives an Auth that has seen nothing yet, `write` shows a piece of an answer at once, and `read` gives a
    line, or raises KeyboardInterrupt or EOFError.
    """

    def __init__(
        self,
        *,
        make_auth: Callable[[], Auth],
        commands: Mapping[str, Callable[[str], object]],
        voice: Voice,
        stdin: TextIO,
        read: Callable[[], str],
        write: Callable[[str], None],
        model: str | None = None,
    ) -> None:
        self._make_auth = make_auth
        self._commands = commands
        self._voice = voice
        self._stdin = stdin
        self._read = read
        self._write = write
        self._auth = make_auth()
        self._model = first_choice(self._auth, model)
        self._named = model
        self._settle = True  # with the first question, for that may ask what the account may use
        self._client: AsyncAnthropic | None = None
        self._conversation = Conversation()
        self._runner = asyncio.Runner()
        self._shown: object = None
        self._ready = threading.Thread(target=_load_client, daemon=True)
        self._waiting: asyncio.TimerHandle | None = None

    def run(self) -> int:
        """Talk until the person leaves; the exit status. Raises: AuthError when the first login fails."""
        found = self._auth.explain()
        if needs_login(found):
            why = found.winner.why if found.winner is not None else "no credential is set, no login is stored"
            self._voice.say(f"not logged in: {clean(why)}")
            self._commands["login"]("")
            self._begin_anew()
        self._show_banner(self._auth.explain())
        self._ready.start()
        with self._runner:
            try:
                while self._turn():
                    pass
            finally:
                self._close_client()
        return 0

    def _turn(self) -> bool:
        """One line of the person; False when it was the last."""
        try:
            meaning = read_line(self._read())
        except EOFError:
            return False
        except KeyboardInterrupt:
            self._voice.say("to leave: Ctrl-D or /exit")
            return True
        if isinstance(meaning, Question):
            if meaning.text:
                # a terminal may send bytes that are no text
                self._ask(meaning.text.encode("utf-8", "replace").decode())
            return True
        if isinstance(meaning, Unknown):
            better = f"did you mean /{meaning.nearest}?" if meaning.nearest else "see: /help"
            self._voice.say(f"there is no /{clean(meaning.name, 40)}; {better}")
            return True
        return self._obey(meaning)

    # -- questions

    def _ask(self, text: str) -> None:
        reply = Reply(self._first_write)
        try:
            with without_echo(self._stdin):
                self._ready.join()
                if self._client is None:
                    from keyturn.clients import async_anthropic

                    self._client = async_anthropic(self._auth)
                self._runner.run(self._answer(self._client, reply, text))
        except KeyboardInterrupt:
            # what was read of it is part of the conversation: "go on" can follow
            self._end_of(reply)
            self._conversation.keep(text, reply.text.rstrip())
            self._voice.say("interrupted")
            return
        except AuthError as error:
            self._end_of(reply)
            self._show_failure(error)
            return
        self._end_of(reply)
        if not self._conversation.keep(text, reply.text):
            self._voice.say("the answer holds no text")
        if reply.note is not None:
            self._voice.warn(reply.note)
        self._voice.note()

    async def _answer(self, client: AsyncAnthropic, reply: Reply, text: str) -> None:
        host = clean(str(client.base_url).rstrip("/"))
        loop = asyncio.get_running_loop()
        self._waiting = loop.call_later(
            _QUIET_SECONDS, self._voice.say, f"waiting for {host}; Ctrl-C stops waiting"
        )
        try:
            if self._settle:
                self._model = await asyncio.to_thread(settled_choice, self._auth, self._named)
                self._settle = False
            await reply.stream(
                client, self._auth, model=self._model.name, messages=self._conversation.asking(text)
            )
        finally:
            self._waiting.cancel()

    def _first_write(self, piece: str) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
        self._write(piece)

    def _end_of(self, reply: Reply) -> None:
        if reply.text and not reply.text.endswith("\n"):
            self._write("\n")

    def _show_failure(self, error: AuthError) -> None:
        """What went wrong and what to do; the question is forgotten, and the session goes on."""
        if error.code == "login_changed":
            error.hint = "ask again to go on as that account; /status shows it"
        self._voice.failure(error)
        # the next question sees what is there then: a login made elsewhere, a file that was mended
        self._begin_anew()
        self._show_change()

    # -- commands

    def _obey(self, command: Command) -> bool:
        try:
            if command.name == "exit":
                return False
            if command.name == "help":
                self._help()
            elif command.name == "model":
                self._change_model(command.argument)
            else:
                self._commands[command.name](command.argument)
        except AuthError as error:
            self._voice.failure(error)
        except KeyboardInterrupt:
            self._voice.note()
            self._voice.say("interrupted")
        if command.name in ("login", "logout"):
            self._begin_anew()
            self._show_change()
        return True

    def _help(self) -> None:
        for name, about in COMMANDS.items():
            self._voice.note(f"  {self._voice.styled(f'/{name:<8}', 'bold')} {about}")
        for key, about in _KEYS.items():
            self._voice.note(f"  {self._voice.styled(f'{key:<9}', 'bold')} {about}")

    def _change_model(self, name: str) -> None:
        if name:
            self._model = Chosen(name=checked_model(name), by="/model")
            self._settle = False
        self._voice.note(f"model: {self._model.name} ({self._model.by})")

    # -- who asks

    def _begin_anew(self) -> None:
        """Forget what was resolved; the conversation stays."""
        self._close_client()
        self._auth = self._make_auth()

    def _close_client(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            self._runner.run(client.close())

    def _show_change(self) -> None:
        """The banner again, when somebody else is asking, paying or answering now."""
        try:
            found = self._auth.explain()
        except AuthError as error:
            self._voice.failure(error)
            return
        if identity(found) != self._shown:
            self._show_banner(found)

    def _show_banner(self, found: Survey) -> None:
        self._shown = identity(found)
        for line in banner(found, self._model):
            self._voice.say(line)
        if found.winner is not None and isinstance(found.winner.answer, AuthError):
            self._voice.failure(found.winner.answer)
        for warning in found.warnings:
            self._voice.warn(warning)


def _load_client() -> None:
    """The official client takes a while to import; that is done while the person types."""
    import contextlib

    with contextlib.suppress(ImportError):  # the first question says what is wrong with it
        import anthropic

        from keyturn import clients, http

        del anthropic, clients, http
