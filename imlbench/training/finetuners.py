"""Detectors that can be trained here: what an entry point of the group `imlbench.finetuners` names.

    [project.entry-points."imlbench.finetuners"]
    tiny-unet = "detectors.tiny_unet.training.finetuner:TINY_UNET"

The entry's name is the detector's. Its module may import torch: it is loaded only when the detector is trained.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imlbench.errors import UserError, one_line
from imlbench.training.single import ImageData

if TYPE_CHECKING:
    from imlbench.adapters import Detector
    from imlbench.training.items import Items
    from imlbench.training.pairs import TrainingPair
    from imlbench.training.single_recipe import ImageRecipe
    from imlbench.training.single_task import ImageTask

GROUP = "imlbench.finetuners"
PUBLIC, SCRATCH = "public", "scratch"


@dataclass(frozen=True, slots=True)
class Begun:
    """A network that is about to be trained.

    Attributes:
        task: with the weights to start from, on the processor.
        identity: JSON-ready, by the name that a message gives it: hashes of the weights started from, of frozen
            parts, sizes of the network; a resumed run must have the same.
    """

    task: ImageTask[Any]
    identity: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finetuner:
    """How a detector is trained.

    Attributes:
        name: the detector's registered name.
        recipes: presets by name; the first is the usual one.
        begin: from recipe, what to start from ("public" = the weights that the detector runs with, "scratch" =
            random ones by the recipe's seed, else a weight file) and tables of the configuration to the task.
            Raises `UserError`.
        open: the detector with the weights of a file that the task exported, on a device.
        data: from images and recipe to items.
        tables: names of tables that the configuration may have, such as sizes of the network.
    """

    name: str
    recipes: Mapping[str, ImageRecipe]
    begin: Callable[[ImageRecipe, str, Mapping[str, Mapping[str, Any]]], Begun]
    open: Callable[[Path, str], Detector]
    data: Callable[[Sequence[TrainingPair], Any], Items] = ImageData
    tables: tuple[str, ...] = ()


@cache
def registered() -> tuple[EntryPoint, ...]:
    """All entry points of the group; nothing is imported."""
    # Not entry_points(), which looks at one of several distributions of a name alone.
    points = [point for one in distributions() for point in one.entry_points if point.group == GROUP]
    return tuple({(point.name, point.value): point for point in points}.values())


def finetuner_names() -> list[str]:
    """Registered names."""
    return sorted({point.name for point in registered()})


def finetuner(name: str) -> Finetuner:
    """How the detector of a name is trained.

    Raises:
        UserError: nobody registered how, several did, or it cannot be loaded.
    """
    points = {point.value: point for point in registered() if point.name == name}
    if not points:
        near = difflib.get_close_matches(name, finetuner_names(), n=3, cutoff=0.5)
        hint = f"did you mean {', '.join(near)}?" if near else f"there are {', '.join(finetuner_names()) or 'none'}"
        raise UserError(f"no detector {one_line(name, 80)!r} that can be trained here: {hint}")
    if len(points) > 1:
        raise UserError(f"{name}: registered twice under {GROUP} ({' and '.join(points)}); uninstall one")
    (point,) = points.values()
    try:
        found = point.load()
    except Exception as error:
        # A third party's module may raise anything on import; the user must learn whose it was.
        reason = one_line(f"{type(error).__name__}: {error}", 200)
        raise UserError(f"{name} (registered as {point.value}) cannot be loaded: {reason}") from error
    if not isinstance(found, Finetuner):
        raise UserError(f"{name} (registered as {point.value}): expected a Finetuner, found {type(found).__name__}")
    return found
