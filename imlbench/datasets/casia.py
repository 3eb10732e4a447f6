"""CASIA 1.0 and 2.0: spliced and copy-moved photographs, with the masks that were made for them later."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import ClassVar, NamedTuple

from imlbench.cards import DatasetCard
from imlbench.datasets.classic import ClassicSet, Paths
from imlbench.datasets.files import stem, walk
from imlbench.masks import WHITE
from imlbench.sources import Source

NAME = re.compile(
    r"(?:Sp|Tp)_(?P<kind>[SD])_(?P<how>\w+)_(?P<background>[a-z]{3}\d+)_(?P<pasted>[a-z]{3}\d+)[_.](?P<number>\d+)(?:_gt)?",
    re.IGNORECASE,
)
KINDS = {"S": "copy-move", "D": "splicing"}
CITATION = "Dong et al., CASIA Image Tampering Detection Evaluation Database, ChinaSIP 2013"
MASKS = "masks: Pham et al., Hybrid Image-Retrieval Method for Image-Splicing Validation, Symmetry 11(1), 2019"
LICENCE = "research; the copies in circulation carry no licence text"


class Name(NamedTuple):
    """What the name of a tampered image or of its mask says.

    Attributes:
        kind: S (same image: copy-move) or D (different: splicing).
        how: letters for how it was made.
        background: the authentic image that was tampered with, such as "nat00033".
        pasted: the authentic image that the pasted region is from.
        number: of the image; unique in CASIA 2.0, not in 1.0.
    """

    kind: str
    how: str
    background: str
    pasted: str
    number: str


def parse(name: str) -> Name | None:
    """The parts of a file name without suffix; None where it is not built like one of CASIA's."""
    match = NAME.fullmatch(name)
    return None if match is None else Name(*match.groups())


class Casia(ClassicSet):
    """Kind and original are told by the mask's name: those of many tampered images are wrong, and were put right there.

    The first of the two images in a name is the background, which the tampered image still shows outside the mask.
    """

    def _name(self, key: str) -> Name | None:
        """What the name of a tampered image's mask says."""
        paths = self._masks.by_stem.get(self.mask_key(key), ())
        return parse(stem(paths[0])) if len(paths) == 1 else None

    def original(self, key: str) -> Source | None:
        name = self._name(key)
        background = f"Au_{name.background[:3]}_{name.background[3:]}" if name else ""
        return self._authentic.find(background) if background in self._authentic.by_stem else None

    def tags(self, key: str) -> Mapping[str, str]:
        name = self._name(key)
        return {"manipulation": KINDS[name.kind.upper()]} if name else {}


class CasiaV1(Casia):
    """A mask has its image's name and `_gt`; in copies other than the corrected one up to 106 images have other names.

    They are known again by how they were made, by number and by one of the two images that they name: in 72 the two
    are swapped, in 34 one of them or the kind is wrong.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        name="casiav1",
        title="CASIA v1",
        version="1",
        summary="920 spliced or copy-moved Corel photographs of 384 x 256 pixels, and 800 authentic ones",
        licence=LICENCE,
        citation=f"{CITATION}; {MASKS}",
        url="https://github.com/namtpham/casia1groundtruth",
        published={"": 920 + 800},
        mask_rule=f"white = edited ({WHITE})",
        layout="Sp_*.jpg, as in Tp/CM and Tp/Sp, Sp_*_gt.png, as in 'CASIA 1.0 groundtruth', and perhaps Au/",
    )
    paths: ClassVar[Paths] = Paths(
        mask=r"(Sp_[^/]+)_gt",
        other=r"[^/]+_combine",
        authentic=r"Au(?:_corel|thentic)?/([^/]+)",
        tampered=r"(Sp_[^/]+)",
    )
    left_out: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("Sp_D_NRN_A_cha0011_sec0011_0542", "Sp_D_NRN_A_sce0011_cha0011_0542"),
        "it shows the authentic image Au_cha_0011, untouched, and has no mask",
    )

    def listed(self) -> Iterable[str]:
        listed = list(walk(self.root))
        if any("Modified Tp/" in path for path in listed):
            # The download holds the images twice: under their first names, and under corrected ones.
            listed = [path for path in listed if "Original Tp/" not in path]
        return listed

    def mask_key(self, key: str) -> str:
        if key in self._masks.by_stem or key in self.left_out:
            return key
        name = parse(key)
        found = [mask for mask, other in self._unclaimed if name and same_image(name, other)]
        return found[0] if len(found) == 1 else key

    @cached_property
    def _unclaimed(self) -> list[tuple[str, Name]]:
        """Masks whose name is no tampered image's."""
        free = (mask for mask in self._masks.by_stem if mask not in self._tampered.by_stem)
        return [(mask, name) for mask in free if (name := parse(mask))]


def same_image(first: Name, second: Name) -> bool:
    """Whether two names that differ are those of one image: unique among CASIA 1.0's images and masks."""
    shared = {first.background, first.pasted} & {second.background, second.pasted}
    return bool(shared) and (first.how, first.number) == (second.how, second.number)


TURNED = "mask turned by 90 degrees"
SMALL = "mask of a slightly different size"
OTHER = "mask of another aspect ratio"


class CasiaV2(Casia):
    """Images and masks are joined by the number that ends their names, the only part that no correction has touched."""

    card: ClassVar[DatasetCard] = DatasetCard(
        name="casiav2",
        title="CASIA v2",
        version="1",
        summary="5,123 spliced or copy-moved photographs and 7,491 authentic ones, JPEG, TIFF and BMP",
        licence=LICENCE,
        citation=f"{CITATION}; {MASKS}",
        url="https://github.com/namtpham/casia2groundtruth",
        published={"": 5123 + 7491},
        mask_rule=f"white = edited ({WHITE})",
        evaluation_only=False,
        layout="Tp/Tp_*, Tp_*_gt.png in a folder such as groundtruth/ or Gt/, and perhaps Au/Au_*",
    )
    paths: ClassVar[Paths] = Paths(
        mask=r"Tp_[^/]+_(\d+)_gt|(?:gt|masks?|[^/]*groundtruth)/Tp_[^/]+_(\d+)",
        authentic=r"(Au_[^/]+)",
        tampered=r"(Tp_[^/]+_\d+)",
    )
    faults: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("11227", "12437", "11524", "10508", "11230"), TURNED),
        **dict.fromkeys(("11912", "11913"), OTHER),
        **dict.fromkeys(("01602", "01654", "01883", "01778", "00751", "01719", "01971", "02316", "01980"), SMALL),
        "20010": "mask of the size before the image was shrunk",
    }

    def mask_key(self, key: str) -> str:
        return key.rpartition("_")[2]

    def authentic_tags(self, key: str) -> Mapping[str, str]:
        return {"duplicate of": DUPLICATES[key]} if key in DUPLICATES else {}


DUPLICATES = {
    "Au_ani_20016": "Au_ani_10140",
    "Au_ani_20017": "Au_ani_10141",
    "Au_ani_20034": "Au_ani_10210",
    "Au_art_30076": "Au_arc_00005",
    "Au_arc_30622": "Au_arc_00030",
    "Au_art_30132": "Au_art_00006",
    "Au_art_30139": "Au_art_00007",
    "Au_cha_30258": "Au_cha_00030",
    "Au_cha_20005": "Au_cha_10118",
    "Au_cha_20031": "Au_cha_10144",
    "Au_cha_20033": "Au_cha_10146",
    "Au_sec_00023": "Au_ind_00015",
    "Au_sec_30302": "Au_ind_00018",
    "Au_sec_00044": "Au_ind_00095",
    "Au_ani_30794": "Au_ind_00097",
    "Au_ani_30795": "Au_ind_00098",
    "Au_nat_30035": "Au_nat_00006",
    "Au_nat_30295": "Au_nat_00020",
    "Au_nat_30311": "Au_nat_00031",
    "Au_nat_30387": "Au_nat_00036",
    "Au_nat_30397": "Au_nat_00037",
    "Au_pla_30265": "Au_pla_00020",
    "Au_pla_30281": "Au_pla_00021",
}
"""Authentic images of CASIA 2.0 that are another one once more, as listed beside its ground truth."""
