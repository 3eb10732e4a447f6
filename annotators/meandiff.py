"""Mean absolute difference of the channels above 5 %: the common quick way to make a mask from a pair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from imlbench.adapters import Annotator
from imlbench.cards import AdapterCard

if TYPE_CHECKING:
    from imlbench.samples import Pair, ScoreMap


class MeanDiff(Annotator):
    """Mean |difference| of the three channels, divided by 255, float32.

    The source marks values > 0.05, a card's threshold means >=. Both give the same set: a value is n / 765
    with an integer n, and 0.05 x 765 = 38.25 is none, so that no value equals 0.05.
    """

    card: ClassVar[AdapterCard] = AdapterCard(
        name="meandiff",
        title="MeanDiff",
        version="1",
        summary="mean absolute difference of the channels > 0.05",
        licence="Apache-2.0",
        citation="arXiv 2603.20193",
        url="https://arxiv.org/abs/2603.20193",
        threshold=0.05,
    )

    def annotate(self, pairs: Sequence[Pair]) -> list[ScoreMap]:
        from imlbench.differencing import mean_channel_difference

        return [pair.shared(mean_channel_difference) for pair in pairs]
