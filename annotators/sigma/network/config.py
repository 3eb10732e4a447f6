"""Every size and switch of the network, each marked as stated by the paper (S) or inferred here (I)."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from imlbench.errors import UserError, one_line
from imlbench.origins import Fact, inferred, stated


class Backbone(NamedTuple):
    """What the configuration must know of a backbone to be checked against it.

    Attributes:
        layers: how many layers (or blocks) there are to take features from.
        multiple: the input's sides are multiples of this, in pixels.
        strides: whether shallower layers have finer lattices.
    """

    layers: int
    multiple: int
    strides: bool = False


BACKBONES = {
    "dinov2-base": Backbone(layers=12, multiple=14),
    "dinov2-small": Backbone(layers=12, multiple=14),
    "efficientnet-lite0": Backbone(layers=16, multiple=1, strides=True),
}
POSITIVE = (
    *("width", "heads", "ffn_ratio", "bcmr_steps", "image_size", "position_cells"),
    *("pyramid_width", "decoder_width", "fusion_width", "fusion_stride", "norm_groups", "subpixels"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SigmaConfig:
    """The network's sizes. The defaults are SIGMA itself; `facts` lists the origin of each.

    Raises:
        UserError: a value is out of range, or two fields contradict each other.
    """

    encoder: str = stated("dinov2-base", "3.2.1: DINOv2-Base/14, frozen")
    layers: tuple[int, ...] = stated((2, 5, 11), "3.2.1; counted from zero (I), shallow to deep")
    detail_layer: int = inferred(-1, "a shallower layer, its cells stacked into the shallowest level's; -1 = none")
    pixel_cell: int = inferred(0, "side of the cells whose pixels' own differences join the features'; 0 = none")
    match_blur: bool = inferred(False, "the sharper image of a pair is first blurred as the other one is")
    image_size: int = stated(518, "3.2.1: both images are resized to this side, aspect not kept")
    width: int = inferred(256, "channels C shared by both branches")
    heads: int = inferred(8, "attention heads")
    ffn_ratio: int = inferred(4, "hidden width of a feed-forward network over C")
    drbs: int = stated(2, "3.2.1, Table 3: difference refinement blocks; 0 leaves them out")
    grounding: bool = stated(True, "3.2.2: the instruction-grounding branch (IGB in Table 3)")
    bcmr_steps: int = stated(2, "3.2.3: steps of bidirectional cross-modal refinement")
    prior_epsilon: float = inferred(0.01, "floor of the prior, and its value where nothing is known")
    position_cells: int = inferred(37, "cells that the position code counts along a side, whatever the lattice")
    rms_differences: bool = inferred(False, "magnitude and direction in units of 1 / sqrt(D) instead of 1")
    attention_lattice: int = inferred(0, "largest side of the lattices that attend, in tokens; 0 = no limit")
    key_lattice: int = inferred(0, "largest side of the lattices attended to, in tokens; 0 = no limit")
    drb_position_code: bool = inferred(False, "the position code also in the refinement blocks")
    pyramid_width: int = inferred(128, "channels of the decoder's pyramid")
    decoder_width: int = inferred(32, "channels that pyramid and consensus are each reduced to; joined they are 64")
    fusion_width: int = inferred(32, "channels of the fusion block and the terminal block")
    fusion_stride: int = stated(1, "3.2.4: joined at the input size; s joins at 1 / s of it, logits enlarged after")
    subpixels: int = inferred(1, "logits that the head gives along each side of a joined position, interleaved")
    norm_groups: int = inferred(8, "groups of the decoder's GroupNorm")

    def __post_init__(self) -> None:
        _check_types(self)
        _check_ranges(self)
        _check_agreement(self)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> SigmaConfig:
        """A configuration from a parsed TOML or JSON table; what it does not name keeps its default.

        Raises:
            UserError: an unknown field, a wrong type, or a contradiction.
        """
        known = [entry.name for entry in fields(cls)]
        for name in values:
            if name not in known:
                near = difflib.get_close_matches(str(name), known, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"the fields are {', '.join(known)}"
                raise UserError(f"SIGMA's configuration has no field {one_line(repr(name), 60)}; {hint}")
        given: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
        return cls(**given)


def facts(config: SigmaConfig, reasons: Mapping[str, str] | None = None) -> list[Fact]:
    """The origin of every value; one that differs from SIGMA's default is I, with SIGMA's value and the reason."""
    lines = []
    for entry in fields(config):
        value, note = getattr(config, entry.name), entry.metadata["note"]
        if value == entry.default:
            lines.append(Fact(entry.name, value, entry.metadata["origin"], note))
        else:
            reason = (reasons or {}).get(entry.name, note)
            lines.append(Fact(entry.name, value, "I", f"SIGMA has {entry.default}; {reason}"))
    return lines


def _check_types(config: SigmaConfig) -> None:
    for entry in fields(config):
        value, wanted = getattr(config, entry.name), type(entry.default)
        right = type(value) is wanted or (wanted is float and type(value) is int)
        if wanted is tuple:
            right = type(value) is tuple and all(type(item) is int for item in value)
        if not right:
            kind = "list of integers" if wanted is tuple else wanted.__name__
            raise UserError(f"SIGMA's {entry.name} must be a {kind}, found {one_line(repr(value), 60)}")


def _check_ranges(config: SigmaConfig) -> None:
    for name in POSITIVE:
        if not 1 <= getattr(config, name) <= 1 << 14:
            raise UserError(f"SIGMA's {name} must be 1 to 16384, found {getattr(config, name)}")
    for name in ("attention_lattice", "key_lattice", "drbs"):
        if not 0 <= getattr(config, name) <= 1 << 10:
            raise UserError(f"SIGMA's {name} must be 0 to 1024, found {getattr(config, name)}")
    if not 0 <= config.pixel_cell <= 64:
        raise UserError(f"SIGMA's pixel_cell must be 0 to 64, found {config.pixel_cell}")
    if not (math.isfinite(config.prior_epsilon) and 0 < config.prior_epsilon < 1):
        raise UserError(f"SIGMA's prior_epsilon must lie between 0 and 1, found {config.prior_epsilon}")
    if config.encoder not in BACKBONES:
        found = one_line(repr(config.encoder), 60)
        raise UserError(f"SIGMA's encoder must be one of {', '.join(BACKBONES)}, found {found}")


def _check_agreement(config: SigmaConfig) -> None:
    backbone = BACKBONES[config.encoder]
    ascending = all(low < high for low, high in zip(config.layers, config.layers[1:], strict=False))
    if not (config.layers and ascending and config.layers[0] >= 0 and config.layers[-1] < backbone.layers):
        raise UserError(
            f"SIGMA's layers must ascend within 0 to {backbone.layers - 1} for {config.encoder}, found {config.layers}"
        )
    if config.detail_layer != -1 and not (backbone.strides and 0 <= config.detail_layer < config.layers[0]):
        raise UserError(
            f"SIGMA's detail_layer must be -1, or of a backbone with strides and below the first of layers, found "
            f"{config.detail_layer} for {config.encoder} and {config.layers}"
        )
    _check_divides("fusion_stride", config.fusion_stride, config.subpixels, "subpixels")
    _check_divides("image_size", config.image_size, backbone.multiple, f"{config.encoder}'s patches")
    _check_divides("width", config.width, config.heads, "heads")
    _check_divides("width", config.width, 4, "the sines and cosines of two axes")
    for name in ("pyramid_width", "decoder_width", "fusion_width"):
        _check_divides(name, getattr(config, name), config.norm_groups, "norm_groups")
    if config.attention_lattice and config.key_lattice > config.attention_lattice:
        raise UserError(
            f"SIGMA's key_lattice must not exceed attention_lattice, found {config.key_lattice} and "
            f"{config.attention_lattice}"
        )


def _check_divides(name: str, value: int, divisor: int, what: str) -> None:
    if value % divisor:
        raise UserError(f"SIGMA's {name} must be a multiple of {divisor} ({what}), found {value}")
