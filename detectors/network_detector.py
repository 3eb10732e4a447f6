"""Detectors over borrowed networks: weights found, checked and loaded, then pictures to score maps.

Two ways of looking: every picture resized to the network's square, or every picture at its own size, which above a
limit is seen in tiles.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, cast

from detectors.borrowed import lacking_packages
from detectors.cards import CardOfDeclared, asked_limit, full_card
from imlbench.adapters import Detection, Detector, DetectorCard, Picture
from imlbench.errors import UserError
from imlbench.weights.using import given_files, lacking_files, required_files, weights_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from detectors.arrays import Planes
    from imlbench.samples import Image, ScoreMap
    from imlbench.tiling import Tile

AT_ONCE = 8
"""Pictures of one forward pass on an accelerator, where all have one size; a processor gains nothing from it."""


class NetworkDetector(Detector):
    """A detector over a network whose weights come from a file.

    A subclass has `declared`, its card without weights, and says how to build the network and load it.

    Args:
        device: where the network runs.
        seed: of no meaning; nothing is drawn.
        weights: the file, or the folder with the files; empty = where the environment, the config file or the weights
            folder has them.
        network: built, with weights, for callers that have one; its weights are then on no card.

    Raises:
        UserError: a package or weights are missing, damaged, or another network's.
    """

    declared: ClassVar[DetectorCard]
    extras: ClassVar[tuple[str, ...]] = ("imdlbenco",)
    card: ClassVar[DetectorCard] = cast("DetectorCard", CardOfDeclared())

    def __init__(
        self, device: str = "cpu", seed: int = 0, *, weights: str | Path = "", network: nn.Module | None = None
    ) -> None:
        super().__init__(device, seed)
        name, card = self.declared.name, self.declared
        if network is None:
            if lacks := self.lacking_packages():
                raise UserError(lacks)
            # Looked for before torch is imported: what is missing is told at once.
            paths = given_files(name, weights) if weights else required_files(name)
            network = self.loaded(paths)
            card = replace(card, weights=weights_of(name, paths))
        self.card = full_card(card, card.weights, self.variant())  # type: ignore[misc]
        self.network = network.to(device).eval()

    @classmethod
    def missing(cls) -> str:
        return cls.lacking_packages() or lacking_files(cls.declared.name)

    @classmethod
    def lacking_packages(cls) -> str:
        """What is said where a package is not installed; empty = nothing."""
        return lacking_packages(cls.declared.name, cls.extras)

    @classmethod
    def variant(cls) -> str:
        """What of the environment changes the numbers, in short; empty = nothing.

        Raises:
            UserError: the environment asks for something that there is not.
        """
        return ""

    @classmethod
    @abstractmethod
    def loaded(cls, paths: Sequence[Path]) -> nn.Module:
        """The network with the weights of the catalogue entry's files, on the CPU.

        Raises:
            UserError: the package has another network, or a file is damaged or another network's.
        """

    def tensor(self, array: NDArray[np.generic]) -> Tensor:
        """An array on the network's device."""
        import torch

        return torch.from_numpy(array).to(self.device)


class SquareDetector(NetworkDetector):
    """Sees every picture resized, or shrunk and padded, to the network's own square."""

    @classmethod
    @abstractmethod
    def prepared(cls, pixels: Image) -> Planes:
        """What the network is shown of a picture: 3 x side x side, float32."""

    @abstractmethod
    def probabilities(self, batch: Tensor) -> tuple[Tensor, Tensor | None]:
        """From B x 3 x side x side to B x side x side in [0, 1], and B image scores where the network has a head."""

    @classmethod
    @abstractmethod
    def finished(cls, scores: NDArray[np.float32], shape: tuple[int, int]) -> ScoreMap:
        """The map of a picture of (height, width) from the square's."""

    def detect(self, pictures: Sequence[Picture]) -> list[Detection]:
        return [detection for group in self._groups(pictures) for detection in self._detect(group)]

    def _groups(self, pictures: Sequence[Picture]) -> Iterator[Sequence[Picture]]:
        """Pictures, as many together as a forward pass may hold."""
        count = 1 if self.device == "cpu" else AT_ONCE
        return (pictures[start : start + count] for start in range(0, len(pictures), count))

    def _detect(self, group: Sequence[Picture]) -> Iterator[Detection]:
        import numpy as np
        import torch

        batch = np.stack([self.prepared(picture.pixels) for picture in group])
        with torch.inference_mode():
            maps, scores = self.probabilities(self.tensor(batch))
        image_scores: list[Any] = [None] * len(group) if scores is None else scores.float().tolist()
        for picture, found, score in zip(group, maps.float().cpu().numpy(), image_scores, strict=True):
            height, width = picture.pixels.shape[:2]
            yield Detection(self.finished(found, (height, width)), score)


class Seen(NamedTuple):
    """What a network says of one tile, or of a whole picture.

    Attributes:
        scores: height x width, float32 in [0, 1].
        image_score: in [0, 1], None where the network has no head for it.
    """

    scores: NDArray[np.float32]
    image_score: float | None = None


class NativeDetector(NetworkDetector):
    """Sees every picture at its own size, one by one; above `limit` pixels in tiles that overlap."""

    side: ClassVar[int] = 1024
    overlap: ClassVar[int] = 128
    align: ClassVar[int] = 1
    limit: ClassVar[int]

    def __init__(
        self, device: str = "cpu", seed: int = 0, *, weights: str | Path = "", network: nn.Module | None = None
    ) -> None:
        super().__init__(device, seed, weights=weights, network=network)
        from imlbench.tiling import Tiling

        limit = asked_limit() or self.limit
        # Whoever asks for a lower limit wants no tile above it either.
        side = min(self.side, math.isqrt(limit) // self.align * self.align)
        self.tiling = Tiling(side=side, overlap=self.overlap, align=self.align, max_pixels=limit)

    @classmethod
    def variant(cls) -> str:
        limit = asked_limit()
        return f"limit-{limit}" if limit else ""

    @abstractmethod
    def prepared(self, picture: Picture) -> tuple[Any, tuple[str, ...]]:
        """What tiles are cut from, and notes on how it was come by."""

    @abstractmethod
    def seen(self, prepared: Any, tile: Tile) -> Seen:
        """What the network says of a tile."""

    def detect(self, pictures: Sequence[Picture]) -> list[Detection]:
        return [self._detect(picture) for picture in pictures]

    def _detect(self, picture: Picture) -> Detection:
        import torch

        height, width = picture.pixels.shape[:2]
        prepared, notes = self.prepared(picture)
        image_scores: list[float | None] = []

        def score(tile: Tile) -> NDArray[np.float32]:
            seen = self.seen(prepared, tile)
            image_scores.append(seen.image_score)
            return seen.scores

        with torch.inference_mode():
            scores = self.tiling.assemble(height, width, score)
        told = [one for one in image_scores if one is not None]
        if len(image_scores) > 1:
            notes += (f"seen in {len(image_scores)} tiles of at most {self.tiling.side} pixels",)
            notes += ("image score: the largest of the tiles'",) if told else ()
        return Detection(scores, max(told, default=None), notes)
