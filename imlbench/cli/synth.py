"""`imlbench synth`: training pairs from any folder of photographs."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imlbench.errors import UserError, one_line

if TYPE_CHECKING:
    from imlbench.synthesis.recipe import Recipe
    from imlbench.synthesis.running import Outcome

NAMED = 10
"""Skipped photographs that are named; the rest is counted, and all are in set.json."""
TELL_SECONDS = 5.0


def synth(
    photos: Annotated[list[Path], typer.Option(help="Folder of photographs, searched deeply; may be repeated.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the set; run again to go on with it.")],
    count: Annotated[int, typer.Option(help="Number of pairs.")],
    polygons: Annotated[
        Path | None, typer.Option(help="Folder of instance polygons: YOLO's text format, the 80 classes of COCO.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed, photographs and recipe make the same set.")] = 0,
    workers: Annotated[int, typer.Option(help="Processes; they never change a pixel.")] = 1,
    side: Annotated[str, typer.Option(metavar="PIXELS|A-B", help="A pair's longer side.")] = "512",
    kinds: Annotated[str, typer.Option(metavar="NAME,...", help="Only these kinds of edit.")] = "",
    recipe: Annotated[Path | None, typer.Option(metavar="FILE", help="Shares and ranges, TOML or JSON.")] = None,
    vae: Annotated[str, typer.Option(metavar="NAME", help="Pass sides through an autoencoder: taef2.")] = "",
    exclude: Annotated[
        list[Path] | None, typer.Option(help="Folder of evaluation images, of which none may serve; may be repeated.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the set's facts as JSON.")] = False,
) -> None:
    """Make training pairs: original, edited, exact mask, instruction; only what is missing is made."""
    from imlbench.synthesis.running import Order, synthesise

    order = Order(
        photos=photos,
        out=out,
        count=count,
        seed=seed,
        workers=workers,
        side=read_side(side),
        polygons=polygons,
        exclude=exclude or [],
        recipe=choose_recipe(recipe, kinds),
        vae=vae,
    )
    outcome = synthesise(order, Telling())
    if as_json:
        typer.echo(json.dumps({**outcome.facts, "made": outcome.made}, indent=1))
    else:
        show(outcome, out)


def read_side(text: str) -> tuple[int, int]:
    """Two numbers from "512" or "256-768".

    Raises:
        UserError: neither.
    """
    match = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", text)
    if match is None:
        raise UserError(
            f"--side: expected pixels such as 512, or a range such as 256-768, found {one_line(text, 40)!r}"
        )
    return int(match[1]), int(match[2] or match[1])


def choose_recipe(path: Path | None, kinds: str) -> Recipe:
    """The recipe of the file, or the default one, with only the kinds that are named where some are.

    Raises:
        UserError: the file or a kind is not as it must be.
    """
    from imlbench.synthesis.recipe import Recipe, read_recipe

    recipe = read_recipe(path) if path else Recipe()
    named = tuple(name.strip() for name in kinds.split(",") if name.strip())
    return recipe.only(named) if named else recipe


class Telling:
    """Progress, a line now and then on standard error."""

    def __init__(self) -> None:
        self.started = self.last = time.monotonic()
        self.what, self.first = "", 0

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if what != self.what:
            self.what, self.started, self.first = what, now, done - 1
        if done == total or now - self.last >= TELL_SECONDS:
            self.last = now
            rate = (done - self.first) / max(now - self.started, 1e-3)
            left = (total - done) / max(rate, 1e-6)
            typer.echo(f"{what}: {done}/{total}, {rate:.1f}/s, {left:.0f} s left", err=True)


def show(outcome: Outcome, out: Path) -> None:
    """What the set holds, on a few lines."""
    facts = outcome.facts
    for line in outcome.skipped[:NAMED]:
        typer.echo(f"skipped: {one_line(line, 200)}", err=True)
    if len(outcome.skipped) > NAMED:
        typer.echo(f"skipped: {len(outcome.skipped) - NAMED} more, see {out / 'set.json'}", err=True)
    counts = facts["counts"]
    kinds = ", ".join(f"{name} {number}" for name, number in counts["kind"].items())
    splits = ", ".join(f"{name} {number}" for name, number in counts["split"].items())
    used = facts["photographs_used"]["usable"]
    typer.echo(f"{facts['pairs']} pairs ({outcome.made} made now) from {used} photographs: {out}")
    typer.echo(f"kinds: {kinds}; split: {splits}; photographs skipped: {len(outcome.skipped)}")
