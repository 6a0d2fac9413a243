"""What a person is shown of a project's settings before being asked to trust them (T3): clean and whole."""

from __future__ import annotations

from keyturn import jsontext
from keyturn.clean import clean
from keyturn.redact import MASK, redact
from keyturn.settings.never import names_a_secret
from keyturn.settings.words import LONGEST, is_pattern
from keyturn.values import Value
from keyturn.wire import origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from keyturn.settings.trust import Contents, Item

MOST = 200  # settings in all
LINE_BREAK = " ⏎ "
_INVISIBLE = "it holds characters that cannot be shown"
_FOREIGN = "it holds characters that may only look like letters you know"
_MASKED = "it seems to hold a secret, which does not belong in a project; it is masked here"
_PATTERN = "files that it names by a pattern or a variable are not held to what is in them"
_NO_HOST = "it is no address that keyturn would send anything to"


class Shown(Value):
    """One setting as a person sees it; `notes` are warnings about it."""

    __slots__ = ("file", "key", "kind", "notes", "text")
    file: str
    key: str
    kind: str
    notes: tuple[str, ...]
    text: str


def obstacle(found: Contents, held: Mapping[str, str | None]) -> str | None:
    """Why nobody can agree to these settings, if so: what cannot be looked at, or not be held to anything."""
    if len(found.items) > MOST:
        return f"there are more than {MOST} settings in it, which nobody would look through"
    for item in found.items:
        name = clean(item.name)
        if item.kind == "command" and not isinstance(item.value, str):
            return f"{name} is not a text"
        if len(item.value if isinstance(item.value, str) else jsontext.dump(item.value)) > LONGEST:
            return f"{name} is longer than {LONGEST} characters, which nobody would read"
    unheld = [name for name, pin in held.items() if pin is None]
    if unheld:
        name = clean(unheld[0])
        return f"{name} cannot be held to what is in it: no plain file, unreadable, or too much (16 MiB)"
    return None


def shown(item: Item) -> Shown:
    """A setting, cleaned and with its secrets masked; its line breaks are to be seen."""
    value = item.value if isinstance(item.value, str) else jsontext.dump(item.value)
    text, secret = masked(item.key, visible(value))
    notes = [_INVISIBLE] if _hides(value) else []
    notes += [_MASKED] if secret else []
    notes += [_FOREIGN] if not text.replace(LINE_BREAK, " ").isascii() else []
    notes += [_PATTERN] if item.kind == "command" and is_pattern(value) else []
    if item.kind == "host":
        notes.append(_host(value))
    file = item.name.rpartition(" in ")[2]
    return Shown(kind=item.kind, key=clean(item.key), file=file, text=text, notes=tuple(notes))


def visible(value: str) -> str:
    """The text on one line, its line breaks marked: `# no harm` must not seem to comment out what follows."""
    return LINE_BREAK.join(clean(value, 2 * LONGEST, lines=True).split("\n"))


def masked(key: str, text: str) -> tuple[str, bool]:
    """The text without what looks like a secret, and whether there was any."""
    if key.startswith("env.") and names_a_secret(key.removeprefix("env.")):
        return MASK, True
    hidden = redact(text)
    scheme, mark, rest = hidden.partition("://")
    before, at, after = rest.partition("@")
    if mark and at and not any(end in before for end in "/?# "):
        hidden = f"{scheme}://{MASK}@{after}"
    return hidden, hidden != text


def _hides(value: str) -> bool:
    """Whether cleaning takes out more than the space between words."""
    return "".join(value.split()) != "".join(clean(value, 2 * LONGEST).split())


def _host(value: str) -> str:
    try:
        return f"it sends keys and tokens to {origin(value.strip())}"
    except ValueError:
        return _NO_HOST
