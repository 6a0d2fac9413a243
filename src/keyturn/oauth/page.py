"""The page a person sees in the browser when a login comes back: plain words, and nothing from the network.

Light and dark, readable at 320 px, closed by its own script where the browser allows. The script also takes
the code out of the address bar and the history. Style and script are allowed by their hashes alone (T11).
"""

from __future__ import annotations

import base64
import hashlib
import html
from typing import NamedTuple

__all__ = ["KINDS", "render"]

MAX_DETAIL = 300
"""Characters of foreign text shown; a server's description needs no more."""

_STYLE = """
:root{color-scheme:light dark;--paper:#f6f4ef;--card:#fff;--ink:#1f2328;--soft:#5f6670;--line:#e3dfd6;
--good:#1f7a4d;--bad:#b3412e;--wait:#8a6410;--tint:#e8f3ec}
[data-tone=bad]{--tint:#fbebe7}[data-tone=wait]{--tint:#faf1dc}
@media (prefers-color-scheme:dark){:root{--paper:#15171a;--card:#1d2024;--ink:#eceae4;--soft:#a3a9b2;
--line:#30343a;--good:#63c896;--bad:#f0917d;--wait:#e0b65c;--tint:#1c3428}
[data-tone=bad]{--tint:#3d231e}[data-tone=wait]{--tint:#382d16}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;min-height:100vh;min-height:100svh;display:flex;flex-direction:column;align-items:center;
justify-content:center;padding:24px 16px;background:var(--paper);color:var(--ink);
font:17px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif}
main{width:100%;max-width:29rem;background:var(--card);border:1px solid var(--line);border-radius:18px;
padding:40px 36px 34px;box-shadow:0 1px 2px rgb(0 0 0/.04),0 18px 40px -24px rgb(0 0 0/.22)}
.seal{display:grid;place-items:center;width:60px;height:60px;border-radius:50%;background:var(--tint);
color:var(--good);margin-bottom:22px}
[data-tone=bad] .seal{color:var(--bad)}[data-tone=wait] .seal{color:var(--wait)}
svg{display:block;fill:none;stroke:currentColor;stroke-width:2.4;stroke-linecap:round;stroke-linejoin:round}
h1{font-size:1.6rem;line-height:1.22;font-weight:650;letter-spacing:-.012em;margin:0 0 .5em;text-wrap:balance}
p{margin:0 0 .8em;text-wrap:pretty}
.said{color:var(--soft);border-left:3px solid var(--line);padding:1px 0 1px 14px;margin:1.1em 0;
overflow-wrap:anywhere}
.who{margin:1.1em 0 0;padding:11px 15px 12px;background:var(--paper);border-radius:10px;
font-weight:600;overflow-wrap:anywhere;line-height:1.4}
.who span{display:block;font-size:.78rem;font-weight:400;color:var(--soft)}
.next{margin:1.5em 0 0;padding-top:1.3em;border-top:1px solid var(--line)}
code{font:.94em/1 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;
background:var(--paper);border:1px solid var(--line);border-radius:6px;padding:.18em .45em;white-space:nowrap}
footer{display:flex;gap:9px;align-items:center;max-width:29rem;margin-top:22px;color:var(--soft);
font-size:.82rem;line-height:1.4}
footer svg{flex:none;stroke-width:2}
@media (max-width:420px){body{font-size:16px}
main{padding:30px 22px 26px;border-radius:14px}h1{font-size:1.42rem}}
"""

# A tab that a login left through several pages may not close itself; then the words on the page stand.
_SCRIPT = (
    'history.replaceState(null,"",location.pathname);'
    'if(document.body.dataset.tone==="good")setTimeout(function(){window.close()},4000);'
)

_TICK = '<path d="M6 14.5l5.5 5.5L22.5 8.5"/>'
_CROSS = '<path d="M8 8l12 12M20 8L8 20"/>'
_MARK = '<path d="M14 6v10"/><path d="M14 21.6v.1"/>'
_CLOCK = '<circle cx="14" cy="14" r="9.5"/><path d="M14 8.5V14l3.6 2.4"/>'
_PROMPT = '<path d="M6 8.5l6 5.5-6 5.5"/><path d="M14.5 20H22"/>'
_LOGIN_AGAIN = "Go back to your terminal and run <code>keyturn login</code> to try again."
_CLOSE = "You can close this window."


class _Words(NamedTuple):
    tone: str
    icon: str
    title: str
    body: str
    next: str


_PAGES = {
    "success": _Words(
        "good", _TICK, "You are logged in", "The login was saved on this computer and is ready for use.",
        "You can close this window and go back to your terminal.",
    ),
    "refused": _Words(
        "bad", _CROSS, "Access was not granted",
        "The login was declined on the server's page. Nothing was saved or changed on this computer.",
        f"{_LOGIN_AGAIN} {_CLOSE}",
    ),
    "wrong-state": _Words(
        "bad", _MARK, "This page belongs to another login",
        "It came from a different attempt, perhaps from an older tab, so it was ignored. "
        "The attempt in your terminal is still waiting.",
        f"Finish the login in the newest tab, or start again from your terminal. {_CLOSE}",
    ),
    "expired": _Words(
        "wait", _CLOCK, "The login took too long",
        "Your terminal has stopped waiting for this page. Nothing was saved or changed on this computer.",
        f"{_LOGIN_AGAIN} {_CLOSE}",
    ),
    "failed": _Words(
        "bad", _CROSS, "The login did not work",
        "Something went wrong after the server's page. An earlier login on this computer is untouched.",
        f"Your terminal says what happened and what to do. {_CLOSE}",
    ),
    "used": _Words(
        "wait", _MARK, "This login was already used",
        "Each login page counts once, and this one has been answered before. Nothing was done a second time.",
        f"Your terminal shows how the login ended. {_CLOSE}",
    ),
    "unsettled": _Words(
        "wait", _PROMPT, "Please look at your terminal",
        "The answer has arrived on this computer, but the login is not finished yet.",
        f"Your terminal shows how it goes on. {_CLOSE}",
    ),
}  # fmt: skip

KINDS = frozenset(_PAGES)
"""Every kind of page that `render` knows."""


def render(kind: str, *, detail: str = "", account: str = "") -> tuple[str, dict[str, str]]:
    """Return the page and its headers; `detail` and `account` are foreign text, escaped and cut here.

    Raises `KeyError` for a kind that is not in `KINDS`.
    """
    words = _PAGES[kind]
    # bdi: a name with right-to-left marks cannot turn the sentence around it.
    who = f'<p class="who"><span>Account</span><bdi>{_shown(account)}</bdi></p>\n' if account else ""
    said = f'<p class="said"><bdi>{_shown(detail)}</bdi></p>\n' if detail else ""
    text = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="robots" content="noindex">\n'
        f"<title>{words.title} · keyturn</title>\n<style>{_STYLE}</style>\n</head>\n"
        f'<body data-tone="{words.tone}" data-kind="{kind}">\n<main>\n'
        f'<div class="seal">{_svg(words.icon, 34)}</div>\n'
        f"<h1>{words.title}</h1>\n<p>{words.body}</p>\n{who}{said}"
        f'<p class="next">{words.next}</p>\n</main>\n'
        f"<footer>{_svg(_KEY, 20)}<span>Shown by keyturn, running on this computer. "
        "Nothing on this page comes from the internet.</span></footer>\n"
        f"<script>{_SCRIPT}</script>\n</body>\n</html>\n"
    )
    return text, dict(_HEADERS)


_KEY = '<circle cx="9" cy="14" r="4.5"/><path d="M13.5 14H25M21 14v4"/>'


def _svg(paths: str, size: int) -> str:
    return f'<svg width="{size}" height="{size}" viewBox="0 0 28 28" aria-hidden="true">{paths}</svg>'


def _shown(text: str) -> str:
    printable = "".join(c if c.isprintable() else " " for c in text[: 4 * MAX_DETAIL]).strip()
    return html.escape(printable if len(printable) <= MAX_DETAIL else printable[: MAX_DETAIL - 1] + "…")


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii") + "'"


_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src {_hash(_STYLE)}; script-src {_hash(_SCRIPT)}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
