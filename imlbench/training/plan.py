"""Which pair comes when, and at which size: it follows from seed and position alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Sampler

if TYPE_CHECKING:
    from imlbench.training.items import Batch, Items
    from imlbench.training.recipe import Recipe


class Key(NamedTuple):
    """One pair of one batch.

    Attributes:
        position: counts pairs from the run's start; with the seed it decides all that is random.
        pair: its number among the pairs.
        size: side of the batch's images.
    """

    position: int
    pair: int
    size: int


class Plan(Sampler[list[Key]]):
    """The batches of a run, from any step on, for one of several processes.

    Each epoch is a permutation of all pairs; a batch may straddle two epochs, so that none is dropped.

    Args:
        count: number of pairs.
        recipe: batch size, accumulation, sizes, seed, steps or epochs.
        start: optimiser steps done before.
        rank: this process's number, from 0.
        world: number of processes.
    """

    def __init__(self, count: int, recipe: Recipe, start: int = 0, rank: int = 0, world: int = 1) -> None:
        self.count, self.recipe, self.start, self.rank, self.world = count, recipe, start, rank, world

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole run."""
        each = self.recipe.batch_size * self.recipe.accumulation * self.world
        return self.recipe.steps or max(1, math.ceil(self.recipe.epochs * self.count / each))

    def __len__(self) -> int:
        return max(0, self.steps - self.start) * self.recipe.accumulation

    def __iter__(self) -> Iterator[list[Key]]:
        for micro in range(self.start * self.recipe.accumulation, self.steps * self.recipe.accumulation):
            first = (micro * self.world + self.rank) * self.recipe.batch_size
            size = self._size(micro)
            yield [self._key(first + slot, size) for slot in range(self.recipe.batch_size)]

    def _size(self, micro: int) -> int:
        """The same for all processes, so that none waits for another's larger batch."""
        return int(np.random.default_rng([self.recipe.seed, 1, micro]).choice(self.recipe.sizes))

    def _key(self, position: int, size: int) -> Key:
        epoch, place = divmod(position, self.count)
        return Key(position, int(permutation(self.count, self.recipe.seed, epoch)[place]), size)


@lru_cache(maxsize=4)
def permutation(count: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """An epoch's order."""
    return np.random.default_rng([seed, 2, epoch]).permutation(count)


def batches(data: Items, plan: Plan, workers: int) -> DataLoader[Batch]:
    """The plan's batches; items of one are stacked."""
    return DataLoader(
        data,
        batch_sampler=plan,
        num_workers=workers,
        worker_init_fn=_quiet,
        # Memory that an accelerator copies from while it computes.
        pin_memory=torch.cuda.is_available(),
    )


def _quiet(worker: int) -> None:
    """The workers are the parallelism; threads within each would only fight over the processor."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
