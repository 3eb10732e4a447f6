"""PSCC-Net as a detector, in its authors' convention and in IMDL-BenCo's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from detectors.borrowed import undrawn
from detectors.checkpoints import load_built, load_into
from detectors.imagenet_square import ImageNetSquare
from detectors.network_detector import NativeDetector, Seen
from detectors.pscc_net.own_files import CardOfOneOrThree, own_card, own_file
from imlbench.adapters import DetectorCard, Picture
from imlbench.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from imlbench.tiling import Tile

PARTS = ("FENet", "SegNet", "ClsNet")
"""Of the network, in the order of the catalogue's files."""
PSCC_NET = DetectorCard(
    name="pscc-net",
    title="PSCC-Net",
    version="1",
    summary="a small HRNet, masks from coarse to fine that gate one another; seen at the picture's own size",
    licence="MIT",
    citation="Liu, Liu, Chen, Liu, PSCC-Net: Progressive Spatio-Channel Correlation Network for Image Manipulation "
    "Detection and Localization, IEEE TCSVT 2022",
    url="https://github.com/proteus1991/PSCC-Net",
    threshold=0.5,
    batched=True,
    accelerated=True,
    preprocessing="official",
    scores_images=True,
)
PSCC_NET_BENCO = replace(
    PSCC_NET,
    name="pscc-net-benco",
    title="PSCC-Net (benco)",
    summary="PSCC-Net as IMDL-BenCo trains it: without the gates' sigmoid; seen at 256 x 256",
    preprocessing="benco",
)


class PsccNet(NativeDetector):
    """PSCC-Net with its authors' preprocessing and gating; weights are three files, or one of a training here."""

    declared: ClassVar[DetectorCard] = PSCC_NET
    card: ClassVar[DetectorCard] = cast("DetectorCard", CardOfOneOrThree())
    limit: ClassVar[int] = 1280 * 1280

    def __init__(
        self, device: str = "cpu", seed: int = 0, *, weights: str | Path = "", network: nn.Module | None = None
    ) -> None:
        own = None if network is not None else own_file(self.declared.name, weights)
        if own is None:
            super().__init__(device, seed, weights=weights, network=network)
            return
        if lacks := self.lacking_packages():
            raise UserError(lacks)
        super().__init__(device, seed, network=self.loaded((own,)))
        self.card = own_card(self.declared, own, self.variant())  # type: ignore[misc]

    @classmethod
    def missing(cls) -> str:
        if cls.lacking_packages() or own_file(cls.declared.name) is None:
            return super().missing()
        return ""

    @classmethod
    def loaded(cls, paths: Sequence[Path]) -> nn.Module:
        from detectors.pscc_net.network import build

        if len(paths) == 1:
            return load_built(build, paths[0], cls.declared.name)
        with undrawn():
            network = build()
        for part, path in zip(PARTS, paths, strict=True):
            load_into(getattr(network, part), path, cls.declared.name)
        return network

    def prepared(self, picture: Picture) -> tuple[Any, tuple[str, ...]]:
        return picture.pixels, ()

    def seen(self, prepared: Any, tile: Tile) -> Seen:
        from torch.nn.functional import interpolate

        from detectors.pscc_net.network import probabilities
        from detectors.pscc_net.preprocessing import official_input

        batch = self.tensor(official_input(prepared[tile]))[None]
        mask, label = probabilities(self.network, batch)
        # As the authors' test script enlarges it.
        enlarged = interpolate(mask[None], size=batch.shape[2:], mode="bilinear", align_corners=True)
        return Seen(enlarged[0, 0].clamp(0, 1).cpu().numpy(), float(label))


class PsccNetBenco(ImageNetSquare):
    """PSCC-Net with IMDL-BenCo's preprocessing and gating, for checkpoints that were trained under it."""

    declared: ClassVar[DetectorCard] = PSCC_NET_BENCO
    side: ClassVar[int] = 256

    @classmethod
    def loaded(cls, paths: Sequence[Path]) -> nn.Module:
        from detectors.pscc_net.network import build

        return load_built(partial(build, gated=False), paths[0], cls.declared.name, beside=("weights",))

    def probabilities(self, batch: Tensor) -> tuple[Tensor, Tensor | None]:
        from detectors.pscc_net.network import probabilities

        return probabilities(self.network, batch, gated=False)
