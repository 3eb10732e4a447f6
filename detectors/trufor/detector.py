"""TruFor as a detector, in its authors' convention and in IMDL-BenCo's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from detectors.checkpoints import load_built
from detectors.imagenet_square import ImageNetSquare
from detectors.network_detector import NativeDetector, Seen
from imlbench.adapters import DetectorCard, Picture

if TYPE_CHECKING:
    from torch import Tensor, nn

    from imlbench.tiling import Tile

TRUFOR = DetectorCard(
    name="trufor",
    title="TruFor",
    version="1",
    summary="colours and a learned noise print through a two-stream SegFormer; seen at the picture's own size",
    licence="non-profit only (GRIP-UNINA); NVIDIA: research only",
    citation="Guillaro, Cozzolino, Sud, Dufour, Verdoliva, TruFor: Leveraging All-Round Clues for Trustworthy Image "
    "Forgery Detection and Localization, CVPR 2023",
    url="https://github.com/grip-unina/TruFor",
    threshold=0.5,
    batched=True,
    accelerated=True,
    preprocessing="official",
    scores_images=True,
)
TRUFOR_BENCO = replace(
    TRUFOR,
    name="trufor-benco",
    title="TruFor (benco)",
    summary="TruFor as IMDL-BenCo trains it: ImageNet's statistics twice, noise print of the first; seen at 512 x 512",
    preprocessing="benco",
)


class TruFor(NativeDetector):
    """TruFor with its authors' preprocessing."""

    declared: ClassVar[DetectorCard] = TRUFOR
    limit: ClassVar[int] = 1536 * 1536

    @classmethod
    def loaded(cls, paths: Sequence[Path]) -> nn.Module:
        from detectors.trufor.network import build

        return load_built(build, paths[0], cls.declared.name)

    def prepared(self, picture: Picture) -> tuple[Any, tuple[str, ...]]:
        from detectors.trufor.preprocessing import LEAST

        notes = (f"padded to {LEAST} pixels",) if min(picture.pixels.shape[:2]) < LEAST else ()
        return picture.pixels, notes

    def seen(self, prepared: Any, tile: Tile) -> Seen:
        from detectors.trufor.network import probabilities
        from detectors.trufor.preprocessing import official_input

        pixels = prepared[tile]
        scores, image_score = probabilities(self.network, self.tensor(official_input(pixels))[None])
        height, width = pixels.shape[:2]
        return Seen(scores[0, :height, :width].cpu().numpy(), float(image_score))


class TruForBenco(ImageNetSquare):
    """TruFor with IMDL-BenCo's preprocessing, for checkpoints that were trained under it.

    The network applies ImageNet's statistics once more.
    """

    declared: ClassVar[DetectorCard] = TRUFOR_BENCO

    @classmethod
    def loaded(cls, paths: Sequence[Path]) -> nn.Module:
        from detectors.trufor.network import build

        return load_built(build, paths[0], cls.declared.name, prefix="model.")

    def probabilities(self, batch: Tensor) -> tuple[Tensor, Tensor | None]:
        from detectors.trufor.network import probabilities

        return probabilities(self.network, batch)
