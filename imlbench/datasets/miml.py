"""MIML: forgeries collected from the web, with masks made by a constrained annotator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from imlbench.cards import DatasetCard
from imlbench.datasets.classic import ClassicSet, Paths
from imlbench.masks import NONZERO, MaskRule


class Miml(ClassicSet):
    """`MIML_Part1/imgs/<n>.jpg` with `MIML_Part1/masks/<n>.png`, and `MIML_Part2` likewise; ids are `<part>/<n>`."""

    card: ClassVar[DatasetCard] = DatasetCard(
        name="miml",
        title="MIML",
        version="1",
        summary="123,150 forgeries collected from the web, masks made by CAAA; no originals",
        licence="CC-BY-NC-4.0, on application",
        citation=(
            "Qu et al., Towards Modern Image Manipulation Localization: A Large-Scale Dataset and Novel Methods, "
            "CVPR 2024"
        ),
        url="https://github.com/qcf-568/MIML",
        published={"": 123150},
        mask_rule=f"any value above zero = edited ({NONZERO})",
        evaluation_only=False,
        layout="MIML_Part1/imgs/<n>.jpg, MIML_Part1/masks/<n>.png, and MIML_Part2/ likewise",
    )
    mask_rule: ClassVar[MaskRule] = NONZERO
    paths: ClassVar[Paths] = Paths(
        mask=r"MIML_(Part\d)/masks/(\d+)",
        tampered=r"MIML_(Part\d)/imgs/(\d+)",
    )

    def tags(self, key: str) -> Mapping[str, str]:
        return {"part": key.partition("/")[0]}
