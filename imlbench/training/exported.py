"""An exported training set, as `imlbench export --format folder` writes it, read for the training of a detector.

Its split by source is kept, and its authentic examples are known from samples.jsonl.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from imlbench.datasets.folder import Folder
from imlbench.errors import UserError, one_line
from imlbench.training.pairs import (
    Place,
    TrainingPair,
    TrainingSet,
    kept_apart,
    of_dataset,
    parse_place,
    place_identity,
    synthesised,
)

FACTS, SAMPLES = "export.json", "samples.jsonl"
SPLITS = ("train", "validation")


def read_image_set(texts: Sequence[str], validation_share: float) -> tuple[TrainingSet, list[Place]]:
    """The images to train on.

    Args:
        texts: exported folders; else what `pairs.parse_place` reads.
        validation_share: share of the photographs kept apart where a set has no split of its own.

    Returns:
        The images, and the places that the guard looks at.

    Raises:
        UserError: a set cannot be read, or nothing is left to train on.
    """
    images: list[TrainingPair] = []
    places: list[Place] = []
    names: list[str] = []
    identity = hashlib.sha256()
    for text in texts:
        if is_exported(Path(text)):
            found, inside, told = read_export(Path(text))
            names.append(Path(text).resolve().name)
            images += found
            places += inside
        else:
            place = parse_place(text)
            images += synthesised(place) if place.dataset is None else of_images(place, validation_share)
            told = place_identity(place)
            names.append(place.name)
            places.append(place)
        identity.update(f"{told}\n".encode())
    train = tuple(image for image in images if not image.validation)
    if not train:
        raise UserError(f"--data: no image to train on in {', '.join(names)}")
    validation = tuple(image for image in images if image.validation)
    return TrainingSet(train, validation, identity.hexdigest(), tuple(names)), places


def is_exported(folder: Path) -> bool:
    """Whether a folder is a set that `imlbench export` wrote."""
    return os.path.isfile(folder / FACTS)


def read_export(folder: Path) -> tuple[list[TrainingPair], list[Place], str]:
    """An exported set's images, its splits as places, and text that changes when the images do.

    Raises:
        UserError: it is not whole, has another layout, or was changed.
    """
    facts = read_facts(folder)
    lines = read_lines(folder, facts)
    sources = {f"{line['split']}/{stem(line['path'])}": str(line.get("source", line["path"])) for line in lines}
    images, places = [], []
    for split in SPLITS:
        if not os.path.isdir(folder / split):
            continue
        dataset = Folder(folder / split)
        places.append(Place(folder / split, dataset))
        for sample in dataset.samples():
            key = f"{split}/{sample.id}"
            if key not in sources:
                raise UserError(f"{folder}: {one_line(key, 80)} is not in {SAMPLES}; export the set again")
            images.append(TrainingPair(sample, sources[key], split == "validation"))
    if len(images) != len(sources):
        raise UserError(f"{folder}: {len(sources)} examples in {SAMPLES}, found {len(images)}; export the set again")
    # The masks are another annotator's where the options are others: the file of facts tells of them.
    return images, places, hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def read_facts(folder: Path) -> dict[str, Any]:
    """The content of export.json.

    Raises:
        UserError: it cannot be read, or the set has another layout than `folder`.
    """
    try:
        facts = json.loads((folder / FACTS).read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{folder / FACTS}: cannot be read ({one_line(error, 120)}); export the set again") from error
    layout = facts.get("options", {}).get("format") if isinstance(facts, dict) else None
    if layout != "folder":
        raise UserError(f"{folder}: expected a set of imlbench export --format folder, found {one_line(layout, 40)!r}")
    return dict(facts)


def read_lines(folder: Path, facts: dict[str, Any]) -> list[dict[str, Any]]:
    """The lines of samples.jsonl.

    Raises:
        UserError: they are missing, or not those that were written.
    """
    path = folder / SAMPLES
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); export the set again") from error
    if hashlib.sha256(data).hexdigest() != facts.get("samples_sha256"):
        raise UserError(f"{path}: was changed since the export; export the set again")
    return [json.loads(line) for line in data.splitlines()]


def stem(path: str) -> str:
    """`train/edited/0000/00000012.jpg` -> `0000/00000012`, which is the sample's id."""
    return os.path.splitext(path)[0].split("/", 2)[-1]


def of_images(place: Place, validation_share: float) -> Iterator[TrainingPair]:
    """The samples of a dataset, with an original or without; by their original, else by their own name, split."""
    assert place.dataset is not None
    with_original = {pair.sample.id: pair for pair in of_dataset(place.dataset, validation_share)}
    for sample in place.dataset.samples():
        if sample.id in with_original:
            yield with_original[sample.id]
        elif sample.scope != "whole-image":
            yield TrainingPair(sample, sample.id, kept_apart(sample.id, validation_share))
