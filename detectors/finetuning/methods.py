"""What tells one borrowed network's training from another's: how it is built and seen, and its authors' loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from imlbench.training import losses
from imlbench.weights.using import required_files

if TYPE_CHECKING:
    from detectors.network_detector import NetworkDetector

Logits = dict[str, Tensor]
"""By name: "mask" at the input's size, and what else a loss needs."""
IML_VIT_EDGE = 20.0
"""IML-ViT's weight of the edge term."""


@dataclass(frozen=True, slots=True)
class Method:
    """One network's training.

    Attributes:
        name: of the detector.
        detector: its class, which is imported when it is asked for.
        module: the folder of its adapter, which has `network.build`.
        logits: of a prepared batch, with gradients.
        loss: terms by name from logits, mask and valid; "loss" is minimised.
        terms: names of what `loss` gives.
        bgr: whether the network sees blue, green, red.
        scale: by which values in [0, 1] are multiplied, where the network sees images at their own size.
        frozen: parts of the network that never change: in evaluation mode, without gradients.
        public: the files that the detector of a name runs with. Raises `UserError`.
    """

    name: str
    detector: Callable[[], type[NetworkDetector]]
    module: str
    logits: Callable[[Any, Any], Logits]
    loss: Callable[[Logits, Tensor, Tensor], dict[str, Tensor]]
    terms: tuple[str, ...] = ("loss",)
    bgr: bool = False
    scale: float = 1.0
    frozen: tuple[str, ...] = ()
    public: Callable[[str], Sequence[Path]] = required_files

    def build(self) -> nn.Module:
        """The network with random weights.

        Raises:
            UserError: its package is missing, or has another network.
        """
        network: nn.Module = import_module(f"detectors.{self.module}.network").build()
        return network


def cross_entropy_alone(logits: Logits, mask: Tensor, valid: Tensor) -> dict[str, Tensor]:
    """SparseViT and Mesorch: binary cross-entropy."""
    return {"loss": losses.binary_cross_entropy(logits["mask"], mask, valid)}


def with_edges(logits: Logits, mask: Tensor, valid: Tensor) -> dict[str, Tensor]:
    """IML-ViT: binary cross-entropy, and 20 times that of the edges."""
    bce = losses.binary_cross_entropy(logits["mask"], mask, valid)
    edge = losses.edge_cross_entropy(logits["mask"], mask, valid)
    return {"loss": bce + IML_VIT_EDGE * edge, "bce": bce, "edge": edge}


def three_terms(logits: Logits, mask: Tensor, valid: Tensor) -> dict[str, Tensor]:
    """MVSS-Net: Dice of mask and edge, cross-entropy of the image."""
    found = losses.mvss(logits["mask"], logits["edge"], mask, valid)
    total = torch.stack([weight * found[name] for name, weight in losses.MVSS_WEIGHTS.items()]).sum()
    return {"loss": total, **found}


def sparse_vit_logits(network: Any, batch: Tensor) -> Logits:
    """Of the fused features, enlarged."""
    return {"mask": enlarged(network.lmu(list(network.encoder_net(batch).values())), batch)}


def mesorch_logits(network: Any, batch: Tensor) -> Logits:
    """Of the weighed features, by the network's own enlargement."""
    return {"mask": network.resize(network.forward_features(batch)).float()}


def iml_vit_logits(network: Any, batch: Tensor) -> Logits:
    """Of the head, enlarged."""
    return {"mask": enlarged(network.forward_features(batch), batch)}


def mvss_net_logits(network: Any, batch: Tensor) -> Logits:
    """Of the head and of the edge branch, caught on their way: the forward pass gives them after their sigmoids."""
    caught: Logits = {}
    hooks = [
        network.head.register_forward_hook(lambda module, given, found: caught.update(mask=found[0])),
        network.erb_trans_3.register_forward_hook(lambda module, given, found: caught.update(edge=found)),
    ]
    empty = torch.zeros_like(batch[:, :1])
    try:
        network(batch, mask=empty, edge_mask=empty, label=empty[:, 0, 0, 0])
    finally:
        for hook in hooks:
            hook.remove()
    mask = functional.interpolate(caught["mask"].float(), batch.shape[2:], mode="bilinear", align_corners=True)
    return {"mask": mask, "edge": caught["edge"].float()}


def enlarged(logits: Tensor, batch: Tensor) -> Tensor:
    """Logits at the input's size."""
    return functional.interpolate(logits.float(), size=batch.shape[2:], mode="bilinear", align_corners=False)
