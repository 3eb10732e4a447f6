"""The corpus and the datasets of a study, opened; and where its steps have their folders."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from imlbench.corpora.opening import open_corpus
from imlbench.corpora.writing import write_anyedit
from imlbench.datasets.opening import open_dataset
from imlbench.errors import UserError, one_line
from imlbench.study.exact import write_list
from imlbench.study.held_out import HeldOut
from imlbench.study.order import EXACT, Order, claim
from imlbench.synthesis.reading import SET, read_pairs

if TYPE_CHECKING:
    from imlbench.corpora.base import Corpus
    from imlbench.datasets.base import Dataset

HELD_OUT = "held-out"
MASKS = "masks.json"


@dataclass(frozen=True, slots=True)
class Ground:
    """What a study works on.

    Attributes:
        corpus: to annotate.
        synthesised: the synthesised set that it was made from; None for any other corpus.
        datasets: to evaluate on, in the order asked for.
        keep_out: folders of images that must not be trained on.
    """

    corpus: Corpus
    synthesised: Path | None
    datasets: tuple[Dataset, ...]
    keep_out: tuple[Path, ...]


def find_ground(order: Order) -> Ground:
    """Open everything and claim the study's folder; a synthesised set becomes a corpus without masks.

    Raises:
        UserError: something is missing, or "exact" or "held-out" are asked of a corpus that is no synthesised set.
    """
    synthesised = Path(order.corpus) if os.path.isfile(os.path.join(order.corpus, SET)) else None
    if synthesised is None and EXACT in order.annotators:
        raise UserError("--annotator exact: only a corpus that is a folder of `imlbench synth` has exact masks")
    datasets, keep_out = [], list(order.keep_out)
    for text in order.datasets:
        dataset, kept = find_dataset(text, synthesised)
        datasets.append(dataset)
        keep_out += kept
    labels = [dataset.label for dataset in datasets]
    if len(set(labels)) < len(labels):
        raise UserError(f"--eval: two datasets are called {max(labels, key=labels.count)}; results are kept by name")
    if synthesised is None:
        corpus = open_other(order.corpus)
        claim(order)
    else:
        # Only now, since an order that cannot be followed must not leave a folder.
        claim(order)
        corpus = corpus_of(synthesised, order.out / "corpus")
    return Ground(corpus, synthesised, tuple(datasets), tuple(keep_out))


def open_other(text: str) -> Corpus:
    """A registered corpus.

    Raises:
        UserError: there is none of the name, or its folder is not there.
    """
    name, equals, folder = text.partition("=")
    if os.path.isdir(text) and not equals:
        raise UserError(f"--corpus: {one_line(text, 200)} is no set of `imlbench synth`; expected CORPUS=FOLDER")
    return open_corpus(name, folder or None)


def find_dataset(text: str, synthesised: Path | None) -> tuple[Dataset, list[Path]]:
    """A dataset to evaluate on, and the folders that must be kept out of the training for it.

    Raises:
        UserError: it cannot be opened.
    """
    if text == HELD_OUT:
        if synthesised is None:
            raise UserError("--eval held-out: only a corpus that is a folder of `imlbench synth` keeps pairs apart")
        # Its photographs are not among those that are trained on, see `corpus_of`.
        return HeldOut(synthesised), []
    name, _, folder = text.partition("=")
    dataset = open_dataset(name, folder or None)
    return dataset, [Path(dataset.root)] if os.path.isdir(dataset.root) else []


def corpus_of(synthesised: Path, folder: Path) -> Corpus:
    """The training pairs of a synthesised set as a corpus without masks; written once.

    Raises:
        UserError: the set cannot be read or the folder not be written.
    """
    pairs = read_pairs(synthesised, "train")
    if not pairs:
        raise UserError(f"{synthesised}: no pair to train on")
    marker = folder / "whole"
    if not marker.is_file():
        write_anyedit(pairs, folder)
        marker.touch()
    corpus = open_corpus("anyedit", folder)
    write_list(folder / MASKS, synthesised, [(part.name, folder / part.name) for part in corpus.parts()])
    return corpus


def annotation_folder(order: Order, annotator: str) -> Path:
    """Where an annotator's annotation lies."""
    return order.out / "annotation" / annotator


def training_folder(order: Order, annotator: str, pairs: int) -> Path:
    """Where a training set lies."""
    return order.out / "training" / arm(annotator, pairs)


def run_folder(order: Order, detector: str, annotator: str, pairs: int, seed: int) -> Path:
    """Where a fine-tuning lies."""
    return order.out / "runs" / detector / arm(annotator, pairs) / f"seed-{seed}"


def arm(annotator: str, pairs: int) -> str:
    """An annotator's masks, of all pairs or of some."""
    return f"{annotator}-{pairs}" if pairs else annotator
