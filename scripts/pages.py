"""docs/ as a site, from Markdown alone: `python scripts/pages.py FOLDER` (make docs), without any network.

Every page is in the menu, and every link between pages is checked: one that leads nowhere is an error.
"""

from __future__ import annotations

import html
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markdown_it.token import Token

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
# what people look for, in this order, behind the guides
_PARTS = {
    "Reference": ("commands", "configuration", "network", "json", "security", "renewal", "demo"),
    "How it is built": (
        "architecture",
        "decisions",
        "add-a-source",
        "model/README",
        "benchmarks",
        "requirements",
    ),
}
_STYLE = """
:root{color-scheme:light dark;--paper:#fbfaf7;--ink:#1f2328;--soft:#5f6670;--line:#e3dfd6;--code:#f1eee7;
--link:#0b5cad}
@media (prefers-color-scheme:dark){:root{--paper:#15171a;--ink:#e8e6e0;--soft:#a3a9b2;--line:#30343a;
--code:#1f2327;--link:#7db7f0}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:17px/1.6 system-ui,sans-serif;display:grid;
grid-template-columns:15rem minmax(0,46rem);gap:3rem;justify-content:center;padding:2rem 1.2rem 6rem}
nav{position:sticky;top:2rem;align-self:start;font-size:.92rem;max-height:calc(100vh - 4rem);overflow:auto}
nav b{display:block;margin:1.4rem 0 .3rem;color:var(--soft);font-weight:600}
nav a{display:block;padding:.18rem 0;text-decoration:none}
nav a[aria-current]{font-weight:650;color:var(--ink)}
a{color:var(--link)}
h1{font-size:2rem;line-height:1.2;margin:.2em 0 .6em}h2{margin-top:2em;line-height:1.3}
pre{background:var(--code);border:1px solid var(--line);border-radius:10px;padding:.9em 1.1em;overflow:auto;
font-size:.86rem;line-height:1.5}
code{font-family:ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.9em}
:not(pre)>code{background:var(--code);border-radius:5px;padding:.1em .3em;overflow-wrap:anywhere}
table{border-collapse:collapse;display:block;overflow:auto;font-size:.93rem}
td:first-child code{overflow-wrap:break-word}
th,td{border-bottom:1px solid var(--line);padding:.45em .7em;text-align:left;vertical-align:top}
img{max-width:100%;height:auto}
.menu{display:none}
@media (max-width:52rem){body{display:flex;flex-direction:column;gap:1.5rem;padding:1rem 1.1rem 4rem;
font-size:16px}.menu{display:block}main{min-width:0}
nav{order:1;position:static;max-height:none;border-top:1px solid var(--line);padding-top:1rem}}
"""


class Page(NamedTuple):
    """One page: where it lies in the site, its title, and its body."""

    path: str
    title: str
    body: str
    anchors: frozenset[str]
    links: tuple[str, ...]


def build(target: Path) -> list[str]:
    """Write the site; what is wrong with its links."""
    sources = {"index.html": ROOT / "README.md"}
    sources |= {_target(source): source for source in sorted(DOCS.rglob("*.md"))}
    pages = {path: _page(path, source) for path, source in sources.items()}
    if target.exists():
        shutil.rmtree(target)
    for page in pages.values():
        file = target / page.path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(_whole(page, pages), encoding="utf-8")
    shutil.copytree(DOCS / "images", target / "images")
    return list(_broken(pages, target))


def _page(path: str, source: Path) -> Page:
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(source.read_text(encoding="utf-8"))
    anchors, links, title = [], [], source.stem
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            text = tokens[at + 1].content
            anchors.append(_anchor(text))
            token.attrSet("id", anchors[-1])
            title = text if token.tag == "h1" else title
        for part in _within(token):
            name = {"link_open": "href", "image": "src"}.get(part.type)
            if name is None:
                continue
            to = _moved(str(part.attrGet(name)), source)
            part.attrSet(name, to)
            links.append(to)
    body = markdown.renderer.render(tokens, markdown.options, {})
    return Page(path, title.replace("`", ""), body, frozenset(anchors), tuple(links))


def _within(token: Token) -> Iterator[Token]:
    for child in token.children or ():
        yield child
        yield from _within(child)


def _moved(link: str, source: Path) -> str:
    """A link as it is in the site; what lies in the repository alone is named and not linked."""
    if re.match(r"[a-z]+:", link) or link.startswith("#"):
        return link
    name, mark, anchor = link.partition("#")
    to = (source.parent / name).resolve()
    to = to / "README.md" if (to / "README.md").exists() else to
    here = Path(_target(source) if source != ROOT / "README.md" else "index.html").parent
    if to.is_relative_to(DOCS):
        within = Path(_target(to)) if to.suffix == ".md" else to.relative_to(DOCS)
    elif to == ROOT / "README.md":
        within = Path("index.html")
    elif to.exists():
        return "#"
    else:
        return link  # and is found to be broken
    up = "../" * len(here.parts)
    return f"{up}{within.as_posix()}{mark}{anchor}"


def _target(source: Path) -> str:
    return source.relative_to(DOCS).with_suffix(".html").as_posix()


def _anchor(text: str) -> str:
    """As forges make them: lower case, blanks to dashes, other marks out."""
    return re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-")


def _whole(page: Page, pages: dict[str, Page]) -> str:
    title = html.escape(page.title)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src 'self'; "
        "style-src 'unsafe-inline'\">\n"
        f"<title>{title} · keyturn</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        '<a class="menu" href="#menu">keyturn: all pages</a>\n'  # on a phone the menu is below the page
        f'<nav id="menu">{"".join(_menu(page, pages))}</nav>\n<main>\n{page.body}</main>\n</body>\n</html>\n'
    )


def _menu(page: Page, pages: dict[str, Page]) -> Iterator[str]:
    up = "../" * page.path.count("/")
    yield _entry(pages["index.html"], page, up)
    for part, chosen in _parts(pages).items():
        yield f"<b>{part}</b>"
        for path in chosen:
            yield _entry(pages[path], page, up)


def _parts(pages: dict[str, Page]) -> dict[str, list[str]]:
    """What the menu lists: the guides, what is named, and every other page as reference."""
    named = {part: [f"{name}.html" for name in names] for part, names in _PARTS.items()}
    guides = sorted(path for path in pages if path.startswith("guides/"))
    known = {"index.html", *guides, *(path for paths in named.values() for path in paths)}
    named["Reference"] += sorted(path for path in pages if path not in known)
    return {"Guides": guides, **named}


def _entry(page: Page, current: Page, up: str) -> str:
    mark = ' aria-current="page"' if page.path == current.path else ""
    return f'<a href="{up}{page.path}"{mark}>{html.escape(page.title)}</a>'


def _broken(pages: dict[str, Page], target: Path) -> Iterator[str]:
    for page in pages.values():
        for link in page.links:
            if re.match(r"[a-z]+:", link) or link == "#":
                continue
            name, _, anchor = link.partition("#")
            to = (target / page.path).parent.joinpath(name).resolve() if name else target / page.path
            inside = to.resolve().relative_to(target.resolve()).as_posix() if to.exists() else ""
            if not to.exists() or (anchor and inside in pages and anchor not in pages[inside].anchors):
                yield f"{page.path} links {link}, which is not there"


if __name__ == "__main__":
    wrong = build(Path(sys.argv[1]))
    for line in wrong:
        print(line, file=sys.stderr)
    print(f"the site is {sys.argv[1]}/index.html")
    sys.exit(1 if wrong else 0)
