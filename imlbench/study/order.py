"""What is asked of a study, and which of it may not change while the study goes on."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imlbench.errors import UserError, one_line
from imlbench.files import write_atomically

FORMAT = 1
FACTS = "study.json"
EXACT = "exact"
"""The annotator that knows the masks of a synthesised set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A study.

    Attributes:
        annotators: registered names, and "exact" where the corpus is a synthesised set.
        detectors: names of detectors that can be trained.
        corpus: folder of a synthesised set, or CORPUS or CORPUS=FOLDER of a registered corpus.
        datasets: DATASET or DATASET=FOLDER to evaluate on, and "held-out" for the photographs that a synthesised set
            keeps apart.
        out: folder of the study.
        seeds: each detector is trained so many times, with the seeds from 0.
        pairs: numbers of pairs to train on; 0 = all that there are.
        init: public, scratch or a weight file, see `finetuning`.
        configs: recipe by detector: a preset's name or a TOML file.
        steps: optimiser steps, in place of the recipes'.
        min_qes: gate of the annotation; 0 = every pair is kept, so that annotators differ in their masks alone.
        area: gate of the annotation.
        min_alignment: gate of the annotation.
        validation: share of the exported pairs that the best weights are chosen by.
        authentic: authentic images for each edited one.
        quality: of the exported JPEGs; 0 = PNG.
        keep_out: further folders of images that must not be trained on.
        workers: processes that annotate.
        gpus: accelerators that annotate.
        cpu: train and evaluate on the processor.
    """

    annotators: Sequence[str]
    detectors: Sequence[str]
    corpus: str
    datasets: Sequence[str]
    out: Path
    seeds: int = 3
    pairs: Sequence[int] = (0,)
    init: str = "public"
    configs: Mapping[str, str] = field(default_factory=dict)
    steps: int | None = None
    min_qes: float = 0.0
    area: tuple[float, float] = (0.0, 1.0)
    min_alignment: float = 0.0
    validation: float = 0.1
    authentic: float = 0.5
    quality: int = 95
    keep_out: Sequence[Path] = ()
    workers: int | None = None
    gpus: int = 0
    cpu: bool = False


def check(order: Order) -> None:
    """Refuse orders that mean nothing.

    Raises:
        UserError: one does.
    """
    for option, values in (
        ("--annotator", order.annotators),
        ("--detector", order.detectors),
        ("--eval", order.datasets),
        ("--pairs", order.pairs),
    ):
        if not values:
            raise UserError(f"{option}: expected at least one")
        if len(set(values)) < len(values):
            raise UserError(f"{option}: one is named twice")
    if order.seeds < 1 or any(number < 0 for number in order.pairs):
        raise UserError(f"--seeds: expected at least 1, found {order.seeds}; --pairs: at least 0")
    if unknown := [name for name in order.configs if name not in order.detectors]:
        raise UserError(f"--config: {one_line(unknown[0], 60)!r} is none of the detectors {', '.join(order.detectors)}")


def fixed(order: Order) -> dict[str, Any]:
    """What decides every number and may not change; annotators, detectors, datasets, seeds and pairs may be added."""
    return {
        "format": FORMAT,
        "corpus": order.corpus,
        "init": order.init,
        "configs": {name: config_identity(text) for name, text in sorted(order.configs.items())},
        "steps": order.steps,
        "gates": {"min_qes": order.min_qes, "area": list(order.area), "min_alignment": order.min_alignment},
        "validation": order.validation,
        "authentic": order.authentic,
        "quality": order.quality,
    }


def config_identity(text: str) -> str:
    """A preset's name, or the hash of a file's content."""
    if os.path.isfile(text):
        return hashlib.sha256(Path(text).read_bytes()).hexdigest()
    return text


def claim(order: Order) -> None:
    """Make the study's folder, or see that it is this study's.

    Raises:
        UserError: it holds another study, or something else, or cannot be written.
    """
    path, wanted = order.out / FACTS, fixed(order)
    if not path.is_file():
        if os.path.isdir(order.out) and os.listdir(order.out):
            raise UserError(f"{one_line(order.out, 200)}: not empty, and no study; name a new folder")
        write_atomically(path, json.dumps(wanted, indent=1) + "\n")
        return
    found = read_fixed(order.out)
    if differing := [name for name in wanted if found.get(name) != wanted[name]]:
        told = f"{differing[0]} was {found.get(differing[0])!r:.80}, now it is {wanted[differing[0]]!r:.80}"
        raise UserError(f"{one_line(order.out, 200)}: holds another study ({told}); name a new folder")


def read_fixed(folder: Path) -> dict[str, Any]:
    """The content of study.json.

    Raises:
        UserError: there is none that can be read.
    """
    try:
        found = json.loads((folder / FACTS).read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{one_line(folder, 200)}: no study that can be read ({one_line(error, 120)})") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise UserError(f"{one_line(folder, 200)}: a study of another version of imlbench; name a new folder")
    return found
