"""IML-ViT as a detector."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from detectors.checkpoints import load_built, state_of
from detectors.network_detector import SquareDetector
from imlbench.adapters import DetectorCard

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from detectors.arrays import Planes
    from imlbench.samples import Image, ScoreMap

IML_VIT = DetectorCard(
    name="iml-vit",
    title="IML-ViT",
    version="1",
    summary="a ViT-B with windowed attention; seen at its own size within 1024 x 1024, larger pictures shrunk",
    licence="MIT",
    citation="Ma, Du, Liu, Hammadi, Zhou, IML-ViT: Benchmarking Image Manipulation Localization by Vision "
    "Transformer, arXiv 2307.14863",
    url="https://github.com/SunnyHaze/IML-ViT",
    threshold=0.5,
    batched=True,
    accelerated=True,
    preprocessing="official",
)


class ImlVit(SquareDetector):
    """IML-ViT with its authors' preprocessing, which IMDL-BenCo's checkpoints share."""

    declared: ClassVar[DetectorCard] = IML_VIT

    @classmethod
    def loaded(cls, paths: Sequence[Path]) -> nn.Module:
        from detectors.iml_vit.network import build, norm_of

        norm = norm_of(state_of(paths[0]))
        return load_built(partial(build, norm), paths[0], cls.declared.name)

    @classmethod
    def prepared(cls, pixels: Image) -> Planes:
        from detectors.iml_vit.preprocessing import official_input

        return official_input(pixels)

    def probabilities(self, batch: Tensor) -> tuple[Tensor, Tensor | None]:
        from detectors.iml_vit.network import probabilities

        return probabilities(self.network, batch), None

    @classmethod
    def finished(cls, scores: NDArray[np.float32], shape: tuple[int, int]) -> ScoreMap:
        from detectors.iml_vit.preprocessing import official_map

        return official_map(scores, shape)
