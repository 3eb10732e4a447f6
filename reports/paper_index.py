"""The index of a paper set: one page of links and previews, readable without a server."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

from imlbench import __version__

if TYPE_CHECKING:
    from reports.paper_set import Made

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #6b6b6b; }
@media (prefers-color-scheme: dark) { :root { --soft: #a8a8a8; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem;
  overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(22rem, 100%), 1fr)); gap: 1rem; }
figure { margin: 0; padding: .75rem; border: 1px solid var(--line); border-radius: 6px; }
img { width: 100%; height: 15rem; object-fit: contain; background: #fff; }
figcaption, li { margin-top: .4rem; } .soft { color: var(--soft); }
"""
HEADINGS = {"page": "Page", "table": "Tables", "figure": "Figures"}


def index_html(made: Sequence[Made], source: str) -> str:
    """The index as a complete HTML document; every text is escaped."""
    sections = [
        section(heading, [one for one in made if one.item.kind == kind and one.files])
        for kind, heading in HEADINGS.items()
    ]
    left_out = [one for one in made if one.reason]
    if left_out:
        entries = "".join(f"<li>{escape(one.item.title)}: {escape(one.reason)}</li>\n" for one in left_out)
        sections.append(f'<h2>Left out</h2>\n<ul class="soft">\n{entries}</ul>\n')
    page = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "img-src 'self' file:; style-src 'unsafe-inline'\">\n"
        f"<title>imlbench: results</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>Results</h1>\n"
        f'<p class="soft">From {escape(source)}, by imlbench {escape(__version__)}.</p>\n'
        f"{''.join(sections)}</body>\n</html>\n"
    )
    # Half characters, which a tag may hold, cannot be encoded.
    return page.encode(errors="backslashreplace").decode()


def section(heading: str, made: Sequence[Made]) -> str:
    """One kind of things; empty where there are none."""
    if not made:
        return ""
    if made[0].item.kind == "figure":
        return f'<h2>{heading}</h2>\n<div class="grid">\n{"".join(map(preview, made))}</div>\n'
    entries = "".join(f"<li>{escape(one.item.title)}: {links(one.files)}</li>\n" for one in made)
    return f"<h2>{heading}</h2>\n<ul>\n{entries}</ul>\n"


def preview(one: Made) -> str:
    """A figure with its links."""
    title = escape(one.item.title)
    source = quote(one.files[0])
    image = f'<a href="{source}"><img src="{source}" alt="{title}" loading="lazy"></a>'
    return f"<figure>{image}<figcaption>{title}: {links(one.files)}</figcaption></figure>\n"


def links(files: Iterable[str]) -> str:
    """Links to files, named by their format."""
    return " · ".join(f'<a href="{quote(name)}">{escape(name.rpartition(".")[2])}</a>' for name in files)
