"""The whole network: encoder, differencing, refinement, grounding, cross-modal refinement, decoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from annotators.sigma.network.attention import limited, resize
from annotators.sigma.network.blur_matching import matched
from annotators.sigma.network.config import SigmaConfig
from annotators.sigma.network.cross_modal import CrossModalRefinement
from annotators.sigma.network.decoder import MaskDecoder
from annotators.sigma.network.differencing import Differencing
from annotators.sigma.network.fusion import PriorConvolution
from annotators.sigma.network.pixel_differences import pixel_channels, pixel_differences
from annotators.sigma.network.refinement import DifferenceRefinement
from imlbench.backbones.dinov2 import Dinov2
from imlbench.backbones.efficientnet_lite import EfficientNetLite0
from imlbench.backbones.encoder import Encoder, Lattice
from imlbench.errors import UserError


class SigmaOutput(NamedTuple):
    """What training needs besides the logits.

    Attributes:
        logits: B x 1 x H x W.
        differences: per level B x C x h x w, the refined difference vectors.
    """

    logits: Tensor
    differences: list[Tensor]


class Sigma(nn.Module):
    """From two aligned images and the instruction's prior to the logits of the edited region.

    `state_dict()` holds the trainable parts only, and `load_state_dict` expects no more: the frozen encoder's weights
    stay in the backbone's own file.

    Args:
        config: sizes and switches.
        encoder: the backbone, with one level for each of the configuration's layers.
    """

    def __init__(self, config: SigmaConfig, encoder: Encoder) -> None:
        super().__init__()
        levels = len(config.layers)
        if len(encoder.channels) != levels:
            raise UserError(f"SIGMA: expected an encoder of {levels} levels, found {len(encoder.channels)}")
        self.config = config
        self.encoder = encoder.freeze()
        pixels = pixel_channels(config.pixel_cell) if config.pixel_cell else 0
        self.differencing = Differencing(encoder.channels, config.width, config.rms_differences, pixels)
        self.refinement = DifferenceRefinement(config, levels)
        self.evidence = nn.Conv2d(levels * config.width, config.width, 1)
        self.prior = PriorConvolution(config.width) if config.grounding else None
        self.cross_modal = CrossModalRefinement(config) if config.grounding else None
        self.decoder = MaskDecoder(config, levels, pixels)
        self.register_state_dict_post_hook(_drop_encoder)  # type: ignore[no-untyped-call]
        self.register_load_state_dict_pre_hook(_refuse_encoder)  # type: ignore[no-untyped-call]
        self.register_load_state_dict_post_hook(_expect_no_encoder)  # type: ignore[no-untyped-call]

    def forward(self, original: Tensor, edited: Tensor, prior: Tensor | None = None) -> Tensor:
        """Logits of "edited", B x 1 x H x W.

        Args:
            original: B x 3 x H x W, floating point, RGB, in [0, 1].
            edited: the same shape.
            prior: B x 1 x h x w in [0, 1], any lattice; None = nothing is known, the constant epsilon. Ignored by a
                network without grounding.
        """
        return self.outputs(original, edited, prior).logits

    def outputs(self, original: Tensor, edited: Tensor, prior: Tensor | None = None) -> SigmaOutput:
        """`forward`, with the refined differences."""
        _check_inputs(original, edited, prior)
        if self.config.match_blur:
            with torch.no_grad():
                original, edited = matched(original, edited)
        levels = self.encoder.levels(torch.cat([original, edited]))
        before, after = zip(*(level.chunk(2) for level in levels), strict=True)
        pixels = self._pixels(original, edited, (before[0].shape[2], before[0].shape[3]))
        differences = self.refinement(self.differencing(before, after, pixels))
        consensus = self._consensus(self._evidence(differences), prior)
        logits = self.decoder(differences, consensus, (original.shape[2], original.shape[3]), pixels)
        return SigmaOutput(logits, differences)

    def _pixels(self, original: Tensor, edited: Tensor, lattice: Lattice) -> Tensor | None:
        """The pixels' own differences on the shallowest level's lattice, where the configuration asks for them."""
        if not self.config.pixel_cell:
            return None
        return resize(pixel_differences(original, edited, self.config.pixel_cell), lattice)

    def _evidence(self, differences: list[Tensor]) -> Tensor:
        """V0: all levels on one lattice, the shallowest one's as far as attention can bear it."""
        shallow = (differences[0].shape[2], differences[0].shape[3])
        lattice = limited(shallow, self.config.attention_lattice)
        evidence: Tensor = self.evidence(torch.cat([resize(level, lattice) for level in differences], dim=1))
        return evidence

    def _consensus(self, evidence: Tensor, prior: Tensor | None) -> Tensor:
        if self.prior is None or self.cross_modal is None:
            return evidence
        lattice = (evidence.shape[2], evidence.shape[3])
        if prior is None:
            prior = evidence.new_full((len(evidence), 1, *lattice), self.config.prior_epsilon)
        consensus: Tensor = self.cross_modal(evidence, self.prior(resize(prior.to(evidence.dtype), lattice)))
        return consensus


def build_encoder(config: SigmaConfig, weights: str | Path = "") -> Encoder:
    """The configuration's backbone with its published weights.

    Args:
        config: names the backbone and its layers.
        weights: DINOv2: a folder; EfficientNet-Lite0: a file. Empty = where the hub's cache or the package has them.

    Raises:
        UserError: the weights are missing or damaged, or belong to another network.
    """
    if config.encoder == "efficientnet-lite0":
        return EfficientNetLite0.from_file(config.layers, weights, detail=config.detail_layer)
    return Dinov2.from_pretrained(config.encoder, config.layers, weights)


def trainable_parameters(network: nn.Module) -> int:
    """How many numbers training can change."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def _check_inputs(original: Tensor, edited: Tensor, prior: Tensor | None) -> None:
    if original.ndim != 4 or original.shape[1] != 3 or original.shape != edited.shape or not original.numel():
        found = f"{tuple(original.shape)} and {tuple(edited.shape)}"
        raise ValueError(f"expected two batches B x 3 x H x W of one shape, found {found}")
    if not (original.is_floating_point() and edited.is_floating_point()):
        raise ValueError(f"expected floating point images in [0, 1], found {original.dtype} and {edited.dtype}")
    if prior is not None and (prior.ndim != 4 or prior.shape[:2] != (len(original), 1) or not prior.numel()):
        raise ValueError(f"expected a prior {len(original)} x 1 x h x w, found {tuple(prior.shape)}")


def _of_encoder(key: str, prefix: str) -> bool:
    return key.startswith(f"{prefix}encoder.")


def _drop_encoder(module: nn.Module, state: dict[str, Any], prefix: str, metadata: Any) -> None:
    for key in [key for key in state if _of_encoder(key, prefix)]:
        del state[key]


def _refuse_encoder(module: nn.Module, state: dict[str, Any], prefix: str, *others: Any) -> None:
    """A checkpoint must not replace the backbone unnoticed."""
    if any(_of_encoder(key, prefix) for key in state):
        raise UserError("SIGMA's checkpoint: expected trainable parts only, found weights of the frozen encoder")


def _expect_no_encoder(module: nn.Module, keys: Any) -> None:
    keys.missing_keys[:] = [key for key in keys.missing_keys if "encoder" not in key.split(".")]
