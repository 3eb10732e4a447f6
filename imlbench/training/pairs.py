"""The pairs to train on: synthesised sets, and any registered dataset, split by photograph."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imlbench.datasets.base import Dataset
from imlbench.errors import UserError, one_line
from imlbench.masks import WHITE
from imlbench.registry import names, resolve
from imlbench.samples import Sample
from imlbench.sources import FileSource
from imlbench.synthesis.reading import SynthPair, read_facts, read_pairs


@dataclass(frozen=True, slots=True)
class TrainingPair:
    """One pair, not decoded yet.

    Attributes:
        sample: its files.
        source: the photograph that it was made from; all pairs of one are on the same side of the split.
        validation: whether it is kept apart.
        source_sha256: of the photograph's file, hexadecimal; empty where it is not known.
    """

    sample: Sample
    source: str
    validation: bool
    source_sha256: str = ""


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """All pairs of a run.

    Attributes:
        train: to learn from.
        validation: kept apart, by photograph.
        sha256: over the identities of all pairs, hexadecimal.
        names: where they are from, as the user named it, folders cut to their last part.
    """

    train: tuple[TrainingPair, ...]
    validation: tuple[TrainingPair, ...]
    sha256: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """What `--data` names.

    Attributes:
        root: the folder.
        dataset: the registered dataset that reads it, None for a synthesised set.
    """

    root: Path
    dataset: Dataset | None

    @property
    def name(self) -> str:
        """Name in messages and metadata."""
        return self.dataset.label if self.dataset is not None else self.root.resolve().name


def parse_place(text: str) -> Place:
    """`FOLDER` of a synthesised set, or `DATASET=FOLDER` or `DATASET:VARIANT=FOLDER` of a registered dataset.

    Raises:
        UserError: no such folder, dataset or variant, or the folder is not laid out as the dataset is.
    """
    label, equals, folder = text.partition("=")
    name, _, variant = label.partition(":")
    if equals and not os.path.isdir(text) and name in names("datasets"):
        return Place(Path(folder), resolve("datasets", name).load()(folder, variant))
    if not os.path.isdir(text):
        hint = "a folder that `imlbench synth` wrote, or DATASET=FOLDER"
        raise UserError(f"--data: no such folder: {one_line(text, 200)}; expected {hint}")
    return Place(Path(text), None)


def read_training_set(places: Sequence[Place], validation_share: float) -> TrainingSet:
    """All pairs of the places, in their order.

    Args:
        places: where they lie.
        validation_share: share of the photographs kept apart where a set has no split of its own.

    Raises:
        UserError: a set cannot be read, or nothing is left to train on.
    """
    pairs: list[TrainingPair] = []
    identity = hashlib.sha256()
    for place in places:
        pairs += synthesised(place) if place.dataset is None else of_dataset(place.dataset, validation_share)
        identity.update(f"{place.name}\n{place_identity(place)}\n".encode())
    train = tuple(pair for pair in pairs if not pair.validation)
    if not train:
        raise UserError(f"--data: no pair to train on in {', '.join(place.name for place in places)}")
    validation = tuple(pair for pair in pairs if pair.validation)
    return TrainingSet(train, validation, identity.hexdigest(), tuple(place.name for place in places))


def place_identity(place: Place) -> str:
    """Text that changes when the pairs of a place change."""
    if place.dataset is None:
        return str(read_facts(place.root.resolve())["pairs_sha256"])
    return "\n".join(f"{sample.id} {sample.scope}" for sample in place.dataset.samples())


def synthesised(place: Place) -> list[TrainingPair]:
    """The pairs of a synthesised set, with its own split."""
    root = str(place.root.resolve())
    return [
        TrainingPair(as_sample(pair, root), pair.source, pair.split == "validation", pair.source_sha256)
        for pair in read_pairs(place.root)
    ]


def as_sample(pair: SynthPair, root: str) -> Sample:
    """A synthesised pair as the rest of the toolkit knows it."""
    original, edited, mask = (
        FileSource(root, os.path.relpath(path, root)) for path in (pair.original, pair.edited, pair.mask)
    )
    return Sample(pair.id, edited, original, mask, WHITE, pair.instruction)


def of_dataset(dataset: Dataset, validation_share: float) -> list[TrainingPair]:
    """The samples of a dataset that have an original; those of one original are on the same side."""
    pairs = []
    for sample in dataset.samples():
        if sample.original is not None and sample.scope != "whole-image":
            source = sample.original.name
            pairs.append(TrainingPair(sample, source, kept_apart(source, validation_share)))
    return pairs


def kept_apart(source: str, share: float) -> bool:
    """Whether a photograph is for validation: by its name's hash, so that more pairs never move it."""
    return int(hashlib.sha256(source.encode(errors="replace")).hexdigest()[:8], 16) < share * (1 << 32)
