"""From pairs to batches: which pair comes when and in which view follows from seed and position alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence, Sized
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from annotators.sigma.training.degradations import degraded_pair
from annotators.sigma.training.priors import draw_prior
from annotators.sigma.training.views import (
    Floats,
    View,
    apply_tone,
    crop_image,
    draw_tone,
    draw_view,
    finish_image,
    view_mask,
    view_prior,
)
from imlbench.errors import SampleError, UserError
from imlbench.loading import LoadedSample, load

if TYPE_CHECKING:
    from annotators.sigma.training.config import TrainingConfig
    from annotators.sigma.training.pairs import TrainingPair
    from imlbench.samples import Image

Batch = dict[str, Tensor]
RoundTrip = Callable[[Any, np.random.Generator], Any]
"""An image, H x W x 3 uint8, through an autoencoder: the same shape."""
Priors = Callable[["TrainingPair"], Floats | None]
"""A pair's cached prior over the whole image, h x w in [0, 1]; None where there is none."""


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
        config: batch size, accumulation, sizes, seed, steps or epochs.
        start: optimiser steps done before.
        rank: this process's number, from 0.
        world: number of processes.
    """

    def __init__(self, count: int, config: TrainingConfig, start: int = 0, rank: int = 0, world: int = 1) -> None:
        self.count, self.config, self.start, self.rank, self.world = count, config, start, rank, world

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole run."""
        each = self.config.batch_size * self.config.accumulation * self.world
        return self.config.steps or max(1, math.ceil(self.config.epochs * self.count / each))

    def __len__(self) -> int:
        return max(0, self.steps - self.start) * self.config.accumulation

    def __iter__(self) -> Iterator[list[Key]]:
        for micro in range(self.start * self.config.accumulation, self.steps * self.config.accumulation):
            first = (micro * self.world + self.rank) * self.config.batch_size
            size = self._size(micro)
            yield [self._key(first + slot, size) for slot in range(self.config.batch_size)]

    def _size(self, micro: int) -> int:
        """The same for all processes, so that none waits for another's larger batch."""
        return int(np.random.default_rng([self.config.seed, 1, micro]).choice(self.config.sizes))

    def _key(self, position: int, size: int) -> Key:
        epoch, place = divmod(position, self.count)
        return Key(position, int(permutation(self.count, self.config.seed, epoch)[place]), size)


@lru_cache(maxsize=4)
def permutation(count: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """An epoch's order."""
    return np.random.default_rng([seed, 2, epoch]).permutation(count)


def load_pair(pair: TrainingPair) -> LoadedSample:
    """Decode a pair.

    Raises:
        UserError: a file is missing or broken: a run that silently trained on less could not be repeated.
    """
    try:
        loaded = load(pair.sample)
        loaded.pair()
    except SampleError as error:
        raise UserError(f"training pair {pair.sample.id} cannot be read: {error.message}") from error
    return loaded


class Items(Dataset[Batch], Sized):
    """Items by key; its length is the number of pairs that an epoch goes through."""


class StageOneData(Items):
    """Pairs with exact masks, augmented.

    Items: original and edited 3 x S x S in [0, 1], mask 1 x S x S of 0 and 1, prior 1 x P x P in [epsilon, 1]; float32.

    Args:
        pairs: with masks.
        config: augmentation, prior and seed.
        priors: cached priors of a grounder; a pair without one gets a simulated one or the constant.
    """

    def __init__(self, pairs: Sequence[TrainingPair], config: TrainingConfig, priors: Priors | None = None) -> None:
        self.pairs, self.config, self.priors = pairs, config, priors

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, key: Key) -> Batch:
        generator = np.random.default_rng([self.config.seed, 3, key.position])
        pair = self.pairs[key.pair]
        loaded = load_pair(pair)
        view = draw_view(loaded.edited.shape, self.config, generator)
        parts = crops(loaded, view)
        if generator.random() < self.config.degradation_probability:
            parts = degraded_pair(*parts, generator)
        images = [finish_image(part, view, key.size) for part in parts]
        if generator.random() < self.config.photometric_probability:
            tone = draw_tone(generator, self.config.photometric_strength)
            images = [apply_tone(image, tone) for image in images]
        mask = view_mask(loaded.mask, view, key.size)
        prior = self.prior(pair, loaded, view, mask, generator)
        return {
            "original": planes(images[0]),
            "edited": planes(images[1]),
            "mask": torch.from_numpy(mask[None].astype(np.float32)),
            "prior": torch.from_numpy(prior[None]),
        }

    def prior(
        self,
        pair: TrainingPair,
        loaded: LoadedSample,
        view: View,
        mask: NDArray[np.bool_],
        generator: np.random.Generator,
    ) -> Floats:
        """The cached prior's part in the view, else a simulated one or the constant: side x side."""
        network = self.config.network
        cached = self.priors(pair) if self.priors else None
        if cached is not None and generator.random() < self.config.prior_probability:
            return view_prior(cached, loaded.edited.shape, view, network.position_cells)
        probability = 0.0 if cached is not None else self.config.prior_probability
        return draw_prior(mask, generator, network.position_cells, network.prior_epsilon, probability)


class StageTwoData(Items):
    """What Stage I gets, and beside each pair an unlabelled one.

    Items: as Stage I's; `pair_original`, `pair_edited`, `pair_prior` of the unlabelled pair in the clean view;
    `zero_edit`, its original's round trip in the same view; `view_original` and `view_edited`, the pair under one
    change of tone. No mask of an unlabelled pair is looked at.

    Args:
        labelled: Stage I's pairs.
        unlabelled: editing pairs; their masks, where they have some, are ignored.
        config: augmentation, priors and seed.
        round_trips: one of them makes each zero edit.
        priors: cached priors of a grounder; without one an unlabelled pair has the constant epsilon.
    """

    def __init__(
        self,
        labelled: Sequence[TrainingPair],
        unlabelled: Sequence[TrainingPair],
        config: TrainingConfig,
        round_trips: Sequence[RoundTrip],
        priors: Priors | None = None,
    ) -> None:
        self.labelled = StageOneData(labelled, config, priors)
        self.unlabelled, self.config, self.round_trips, self.priors = unlabelled, config, round_trips, priors

    def __len__(self) -> int:
        return len(self.labelled)

    def __getitem__(self, key: Key) -> Batch:
        generator = np.random.default_rng([self.config.seed, 4, key.position])
        epoch, place = divmod(key.position, len(self.unlabelled))
        pair = self.unlabelled[permutation(len(self.unlabelled), self.config.seed + 1, epoch)[place]]
        return {**self.labelled[key], **self.unlabelled_item(pair, key.size, generator)}

    def unlabelled_item(self, pair: TrainingPair, size: int, generator: np.random.Generator) -> Batch:
        """The tensors of an unlabelled pair."""
        loaded = load_pair(pair)
        view = draw_view(loaded.edited.shape, self.config, generator)
        original, edited = crops(loaded, view)
        # Before anything is resized: at the image's own pixels, as an editor would.
        trip = self.round_trips[int(generator.integers(len(self.round_trips)))]
        restored = trip(np.ascontiguousarray(original), generator)
        images = [finish_image(image, view, size) for image in (original, edited, restored)]
        tone = draw_tone(generator, self.config.photometric_strength)
        return {
            "pair_original": planes(images[0]),
            "pair_edited": planes(images[1]),
            "pair_prior": torch.from_numpy(self.prior(pair, loaded, view)[None]),
            "zero_edit": planes(images[2]),
            "view_original": planes(apply_tone(images[0], tone)),
            "view_edited": planes(apply_tone(images[1], tone)),
        }

    def prior(self, pair: TrainingPair, loaded: LoadedSample, view: View) -> Floats:
        """The cached prior's part in the view, else the constant epsilon."""
        network = self.config.network
        side = network.position_cells
        cached = self.priors(pair) if self.priors else None
        if cached is None:
            return np.full((side, side), network.prior_epsilon, np.float32)
        return view_prior(cached, loaded.edited.shape, view, side)


def crops(loaded: LoadedSample, view: View) -> tuple[Image, Image]:
    """The view's part of original and edited."""
    aligned = loaded.pair()
    return crop_image(aligned.original, view), crop_image(aligned.edited, view)


def planes(image: Floats) -> Tensor:
    """H x W x 3 -> 3 x H x W."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


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
