"""The recipe of a set: every share and range that decides what its pairs are, in one typed object."""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imlbench.config import read_toml
from imlbench.errors import UserError, one_line

KIND_WEIGHTS: Mapping[str, float] = {
    "removal": 1.0,
    "insertion": 1.0,
    "replacement": 0.8,
    "repainting": 0.8,
    "copy-move": 0.6,
    "recolouring": 0.9,
    "retexturing": 0.8,
    "background": 0.6,
    "text": 0.4,
    "object-jitter": 0.0,
}
"""How often each kind of edit is drawn, relative to the others; those of weight 0 only where they are asked for."""


def usual_kinds() -> dict[str, float]:
    """The kinds that are drawn where nothing else is asked for.

    A kind of weight 0 is left out, not named with its 0: sets that were begun before there was such a kind go on.
    """
    return {name: weight for name, weight in KIND_WEIGHTS.items() if weight > 0}


@dataclass(frozen=True, slots=True)
class SideRecipe:
    """What is done to the whole of one side of a pair; all shares lie in [0, 1].

    Attributes:
        vae: of sides that pass through the autoencoder, where one is given; drawn apart from all others.
        untouched: of the sides that do not, those to which nothing at all is done. All other shares are
            of the sides that remain, each drawn independently.
        resize: scaled and scaled back, as an editor with a working size does.
        tone: gain, gamma, contrast or colour balance changed a little.
        blur: Gaussian blur.
        sharpen: unsharp mask.
        noise: grain, grey or coloured.
        shift: moved by at most one pixel; the mask moves along where the edited side does.
        warp: drawn anew slightly out of place, as generative editors do: scaled, moved and bent by up to about one
            per cent of a side; the mask moves along where the edited side does.
        jpeg: saved as JPEG in the end.
        webp: of the others, saved as lossy WebP in the end.
    """

    vae: float = 0.15
    untouched: float = 0.4
    resize: float = 0.15
    tone: float = 0.15
    blur: float = 0.06
    sharpen: float = 0.05
    noise: float = 0.08
    shift: float = 0.01
    warp: float = 0.0
    jpeg: float = 0.55
    webp: float = 0.15


@dataclass(frozen=True, slots=True)
class Recipe:
    """All shares and ranges of a set.

    Attributes:
        kinds: relative weight of each kind of edit.
        zero: share of pairs without any edit.
        several: share of the others that are edited twice or three times.
        objects: where a photograph has polygons, share of regions that are one of its objects.
        instruction: share of edited pairs that have an instruction.
        idle_instruction: share of zero edits that have one, which was not carried out.
        area: smallest and largest edited share of the image, drawn log-uniformly.
        crop: share of pairs that show a random part of their photograph.
        poster: share of photographs that become a poster first: panels, shapes and lettering over them.
        validation: share of photographs that are set aside for validation.
        jpeg_quality: lowest and highest.
        webp_quality: lowest and highest.
        working_scale: smallest and largest factor of an editor's working size.
        tone_strength: standard deviation of a change of tone, relative.
        noise_deviation: lowest and highest standard deviation in grey levels.
        blur_deviation: of the Gaussian, lowest and highest, in pixels.
        original: what is done to the whole of the original side.
        edited: what is done to the whole of the edited side.
    """

    kinds: Mapping[str, float] = field(default_factory=usual_kinds)
    zero: float = 0.08
    several: float = 0.12
    objects: float = 0.75
    instruction: float = 0.8
    idle_instruction: float = 0.3
    area: tuple[float, float] = (0.003, 0.6)
    crop: float = 0.5
    poster: float = 0.12
    validation: float = 0.1
    jpeg_quality: tuple[float, float] = (30.0, 98.0)
    webp_quality: tuple[float, float] = (40.0, 98.0)
    working_scale: tuple[float, float] = (0.5, 1.6)
    tone_strength: float = 0.04
    noise_deviation: tuple[float, float] = (0.8, 8.0)
    blur_deviation: tuple[float, float] = (0.3, 4.0)
    original: SideRecipe = SideRecipe()
    edited: SideRecipe = SideRecipe(
        vae=0.6,
        untouched=0.25,
        resize=0.3,
        tone=0.35,
        blur=0.2,
        sharpen=0.1,
        noise=0.15,
        shift=0.03,
        warp=0.12,
        jpeg=0.5,
        webp=0.3,
    )

    def facts(self) -> dict[str, Any]:
        """The recipe as JSON writes it."""
        facts: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self)))
        return facts

    def only(self, kinds: tuple[str, ...]) -> Recipe:
        """The recipe with these kinds of edit alone; those of weight 0 get weight 1.

        Raises:
            UserError: a kind is unknown.
        """
        for kind in kinds:
            known(kind, KIND_WEIGHTS, "--kinds", "kind of edit")
        return dataclasses.replace(self, kinds={kind: self.kinds.get(kind, 0.0) or 1.0 for kind in kinds})


def read_recipe(path: Path) -> Recipe:
    """The recipe of a TOML or JSON file; what it does not name keeps its default.

    Raises:
        UserError: unreadable, an unknown field, or a value of another type or out of range.
    """
    if path.suffix.lower() != ".json":
        return recipe_from(read_toml(path), str(path))
    try:
        values = json.loads(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not JSON: {one_line(error, 200)}") from error
    return recipe_from(values, str(path))


def recipe_from(values: Any, where: str) -> Recipe:
    """A recipe from the content of its file.

    Raises:
        UserError: an unknown field, or a value of another type or out of range.
    """
    default = Recipe()
    changes: dict[str, Any] = {}
    for name, value in table(values, where).items():
        known(name, default.facts(), where, "field")
        now = getattr(default, name)
        if isinstance(now, SideRecipe):
            changes[name] = side(now, table(value, f"{where}, {name}"), f"{where}, {name}")
        elif name == "kinds":
            changes[name] = weights(table(value, f"{where}, kinds"), f"{where}, kinds")
        elif isinstance(now, tuple):
            changes[name] = span(value, f"{where}, {name}")
        else:
            changes[name] = share(value, f"{where}, {name}")
    recipe = dataclasses.replace(default, **changes)
    check_ranges(recipe, where)
    return recipe


LIMITS: Mapping[str, tuple[float, float]] = {
    "area": (1e-5, 0.95),
    "jpeg_quality": (1, 100),
    "webp_quality": (1, 100),
    "working_scale": (0.1, 4),
    "noise_deviation": (0, 100),
    "blur_deviation": (0.1, 20),
}
"""Bounds of the ranges."""


def check_ranges(recipe: Recipe, where: str) -> None:
    """Refuse ranges without meaning.

    Raises:
        UserError: one lies beyond its bounds.
    """
    for name, (low, high) in LIMITS.items():
        first, last = getattr(recipe, name)
        if not low <= first <= last <= high:
            raise UserError(f"{where}, {name}: expected two numbers from {low:g} to {high:g}, the lower first")


def table(value: Any, where: str) -> Mapping[str, Any]:
    """`value` where it is a table, else UserError."""
    if not isinstance(value, dict):
        raise UserError(f"{where}: expected a table of fields, found {type(value).__name__}")
    return value


def known(name: str, names: Mapping[str, Any], where: str, what: str) -> None:
    """Refuse a name that is not among `names`, with the nearest one."""
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"
        raise UserError(f"{where}: unknown {what} {one_line(name, 60)!r}: {hint}")


def number(value: Any, where: str) -> float:
    """`value` as a finite number, else UserError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UserError(f"{where}: expected a number, found {one_line(repr(value), 60)}")
    return float(value)


def share(value: Any, where: str) -> float:
    """`value` as a share in [0, 1], else UserError."""
    if not 0 <= number(value, where) <= 1:
        raise UserError(f"{where}: expected a share from 0 to 1, found {value}")
    return float(value)


def span(value: Any, where: str) -> tuple[float, float]:
    """`value` as two numbers, else UserError."""
    if not isinstance(value, list) or len(value) != 2:
        raise UserError(f"{where}: expected two numbers, found {one_line(repr(value), 60)}")
    return number(value[0], where), number(value[1], where)


def weights(values: Mapping[str, Any], where: str) -> dict[str, float]:
    """Weights of the kinds of edit, those that are not named 0; UserError where all are 0 or one is negative."""
    for name, value in values.items():
        known(name, KIND_WEIGHTS, where, "kind of edit")
        if number(value, where) < 0:
            raise UserError(f"{where}, {name}: expected a weight of 0 or more, found {value}")
    if not sum(values.values()) > 0:
        raise UserError(f"{where}: all weights are 0; give one kind a weight")
    return {name: float(value) for name, value in values.items()}


def side(default: SideRecipe, values: Mapping[str, Any], where: str) -> SideRecipe:
    """A side's recipe with some shares changed."""
    for name in values:
        known(name, dataclasses.asdict(default), where, "field")
    return dataclasses.replace(default, **{name: share(value, f"{where}, {name}") for name, value in values.items()})
