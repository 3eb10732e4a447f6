"""What a sample, a pair and a score map are. Inputs are validated once, here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imlbench.masks import MaskRule
    from imlbench.sources import Source

    Image = NDArray[np.uint8]
    """H x W x 3, uint8, RGB, 0-255."""
    Mask = NDArray[np.bool_]
    """H x W, bool, True = edited, at the edited image's size."""
    ScoreMap = NDArray[Any]
    """H x W: float32 in [0, 1], or uint8 levels (k stands for k / 255), or bool (a hard decision)."""

T = TypeVar("T")

Scope = Literal["local", "whole-image", "authentic"]
"""local: part of the frame is edited, the mask says which. whole-image: everything is synthetic.
authentic: nothing is edited."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One entry of a dataset, not decoded yet.

    Attributes:
        id: stable within the dataset, the same on every machine.
        edited: the edited image.
        original: the image before the edit, None where the dataset does not ship it.
        mask: the ground truth, None where `scope` already says it.
        mask_rule: how `mask` is read; None where there is no mask.
        instruction: the text command that made the edit.
        caption: a text that describes the content but commands nothing.
        tags: edit type, editor and the like, for slices.
        scope: whether the edit is local, the whole image, or absent.
    """

    id: str
    edited: Source
    original: Source | None = None
    mask: Source | None = None
    mask_rule: MaskRule | None = None
    instruction: str | None = None
    caption: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    scope: Scope = "local"

    def signature(self) -> str:
        """Cheap text that changes when one of the three files changes."""
        sources = (self.original, self.edited, self.mask)
        return "/".join("-" if source is None else source.signature() for source in sources)


@dataclass(slots=True)
class Pair:
    """What an annotator sees: two aligned images and the text, never the mask.

    Attributes:
        id: the sample's id.
        original: H x W x 3, uint8, RGB, read-only, already at the edited image's size.
        edited: H x W x 3, uint8, RGB, read-only.
        instruction: text command or None.
        caption: describing text or None.
    """

    id: str
    original: Image
    edited: Image
    instruction: str | None = None
    caption: str | None = None
    _shared: dict[Callable[..., Any], Any] = field(default_factory=dict, repr=False)

    def shared(self, function: Callable[[Pair], T]) -> T:
        """`function(pair)`, computed once per pair however many annotators ask.

        The value is handed to several annotators: treat it as read-only.
        """
        if function not in self._shared:
            self._shared[function] = function(self)
        value: T = self._shared[function]
        return value
