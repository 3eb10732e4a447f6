"""PSCC-Net's three networks, borrowed, with the gating of its authors or that of IMDL-BenCo.

The authors take each scale's mask through a sigmoid before it multiplies the next finer scale's features. IMDL-BenCo
left the sigmoid out, for the sake of half precision, so that raw logits multiply them: weights that were trained one
way are worth little the other way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from detectors.borrowed import network_module, quietly, require

if TYPE_CHECKING:
    from torch import Tensor, nn

FINGERPRINT = "3b1dcab77ec1564ada5aef8c185522eb51775875e42ed14c66556f03e822ae16"
SIDE = 256
"""The two heads bring the features to 256 x 256, whatever the picture's size."""
SCALES = ("getmask1", "getmask2", "getmask3", "getmask4")


def build(gated: bool = True) -> nn.Module:
    """The networks with random weights, in evaluation mode, as `FENet`, `SegNet` and `ClsNet` of one module.

    Args:
        gated: True = a sigmoid at every scale, as its authors have it; False = as IMDL-BenCo has it.

    Raises:
        UserError: the package is missing, or has other networks.
    """
    backbone = network_module("pscc_net.seg_hrnet")
    config = network_module("pscc_net.seg_hrnet_config")
    localiser = network_module("pscc_net.NLCDetection")
    classifier = network_module("pscc_net.detection_head")
    import torch

    options = {"crop_size": [SIDE, SIDE]}
    with quietly():
        network = torch.nn.Module()
        network.FENet = backbone.get_seg_model(config.get_hrnet_cfg(""))
        network.SegNet = localiser.NLCDetection(options)
        network.ClsNet = classifier.DetectionHead(options)
    require(network, FINGERPRINT, "pscc-net")
    if gated:
        for scale in SCALES:
            # Without tensors of its own: names and shapes stay those of the published files.
            getattr(network.SegNet, scale).getmask.append(torch.nn.Sigmoid())
    return network.eval()


def probabilities(network: Any, batch: Tensor, gated: bool = True) -> tuple[Tensor, Tensor]:
    """Maps and image scores.

    Args:
        network: of `build`, with the same `gated`.
        batch: B x 3 x H x W.
        gated: whether the masks have gone through a sigmoid already.

    Returns:
        The finest mask, B x 256 x 256, and the softmax of "forged", B, both in [0, 1].
    """
    features = network.FENet(batch)
    # Its stages write into the lists that they are given: each head gets one of its own.
    mask = network.SegNet(list(features))[0][:, 0]
    label = network.ClsNet(list(features)).softmax(dim=1)[:, 1]
    return mask if gated else mask.sigmoid(), label
