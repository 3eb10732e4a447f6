"""Mask rules: how a dataset's ground-truth file says which pixels were edited.

There is no rule that fits all sets: "convert to grey, above 127" loses MagicBrush's masks, which are in
the alpha channel, and AutoSplice's, whose edited pixels may be dark.

Datasets declare their rule on their card, which must be quick to read: what is heavy is imported where it is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from imlbench.errors import Reason, SampleError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image as PillowImage

    from imlbench.samples import Mask

Channel = Literal["grey", "any", "mean", "alpha"]


@dataclass(frozen=True, slots=True)
class MaskRule:
    """Edited where the chosen channel's value is above `threshold`.

    Attributes:
        channel: grey (luma), any (the largest colour channel), mean (mean of the colour channels),
            alpha (opacity).
        threshold: on the 0-255 scale, exclusive.
        inverted: edited where the value is *not* above the threshold.
    """

    channel: Channel
    threshold: float
    inverted: bool = False

    def __str__(self) -> str:
        sign = "<=" if self.inverted else ">"
        return f"{self.channel} {sign} {self.threshold:g}"


WHITE = MaskRule("grey", 127)
NONZERO = MaskRule("any", 0)
MEAN = MaskRule("mean", 127.5)
TRANSPARENT = MaskRule("alpha", 254, inverted=True)


def decode_mask(data: bytes, name: str, rule: MaskRule) -> Mask:
    """The ground truth as H x W bool, True = edited.

    Raises:
        SampleError: unreadable, too large, or the rule's channel is not in the file.
    """
    return decode_mask_with_notes(data, name, rule)[0]


def decode_mask_with_notes(data: bytes, name: str, rule: MaskRule) -> tuple[Mask, tuple[str, ...]]:
    """`decode_mask`, and what had to be done to read the file."""
    from imlbench.images import open_image

    image, notes = open_image(data, name)
    above = channel_values(image, rule.channel, name) > rule.threshold
    mask: Mask = ~above if rule.inverted else above
    mask.flags.writeable = False
    return mask, tuple(f"mask: {note}" for note in notes)


def channel_values(image: PillowImage.Image, channel: Channel, name: str) -> NDArray[np.uint8] | NDArray[np.float64]:
    """H x W values of one channel on the 0-255 scale."""
    import numpy as np

    from imlbench.images import deep_values

    if channel == "alpha":
        if image.mode not in ("RGBA", "LA", "PA") and "transparency" not in image.info:
            message = f"{name}: the mask is in the alpha channel, but the file has none (mode {image.mode})"
            raise SampleError(Reason.UNREADABLE, message)
        return np.asarray(image.convert("RGBA").getchannel("A"))
    if image.mode.startswith("I") or image.mode == "F":
        deep = deep_values(image, name)
        # The smallest 16-bit value above zero must stay above zero for the rule "any > 0".
        reduced: NDArray[np.uint8] = np.maximum(deep >> 8, deep > 0).astype(np.uint8)
        return reduced
    if image.mode in ("L", "1", "LA"):
        return np.asarray(image.convert("L"))
    if channel == "grey":
        return np.asarray(image.convert("RGB").convert("L"))
    colours = np.asarray(image.convert("RGB"))
    values: NDArray[np.uint8] | NDArray[np.float64] = colours.max(axis=2) if channel == "any" else colours.mean(axis=2)
    return values


def bounding_box(mask: Mask) -> tuple[slice, slice]:
    """Rows and columns of the smallest rectangle that holds all of an H x W bool mask; empty slices for no pixel."""
    import cv2
    import numpy as np

    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    return slice(top, top + height), slice(left, left + width)


def fit_mask(mask: Mask, shape: tuple[int, ...], name: str) -> tuple[Mask, tuple[str, ...]]:
    """The mask at an image's (height, width), by nearest neighbour where it must be resized.

    Returns:
        The mask and notes on what was done.

    Raises:
        SampleError: the mask is turned by 90 degrees, or its aspect ratio differs by more than 2 %.
    """
    import cv2
    import numpy as np

    from imlbench.images import same_aspect

    height, width = shape[:2]
    if mask.shape == (height, width):
        return mask, ()
    found = f"mask is {mask.shape[1]} x {mask.shape[0]}, image is {width} x {height}"
    if mask.shape == (width, height):
        raise SampleError(Reason.SIZE_MISMATCH, f"{name}: {found}: turned by 90 degrees")
    if not same_aspect(mask.shape, shape):
        raise SampleError(Reason.SIZE_MISMATCH, f"{name}: {found}: aspect ratios differ by more than 2 %")
    resized = cv2.resize(mask.view(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST_EXACT).view(np.bool_)
    resized.flags.writeable = False
    return resized, (f"mask resized from {mask.shape[1]} x {mask.shape[0]} by nearest neighbour",)
