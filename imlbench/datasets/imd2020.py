"""IMD2020's real-life set: forgeries collected from the web, each beside the photograph that it was made from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from imlbench.cards import DatasetCard
from imlbench.datasets.classic import ClassicSet, Paths
from imlbench.masks import WHITE


class Imd2020(ClassicSet):
    """A folder a photograph: `<folder>_orig.jpg`, forgeries `<name>.jpg` or `.png`, masks `<name>_mask.png`.

    Ids are `<folder>/<name>`. An original serves all forgeries of its folder.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        name="imd2020",
        title="IMD2020",
        version="1",
        summary="2,010 forgeries collected from the web, with the 414 photographs that they were made from",
        licence="no licence text found",
        citation=(
            "Novozamsky et al., IMD2020: A Large-Scale Annotated Dataset Tailored for Detecting Manipulated Images, "
            "WACV Workshops 2020"
        ),
        url="https://staff.utia.cas.cz/novozada/db/",
        published={"": 2010},
        mask_rule=f"white = edited ({WHITE})",
        layout="folders of <folder>_orig.jpg, <name>_0.jpg or .png and <name>_0_mask.png",
    )
    paths: ClassVar[Paths] = Paths(
        mask=r"([^/]+/[^/]+)_mask",
        original=r"([^/]+)/[^/]+_orig",
        tampered=r"([^/]+/(?:[a-z0-9]+_\d+|\d+_fake(?:_\d+)?))",
    )
    faults: ClassVar[Mapping[str, str]] = {"z14/00030_fake": "mask of another size"}

    def original_key(self, key: str) -> str:
        return key.partition("/")[0]
