"""Mesorch as a detector."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from detectors.checkpoints import load_built
from detectors.imagenet_square import ImageNetSquare
from imlbench.adapters import DetectorCard

if TYPE_CHECKING:
    from torch import Tensor, nn

MESORCH = DetectorCard(
    name="mesorch",
    title="Mesorch",
    version="1",
    summary="high and low frequencies by a ConvNeXt and a SegFormer (NVIDIA's research terms); seen at 512 x 512",
    licence="MIT; NVIDIA: research only",
    citation="Zhu, Ma, Su, Jiang, Du, Wang, Lei, Feng, Pun, Zhou, Mesoscopic Insights: Orchestrating Multi-scale & "
    "Hybrid Architecture for Image Manipulation Localization, AAAI 2025",
    url="https://github.com/scu-zjz/Mesorch",
    threshold=0.5,
    batched=True,
    accelerated=True,
    preprocessing="official",
)


class Mesorch(ImageNetSquare):
    """Mesorch with its authors' preprocessing, which is IMDL-BenCo's."""

    declared: ClassVar[DetectorCard] = MESORCH

    @classmethod
    def loaded(cls, paths: Sequence[Path]) -> nn.Module:
        from detectors.mesorch.network import build

        return load_built(build, paths[0], cls.declared.name)

    def probabilities(self, batch: Tensor) -> tuple[Tensor, Tensor | None]:
        from detectors.mesorch.network import probabilities

        return probabilities(self.network, batch), None
