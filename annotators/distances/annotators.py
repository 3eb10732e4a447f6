"""The distances as annotators: by Otsu's threshold of each pair, and as soft maps with one threshold for all."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from annotators.distances import cards
from imlbench.adapters import Annotator
from imlbench.cards import AdapterCard
from imlbench.weights import lacking

if TYPE_CHECKING:
    from torch import nn

    from imlbench.inference.sizes import SizePolicy
    from imlbench.samples import Pair, ScoreMap


class DistanceAnnotator(Annotator):
    """A frozen network's distance between the two images. A card that is not soft has Otsu's threshold.

    Args:
        device: where the network runs.
        seed: of no meaning; nothing is drawn.
        network: what `DistanceMaps` expects; None = with the published weights, from this machine.
        policy: the size at which pairs are seen; None = the usual one.

    Raises:
        UserError: weights are missing or damaged; the message says how to get them.
    """

    needs: ClassVar[tuple[str, ...]]
    """Names of the weights, the network's own first."""

    def __init__(
        self,
        device: str = "cpu",
        seed: int = 0,
        *,
        network: nn.Module | None = None,
        policy: SizePolicy | None = None,
    ) -> None:
        super().__init__(device, seed)
        network = self.published() if network is None else network
        from annotators.distances.mapping import DistanceMaps

        self.maps = DistanceMaps(network, policy or cards.POLICIES[self.needs[0]], device)

    @classmethod
    @abstractmethod
    def published(cls) -> nn.Module:
        """The network with its published weights."""

    @classmethod
    def missing(cls) -> str:
        return next(filter(None, map(lacking, cls.needs)), "")

    def annotate(self, pairs: Sequence[Pair]) -> list[ScoreMap]:
        from annotators.distances.otsu import above_own_otsu

        found = self.maps.of(pairs)
        return list(found) if self.card.soft else [above_own_otsu(distances) for distances in found]


class EfficientNetCosine(DistanceAnnotator):
    """EfficientNet-Lite0, whose weights a Python package brings: runs offline on a processor."""

    card: ClassVar[AdapterCard] = cards.by_otsu(cards.EFFICIENTNET)
    needs: ClassVar[tuple[str, ...]] = ("efficientnet-lite0",)

    @classmethod
    def published(cls) -> nn.Module:
        from annotators.distances.cosine import efficientnet_cosine

        return efficientnet_cosine()


class EfficientNetCosineFixed(EfficientNetCosine):
    """The same distance as a soft map."""

    card: ClassVar[AdapterCard] = cards.by_threshold(cards.EFFICIENTNET, cards.COSINE_THRESHOLD)


class Dinov2Cosine(DistanceAnnotator):
    """DINOv2-Base: SIGMA's backbone without anything learned about edits."""

    card: ClassVar[AdapterCard] = cards.by_otsu(cards.DINOV2)
    needs: ClassVar[tuple[str, ...]] = ("dinov2-base",)

    @classmethod
    def published(cls) -> nn.Module:
        from annotators.distances.cosine import dinov2_cosine

        return dinov2_cosine()


class Dinov2CosineFixed(Dinov2Cosine):
    """The same distance as a soft map."""

    card: ClassVar[AdapterCard] = cards.by_threshold(cards.DINOV2, cards.COSINE_THRESHOLD)


class LpipsMap(DistanceAnnotator):
    """LPIPS of every pixel: a distance fitted to what people see, not to edits."""

    card: ClassVar[AdapterCard] = cards.by_otsu(cards.LPIPS)
    needs: ClassVar[tuple[str, ...]] = ("alexnet", "lpips-alex")

    @classmethod
    def published(cls) -> nn.Module:
        from annotators.distances.lpips import published_lpips

        return published_lpips()


class LpipsMapFixed(LpipsMap):
    """The same distance as a soft map."""

    card: ClassVar[AdapterCard] = cards.by_threshold(cards.LPIPS, cards.LPIPS_THRESHOLD)
