"""tiny-unet as a detector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from detectors.tiny_unet.files import NAME, as_found, required_file
from imlbench.adapters import Detection, Detector, DetectorCard, Picture
from imlbench.tiling import Tile, Tiling
from imlbench.weights.carding import CardOfThisMachine
from imlbench.weights.using import weights_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imlbench.samples import Image

SMOOTHED = 15
"""Side, in pixels, of the square over which the map is averaged for the image score."""
TILING = Tiling(side=1024, overlap=128, align=32, max_pixels=1024 * 1536)
"""Images of more than about 1.6 million pixels are seen in tiles."""
DECLARED = DetectorCard(
    name="tiny-unet",
    title="tiny-unet",
    version="2",
    summary="an own small U-Net over colours, high-pass residuals and their strength, trained and run on a processor",
    licence="Apache-2.0",
    citation="imlbench; the high-pass filters are of Fridrich and Kodovsky, TIFS 2012",
    threshold=0.5,
    batched=True,
    accelerated=True,
    scores_images=True,
)


class TinyUnetDetector(Detector):
    """A small U-Net that sees images at their own size, above a limit in overlapping tiles.

    The image score is the largest mean of the map over a square of 15 x 15 pixels.

    Args:
        device: where the network runs.
        seed: of no meaning; nothing is drawn.
        weights: a file; empty = where the environment, the config file or the weights folder has one.

    Raises:
        UserError: weights are missing, damaged, or another network's.
    """

    card: ClassVar[DetectorCard] = cast("DetectorCard", CardOfThisMachine(DECLARED, as_found))

    def __init__(self, device: str = "cpu", seed: int = 0, *, weights: str | Path = "") -> None:
        super().__init__(device, seed)
        # Looked for before torch is imported: what is missing is told at once.
        path = Path(weights) if weights else required_file()
        from detectors.tiny_unet.own_files import load_network

        self.network = load_network(path).to(device)
        self.card = replace(DECLARED, weights=weights_of(NAME, (path,)))  # type: ignore[misc]

    @classmethod
    def missing(cls) -> str:
        from detectors.tiny_unet.files import lacking

        return lacking()

    def detect(self, pictures: Sequence[Picture]) -> list[Detection]:
        return [self._detect(picture.pixels) for picture in pictures]

    def _detect(self, pixels: Image) -> Detection:
        height, width = pixels.shape[:2]
        tiles = len(TILING.tiles(height, width))
        scores = TILING.assemble(height, width, lambda tile: self._seen(pixels, tile))
        notes = (f"seen in {tiles} tiles of at most {TILING.side} pixels",) if tiles > 1 else ()
        return Detection(scores, image_score(scores), notes)

    def _seen(self, pixels: Image, tile: Tile) -> NDArray[np.float32]:
        """What the network says of a tile."""
        import torch

        part = torch.from_numpy(pixels[tile].transpose(2, 0, 1).copy())
        with torch.inference_mode():
            images = part[None].to(self.device).float() / 255
            found: NDArray[np.float32] = self.network(images).sigmoid()[0, 0].cpu().numpy()
        return found


def image_score(scores: NDArray[np.float32]) -> float:
    """The largest mean of a map over a square, in [0, 1]: a single bright pixel is no evidence."""
    import cv2

    smoothed = cv2.blur(scores, (SMOOTHED, SMOOTHED), borderType=cv2.BORDER_REPLICATE)
    return min(1.0, max(0.0, float(smoothed.max())))
