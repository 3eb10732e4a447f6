"""What the instruction branch adds: the same pairs with a good prior, with a wrong one, and with none.

    python -m benchmarks.instruction_branch PAIRS [--limit N] [--checkpoint FILE]

PAIRS is a folder of `imlbench synth`; its validation pairs are used. A good prior is the truth grown, moved or in
part, as training simulates a grounder; a wrong one is an ellipse that has nothing to do with the pair. No grounder
takes part: this is what the branch does with what it is told, not how often a grounder is right.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from annotators.sigma.annotator import SigmaLite
from annotators.sigma.network.presets import SIGMA_LITE
from annotators.sigma.training.priors import anywhere, simulate_prior
from imlbench.training.items import load_pair
from imlbench.training.pairs import TrainingPair, parse_place, read_training_set
from imlbench.training.validation import f1, spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.loading import LoadedSample

Prior = Callable[["LoadedSample", np.random.Generator], "NDArray[np.float32] | None"]
SIDE, EPSILON = SIGMA_LITE.position_cells, SIGMA_LITE.prior_epsilon


def good(loaded: LoadedSample, generator: np.random.Generator) -> NDArray[np.float32]:
    """A spoilt truth."""
    return simulate_prior(loaded.mask, generator, SIDE, EPSILON)


def wrong(loaded: LoadedSample, generator: np.random.Generator) -> NDArray[np.float32]:
    """An ellipse anywhere."""
    return simulate_prior(anywhere(generator), generator, SIDE, EPSILON)


PRIORS: dict[str, Prior] = {"none": lambda loaded, generator: None, "good": good, "wrong": wrong}


def measured(lite: SigmaLite, pairs: Sequence[TrainingPair]) -> dict[str, tuple[float, float]]:
    """By kind of prior: mean F1 over the edited pairs, mean marked share of those without an edit."""
    scores: dict[str, list[float]] = {name: [] for name in PRIORS}
    marks: dict[str, list[float]] = {name: [] for name in PRIORS}
    for index, pair in enumerate(pairs):
        loaded = load_pair(pair)
        for name, make in PRIORS.items():
            prior = make(loaded, np.random.default_rng([0, index]))
            lite.predictor.prior_of = lambda _, prior=prior: prior
            marked = lite.annotate([loaded.pair()])[0] >= lite.card.threshold
            if loaded.mask.any():
                scores[name].append(f1(np.asarray(marked), loaded.mask))
            else:
                marks[name].append(float(marked.mean()))
    return {name: (float(np.mean(scores[name])), float(np.mean(marks[name] or [0]))) for name in PRIORS}


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("pairs")
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--checkpoint", type=Path, default=Path())
    chosen = parser.parse_args()
    pairs = spread(read_training_set([parse_place(chosen.pairs)], 0.05).validation, chosen.limit)
    lite = SigmaLite(checkpoint=str(chosen.checkpoint) if chosen.checkpoint != Path() else "")
    print(f"{len(pairs)} validation pairs\n\n| prior | F1 | marked where nothing was edited |\n|---|---:|---:|")
    for name, (score, marked) in measured(lite, pairs).items():
        print(f"| {name} | {100 * score:.2f} | {100 * marked:.3f} % |")


if __name__ == "__main__":
    main()
