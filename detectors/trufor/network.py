"""TruFor's network, borrowed: the class within IMDL-BenCo's wrapper, which alone would insist on further files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from detectors.borrowed import Settings, network_module, quietly, require

if TYPE_CHECKING:
    from torch import Tensor, nn

FINGERPRINT = "b8cf1e8ef46641e00216879983d766379f2f31b84d0ccaf4636291781cbf0067"


def configuration() -> Settings:
    """The published network: SegFormer-B2 over colours and noise print, two decoders, pooled confidence."""
    extra = Settings(
        BACKBONE="mit_b2",
        DECODER="MLPDecoder",
        DECODER_EMBED_DIM=512,
        PREPRC="imagenet",
        BN_EPS=0.001,
        BN_MOMENTUM=0.1,
        DETECTION="confpool",
        CONF=True,
    )
    model = Settings(MODS=("RGB", "NP++"), EXTRA=extra, PRETRAINED="")
    return Settings(MODEL=model, DATASET=Settings(NUM_CLASSES=2))


def build() -> nn.Module:
    """The network with random weights, in evaluation mode.

    Raises:
        UserError: the package is missing, or has another network.
    """
    module = network_module("trufor.cmx.builder_np_conf")

    with quietly():
        network: nn.Module = module.myEncoderDecoder(cfg=configuration())
    require(network, FINGERPRINT, "trufor")
    return network.eval()


def probabilities(network: Any, batch: Tensor) -> tuple[Tensor, Tensor]:
    """Maps, B x H x W, and image scores, B, both in [0, 1], from B x 3 x H x W."""
    logits, _, detection, _ = network(batch)
    return logits.softmax(dim=1)[:, 1], detection.sigmoid()[:, 0]
