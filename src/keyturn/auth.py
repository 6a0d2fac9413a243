"""Auth: keeps the winner and its credential; one sync core, and a face for asyncio."""

from __future__ import annotations

from _thread import get_ident

from keyturn.errors import (
    AuthError,
    ConfigurationError,
    Refused,
    Rejected,
    Unavailable,
    UsageError,
)
from keyturn.hints import in_scene, with_profile
from keyturn.order import ORDER
from keyturn.scene import Scene
from keyturn.settings.config import config_mark, read_config
from keyturn.survey import Looks, Offer, check_pin, find_winner, survey
from keyturn.values import BILLING
from keyturn.world import World
from keyturn.world.locks import GATES, WORKERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from keyturn.stores import LoginStore
    from keyturn.survey import Source, Survey
    from keyturn.together import Together
    from keyturn.values import Credential

# how long a running program goes without looking whether a login, logout or renewal happened elsewhere (L18)
LOOK_SECONDS = 2.0
# longer than any command that a person configures may take
GATE_SECONDS = 200.0


class Auth:
    """What a program asks for its credential. Making one reads and does nothing.

    Thread-safe and fork-safe. `profile`, `route`, `source` and `require_billing` are those of the command
    line; `world` and `store` are for tests and for programs with a store of their own. `tolerant` is for
    commands that repair and explain: a damaged settings file counts for nothing there, and stops nobody.
    """

    def __init__(
        self,
        *,
        profile: str | None = None,
        route: str | None = None,
        source: str | None = None,
        require_billing: str | None = None,
        world: World | None = None,
        store: LoginStore | None = None,
        tolerant: bool = False,
    ) -> None:
        self._world = world or World()
        self._clock = self._world.clock
        self._profile = profile
        self._route = route
        self._source = source
        self._require_billing = require_billing
        self._store = store
        self._tolerant = tolerant
        self._scene: Scene | None = None
        self._scene_mark: object = None
        self._winner: tuple[Source, Offer] | None = None
        self._kept: Credential | None = None
        self._together: Together | None = None
        self._fresh_until = 0.0

    def credential(self, *, rejected: Credential | None = None) -> Credential:
        """A usable credential; `rejected` is one that the API has just answered with 401.

        Raises: NoCredential, Rejected, StoreError, Unavailable, Refused, ConfigurationError.
        """
        kept = self._kept  # read once: another thread may take it away between a look and the return
        if kept is not None and rejected is None and self._clock() < self._fresh_until:
            return kept
        return self._obtain(rejected)

    async def acredential(self, *, rejected: Credential | None = None) -> Credential:
        """As `credential`, without ever holding up the event loop.

        A task that is cancelled while it waits does not interrupt a renewal: the thread finishes its save.
        """
        kept = self._kept  # as above
        if kept is not None and rejected is None and self._clock() < self._fresh_until:
            return kept
        if self._together is None:
            from keyturn.together import Together

            self._together = Together()
        return await self._together.ask(self._obtain, rejected, self._serving)

    def lasting(self, seconds: float) -> Credential:
        """A credential with at least `seconds` to live, renewed at most once for that; unknown expiry passes.

        Raises: Rejected when it would end sooner all the same, else as `credential`.
        """
        credential = self.credential()
        if self._left(credential) < seconds and self._chosen()[1].renewable:
            # as after a 401: whoever is first renews, and everybody else adopts what that gave
            try:
                credential = self.credential(rejected=credential)
            except Rejected as error:
                from keyturn.oauth.outcomes import REJECTED_AGAIN

                # renewed within this minute (L19), or its source has no other: it is as long as it gets
                if error.code not in (REJECTED_AGAIN, "helper_rejected", "aws_no_other"):
                    raise
        if self._left(credential) < seconds:
            raise Rejected(
                f"the credential of {credential.where} ends in {max(0.0, self._left(credential)):.0f} s, "
                f"and {seconds:.0f} s are asked for",
                hint=in_scene(
                    "ask for less; if the login itself is about to end, log in again: keyturn login",
                    self.scene(),
                ),
                code="ends_too_soon",
            )
        return credential

    def headers(self) -> dict[str, str]:
        """The headers for one request. Raises: as `credential`."""
        return self.credential().headers()

    def explain(self) -> Survey:
        """Every source's answer, from the same looks that resolving uses. Asks no server, writes nothing.

        Raises: ConfigurationError, UsageError; what a source raises is in its row.
        """
        from keyturn.advice import with_warnings
        from keyturn.routes import choose

        pinned = self._pinned()
        self._required()
        scene = self.scene().in_spite_of_damage()
        route = choose(scene, self._route)
        found = survey(scene, ORDER[route], route=route, pinned=pinned)
        return with_warnings(found, scene, using=self._winner[0] if self._winner else None)

    @property
    def base_url(self) -> str:
        """Where the winner's requests go; looked at, not redeemed. Raises: as `credential`."""
        return self._chosen()[1].base_url

    @property
    def route(self) -> str:
        """The route of the variables and flags. Raises: ConfigurationError, UsageError."""
        from keyturn.routes import choose

        return choose(self.scene(), self._route)

    @property
    def world(self) -> World:
        """The machine this Auth looks at."""
        return self._world

    def scene(self) -> Scene:
        """The configuration and profile this Auth works with. Raises: ConfigurationError.

        Read once; until something is found, read again when it changed: a login writes it (I6). Settings
        files are looked at again every 2 s at most; the source that was found answers by what they say then.
        """
        if self._scene is not None and self._winner is None and config_mark(self._world) != self._scene_mark:
            self._scene = None
        if self._scene is None:
            self._scene_mark = config_mark(self._world)
            config = read_config(self._world)
            name, chosen_by = config.chosen(self._profile, self._world)
            self._scene = Scene(self._world, config, config.profile(name), chosen_by, self._store)
            self._scene.tolerant = self._tolerant
        self._scene.watch.look()
        return self._scene

    def _obtain(self, rejected: Credential | None) -> Credential:
        name = self._gate_name()
        gate = GATES.gate(name)
        serves = self._serving() if rejected is None else None
        if gate.mine or (get_ident(), name) in WORKERS:
            # A logging handler or a helper inside a renewal asks for what that renewal is about to give.
            return serves or self._reentered()
        try:
            try:
                # while the current token serves, nobody waits for somebody who renews it ahead of time
                if gate.acquire(0.0) or (serves is None and gate.acquire(GATE_SECONDS)):
                    return self._redeemed(rejected)
            finally:
                gate.release()
        finally:
            gate.release()  # an interrupt may have come just before the other one did it
        if serves is not None:
            return serves
        raise Unavailable(
            f"another thread of this process has been renewing the login for {GATE_SECONDS:g} s",
            hint="try again; if it stays, look for a thread that hangs",
            code="gate_timeout",
            sent=False,
        )

    def _redeemed(self, rejected: Credential | None) -> Credential:
        if rejected is None and self._clock() < self._fresh_until and self._kept is not None:
            return self._kept
        self._fresh_until = 0.0
        if rejected is not None:
            self.scene().watch.look(now=True)  # somebody may have put another key there meanwhile
        source, offer = self._chosen()
        try:
            credential = offer.redeem(rejected)
            self._check_billing(source, credential.billing)  # a login made elsewhere may be another's money
        except AuthError as error:
            self._kept = None
            with_profile(error, self.scene())
            raise
        self._keep(credential)
        return credential

    def _reentered(self) -> NoReturn:
        raise Unavailable(
            "keyturn was asked for a credential by something that runs inside its own renewal",
            hint="let logging handlers and the like send without a credential, or later",
            code="reentered",
            sent=False,
        )

    def _gate_name(self) -> str:
        scene = self.scene()
        try:
            return scene.store.key
        except ConfigurationError:
            return ""  # a store that cannot be opened is the trouble of its own source alone

    def _keep(self, credential: Credential) -> None:
        seconds = LOOK_SECONDS
        if credential.expires_at is not None:
            # short-lived tokens are looked at more often; the source knows when they are due
            seconds = min(seconds, self._left(credential) / 10)
        self._kept = credential
        self._fresh_until = self._clock() + seconds
        if credential.stale_at is not None:
            self._fresh_until = min(self._fresh_until, credential.stale_at)

    def _left(self, credential: Credential) -> float:
        """Seconds that a credential still has to live; endless when nobody knows."""
        if credential.expires_at is None:
            return float("inf")
        now = self._world.steady(f"{credential.where}:{credential.expires_at}")  # no jump of the clock (L21)
        return credential.expires_at - now

    def _serving(self) -> Credential | None:
        kept = self._kept
        if kept is None or (kept.stale_at is not None and self._clock() >= kept.stale_at):
            return None
        return kept if self._left(kept) > 30 else None  # noqa: PLR2004 - seconds, as in renew.state

    def _chosen(self) -> tuple[Source, Offer]:
        """The winner, found once and then kept: a lower source never takes its place by itself."""
        if self._winner is None:
            sources = ORDER[self.route]
            pinned = self._pinned()
            check_pin(pinned, sources)
            self._required()
            looks = Looks(self.scene(), sources)
            source = find_winner(looks, pinned)
            if source is None:
                from keyturn.advice import nothing_found

                raise nothing_found(self.explain(), pinned, self.scene())
            answer = looks.at(source)
            if isinstance(answer, AuthError):
                raise answer
            assert isinstance(answer, Offer)  # noqa: S101 - an absent source never wins
            self._check_billing(source, answer.billing)
            self._winner = (source, answer)
        return self._winner

    def _pinned(self) -> str | None:
        return self._source or (self._world.variable("KEYTURN_SOURCE") or "").strip() or None

    def _required(self) -> str | None:
        """The billing class that is required, if one is. Raises: UsageError for one that there is not."""
        required = self._require_billing or self.scene().config.require_billing
        if required is not None and required not in BILLING:
            raise UsageError(
                f"there is no billing class {required[:32]!r}", hint=f"use one of: {', '.join(BILLING)}"
            )
        return required

    def _check_billing(self, source: Source, billing: str) -> None:
        required = self._required()
        if required is not None and billing != required:
            raise Refused(
                f"{source.name} is billed as {billing}, and {required} is required",
                hint="see what else there is: keyturn explain",
                code="billing",
                source=source.id,
            )
