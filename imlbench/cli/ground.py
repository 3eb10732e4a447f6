"""`imlbench ground`: what an instruction is taken to mean, and where its concepts are found."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imlbench.errors import SampleError, UserError, one_line

if TYPE_CHECKING:
    from imlbench.explanation import Explanation
    from imlbench.samples import Image


def ground(
    original: Annotated[Path, typer.Argument(help="The image before the edit.")],
    edited: Annotated[Path, typer.Argument(help="The image after it.")],
    instruction: Annotated[str, typer.Argument(help="The text that asked for the edit.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The picture to write (PNG).")],
    parser: Annotated[str, typer.Option(help="What reads the instruction: rules or qwen.")] = "rules",
    grounder: Annotated[
        str, typer.Option(help="What finds the concepts; `imlbench list grounders` shows what there is.")
    ] = "none",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = "cpu",
    as_json: Annotated[bool, typer.Option("--json", help="Print the parse as JSON.")] = False,
) -> None:
    """Parse an instruction, find its concepts in the two images, draw the maps and the prior."""
    from imlbench import registry
    from imlbench.explanation_sheet import draw_explanation
    from imlbench.files import write_atomically
    from imlbench.images import encode_png

    entry = registry.resolve("grounders", grounder)
    before, after = read_pair(original, edited)
    # What models print while they load must not end up in the output.
    with contextlib.redirect_stdout(sys.stderr):
        found: Explanation = entry.load()(device=resolved(device)).explain(before, after, instruction, parser)
    write_atomically(out, encode_png(draw_explanation(before, after, instruction, found)))
    facts = facts_of(found)
    typer.echo(json.dumps(facts, indent=2) if as_json else table(facts))


def read_pair(original: Path, edited: Path) -> tuple[Image, Image]:
    """Both images, the original at the edited one's size.

    Raises:
        UserError: one cannot be read, or their shapes do not fit together.
    """
    from imlbench.images import resize_image, same_aspect

    before, after = read(original), read(edited)
    if before.shape == after.shape:
        return before, after
    if not same_aspect(before.shape, after.shape):
        sizes = " and ".join(f"{image.shape[1]} x {image.shape[0]}" for image in (before, after))
        raise UserError(f"{original} and {edited}: expected images of one aspect ratio, found {sizes}")
    return resize_image(before, after.shape), after


def read(path: Path) -> Image:
    """An image file's pixels.

    Raises:
        UserError: it is missing, unreadable or too large.
    """
    from imlbench.images import decode_image

    # Asked for first: opening a named pipe would wait for ever.
    if not os.path.isfile(path):
        raise UserError(f"no such image file: {path}")
    try:
        return decode_image(path.read_bytes(), str(path)).pixels
    except SampleError as error:
        raise UserError(error.message) from None


def resolved(device: str) -> str:
    """The device, "auto" replaced by the best one."""
    if device != "auto":
        return device
    from imlbench.evaluation import best_device

    return best_device()


def facts_of(found: Explanation) -> dict[str, Any]:
    """What is printed."""
    return {
        "original concept": found.original.concept,
        "edited concept": found.edited.concept,
        "action": found.action,
        "found in the original": found.original.instances,
        "found in the edited": found.edited.instances,
        "prior": [round(float(value), 4) for value in (found.prior.min(), found.prior.max())],
        "parser": found.parser,
        "grounder": found.grounder,
    }


def table(facts: dict[str, Any]) -> str:
    """The facts, one a line."""
    shown = {name: "-" if value is None else value for name, value in facts.items()}
    shown["prior"] = "{:.4g} to {:.4g}".format(*facts["prior"])
    width = max(map(len, shown))
    return "\n".join(f"{name:<{width}}  {one_line(value)}" for name, value in shown.items())
