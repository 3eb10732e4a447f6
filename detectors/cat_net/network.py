"""CAT-Net's network, borrowed: the class within IMDL-BenCo's wrapper, which alone would insist on CUDA."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detectors.borrowed import Settings, network_module, quietly, require

if TYPE_CHECKING:
    from torch import Tensor, nn

FINGERPRINT = "9fac659e4f73d985797cd7cc6e5e5494e780444767b8cc5cc2734d252a1e45e0"
CLASSES = 2


def stage(modules: int, channels: tuple[int, ...], blocks: int = 4, kind: str = "BASIC") -> Settings:
    """One stage of an HRNet: as many branches as `channels`, `blocks` residual blocks in each, their sum at the end."""
    return Settings(
        NUM_MODULES=modules,
        NUM_BRANCHES=len(channels),
        NUM_BLOCKS=[blocks] * len(channels),
        NUM_CHANNELS=list(channels),
        BLOCK=kind,
        FUSE_METHOD="SUM",
    )


def configuration() -> Settings:
    """The published network: HRNetV2-W48 over colours, a smaller one over coefficients, one stage over both."""
    extra = Settings(
        FINAL_CONV_KERNEL=1,
        STAGE1=stage(1, (64,), kind="BOTTLENECK"),
        STAGE2=stage(1, (48, 96)),
        STAGE3=stage(4, (48, 96, 192)),
        STAGE4=stage(3, (48, 96, 192, 384)),
        DC_STAGE3=stage(3, (96, 192)),
        DC_STAGE4=stage(2, (96, 192, 384)),
        STAGE5=stage(1, (24, 48, 96, 192)),
    )
    return Settings(MODEL=Settings(EXTRA=extra), DATASET=Settings(NUM_CLASSES=CLASSES))


def build() -> nn.Module:
    """The network with random weights, in evaluation mode.

    Raises:
        UserError: the package is missing, or has another network.
    """
    module = network_module("cat_net.network_CAT")

    with quietly():
        network: nn.Module = module.CAT_Net(configuration())
    require(network, FINGERPRINT, "cat-net")
    return network.eval()


def probabilities(network: nn.Module, batch: Tensor, tables: Tensor, mode: str = "bilinear") -> Tensor:
    """B x H x W in [0, 1]: softmax at a quarter of the size, then enlarged.

    Args:
        network: of `build`.
        batch: B x 24 x H x W, H and W multiples of 8.
        tables: B x 8 x 8, float32.
        mode: of the enlargement.
    """
    from torch.nn.functional import interpolate

    scores = network(batch, tables[:, None]).softmax(dim=1)[:, 1:]
    enlarged: Tensor = interpolate(scores, size=batch.shape[2:], mode=mode, align_corners=False)
    return enlarged[:, 0].clamp(0, 1)
