"""From a pair's files to the tensors of one view of it."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from imlbench.errors import SampleError, UserError
from imlbench.loading import LoadedSample, load
from imlbench.training.degradations import degraded_pair
from imlbench.training.views import (
    Floats,
    View,
    apply_tone,
    crop_image,
    draw_tone,
    draw_view,
    finish_image,
    view_mask,
)

if TYPE_CHECKING:
    from imlbench.samples import Image
    from imlbench.training.pairs import TrainingPair
    from imlbench.training.plan import Key
    from imlbench.training.recipe import Recipe

Batch = dict[str, Tensor]


class Items(Dataset[Batch], Sized):
    """Items by key; its length is the number of pairs that an epoch goes through."""


class Seen(NamedTuple):
    """A pair and how it is looked at.

    Attributes:
        pair: the pair.
        loaded: its decoded images.
        view: what of them is seen.
        mask: the view's part of the mask, size x size.
    """

    pair: TrainingPair
    loaded: LoadedSample
    view: View
    mask: NDArray[np.bool_]


class PairData(Items):
    """Pairs with exact masks, augmented.

    Items: original and edited 3 x S x S in [0, 1], mask 1 x S x S of 0 and 1; float32. A subclass adds to them.

    Args:
        pairs: with masks.
        recipe: augmentation and seed.
    """

    def __init__(self, pairs: Sequence[TrainingPair], recipe: Recipe) -> None:
        self.pairs, self.recipe = pairs, recipe

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, key: Key) -> Batch:
        generator = np.random.default_rng([self.recipe.seed, 3, key.position])
        loaded = load_pair(self.pairs[key.pair])
        view = draw_view(loaded.edited.shape, self.recipe, generator)
        images = self._images(loaded, view, key.size, generator)
        seen = Seen(self.pairs[key.pair], loaded, view, view_mask(loaded.mask, view, key.size))
        return {
            "original": planes(images[0]),
            "edited": planes(images[1]),
            "mask": torch.from_numpy(seen.mask[None].astype(np.float32)),
            **self.more(key, seen, generator),
        }

    def _images(self, loaded: LoadedSample, view: View, size: int, generator: np.random.Generator) -> list[Floats]:
        """Original and edited in the view: size x size x 3 in [0, 1]."""
        parts = crops(loaded, view)
        if generator.random() < self.recipe.degradation_probability:
            parts = degraded_pair(*parts, generator)
        images = [finish_image(part, view, size) for part in parts]
        if generator.random() < self.recipe.photometric_probability:
            tone = draw_tone(generator, self.recipe.photometric_strength)
            images = [apply_tone(image, tone) for image in images]
        return images

    def more(self, key: Key, seen: Seen, generator: np.random.Generator) -> Batch:
        """What a method's items have besides.

        Args:
            key: the item's.
            seen: the pair in its view.
            generator: the item's own; what it draws follows from seed and position.
        """
        return {}


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


def crops(loaded: LoadedSample, view: View) -> tuple[Image, Image]:
    """The view's part of original and edited."""
    aligned = loaded.pair()
    return crop_image(aligned.original, view), crop_image(aligned.edited, view)


def planes(image: Floats) -> Tensor:
    """H x W x 3 -> 3 x H x W."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
