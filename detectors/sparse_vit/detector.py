"""SparseViT as a detector."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from detectors.checkpoints import load_built
from detectors.imagenet_square import ImageNetSquare
from imlbench.adapters import DetectorCard

if TYPE_CHECKING:
    from torch import Tensor, nn

SPARSE_VIT = DetectorCard(
    name="sparse-vit",
    title="SparseViT",
    version="1",
    summary="a hybrid backbone with sparse attention, without hand-made noise features; seen at 512 x 512",
    licence="none stated by its authors",
    citation="Su, Ma, Zhu, Niu, Lei, Zhou, Can We Get Rid of Handcrafted Feature Extractors? SparseViT: "
    "Nonsemantics-Centered, Parameter-Efficient Image Manipulation Localization through Spare-Coding Transformer, "
    "AAAI 2025",
    url="https://github.com/scu-zjz/SparseViT",
    threshold=0.5,
    batched=True,
    accelerated=True,
    preprocessing="official",
)


class SparseVit(ImageNetSquare):
    """SparseViT with its authors' preprocessing, which is IMDL-BenCo's."""

    declared: ClassVar[DetectorCard] = SPARSE_VIT

    @classmethod
    def loaded(cls, paths: Sequence[Path]) -> nn.Module:
        from detectors.sparse_vit.network import build

        return load_built(build, paths[0], cls.declared.name)

    def probabilities(self, batch: Tensor) -> tuple[Tensor, Tensor | None]:
        from detectors.sparse_vit.network import probabilities

        return probabilities(self.network, batch), None
