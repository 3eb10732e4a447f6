"""The annotators of a process, built once."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2

from imlbench.annotating.plan import card_identity
from imlbench.errors import UserError

if TYPE_CHECKING:
    from imlbench.annotating.plan import Plan
    from imlbench.jobs import Handle


@dataclass(frozen=True, slots=True)
class Tools:
    """What a process builds once.

    Attributes:
        handle: the annotator.
        second: the second one; None where there is none.
    """

    handle: Handle
    second: Handle | None

    def all(self) -> tuple[Handle, ...]:
        """Both, or the one that there is."""
        return (self.handle,) if self.second is None else (self.handle, self.second)


def build_tools(plan: Plan) -> Tools:
    """The plan's annotators, built: one thread each on a processor, so that sums come out alike everywhere.

    Raises:
        UserError: they cannot be built, or are not those that the plan was made with.
    """
    tools = Tools(*plan.handles())
    for role, handle in (("annotator", tools.handle), ("second", tools.second)):
        if handle is None:
            continue
        if card_identity(handle.card, plan.options.seed) != plan.identity[role]:
            raise UserError(f"{handle.card.name}: version or weights are not those that the plan was made with")
        handle.get()
    cv2.setNumThreads(1)
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
    return tools
