"""CAT-Net as a detector, in its authors' convention and in IMDL-BenCo's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from detectors.checkpoints import load_built
from detectors.network_detector import NativeDetector, NetworkDetector, Seen
from imlbench.adapters import Detection, DetectorCard, Picture

if TYPE_CHECKING:
    from torch import nn

    from imlbench.tiling import Tile

EXTRAS_NEEDED = ("imdlbenco", "jpeg")
CAT_NET = DetectorCard(
    name="cat-net",
    title="CAT-Net",
    version="1",
    summary="colours and the JPEG file's own coefficients through two HRNets; seen at the picture's own size",
    licence="Apache-2.0; HRNet: MIT",
    citation="Kwon, Nam, Yu, Lee, Kim, Learning JPEG Compression Artifacts for Image Manipulation Detection and "
    "Localization, IJCV 2022",
    url="https://github.com/mjkwon2021/CAT-Net",
    threshold=0.5,
    batched=True,
    accelerated=True,
    preprocessing="official",
    reads_files=True,
)
CAT_NET_BENCO = replace(
    CAT_NET,
    name="cat-net-benco",
    title="CAT-Net (benco)",
    summary="CAT-Net as IMDL-BenCo trains it: coefficients of a normalised, re-saved picture; seen at 512 x 512",
    preprocessing="benco",
    reads_files=False,
)


class CatNet(NativeDetector):
    """CAT-Net with its authors' preprocessing."""

    declared: ClassVar[DetectorCard] = CAT_NET
    extras = EXTRAS_NEEDED
    limit: ClassVar[int] = 2048 * 2048
    align: ClassVar[int] = 8

    @classmethod
    def loaded(cls, paths: Sequence[Path]) -> nn.Module:
        from detectors.cat_net.network import build

        return load_built(build, paths[0], cls.declared.name)

    def prepared(self, picture: Picture) -> tuple[Any, tuple[str, ...]]:
        from detectors.cat_net.preprocessing import prepare

        found = prepare(picture)
        return found, found.notes

    def seen(self, prepared: Any, tile: Tile) -> Seen:
        import numpy as np

        from detectors.cat_net.network import probabilities
        from detectors.cat_net.preprocessing import BLOCK, official_planes

        pixels = prepared.pixels[tile]
        height, width = pixels.shape[:2]
        # The last tile ends with the picture, its coefficients with the last block.
        rows, columns = (slice(span.start, -(-span.stop // BLOCK) * BLOCK) for span in tile)
        batch = official_planes(pixels, prepared.luma.coefficients[rows, columns])
        table = prepared.luma.table.astype(np.float32)
        scores = probabilities(self.network, self.tensor(batch)[None], self.tensor(table)[None])
        return Seen(scores[0, :height, :width].cpu().numpy())


class CatNetBenco(NetworkDetector):
    """CAT-Net with IMDL-BenCo's preprocessing, for checkpoints that were trained under it."""

    declared: ClassVar[DetectorCard] = CAT_NET_BENCO
    extras = EXTRAS_NEEDED

    @classmethod
    def loaded(cls, paths: Sequence[Path]) -> nn.Module:
        from detectors.cat_net.network import build

        beside = ("loss.criterion.weight",)
        return load_built(build, paths[0], cls.declared.name, prefix="model.", beside=beside)

    def detect(self, pictures: Sequence[Picture]) -> list[Detection]:
        return [self._detect(picture) for picture in pictures]

    def _detect(self, picture: Picture) -> Detection:
        import numpy as np
        import torch

        from detectors.cat_net.network import probabilities
        from detectors.cat_net.preprocessing import benco_map, benco_planes

        batch, table = benco_planes(picture.pixels)
        with torch.inference_mode():
            tables = self.tensor(table.astype(np.float32))[None]
            scores = probabilities(self.network, self.tensor(batch)[None], tables, mode="bicubic")
        height, width = picture.pixels.shape[:2]
        return Detection(benco_map(scores[0].cpu().numpy(), (height, width)))
