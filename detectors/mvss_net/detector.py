"""MVSS-Net as a detector, in its authors' convention and in IMDL-BenCo's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from detectors.checkpoints import load_built
from detectors.imagenet_square import ImageNetSquare
from detectors.network_detector import SquareDetector
from imlbench.adapters import DetectorCard

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from detectors.arrays import Planes
    from imlbench.samples import Image, ScoreMap

MVSS_NET = DetectorCard(
    name="mvss-net",
    title="MVSS-Net",
    version="1",
    summary="noise and boundary artefacts by two ResNet-50 streams; seen at 512 x 512 in blue, green, red",
    licence="none stated by its authors",
    citation="Chen, Dong, Ji, Cao, Li, Image Manipulation Detection by Multi-View Multi-Scale Supervision, ICCV 2021",
    url="https://github.com/dong03/MVSS-Net",
    threshold=0.5,
    batched=True,
    accelerated=True,
    preprocessing="official",
)
MVSS_NET_BENCO = replace(
    MVSS_NET,
    name="mvss-net-benco",
    title="MVSS-Net (benco)",
    summary="MVSS-Net as IMDL-BenCo trains it: seen at 512 x 512 in red, green, blue",
    preprocessing="benco",
)


class MvssNet(SquareDetector):
    """MVSS-Net with its authors' preprocessing: 8-bit maps, resized to the picture."""

    declared: ClassVar[DetectorCard] = MVSS_NET

    @classmethod
    def loaded(cls, paths: Sequence[Path]) -> nn.Module:
        from detectors.mvss_net.network import build

        return load_built(build, paths[0], cls.declared.name)

    @classmethod
    def prepared(cls, pixels: Image) -> Planes:
        from detectors.mvss_net.preprocessing import official_input

        return official_input(pixels)

    def probabilities(self, batch: Tensor) -> tuple[Tensor, Tensor | None]:
        from detectors.mvss_net.network import probabilities

        return probabilities(self.network, batch), None

    @classmethod
    def finished(cls, scores: NDArray[np.float32], shape: tuple[int, int]) -> ScoreMap:
        from detectors.mvss_net.preprocessing import official_map

        return official_map(scores, shape)


class MvssNetBenco(ImageNetSquare, MvssNet):
    """MVSS-Net with IMDL-BenCo's preprocessing, for checkpoints that were trained under it."""

    declared: ClassVar[DetectorCard] = MVSS_NET_BENCO
