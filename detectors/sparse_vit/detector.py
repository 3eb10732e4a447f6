"""SparseViT as a detector."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from detectors.borrowed import undrawn
from detectors.checkpoints import load_into
from detectors.network_detector import SquareDetector
from imlbench.adapters import DetectorCard

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from detectors.arrays import Planes
    from imlbench.samples import Image, ScoreMap

SPARSE_VIT = DetectorCard(
    name="sparse-vit",
    title="SparseViT",
    version="1",
    summary="a hybrid backbone with sparse attention, without hand-made noise features; seen at 512 x 512",
    licence="none stated by its authors",
    citation="Su, Ma, Zhu, Niu, Zhou, Can We Get Rid of Handcrafted Feature Extractors? SparseViT, AAAI 2025",
    url="https://github.com/scu-zjz/SparseViT",
    threshold=0.5,
    batched=True,
    accelerated=True,
    preprocessing="official",
)


class SparseVit(SquareDetector):
    """SparseViT with its authors' preprocessing, which is IMDL-BenCo's."""

    declared: ClassVar[DetectorCard] = SPARSE_VIT

    @classmethod
    def loaded(cls, paths: Sequence[Path]) -> nn.Module:
        from detectors.sparse_vit.network import build

        with undrawn():
            network = build()
        load_into(network, paths[0], cls.declared.name)
        return network

    def prepared(self, pixels: Image) -> Planes:
        from detectors.sparse_vit.preprocessing import official_input

        return official_input(pixels)

    def probabilities(self, batch: Tensor) -> tuple[Tensor, Tensor | None]:
        from detectors.sparse_vit.network import probabilities

        return probabilities(self.network, batch), None

    def finished(self, scores: NDArray[np.float32], shape: tuple[int, int]) -> ScoreMap:
        from detectors.sparse_vit.preprocessing import official_map

        return official_map(scores, shape)
