"""Single images with masks: what a detector is trained on.

A view is a crop at the image's own scale, or at a scale drawn near it, since resampling hides the traces that a
detector looks for; or the whole image, resized to the network's square. The mask is read as grey levels, so that soft
masks stay soft, and some of its pixels may be such that nothing is learned from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from imlbench.errors import Reason, SampleError, UserError
from imlbench.images import decode_image, open_image
from imlbench.masks import channel_values
from imlbench.synthesis.encodings import degraded, draw_steps
from imlbench.synthesis.recipe import Recipe as Degradations
from imlbench.synthesis.recipe import SideRecipe
from imlbench.training.items import Batch, Items, planes
from imlbench.training.single_views import Shown, draw_crop, draw_square, targets_of
from imlbench.training.views import apply_tone, draw_tone

if TYPE_CHECKING:
    from imlbench.samples import Image
    from imlbench.training.pairs import TrainingPair
    from imlbench.training.plan import Key
    from imlbench.training.single_recipe import ImageRecipe
    from imlbench.training.single_views import Levels

ALIKE = SideRecipe(
    untouched=0.0, resize=0.2, tone=0.2, blur=0.1, sharpen=0.05, noise=0.1, shift=0, warp=0, jpeg=0.7, webp=0.15
)
"""Nothing that moves pixels: the mask would have to move with them."""
RANGES = Degradations(noise_deviation=(0.8, 5.0), blur_deviation=(0.3, 2.0), jpeg_quality=(50.0, 98.0))


class ImageData(Items):
    """Single images with masks, augmented.

    Items: image 3 x S x S in [0, 1]; mask 1 x S x S in [0, 1]; valid 1 x S x S, 1 where the mask counts, else 0; all
    float32. A subclass adds to them.

    Args:
        images: with masks; an authentic one has a black mask. Their originals are not read.
        recipe: augmentation and seed.
    """

    def __init__(self, images: Sequence[TrainingPair], recipe: ImageRecipe) -> None:
        self.images, self.recipe = images, recipe

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, key: Key) -> Batch:
        generator = np.random.default_rng([self.recipe.seed, 3, key.position])
        pixels, levels = read_image(self.images[key.pair])
        shown = self._shown(pixels, levels, key.size, generator)
        image = shown.pixels.astype(np.float32) / np.float32(255)
        if generator.random() < self.recipe.photometric_probability:
            image = apply_tone(image, draw_tone(generator, self.recipe.photometric_strength))
        targets, valid = targets_of(shown.levels, self.recipe)
        return {
            "image": planes(image),
            "mask": torch.from_numpy(targets[None]),
            "valid": torch.from_numpy(valid[None]),
            **self.more(key, shown, generator),
        }

    def _shown(self, pixels: Image, levels: Levels, size: int, generator: np.random.Generator) -> Shown:
        """The view, degraded, flipped and at the network's size."""
        draw = draw_square if self.recipe.view == "square" else draw_crop
        shown = draw(pixels, levels, size, self.recipe, generator)
        if generator.random() < self.recipe.flip_probability:
            shown = Shown(shown.pixels[:, ::-1], shown.levels[:, ::-1], False)
        if generator.random() < self.recipe.degradation_probability:
            # Edited and authentic images by the same shares: a detector must not learn who was compressed.
            shown = Shown(degraded_image(shown.pixels, generator), shown.levels, False)
        return shown

    def more(self, key: Key, shown: Shown, generator: np.random.Generator) -> Batch:
        """What a detector's items have besides, such as JPEG coefficients of the view.

        Args:
            key: the item's.
            shown: the image in its view.
            generator: the item's own; what it draws follows from seed and position.
        """
        return {}


def read_image(image: TrainingPair) -> tuple[Image, Levels]:
    """An image and the grey levels of its mask, at the image's size.

    Returns:
        H x W x 3, uint8; H x W, float32 from 0 to 255.

    Raises:
        UserError: a file is missing or broken: a run that silently trained on less could not be repeated.
    """
    sample = image.sample
    try:
        pixels = decode_image(sample.edited.read(), sample.edited.name).pixels
        if sample.mask is None:
            return pixels, np.full(pixels.shape[:2], 0 if sample.scope == "authentic" else 255, np.float32)
        return pixels, mask_levels(sample.mask.read(), sample.mask.name, pixels.shape)
    except SampleError as error:
        raise UserError(f"training image {sample.id} cannot be read: {error.message}") from error


def mask_levels(data: bytes, name: str, shape: tuple[int, ...]) -> Levels:
    """A mask file's grey levels, H x W, float32.

    Raises:
        SampleError: it cannot be read, or is not of the image's size.
    """
    opened, _ = open_image(data, name)
    levels = channel_values(opened, "grey", name).astype(np.float32)
    if levels.shape != shape[:2]:
        found = f"mask is {levels.shape[1]} x {levels.shape[0]}, image is {shape[1]} x {shape[0]}"
        raise SampleError(Reason.SIZE_MISMATCH, f"{name}: {found}; export the set again")
    return levels


def degraded_image(pixels: Image, generator: np.random.Generator) -> Image:
    """An image as it comes out of another editor or website: S x S x 3, uint8."""
    return degraded(np.ascontiguousarray(pixels), draw_steps(RANGES, ALIKE, "", generator))
