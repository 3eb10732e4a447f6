"""A study from beginning to end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imlbench.study import steps
from imlbench.study.cells import Cell, Stage, read_cells, write_cells
from imlbench.study.order import Order, check
from imlbench.study.places import Ground, arm, find_ground
from imlbench.training.finetuners import Finetuner, finetuner
from imlbench.training.finetuning import FIRST
from imlbench.training.run import BEST

if TYPE_CHECKING:
    from imlbench.adapters import Detector

WEIGHTS: dict[Stage, str] = {"before": FIRST, "after": BEST}


@dataclass(frozen=True, slots=True)
class Arm:
    """One supervision: an annotator's masks of a number of pairs.

    Attributes:
        annotator: whose masks.
        pairs: how many were asked for, 0 = all.
        images: how many edited images there are to train on.
    """

    annotator: str
    pairs: int
    images: int


def study(order: Order, say: Callable[[str], None] = print) -> list[Cell]:
    """Annotate, export, fine-tune, evaluate: all that is missing.

    Args:
        order: what to compare.
        say: gets lines of progress.

    Returns:
        All cells of the study, those of earlier calls too.

    Raises:
        UserError: anything that the user can mend; what was done stays, and the same call goes on.
    """
    check(order)
    detectors = [finetuner(name) for name in order.detectors]
    ground = find_ground(order)
    arms = []
    for annotator in order.annotators:
        say(f"annotate {ground.corpus.label} with {annotator}")
        steps.annotate(order, ground, annotator)
        for pairs in order.pairs:
            counts = steps.export(order, ground, annotator, pairs)["counts"]
            images = counted(counts, "train")
            say(f"export {arm(annotator, pairs)}: {images} edited images to train on")
            arms.append(Arm(annotator, pairs, images))
    cells = read_cells(order.out)
    for detector in detectors:
        for seed in range(order.seeds):
            for one in arms:
                cells = measured(order, ground, detector, one, seed, cells, say)
    return cells


def measured(
    order: Order, ground: Ground, detector: Finetuner, one: Arm, seed: int, cells: list[Cell], say: steps.Say
) -> list[Cell]:
    """One training, and what comes of it on every dataset."""
    name = f"{detector.name} on {arm(one.annotator, one.pairs)}, seed {seed}"
    run = steps.train(
        order, ground, detector, one.annotator, one.pairs, seed, lambda line: say(f"train {name}: {line}")
    )
    hashes = steps.hashes(run)
    known = {cell.place: cell for cell in cells}
    for stage, file in WEIGHTS.items():
        built: Detector | None = None
        for dataset in ground.datasets:
            place = (detector.name, one.annotator, one.pairs, seed, stage, dataset.label)
            if place in known and known[place].weights == hashes[stage]:
                continue
            built = built or detector.open(run / file, device(order))
            say(f"evaluate {name}, {stage}: {dataset.label}")
            run_id = steps.evaluate(order, dataset, built)
            cell = cell_of(place, one.images, hashes[stage], run_id)
            known[cell.place] = cell
            write_cells(order.out, list(known.values()))
    return list(known.values())


def cell_of(place: tuple[str, str, int, int, Stage, str], images: int, weights: str, run_id: str) -> Cell:
    """A cell from its parts."""
    detector, annotator, pairs, seed, stage, dataset = place
    return Cell(
        detector=detector,
        annotator=annotator,
        pairs=pairs,
        images=images,
        seed=seed,
        stage=stage,
        dataset=dataset,
        weights=weights,
        run_id=run_id,
    )


def device(order: Order) -> str:
    """Where detectors are evaluated."""
    from imlbench.evaluation import best_device

    return "cpu" if order.cpu else best_device()


def counted(counts: dict[str, Any], split: str) -> int:
    """Edited images of a split."""
    corpora = counts["edited_by_split_corpus_type"].get(split, {})
    return sum(sum(kinds.values()) for kinds in corpora.values())
