"""COVERAGE: copy-moves in photographs that hold similar but genuine objects, each with its original."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from imlbench.cards import DatasetCard
from imlbench.datasets.classic import ClassicSet, Paths
from imlbench.masks import MaskRule

FORGED = MaskRule("grey", 125)


class Coverage(ClassicSet):
    """`image/<n>t.tif` is the forgery of `image/<n>.tif`, `mask/<n>forged.tif` its mask; ids are the numbers.

    The masks `<n>copy` and `<n>paste` show the source of the copied region and the object that it resembles: neither
    was edited.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        name="coverage",
        title="COVERAGE",
        version="1",
        summary="100 copy-moves beside similar but genuine objects, with their originals",
        licence="non-commercial research",
        citation="Wen et al., COVERAGE: A Novel Database for Copy-Move Forgery Detection, ICIP 2016",
        url="https://github.com/wenbihan/coverage",
        published={"": 100},
        mask_rule=f"white = edited ({FORGED}), of the mask called forged",
        layout="image/<n>t.tif, image/<n>.tif and mask/<n>forged.tif",
    )
    mask_rule: ClassVar[MaskRule] = FORGED
    paths: ClassVar[Paths] = Paths(
        mask=r"mask/(\d+)forged",
        other=r"mask/\d+(?:copy|paste)",
        original=r"image/(\d+)",
        tampered=r"image/(\d+)t",
    )
    faults: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("41", "48", "55", "56", "57", "58", "59", "61", "95"), "mask of another size"
    )
