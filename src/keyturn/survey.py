"""The survey: every source asked in order, each answer kept. Resolving and explaining both read it.

A source answers one cheap question with Absent(why) or Offer(...), or raises what is wrong. Resolving walks
the table to the first that is not absent and redeems it; explaining walks the same table to its end.
"""

from __future__ import annotations

from keyturn.errors import AuthError, UsageError
from keyturn.hints import with_profile
from keyturn.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Literal

    from keyturn.scene import Scene
    from keyturn.values import Credential

    State = Literal["selected", "outranked", "stands_down", "absent", "error"]


class Fact(Value):
    """Something a route works out beside the credential (region, project, model), and who said so."""

    __slots__ = ("name", "origin", "value")
    name: str
    origin: str
    value: str


class Absent(Value):
    """The source has nothing; `why` is for people."""

    __slots__ = ("why",)
    why: str


class Offer(Value):
    """The source has something; `redeem(rejected)` gets it, everything else is known without that.

    `state` is usable, renewable, expired or rejected, as far as this machine can tell. `base_url` is where
    the credential would be sent. `warning` is what a person should do something about, if anything. `facts`
    are what the route worked out beside it; None where there is nothing of that kind.
    """

    __slots__ = (
        "account",
        "base_url",
        "billing",
        "ends_at",
        "expires_at",
        "facts",
        "kind",
        "note",
        "redeem",
        "remedy",
        "renewable",
        "state",
        "warning",
        "where",
    )
    account: str | None
    base_url: str
    billing: str
    ends_at: float | None
    expires_at: float | None
    facts: tuple[Fact, ...] | None
    kind: str
    note: str | None
    redeem: Callable[[Credential | None], Credential]
    remedy: str | None
    renewable: bool
    state: str
    warning: str | None
    where: str


class Source(Value):
    """A place that may hold a credential. `stands_down_for` are sources whose presence disables this one."""

    __slots__ = ("id", "look", "name", "stands_down_for")
    id: str
    look: Callable[[Scene], Absent | Offer]
    name: str
    stands_down_for: tuple[str, ...]


class Row(Value):
    """One source's place in the survey; `answer` is what its look gave, an error included."""

    __slots__ = ("answer", "source", "state", "why")
    answer: Absent | Offer | AuthError
    source: Source
    state: State
    why: str

    @property
    def offer(self) -> Offer | None:
        """The answer, if it is an offer."""
        return self.answer if isinstance(self.answer, Offer) else None

    @property
    def where(self) -> str | None:
        """Where the source found what it offers."""
        return self.answer.where if isinstance(self.answer, Offer) else None


class Survey(Value):
    """All rows in order; `winner` is the row that decides, be it an offer or an error.

    `settings` names what settings files say to keyturn and where, `ignored` what they say in vain.
    """

    __slots__ = ("ignored", "next_winner", "pinned", "route", "rows", "settings", "warnings", "winner")
    ignored: tuple[str, ...]
    next_winner: Row | None
    pinned: str | None
    route: str
    rows: tuple[Row, ...]
    settings: tuple[str, ...]
    warnings: tuple[str, ...]
    winner: Row | None

    def row(self, source_id: str) -> Row:
        """The row of one source."""
        return next(row for row in self.rows if row.source.id == source_id)


class Looks:
    """Asks each source at most once."""

    def __init__(self, scene: Scene, sources: Sequence[Source]) -> None:
        self._scene = scene
        self.sources = sources
        self._answers: dict[str, Absent | Offer | AuthError] = {}

    def at(self, source: Source) -> Absent | Offer | AuthError:
        """The answer of a source; an error that it raises is its answer."""
        answer = self._answers.get(source.id)
        if answer is None:
            try:
                answer = source.look(self._scene)
            except AuthError as error:
                answer = with_profile(error, self._scene)
            self._answers[source.id] = answer
        return answer

    def displacer(self, source: Source, but: Source | None = None) -> Source | None:
        """The first source, present in whatever shape, that makes this one stand down."""
        for other in self.sources:
            if (
                other.id in source.stands_down_for
                and other is not but
                and not isinstance(self.at(other), Absent)
            ):
                return other
        return None


def find_winner(looks: Looks, pinned: str | None = None, but: Source | None = None) -> Source | None:
    """The source that decides: the pinned one, or the first that is neither absent nor stands down."""
    for source in looks.sources:
        if source is but or (pinned is not None and source.id != pinned):
            continue
        if isinstance(looks.at(source), Absent):
            continue
        if pinned is None and looks.displacer(source, but) is not None:
            continue
        return source
    return None


def check_pin(pinned: str | None, sources: Sequence[Source]) -> None:
    """Raises: UsageError for a source that the route does not have."""
    known = [source.id for source in sources]
    if pinned is not None and pinned not in known:
        raise UsageError(
            f"there is no source named {pinned[:64]!r} on this route", hint=f"use one of: {', '.join(known)}"
        )


def survey(
    scene: Scene,
    sources: Sequence[Source],
    *,
    route: str,
    pinned: str | None = None,
    ignored: Sequence[str] = (),
    warnings: Sequence[str] = (),
) -> Survey:
    """Every source's answer and what it means for the others.

    Raises: UsageError for an unknown pin. What a source raises is kept in its row.
    """
    check_pin(pinned, sources)
    looks = Looks(scene, sources)
    winner = find_winner(looks, pinned)
    following = find_winner(looks, None, but=winner) if winner is not None else None
    rows = tuple(_row(looks, source, winner, pinned) for source in sources)
    by_id = {row.source.id: row for row in rows}
    return Survey(
        ignored=tuple(ignored),
        next_winner=by_id[following.id] if following is not None else None,
        pinned=pinned,
        route=route,
        rows=rows,
        settings=(),
        warnings=tuple(warnings),
        winner=by_id[winner.id] if winner is not None else None,
    )


def _row(looks: Looks, source: Source, winner: Source | None, pinned: str | None) -> Row:
    answer = looks.at(source)
    if isinstance(answer, Absent):
        return Row(source=source, answer=answer, state="absent", why=answer.why)
    if isinstance(answer, AuthError):
        said = answer.message
    else:
        said = answer.note or ("will be used" if source is winner else "is there")
    if source is winner:
        state: State = "error" if isinstance(answer, AuthError) else "selected"
        if pinned is not None and state == "selected":
            said = f"{answer.note or 'will be used'}; pinned" if isinstance(answer, Offer) else said
        return Row(source=source, answer=answer, state=state, why=said)
    displacer = looks.displacer(source) if pinned is None else None
    if displacer is not None:
        return Row(
            source=source,
            answer=answer,
            state="stands_down",
            why=_because(answer, f"{displacer.name} is set"),
        )
    if isinstance(answer, AuthError):
        return Row(source=source, answer=answer, state="error", why=said)
    by = (
        "another source is pinned"
        if pinned is not None
        else f"{winner.name if winner else 'another'} comes first"
    )
    return Row(source=source, answer=answer, state="outranked", why=_because(answer, by))


def _because(answer: Absent | Offer | AuthError, reason: str) -> str:
    if isinstance(answer, AuthError):
        return f"not used: {reason} ({answer.message})"
    note = answer.note if isinstance(answer, Offer) else None
    return f"not used: {reason}; {note}" if note else f"not used: {reason}"
