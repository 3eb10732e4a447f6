"""Columbia's uncompressed splices: two cameras in one image, masks in four colours."""

from __future__ import annotations

from typing import ClassVar

from imlbench.cards import DatasetCard
from imlbench.datasets.classic import ClassicSet, Paths
from imlbench.masks import MaskRule

GREEN = MaskRule("grey", 97)
"""Tells green from red by brightness, the one channel that a JPEG keeps at full resolution.

The luma of the greens (0, 255, 0) and (0, 200, 0) is 150 and 117, that of the reds (255, 0, 0) and (200, 0, 0) is 76
and 60. On these four colours the rule is the same as "green channel above 120" and "red channel below 100".
"""


class Columbia(ClassicSet):
    """Masks are `4cam_splc/edgemask/<name>_edgemask.jpg`: green = from the second camera, red = background.

    Bright colours mark what is near the seam, darker ones what is far from it. A second kind of mask, `_edgemask_3`,
    whose seam is a third colour, is not used, nor are the masks of authentic images.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        name="columbia",
        title="Columbia",
        version="1",
        summary="180 splices of photographs by four cameras, uncompressed and not retouched, and 183 authentic ones",
        licence="research; see the terms on the authors' page",
        citation=(
            "Hsu and Chang, Detecting Image Splicing using Geometry Invariants and Camera Characteristics "
            "Consistency, ICME 2006"
        ),
        url="https://www.ee.columbia.edu/ln/dvmm/downloads/authsplcuncmp/",
        published={"": 180 + 183},
        mask_rule=f"green of either brightness = edited ({GREEN}: red is darker)",
        layout="4cam_splc/ with its edgemask/, and perhaps 4cam_auth/",
    )
    mask_rule: ClassVar[MaskRule] = GREEN
    paths: ClassVar[Paths] = Paths(
        mask=r"4cam_splc/edgemask/([^/]+)_edgemask",
        other=r"edgemask/[^/]+",
        authentic=r"4cam_auth/([^/]+)",
        tampered=r"4cam_splc/([^/]+)",
    )
