"""One edit of the plan: what is done, in which region, and the instruction that a user would have typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from imlbench.demo import edits
from imlbench.demo.photos import load_photograph, load_texture

if TYPE_CHECKING:
    from imlbench.demo.edits import Placement
    from imlbench.demo.regions import Region
    from imlbench.samples import Image, Mask


@dataclass(frozen=True, slots=True)
class CutOut:
    """An object: the photograph that holds it and the region it fills there."""

    photo: str
    region: Region


@dataclass(frozen=True, slots=True)
class Paste:
    """An object from another photograph is put in."""

    edit_type: ClassVar[str] = "paste"
    instruction: str
    cut_out: CutOut
    placement: Placement

    def apply(self, photograph: Image) -> tuple[Image, Mask]:
        """The edited image and its exact mask."""
        source = load_photograph(self.cut_out.photo)
        return edits.paste(photograph, source, self.cut_out.region.mask(source), self.placement)


@dataclass(frozen=True, slots=True)
class Removal:
    """An object is removed by inpainting."""

    edit_type: ClassVar[str] = "removal"
    instruction: str
    region: Region
    grain: tuple[int, int] | None = None

    def apply(self, photograph: Image) -> tuple[Image, Mask]:
        """The edited image and its exact mask."""
        mask = self.region.mask(photograph)
        return edits.remove(photograph, mask, self.grain), mask


@dataclass(frozen=True, slots=True)
class Recolour:
    """A region gets another colour."""

    edit_type: ClassVar[str] = "recolour"
    instruction: str
    region: Region
    hue: float
    saturation: float = 1.0
    floor: float = 0.0

    def apply(self, photograph: Image) -> tuple[Image, Mask]:
        """The edited image and its exact mask."""
        mask = self.region.mask(photograph)
        return edits.recolour(photograph, mask, self.hue, self.saturation, self.floor), mask


@dataclass(frozen=True, slots=True)
class Retexture:
    """A region is covered with another material."""

    edit_type: ClassVar[str] = "retexture"
    instruction: str
    region: Region
    texture: str
    tint: tuple[int, int, int]
    scale: float = 1.0
    shading: float = 0.7

    def apply(self, photograph: Image) -> tuple[Image, Mask]:
        """The edited image and its exact mask."""
        mask = self.region.mask(photograph)
        texture = load_texture(self.texture)
        return edits.retexture(photograph, mask, texture, self.tint, self.scale, self.shading), mask


Edit = Paste | Removal | Recolour | Retexture
EDIT_TYPES = (Paste.edit_type, Removal.edit_type, Recolour.edit_type, Retexture.edit_type)
