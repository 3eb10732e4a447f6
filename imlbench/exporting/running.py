"""One export from beginning to end."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imlbench.errors import SampleError, UserError
from imlbench.evaluation_sets import evaluation_roots
from imlbench.exporting.annotation import Annotation, read_annotation
from imlbench.exporting.card import CardFacts, dataset_card
from imlbench.exporting.formats import WRITERS
from imlbench.exporting.making import in_order, make
from imlbench.exporting.order import Order, check, options_of
from imlbench.exporting.place import FACTS, finished, making
from imlbench.exporting.selection import Chosen, Tell, choose
from imlbench.exporting.streaming import stream
from imlbench.exporting.writing import SAMPLES, ExampleWriter

if TYPE_CHECKING:
    from imlbench.corpora.base import Corpus

FORMAT_VERSION = 1
PACKAGES = ("imlbench", "numpy", "opencv-python", "pandas", "pillow", "pyarrow")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an export.

    Attributes:
        facts: content of export.json.
        new: False where the same export was there already.
    """

    facts: dict[str, Any]
    new: bool


def export(order: Order, tell: Tell) -> Outcome:
    """Write a training set, whole or not at all.

    Args:
        order: what to write; the same order on the same data writes the same bytes.
        tell: called with what is being done, how many are done, and how many there are, 0 where that is not known.

    Raises:
        UserError: an option, the annotation or the corpus is not as it must be, or the disk refuses.
    """
    check(order)
    annotations = [read_annotation(folder, order.partial) for folder in order.annotations]
    keep_out = evaluation_roots(order.keep_out)
    options = options_of(order, annotations, sorted(keep_out))
    there = finished(order.out, options)
    if there is not None:
        return Outcome(there, new=False)
    corpora = [opened(annotation, root) for annotation, root in zip(annotations, order.roots, strict=True)]
    chosen = choose(order, annotations, keep_out, tell)
    with making(order.out) as folder:
        facts = write(order, folder, options, annotations, corpora, chosen, tell)
    return Outcome(facts, new=True)


def opened(annotation: Annotation, root: Path | None) -> Corpus:
    """The corpus that was annotated: at the given root, or where it lay then, or where the configuration says."""
    from imlbench.corpora.opening import open_corpus

    return open_corpus(annotation.corpus, root or annotation.root_then)


def write(
    order: Order,
    folder: Path,
    options: dict[str, Any],
    annotations: Sequence[Annotation],
    corpora: Sequence[Corpus],
    chosen: Chosen,
    tell: Tell,
) -> dict[str, Any]:
    """Write everything below `folder`.

    Returns:
        The content of export.json: no times and no paths, so that the same set has the same.
    """
    failures: Counter[str] = Counter()
    kind = WRITERS[order.layout]
    function = partial(
        make, codec=order.codec, soft=order.soft, with_original=kind.keeps_originals or order.authentic > 0
    )
    writer = kind(folder, order.codec.suffix, order.list_prefix)
    total = len(chosen.rows)
    with contextlib.ExitStack() as stack:
        stack.callback(give_up, writer)
        lines = stack.enter_context((folder / SAMPLES).open("wb"))
        examples = ExampleWriter(writer, lines, order.authentic)
        work = stream(annotations, corpora, chosen.rows)
        for done, made in enumerate(in_order(function, work, order.workers), 1):
            if isinstance(made, SampleError):
                failures[str(made.reason)] += 1
            else:
                examples.add(made)
            tell("pairs", done, total)
        if not examples.tally.edited:
            raise UserError(f"no pair could be exported ({', '.join(failures)})")
        writer.finish()
    left_out = dict(sorted((Counter(chosen.left_out) + failures).items()))
    counts = {**examples.tally.counts(), "sources": int(chosen.rows["source"].nunique()), "left_out": left_out}
    facts = {
        "format_version": FORMAT_VERSION,
        "options": options,
        "counts": counts,
        "compared_with": {"images": chosen.compared, "unreadable": chosen.unreadable},
        "samples_sha256": examples.tally.digest.hexdigest(),
        "versions": {name: version(name) for name in PACKAGES},
    }
    card = CardFacts(order.layout, kind.usage, order.codec, order.gates, annotations, corpora, facts)
    (folder / "README.md").write_text(dataset_card(card), encoding="utf-8")
    (folder / FACTS).write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return facts


def give_up(writer: Any) -> None:
    """Close what a writer has open; after `finish` nothing is."""
    # On a full disk closing fails as the write before it did, whose error is on its way to the user.
    with contextlib.suppress(OSError):
        writer.close()
