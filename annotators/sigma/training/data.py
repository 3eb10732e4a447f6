"""SIGMA's items: pairs with their priors, and Stage II's unlabelled pairs beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from annotators.sigma.training.priors import draw_prior, view_prior
from imlbench.training.items import Batch, Items, PairData, Seen, crops, load_pair, planes
from imlbench.training.pairs import TrainingPair
from imlbench.training.plan import Key, permutation
from imlbench.training.views import Floats, View, apply_tone, draw_tone, draw_view, finish_image

if TYPE_CHECKING:
    from annotators.sigma.training.config import TrainingConfig
    from imlbench.loading import LoadedSample

RoundTrip = Callable[[Any, np.random.Generator], Any]
"""An image, H x W x 3 uint8, through an autoencoder: the same shape."""
Priors = Callable[[TrainingPair], Floats | None]
"""A pair's cached prior over the whole image, h x w in [0, 1]; None where there is none."""


class StageOneData(PairData):
    """Pairs with exact masks, augmented.

    Items: original and edited 3 x S x S in [0, 1], mask 1 x S x S of 0 and 1, prior 1 x P x P in [epsilon, 1]; float32.

    Args:
        pairs: with masks.
        config: augmentation, prior and seed.
        priors: cached priors of a grounder; a pair without one gets a simulated one or the constant.
    """

    def __init__(self, pairs: Sequence[TrainingPair], config: TrainingConfig, priors: Priors | None = None) -> None:
        super().__init__(pairs, config)
        self.config, self.priors = config, priors

    def more(self, key: Key, seen: Seen, generator: np.random.Generator) -> Batch:
        return {"prior": torch.from_numpy(self.prior(seen, generator)[None])}

    def prior(self, seen: Seen, generator: np.random.Generator) -> Floats:
        """The cached prior's part in the view, else a simulated one or the constant: side x side."""
        network = self.config.network
        cached = self.priors(seen.pair) if self.priors else None
        if cached is not None and generator.random() < self.config.prior_probability:
            return view_prior(cached, seen.loaded.edited.shape, seen.view, network.position_cells)
        probability = 0.0 if cached is not None else self.config.prior_probability
        return draw_prior(seen.mask, generator, network.position_cells, network.prior_epsilon, probability)


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
