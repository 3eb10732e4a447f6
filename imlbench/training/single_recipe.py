"""What a training on single images is: the common recipe, and how images and masks are looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imlbench.errors import UserError, one_line
from imlbench.training.recipe import Recipe

VIEWS = ("crop", "square")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRecipe(Recipe):
    """A training on single images; see `Recipe` for the fields that are not here.

    Attributes:
        view: crop = sizes x sizes pixels of the image at (nearly) its own scale; square = a crop by `crop_min` and
            `crop_aspect`, resized to the size.
        scale: a cropped image is rescaled first by a factor from 1 / scale to scale; 1 = never.
        align: a crop begins at multiples of this, 8 to keep JPEG's blocks whole; as long as nothing is rescaled.
        pad_black: a crop of a smaller image is continued by black; else by the image's rim.
        edited_crops: share of the crops that are drawn about an edited pixel, where there is one.
        soft_masks: targets are the mask's levels / 255; else 1 from 128 on.
        ignored_levels: nothing is learned where the mask's level is from the first to the second; -1, -1 = none.
        ignored_rim: nor within so many pixels of a border between edited and not.
        freeze_statistics: batch normalisation keeps its means and deviations, for small batches; its weights learn.

    Raises:
        UserError: a value has the wrong type or is out of range.
    """

    shares: ClassVar[tuple[str, ...]] = (*Recipe.shares, "edited_crops")
    whole: ClassVar[tuple[str, ...]] = (*Recipe.whole, "align")
    not_negative: ClassVar[tuple[str, ...]] = (*Recipe.not_negative, "ignored_rim")

    sizes: tuple[int, ...] = (256,)
    view: str = "crop"
    scale: float = 1.0
    align: int = 1
    pad_black: bool = False
    edited_crops: float = 0.5
    soft_masks: bool = False
    ignored_levels: tuple[int, ...] = (-1, -1)
    ignored_rim: int = 0
    freeze_statistics: bool = False

    def check(self) -> None:
        if self.view not in VIEWS:
            raise UserError(f"view: expected one of {', '.join(VIEWS)}, found {one_line(repr(self.view), 40)}")
        if not 1 <= self.scale <= 4:
            raise UserError(f"scale: expected 1 to 4, found {self.scale}")
        low, high = (*self.ignored_levels, 0, 0)[:2]
        if len(self.ignored_levels) != 2 or not (low == high == -1 or 0 <= low <= high <= 255):
            raise UserError(f"ignored_levels: expected two levels from 0 to 255, found {self.ignored_levels}")
