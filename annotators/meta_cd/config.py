"""The sizes of Meta-CD and SAM-CD; the defaults are Meta-CD's published ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from imlbench.errors import UserError, one_line
from imlbench.network_config import LARGEST_WIDTH, Checked

STRIDES = (4, 8, 16, 32)
"""Of the four maps that either encoder gives, finest first."""
DEPTHS: Mapping[int, tuple[int, ...]] = MappingProxyType({10: (1, 1, 1, 1), 18: (2, 2, 2, 2), 34: (3, 4, 6, 3)})
"""Residual networks of two-layer blocks: blocks of each of the four stages. The one of 10 layers is for tests."""
LARGEST_SIDE = 4096
MOST_BLOCKS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class MetaCdConfig(Checked):
    """The network.

    Attributes:
        sam: whether there is the frozen FastSAM encoder.
        cnn: layers of the trainable ResNet, a key of `DEPTHS`; 0 = there is none.
        threshold: whether a threshold is learned for every pixel.
        image_size: side of the input in pixels.
        features: channels of the encoder's maps, finest first; FastSAM-x has these.
        adapted: channels of the same maps after their 1 x 1 adapters.
        decoded: channels of the decoder's map of one image, at stride 4.
        semantic: channels of the semantic output of one image.
        change_blocks: residual blocks over both images' decoded maps.
        compared: channels of the map that the change is read from.
        reduction: of the channels within the attention.
        threshold_widths: channels of the threshold's convolutions.
        pool: side of the threshold's average pooling, in positions of stride 8.

    Raises:
        UserError: a value has the wrong type or is out of range.
    """

    sam: bool = True
    cnn: int = 34
    threshold: bool = True
    image_size: int = 256
    features: tuple[int, ...] = (160, 320, 640, 640)
    adapted: tuple[int, ...] = (40, 80, 160, 160)
    decoded: int = 64
    semantic: int = 8
    change_blocks: int = 6
    compared: int = 16
    reduction: int = 4
    threshold_widths: tuple[int, ...] = (256, 128, 64)
    pool: int = 15

    def check(self) -> None:
        widths = (self.decoded, self.semantic, self.compared, *self.features, *self.adapted, *self.threshold_widths)
        if not all(0 < width <= LARGEST_WIDTH for width in widths):
            raise UserError(f"meta-cd: expected channels from 1 to {LARGEST_WIDTH}, found {one_line(widths, 80)}")
        if not len(self.features) == len(self.adapted) == len(STRIDES) or len(self.threshold_widths) > 8:
            raise UserError("meta-cd: expected four features and adapted, and at most eight threshold_widths")
        if self.cnn not in (0, *DEPTHS) or not (self.sam or self.cnn):
            raise UserError(
                f"cnn: expected one of {', '.join(map(str, DEPTHS))}, or 0 beside sam = true, found {self.cnn}"
            )
        if not 0 < self.image_size <= LARGEST_SIDE or self.image_size % STRIDES[-1]:
            raise UserError(f"image_size: expected a multiple of 32 up to {LARGEST_SIDE}, found {self.image_size}")
        if not (1 <= self.change_blocks <= MOST_BLOCKS and 1 <= self.reduction <= LARGEST_WIDTH):
            raise UserError(f"meta-cd: expected change_blocks from 1 to {MOST_BLOCKS} and reduction of at least 1")
        if not 1 <= self.pool <= 255 or self.pool % 2 == 0:
            raise UserError(f"pool: expected an odd number from 1 to 255, found {self.pool}")

    @property
    def annotator(self) -> str:
        """The registered name of the annotator that such a network is for."""
        return "meta-cd" if self.cnn or self.threshold else "sam-cd"

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        values = dataclasses.asdict(self)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


PRESETS: Mapping[str, MetaCdConfig] = MappingProxyType(
    {
        "meta-cd": MetaCdConfig(),
        "meta-cd-small": MetaCdConfig(sam=False, cnn=18),
        "sam-cd": MetaCdConfig(cnn=0, threshold=False),
    }
)
"""meta-cd and sam-cd as published; meta-cd-small is ours: for processors, without anything under the AGPL."""


def preset(name: str) -> MetaCdConfig:
    """A named configuration.

    Raises:
        UserError: there is none of that name.
    """
    if name not in PRESETS:
        raise UserError(f"expected one of the presets {', '.join(PRESETS)}, found {one_line(repr(name), 60)}")
    return PRESETS[name]
