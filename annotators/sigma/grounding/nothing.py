"""No grounder: nothing is ever found, and the prior is the constant epsilon."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from annotators.sigma.grounding.contract import no_maps
from annotators.sigma.grounding.explaining import Explaining
from imlbench.cards import Card

if TYPE_CHECKING:
    from annotators.sigma.grounding.contract import Maps
    from imlbench.samples import Image


class Nothing(Explaining):
    """Finds no concept in any image; needs no model. The device is of no meaning."""

    card: ClassVar[Card] = Card(
        name="none",
        title="none",
        version="1",
        summary="no grounding: the prior is the constant epsilon, whatever the instruction",
        licence="Apache-2.0",
        citation="Part of imlbench",
    )

    def __init__(self, *, device: str = "cpu") -> None:
        self.device = device

    @property
    def identity(self) -> str:
        return "none"

    def maps(self, image: Image, concept: str) -> Maps:
        return no_maps(image)
