"""A card that names the weights which would be loaded now: another file is another run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from imlbench.cards import AdapterCard
from imlbench.errors import UserError

AnyCard = TypeVar("AnyCard", bound=AdapterCard)


class CardOfThisMachine(Generic[AnyCard]):
    """A class attribute `card` that names the weights which would be loaded now, by their hashes.

    Results are kept by the hashes of an adapter's weights: another file is another run.

    Args:
        declared: the card without the weights.
        as_found: that card with what is on this machine.
    """

    def __init__(self, declared: AnyCard, as_found: Callable[[AnyCard], AnyCard]) -> None:
        self.declared = declared
        self.as_found = as_found

    def __get__(self, instance: object, owner: type | None = None) -> AnyCard:
        try:
            return self.as_found(self.declared)
        except UserError:
            # Listing shows the card all the same; building the adapter says what is wrong.
            return self.declared
