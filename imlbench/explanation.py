"""The contract of a grounder: what an entry point of the group `imlbench.grounders` offers to the command line.

How an instruction is parsed and grounded is an annotator's own matter; the core asks for an explanation and shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imlbench.cards import Card
    from imlbench.samples import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What an instruction was taken to mean, no image seen.

    Attributes:
        action: the kind of edit, in words.
        original: the concept that it takes away or changes; None where it names none.
        edited: the concept that it brings or leaves, likewise.
        parser: identity of what parsed it; changes whenever a reading may change.
    """

    action: str
    original: str | None
    edited: str | None
    parser: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounding:
    """One concept, looked for in one image.

    Attributes:
        concept: the phrase; None where the instruction names none for this image.
        instances: how many were found.
        attention: h x w, float32 in [0, 1], where they are: the instances' maximum, all zero where none was found. It
            has the image's shape or, of a large image, that of a smaller copy.
    """

    concept: str | None
    instances: int
    attention: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What an instruction was taken to mean, and where its concepts were found.

    Attributes:
        action: the kind of edit, in words.
        original: the original concept, looked for in the original image.
        edited: the edited concept, looked for in the edited image.
        prior: h x w, float32 in (0, 1]: where the edit is expected, on the network's lattice.
        parser: identity of what parsed the instruction.
        grounder: identity of what found the concepts.
    """

    action: str
    original: Grounding
    edited: Grounding
    prior: NDArray[np.float32]
    parser: str
    grounder: str


class Explainer(Protocol):
    """A grounder as the command line sees it: a class that is built with a device, such as "cpu" or "cuda:1"."""

    card: ClassVar[Card]

    def __init__(self, *, device: str = "cpu") -> None: ...

    def read(self, instruction: str | None, parser: str) -> Reading:
        """Parse an instruction and look at no image; loads nothing but what the parser needs.

        Args:
            instruction: any text; None for none.
            parser: a parser's name.

        Raises:
            UserError: no parser of that name, or its model cannot be loaded.
        """
        ...

    def explain(self, original: Image, edited: Image, instruction: str | None, parser: str) -> Explanation:
        """Parse the instruction and ground its concepts.

        Args:
            original: H x W x 3, uint8, RGB.
            edited: H x W x 3, uint8, RGB.
            instruction: any text; None for none.
            parser: a parser's name.

        Raises:
            UserError: no parser of that name, or its model cannot be loaded.
        """
        ...
