"""DSO-1: groups of people with someone pasted in."""

from __future__ import annotations

from typing import ClassVar

from imlbench.cards import DatasetCard
from imlbench.datasets.classic import ClassicSet, Paths
from imlbench.masks import MaskRule

BLACK = MaskRule("grey", 127, inverted=True)


class Dso1(ClassicSet):
    """`DSO-1/splicing-<n>.png` has its mask under the same name in the folder of masks; `normal-<n>.png` is authentic.

    The numbers of the two kinds are independent: no authentic image is the original of a splice.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        name="dso1",
        title="DSO-1",
        version="1",
        summary="100 photographs with one or more people pasted in, and 100 authentic ones",
        licence="research; no licence text found",
        citation="de Carvalho et al., Exposing Digital Image Forgeries by Illumination Color Classification, TIFS 2013",
        url="http://ic.unicamp.br/~rocha/pub/downloads/2014-tiago-carvalho-thesis/tifs-database.zip",
        published={"": 100 + 100},
        mask_rule=f"black = edited ({BLACK})",
        layout="DSO-1/splicing-<n>.png and normal-<n>.png, DSO-1-Fake-Images-Masks/splicing-<n>.png",
    )
    mask_rule: ClassVar[MaskRule] = BLACK
    paths: ClassVar[Paths] = Paths(
        mask=r"DSO-1-Fake-Images-Masks/(splicing-\d+)",
        authentic=r"DSO-1/(normal-\d+)",
        tampered=r"DSO-1/(splicing-\d+)",
    )
