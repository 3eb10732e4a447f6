"""The page of an annotated corpus: one file without a script; all text of the corpus is escaped here."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from imlbench.corpora.vocabulary import facts
from imlbench.errors import one_line
from reports.corpus_samples import ROLES, Shown
from reports.markup import Sheet, side_by_side
from reports.page.writing import asset

if TYPE_CHECKING:
    from collections.abc import Iterable

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
LABELS = {"original": "original", "edited": "edited", "mask": "marked"}
LONGEST_TEXT = 400


def page(
    title: str,
    lead: str,
    figures: Mapping[str, bytes],
    sheets: Sequence[Sheet],
    galleries: Mapping[str, Sequence[Shown]],
    notes: Iterable[str],
) -> str:
    """The page's HTML.

    Args:
        title: of the page.
        lead: a line below it.
        figures: SVG by heading.
        sheets: tables.
        galleries: samples by heading.
        notes: small print at the end.
    """
    body = [f"<h1>{text(title)}</h1>", f'<p class="lead">{text(lead)}</p>']
    for heading, svg in figures.items():
        body += [f"<h2>{text(heading)}</h2>", drawn(heading, svg)]
    body += ["<h2>Numbers</h2>", *map(table, sheets)]
    for heading, samples in galleries.items():
        cards = "\n".join(card(one) for one in samples) or '<p class="quiet">None.</p>'
        body += [f"<h2>{text(heading)}</h2>", f'<div class="samples">\n{cards}\n</div>']
    listed = "\n".join(f"<li>{text(note, 2000)}</li>" for note in notes)
    body += ["<h2>Notes</h2>", f'<ul class="notes">\n{listed}\n</ul>']
    head = (
        f'<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)}</title>\n<style>\n{asset('corpus.css')}</style>"
    )
    content = "\n".join(body)
    return f'<!DOCTYPE html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n{content}\n</body>\n</html>\n'


def text(value: object, limit: int = LONGEST_TEXT) -> str:
    """Text that a browser shows as it is, on one line."""
    return escape(one_line(value, limit))


def drawn(heading: str, svg: bytes) -> str:
    """A figure; as an image, so that nothing in it can run."""
    source = f"data:image/svg+xml;base64,{b64encode(svg).decode()}"
    return f'<figure class="drawn"><img src="{source}" alt="{text(heading)}"></figure>'


def table(sheet: Sheet) -> str:
    """A table."""

    def row(cells: Sequence[str], tag: str) -> str:
        kinds = [' class="word"' if place < sheet.words else "" for place in range(len(cells))]
        inner = "".join(f"<{tag}{kind}>{text(cell)}</{tag}>" for kind, cell in zip(kinds, cells, strict=True))
        return f"<tr>{inner}</tr>"

    head, body = (
        row(sheet.header, "th"),
        "\n".join(row([side_by_side(one) for one in cells], "td") for cells in sheet.rows),
    )
    caption = f"<caption>{text(sheet.title)}</caption>"
    return f'<div class="wide"><table>{caption}\n<thead>{head}</thead>\n<tbody>\n{body}\n</tbody></table></div>'


def card(shown: Shown) -> str:
    """A sample: three pictures, what came of it, and its facts."""
    row = shown.row
    status = "kept" if row["status"] == "kept" else "rejected"
    why = row["status"] if not row["reason"] else f"{row['status']}: {row['reason']}"
    lines = [f'<p><span class="why">{text(why)}</span> {text(row["message"] or "")}</p>']
    if row["instruction"]:
        lines.append(f"<p>{text(row['instruction'])}</p>")
    lines.append(f'<p class="facts">{text(" | ".join(told(shown.corpus, row)))}</p>')
    sides = "".join(side(shown, role) for role in ROLES)
    inner = "\n".join(lines)
    return f'<article class="sample {status}">\n<div class="sides">{sides}</div>\n{inner}\n</article>'


def side(shown: Shown, role: str) -> str:
    """One of the three pictures, or why it is missing."""
    if role in shown.pictures:
        source = f"data:image/webp;base64,{b64encode(shown.pictures[role]).decode()}"
        inner = f'<img src="{source}" alt="{LABELS[role]}" loading="lazy">'
    else:
        inner = f'<div class="none">{text(shown.problems.get(role, "not at hand"), 160)}</div>'
    return f"<figure>{inner}<figcaption>{LABELS[role]}</figcaption></figure>"


def told(corpus: str, row: Mapping[str, Any]) -> Iterator[str]:
    """The facts of a row."""
    yield corpus
    yield one_line(row["id"], 80)
    kind = facts(row["edit_type"]).title
    yield f"{kind} ({one_line(row['source_type'], 40)})" if row["source_type"] else kind
    if row["height"] is not None:
        yield f"{row['width']} x {row['height']}"
    if row["area"] is not None:
        yield f"area {100 * row['area']:.3g} %"
    for name in ("qes", "alignment", "agreement"):
        if row[name] is not None:
            yield f"{'QES' if name == 'qes' else name} {row[name]:.3f}"
    if row["components"] is not None:
        yield f"{row['components']} region{'' if row['components'] == 1 else 's'}"
