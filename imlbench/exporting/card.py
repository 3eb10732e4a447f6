"""The dataset card: what the set holds, where it comes from, how it was made, and where it falls short."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imlbench.corpora.vocabulary import facts as type_facts
from imlbench.errors import one_line
from imlbench.exporting.annotation import Annotation
from imlbench.exporting.choosing import Gates
from imlbench.exporting.encoding import Codec
from imlbench.registry import names, resolve

if TYPE_CHECKING:
    from imlbench.corpora.base import Corpus

REASONS = {
    "type": "of an edit type that was not asked for",
    "low-qes": "QES not above the gate",
    "area": "share of edited pixels outside the gate",
    "disagreement": "agreement with the second annotator below the gate",
    "duplicate": "both files the same as another pair's",
    "evaluation-image": "from a source that shows an image of an evaluation set, or one too like it",
    "limit": "beyond the limit",
}
NAMED = 5
"""Files that are named; the rest is counted."""
LIMITS = """\
- The masks are an annotator's, not people's: they carry its errors. Soft borders, shadows and reflections are where
  annotators differ most.
- Every image was decoded and written anew in one way, so that file format, metadata and quantisation tell nothing. What
  lies in the pixels remains: an original that was a JPEG before carries traces of its first compression, an edited
  image the traces of its generator, over the whole frame and not only where it was edited.
- Where an original had another size than its edited image, it was resized to it. Such originals never serve as
  authentic examples.
- Sources are told apart by the files' hashes and by a perceptual hash: crops, mirrored copies and other views of one
  scene count as different sources.
- Evaluation sets were compared only where they lie on the machine that made this set; they are named above."""


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What the card speaks of.

    Attributes:
        layout: name of the format.
        usage: how it is read, in Markdown.
        codec: of the images.
        gates: of the export.
        annotations: where the masks come from.
        corpora: where the images come from, one for each annotation.
        facts: content of export.json.
    """

    layout: str
    usage: str
    codec: Codec
    gates: Gates
    annotations: Sequence[Annotation]
    corpora: Sequence[Corpus]
    facts: Mapping[str, Any]


def dataset_card(card: CardFacts) -> str:
    """The text of README.md, in Markdown; where the hub reads it, with the front matter that the hub knows."""
    counts = card.facts["counts"]
    splits = list(counts["edited_by_split_corpus_type"])
    sections = [
        front_matter(splits, card.codec) if card.layout == "hf" else "",
        "# Edited images with masks",
        f"{counts['edited']} edited and {counts['authentic']} authentic images from {counts['sources']} sources,"
        " made by `imlbench export`. A mask is 255 where an image was edited and 0 where it was not.",
        f"## Files\n\n{card.usage}\n\n`samples.jsonl` tells for every example which pair of which corpus it comes from;"
        " `export.json` holds the options, the counts and the versions of the software.",
        f"## Counts\n\n{counts_table(counts)}",
        f"## Left out\n\n{left_out(card.annotations, counts['left_out'])}",
        f"## Sources and licences\n\n{corpora_table(card.corpora)}",
        f"## Annotation\n\n{annotators(card.annotations)}",
        f"## Making\n\n{making(card)}",
        f"## Known limits\n\n{LIMITS}",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def front_matter(splits: Sequence[str], codec: Codec) -> str:
    """The lines that the hub and `datasets` read: which file is of which split."""
    files = "".join(f"  - split: {split}\n    path: data/{split}-*.parquet\n" for split in splits)
    head = "---\ntask_categories:\n- image-segmentation\ntags:\n- image-forensics\n- image-manipulation-localization\n"
    return f"{head}configs:\n- config_name: default\n  data_files:\n{files}---"


def counts_table(counts: Mapping[str, Any]) -> str:
    """Examples by split, corpus and edit type."""
    rows = []
    for split, corpora in counts["edited_by_split_corpus_type"].items():
        for corpus, kinds in corpora.items():
            rows += [(split, corpus, type_facts(kind).title, number) for kind, number in kinds.items()]
            authentic = counts["authentic_by_split_corpus"].get(split, {}).get(corpus, 0)
            rows += [(split, corpus, "(authentic)", authentic)] if authentic else []
    return table(("split", "corpus", "edit type", "examples"), rows)


def left_out(annotations: Sequence[Annotation], at_export: Mapping[str, int]) -> str:
    """Pairs of the corpora that are not in the set, by reason."""
    rows = []
    totals: Counter[tuple[str, str]] = Counter()
    for annotation in annotations:
        totals.update(annotation.counts)
    rows += [("annotation", status, reason, number) for (status, reason), number in sorted(totals.items()) if reason]
    rows += [("export", "left out", REASONS.get(reason, reason), number) for reason, number in at_export.items()]
    found = [table(("step", "status", "reason", "pairs"), rows) if rows else "Nothing."]
    if missing := sum(annotation.missing for annotation in annotations):
        found.append(f"The annotation was not finished: {missing} shards were missing.")
    if unread := [name for annotation in annotations for name in annotation.unread]:
        found.append(f"Files of the corpora of which nothing could be read: {listed(unread)}.")
    return "\n\n".join(found)


def listed(names: Sequence[str]) -> str:
    """The number of some names, and the first of them."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{len(names)} ({', '.join(map(cell, names[:NAMED]))}{more})"


def corpora_table(corpora: Sequence[Corpus]) -> str:
    """The corpora with their terms, which hold for this set too."""
    cards = {corpus.label: corpus.card for corpus in corpora}
    rows = [(card.title, label, card.licence, card.citation, card.url) for label, card in cards.items()]
    return table(("corpus", "name", "licence", "citation", "page"), rows)


def annotators(found: Sequence[Annotation]) -> str:
    """Which annotator made the masks, with its weights, and by which gates pairs were kept."""
    blocks = []
    for annotation in found:
        # A corpus may have been named with options of any text, which must not end the block.
        described = json.dumps(annotation.described(), indent=1, sort_keys=True).replace("`", "\\u0060")
        lines = [line for role in ("annotator", "second") if (line := annotator_line(annotation.plan.get(role)))]
        blocks.append("\n\n".join((f"### {cell(annotation.corpus)}", *lines, f"```json\n{described}\n```")))
    return "\n\n".join(dict.fromkeys(blocks))


def annotator_line(identity: Any) -> str:
    """An annotator with its terms, where it is installed; what decided the masks is the plan's."""
    name = identity.get("name") if isinstance(identity, dict) else None
    if not isinstance(name, str) or name not in names("annotators"):
        return ""
    card = resolve("annotators", name).load().card
    weights = "".join(
        f"\n- weights {cell(weight.name)}, SHA-256 {weight.sha256}, {cell(weight.licence)}"
        for weight in card.weights
        if weight.sha256 in identity.get("weights", ())
    )
    version = cell(identity.get("version", "not known"))
    return f"{cell(card.title)}, version {version}, {cell(card.licence)}; {cell(card.citation)}.{weights}"


def making(card: CardFacts) -> str:
    """Encoding, gates, split and comparison with evaluation sets."""
    options, compared = card.facts["options"], card.facts["compared_with"]
    low, high = card.gates.area
    agreement = card.gates.min_agreement
    sets = ", ".join(f"{cell(name)} ({number} images)" for name, number in compared["images"].items())
    lines = [
        f"Images, original and edited alike: {card.codec}, at the edited image's size, no metadata.",
        f"Masks: {options['masks']}.",
        f"Gates beyond the annotation's: QES {f'above {card.gates.min_qes:g}' if card.gates.min_qes else 'any'}"
        f"; share of edited pixels {low:g} to {high:g}"
        + (f"; agreement at least {agreement:g}" if agreement is not None else "")
        + (f"; types {', '.join(options['types'])}" if options["types"] else "")
        + ".",
        f"Validation: {options['validation']:g} of the pairs, by source: pairs whose originals are the same file, or"
        f" differ in at most {options['near']} of 64 bits of a perceptual hash, are in the same split.",
        f"Authentic examples: {options['authentic']:g} for each edited one were asked for.",
        f"Compared with evaluation sets: {sets or 'none was configured'}"
        + (f"; {compared['unreadable']} images could not be read" if compared["unreadable"] else "")
        + ".",
        f"Seed: {options['seed']}.",
    ]
    return "\n".join(f"- {line}" for line in lines)


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell(value) for value in line)} |" for line in lines)


def cell(value: object) -> str:
    """A text that cannot leave its cell, nor become a link or a tag: names may come from a corpus."""
    text = one_line(value, 200)
    return "".join(f"\\{character}" if character in "|<>[]`*\\" else character for character in text)
