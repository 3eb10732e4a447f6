"""CAT-Net's training images: crops that begin with a JPEG block, with the coefficients that their file has there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from detectors.cat_net.preprocessing import MIDDLE, Prepared, magnitudes_of, prepare
from imlbench.errors import SampleError, UserError
from imlbench.loading import picture_of
from imlbench.training.items import Batch, planes
from imlbench.training.single import ImageData, read_image
from imlbench.training.single_views import IGNORED, place_crop, targets_of

if TYPE_CHECKING:
    from imlbench.samples import Image
    from imlbench.training.pairs import TrainingPair
    from imlbench.training.plan import Key


class CoefficientData(ImageData):
    """Crops with coefficients; nothing is drawn but their place, since any other change would be one of coefficients.

    Items: as the base, and magnitudes S x S, uint8 from 0 to 20; table 8 x 8, float32. Beyond a small image colours are
    the middle grey, which the network is shown as 0, and coefficients are 0.

    Args:
        images: with masks.
        recipe: `align` and sizes are multiples of 8.
    """

    def __getitem__(self, key: Key) -> Batch:
        generator = np.random.default_rng([self.recipe.seed, 3, key.position])
        pixels, levels = read_image(self.images[key.pair])
        prepared = prepared_of(self.images[key.pair], pixels)
        top, left = place_crop(levels, key.size, self.recipe, generator)
        place = slice(top, top + key.size), slice(left, left + key.size)
        side = (key.size, key.size)
        image = placed(prepared.pixels[place] / np.float32(255), np.full((*side, 3), MIDDLE / 255, np.float32))
        magnitudes = placed(magnitudes_of(prepared.luma.coefficients[place]), np.zeros(side, np.uint8))
        targets, valid = targets_of(placed(levels[place], np.full(side, IGNORED, np.float32)), self.recipe)
        return {
            "image": planes(image),
            "mask": torch.from_numpy(targets[None]),
            "valid": torch.from_numpy(valid[None]),
            "magnitudes": torch.from_numpy(magnitudes),
            "table": torch.from_numpy(prepared.luma.table.astype(np.float32)),
        }


def prepared_of(image: TrainingPair, pixels: Image) -> Prepared:
    """Pixels and coefficients as the detector has them: those of the file where it is a JPEG.

    Raises:
        UserError: the file cannot be read.
    """
    sample = image.sample
    try:
        return prepare(picture_of(sample.id, pixels, sample.edited.read()))
    except SampleError as error:
        raise UserError(f"training image {sample.id} cannot be read: {error.message}") from error


def placed(part: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """The ground with the part in its upper left."""
    ground[: part.shape[0], : part.shape[1]] = part
    return ground
