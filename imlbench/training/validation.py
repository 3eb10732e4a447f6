"""Validation: mean F1 per image at 0.5, at each image's own size, and what is marked where nothing was edited."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from imlbench.training.items import load_pair, planes
from imlbench.training.task import Network, Task
from imlbench.training.views import finish_image, whole

if TYPE_CHECKING:
    from imlbench.loading import LoadedSample
    from imlbench.training.pairs import TrainingPair

THRESHOLD = 0.5


class Score(NamedTuple):
    """What a validation found.

    Attributes:
        f1: mean over the edited pairs, in [0, 1].
        edited: how many there were.
        marked: mean share of pixels marked in pairs without an edit, in [0, 1].
        untouched: how many of those there were.
    """

    f1: float
    edited: int
    marked: float
    untouched: int


def spread(pairs: Sequence[TrainingPair], limit: int) -> list[TrainingPair]:
    """At most `limit` pairs, evenly from first to last; 0 = all."""
    if not limit or len(pairs) <= limit:
        return list(pairs)
    return [pairs[index * len(pairs) // limit] for index in range(limit)]


def validate(
    task: Task[Network], network: Network, pairs: Sequence[TrainingPair], device: torch.device
) -> NDArray[np.float64]:
    """Sums over the pairs: of F1, edited pairs, of marked shares, pairs without an edit; see `as_score`.

    Args:
        task: says what a network's probabilities are.
        network: what is scored.
        pairs: with masks.
        device: the network's.
    """
    was_training = network.training
    network.eval()
    sums = np.zeros(4)
    for pair in pairs:
        loaded = load_pair(pair)
        marked = predict(task, network, loaded, device) >= THRESHOLD
        if loaded.mask.any():
            sums += (f1(marked, loaded.mask), 1, 0, 0)
        else:
            sums += (0, 0, marked.mean(), 1)
    network.train(was_training)
    return sums


def as_score(sums: NDArray[np.float64]) -> Score:
    """Means from sums."""
    return Score(float(sums[0] / max(1, sums[1])), int(sums[1]), float(sums[2] / max(1, sums[3])), int(sums[3]))


@torch.inference_mode()
def predict(task: Task[Network], network: Network, loaded: LoadedSample, device: torch.device) -> NDArray[np.float32]:
    """Probabilities at the edited image's size: H x W."""
    view = whole(loaded.edited.shape)
    aligned = loaded.pair()
    original, edited = (
        planes(finish_image(image, view, task.side))[None].to(device) for image in (aligned.original, aligned.edited)
    )
    probabilities = task.probabilities(network, original, edited, [aligned.id]).float()
    native = functional.interpolate(probabilities, loaded.edited.shape[:2], mode="bilinear", align_corners=False)
    found: NDArray[np.float32] = native[0, 0].cpu().numpy()
    return found


def f1(marked: NDArray[np.bool_], mask: NDArray[np.bool_]) -> float:
    """2 |M and T| / (|M| + |T|); the mask is not empty."""
    return float(2 * np.count_nonzero(marked & mask) / (np.count_nonzero(marked) + np.count_nonzero(mask)))
