"""Instructions and concepts in words: what a user would have typed for an edit."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from imlbench.samples import Mask
    from imlbench.synthesis.scene import Region

VAGUE = ("object", "thing", "area", "part", "patch")
"""Nouns for a shape of which nothing is known."""

HUES = {
    "red": 0.0,
    "orange": 28.0,
    "yellow": 54.0,
    "green": 120.0,
    "turquoise": 178.0,
    "blue": 222.0,
    "purple": 275.0,
    "pink": 325.0,
}
"""Names of colours, and their hue in degrees."""

TEMPLATES: dict[str, tuple[str, ...]] = {
    "remove": (
        "Remove {the_o}.",
        "Erase {the_o} from the picture.",
        "Take {the_o} out of the image.",
        "Delete {the_o}",
        "get rid of {the_o}",
        "Please remove {the_o} from the photo.",
        "Make {the_o} disappear.",
    ),
    "add": (
        "Add {a_e}.",
        "Insert {a_e} into the scene.",
        "Place {a_e} {where}.",
        "Put {a_e} {where}",
        "add {a_e} {where}",
        "Add {a_e} to the picture.",
    ),
    "replace": (
        "Replace {the_o} with {a_e}.",
        "Swap {the_o} for {a_e}.",
        "Change {the_o} to {a_e}.",
        "Turn {the_o} into {a_e}",
        "replace {the_o} by {a_e}",
    ),
    "attribute": (
        "Make {the_o} {quality}.",
        "Turn {the_o} {quality}.",
        "Change the colour of {the_o} to {quality}.",
        "Change {the_o} to {quality}",
        "make {the_o} look {quality}",
    ),
    "size": (
        "Make {the_o} larger.",
        "Enlarge {the_o} a little.",
        "Make {the_o} slightly bigger",
        "Scale up {the_o}.",
    ),
    "material": (
        "Change the texture of {the_o} to {quality}.",
        "Make {the_o} look like {quality}.",
        "Cover {the_o} with {quality}.",
        "Give {the_o} a surface of {quality}",
    ),
    "background": (
        "Replace the background with {quality}.",
        "Change the background to {quality}.",
        "Put {the_o} in front of {quality}.",
        "Swap the background for {quality}",
        "set {the_o} against {quality}",
    ),
    "duplicate": (
        "Add another {e}.",
        "Duplicate {the_o}.",
        "Copy {the_o} and paste it {where}.",
        "Add a second {e} {where}",
        "Put one more {e} into the picture.",
    ),
    "text": (
        'Add the text "{quality}" {where}.',
        'Write "{quality}" on the image.',
        'Put the words "{quality}" {where}',
        'Add a caption that says "{quality}".',
    ),
}
"""By key: sentences with {the_o} (the original concept), {a_e}, {e} (the edited one), {quality}, {where}."""


def place_words(mask: Mask) -> str:
    """Where a region lies in the frame, in words: "in the upper left", "in the middle"."""
    rows, columns = np.nonzero(mask.any(axis=1))[0], np.nonzero(mask.any(axis=0))[0]
    height, width = mask.shape
    down = (int(rows[0]) + int(rows[-1])) / 2 / height
    across = (int(columns[0]) + int(columns[-1])) / 2 / width
    vertical = "upper" if down < 0.36 else "lower" if down > 0.64 else ""
    horizontal = "left" if across < 0.36 else "right" if across > 0.64 else ""
    if vertical and horizontal:
        return f"in the {vertical} {horizontal}"
    if vertical:
        return f"at the {'top' if vertical == 'upper' else 'bottom'}"
    return f"on the {horizontal}" if horizontal else "in the middle"


def region_concept(region: Region, generator: np.random.Generator) -> str:
    """What a region is called: its object's name, now and then with its place; a vague noun with its place."""
    if region.noun is not None:
        return region.noun if generator.random() < 0.85 else f"{region.noun} {place_words(region.mask)}"
    return f"{VAGUE[generator.integers(len(VAGUE))]} {place_words(region.mask)}"


def with_article(concept: str) -> str:
    """The concept with "a" or "an"; materials, plurals and what has an article already stay as they are."""
    if concept.startswith(("a ", "an ", "the ", "another ", "something ")) or concept in PLURALS:
        return concept
    return f"{'an' if concept[0] in 'aeiou' else 'a'} {concept}"


PLURALS = frozenset({"skis", "scissors", "broccoli"})


def sentence(
    key: str,
    generator: np.random.Generator,
    original: str | None = None,
    edited: str | None = None,
    quality: str = "",
    where: str = "",
) -> str:
    """An instruction from one of the templates of `key`.

    Args:
        key: of `TEMPLATES`.
        generator: which of them.
        original: the concept in the original image.
        edited: the concept in the edited image.
        quality: colour, material, background or text.
        where: place in the frame.
    """
    texts: Sequence[str] = TEMPLATES[key]
    words = {"the_o": f"the {original}", "e": str(edited), "quality": quality, "where": where}
    words["a_e"] = with_article(edited) if edited else ""
    return texts[int(generator.integers(len(texts)))].format(**words)


def colour_of(hue: float, saturation: float, value: float) -> tuple[float, float, float]:
    """RGB in 0-255 of hue (degrees), saturation and value (0-1)."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 360 / 360, saturation, value)
    return red * 255, green * 255, blue * 255
