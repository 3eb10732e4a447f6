"""What an edit sees and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imlbench.synthesis.polygons import Instance
from imlbench.synthesis.shapes import draw_shape

if TYPE_CHECKING:
    from imlbench.samples import Image, Mask
    from imlbench.synthesis.reading import Action
    from imlbench.synthesis.recipe import Recipe


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A part of a photograph at the size of a pair.

    Attributes:
        image: H x W x 3, uint8, RGB.
        instances: objects that are seen in it, none of them tiny.
    """

    image: Image
    instances: tuple[Instance, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A part of an image that an edit is about.

    Attributes:
        mask: H x W bool, not empty.
        noun: what it is, such as "dog"; None for a shape of which nothing is known.
    """

    mask: Mask
    noun: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """An image about to be edited.

    Attributes:
        view: the image as it is now, with its objects.
        taken: H x W bool, what earlier edits of the same pair changed.
        donor: a view of another photograph of the same split, as large as this one; of this one where it is alone.
        recipe: shares and ranges.
    """

    view: View
    taken: Mask
    donor: Callable[[], View]
    recipe: Recipe

    @property
    def image(self) -> Image:
        """H x W x 3, uint8, RGB."""
        return self.view.image

    def region(self, generator: np.random.Generator, span: tuple[float, float] | None = None) -> Region | None:
        """An object or a shape that touches no earlier edit; None where none was found."""
        limits = span or self.recipe.area
        for _ in range(4):
            region = draw_region(self.view, generator, self.recipe.objects, limits)
            if not (region.mask & self.taken).any():
                return region
        return None


@dataclass(frozen=True, slots=True, eq=False)
class Edit:
    """What an edit made.

    Attributes:
        image: H x W x 3, uint8, RGB.
        mask: H x W bool: where the edit is seen; see `imlbench.synthesis.blending.EDITED_ABOVE`.
        action: as SIGMA's parser names it.
        concept_original: what the edit concerns in the original; None where nothing.
        concept_edited: what it leaves in the edited image; None where nothing.
        instruction: the command that a user would have typed.
    """

    image: Image
    mask: Mask
    action: Action
    concept_original: str | None
    concept_edited: str | None
    instruction: str


def draw_region(view: View, generator: np.random.Generator, objects: float, span: tuple[float, float]) -> Region:
    """An object of the view with probability `objects`, if it has one within `span`, else a shape."""
    fitting = [instance for instance in view.instances if span[0] <= instance.mask.mean() <= span[1]]
    if fitting and generator.random() < objects:
        instance = fitting[generator.integers(len(fitting))]
        return Region(instance.mask, instance.name)
    return Region(draw_shape(view.image, generator, span))
