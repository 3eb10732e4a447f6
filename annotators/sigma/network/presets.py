"""The named configurations: SIGMA, its lite variant, and the seven rows of Table 3."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, NamedTuple

from annotators.sigma.network.config import SigmaConfig, facts
from imlbench.errors import UserError, one_line
from imlbench.origins import Fact

SIGMA = SigmaConfig()
SIGMA_LITE = SigmaConfig(
    encoder="efficientnet-lite0",
    layers=(2, 4, 10, 15),
    detail_layer=0,
    pixel_cell=4,
    match_blur=True,
    image_size=512,
    width=96,
    heads=4,
    ffn_ratio=2,
    position_cells=32,
    rms_differences=True,
    attention_lattice=16,
    key_lattice=16,
    drb_position_code=True,
    pyramid_width=48,
    fusion_width=32,
    fusion_stride=4,
    subpixels=2,
)
LITE_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "encoder": "a backbone that a processor runs and a package index delivers",
        "layers": "the last block of strides 4, 8, 16 and 32, so that one level sees fine outlines",
        "detail_layer": "outlines: the block of stride 2, stacked, costs little beside a level of its own",
        "pixel_cell": "the finest level's stride: a clean composite shows in the pixels before it does in features",
        "match_blur": "a blur of the whole image changes every feature, and is quickly found from the pixels",
        "image_size": "a multiple of all four strides",
        "width": "about 1.4 M trainable parameters instead of 10 M",
        "heads": "24 channels a head",
        "ffn_ratio": "a processor's budget: four levels are refined",
        "position_cells": "about as many cells as SIGMA has for its size; a prior is drawn on them",
        "rms_differences": "magnitudes of order one, as the features are: a short training reaches them sooner",
        "attention_lattice": "a stride of 4 gives 16,384 tokens: attention runs on the pooled level, and its update is "
        "added to the fine one, which reaches the decoder unpooled",
        "key_lattice": "256 queries times 256 keys a level keep training affordable on a processor",
        "drb_position_code": "a convolutional network's features do not say where they lie, as a transformer's do",
        "pyramid_width": "a processor's budget at 128 x 128 positions",
        "fusion_stride": "the finest level's stride: a processor's budget",
        "subpixels": "logits at a stride of 2, as fine as the details that they are told from",
    }
)
PRESETS: Mapping[str, SigmaConfig] = MappingProxyType({"sigma": SIGMA, "sigma-lite": SIGMA_LITE})


class Variant(NamedTuple):
    """One row of Table 3.

    Attributes:
        name: as typed.
        row: the row's name in the published table.
        config: the network.
        stages: 1 or 2, the training stages that it goes through.
    """

    name: str
    row: str
    config: SigmaConfig
    stages: int


def preset(name: str) -> SigmaConfig:
    """A named configuration.

    Raises:
        UserError: there is none of this name.
    """
    if name not in PRESETS:
        raise UserError(f"there is no SIGMA preset {one_line(repr(name), 60)}; the presets are {', '.join(PRESETS)}")
    return PRESETS[name]


def preset_facts(name: str) -> list[Fact]:
    """The origin of every value of a preset, for its model card."""
    return facts(preset(name), LITE_REASONS if name == "sigma-lite" else None)


def variants(full: SigmaConfig = SIGMA) -> dict[str, Variant]:
    """The seven rows of Table 3, from the baseline to the `full` configuration, in the table's order.

    The baseline differs from +msdb by its levels alone (I): the deepest one, differenced as the others are.
    """
    without = replace(full, grounding=False)
    deepest: dict[str, Any] = {"layers": full.layers[-1:], "detail_layer": -1, "pixel_cell": 0}
    rows = [
        Variant("baseline", "baseline", replace(without, **deepest, drbs=0), 1),
        Variant("msdb", "+msdb", replace(without, drbs=0), 1),
        Variant("msdb-2drb", "+msdb+2DRBs", replace(without, drbs=2), 1),
        Variant("msdb-4drb", "+msdb+4DRBs", replace(without, drbs=4), 1),
        Variant("msdb-8drb", "+msdb+8DRBs", replace(without, drbs=8), 1),
        Variant("msdb-2drb-igb", "+msdb+2DRBs+IGB", replace(full, drbs=2, grounding=True), 1),
        Variant("full", "+msdb+2DRBs+IGB+Stage II training", replace(full, drbs=2, grounding=True), 2),
    ]
    return {row.name: row for row in rows}
