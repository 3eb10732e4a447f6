"""The contract of a report: a card, and a function that becomes `imlbench report NAME`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from imlbench.cards import Card


@dataclass(frozen=True, slots=True)
class Report:
    """What an entry point of the group `imlbench.reports` names.

    Attributes:
        card: name, version, summary.
        command: a function with annotated parameters, as typer reads them; its docstring is the help text. It
            imports what is heavy in its body, so that listing reports stays fast.
    """

    card: Card
    command: Callable[..., None]
