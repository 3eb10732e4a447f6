"""A contact sheet of a dataset: a row per sample, with the original, the edited image, the mask and the difference.

A part that is missing or broken becomes a tile that says why; the sheet is drawn all the same.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from imlbench.differencing import grey_difference
from imlbench.errors import SampleError, UserError
from imlbench.pair_kinds import classify_pair
from imlbench.parts import Parts, load_parts
from imlbench.samples import Pair
from imlbench.settings import Settings, selected
from imlbench.sheet_drawing import Row, Tile, draw_sheet

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image as PillowImage

    from imlbench.datasets.base import Dataset
    from imlbench.samples import Image, Mask, Sample

ROWS = 12
MAX_ROWS = 100
"""A sheet of a hundred rows is 27,000 pixels high and takes 100 MB; JPEG ends at 65,535 pixels."""


def contact_sheet(
    dataset: Dataset, limit: int | None = None, sample_ids: Collection[str] = (), seed: int = 0, amplify: int = 4
) -> PillowImage.Image:
    """Draw samples of a dataset.

    Args:
        dataset: an opened dataset.
        limit: number of rows at most; None = 12, or all of `sample_ids`.
        sample_ids: the samples to draw; empty = a random subset, the same for the same seed.
        seed: of the random subset.
        amplify: factor by which differences are multiplied, at least 1.

    Returns:
        The sheet, in mode RGB.

    Raises:
        UserError: an argument is out of range, a sample id is unknown, or the set's index cannot be read.
    """
    if amplify < 1:
        raise UserError(f"amplify must be at least 1, found {amplify}")
    rows = limit if limit is not None or sample_ids else ROWS
    total, samples = selected(dataset, Settings(limit=rows, sample_ids=sample_ids, seed=seed))
    if total > MAX_ROWS:
        raise UserError(f"a contact sheet holds at most {MAX_ROWS} samples, {total} were asked for; lower the limit")
    chosen = f"{total:,} of {len(dataset):,} samples"
    if not sample_ids and total < len(dataset):
        chosen += f", drawn at random with seed {seed}"
    notes = (
        f"{chosen}. Mask: {dataset.card.mask_rule}.",
        f"The mask is outlined in the edited image. Difference: grey of |edited - original|, times {amplify}.",
    )
    # Row by row, so that one decoded sample exists at a time.
    return draw_sheet(dataset.title, notes, total, (row_of(load_parts(sample), amplify) for sample in samples))


def row_of(parts: Parts, amplify: int) -> Row:
    """What the sheet shows of a sample."""
    sample = parts.sample
    original = part_tile("original", parts.original, "the dataset ships no original of this image")
    edited = part_tile("edited", parts.edited)
    difference = difference_tile(original, edited, amplify)
    if isinstance(parts.mask, SampleError):
        mask = part_tile("mask", parts.mask)
    else:
        edited = replace(edited, outline=parts.mask)
        mask = Tile(f"mask, {100 * parts.mask.mean():.1f} %", grey_to_rgb(parts.mask.view(np.uint8) * np.uint8(255)))
    tiles = (original, edited, mask, difference)
    return Row(sample.id, text_of(sample), facts_of(parts), tiles)


def part_tile(role: str, part: Image | SampleError | None, absent: str = "") -> Tile:
    """A tile of an image, or of the reason why there is none."""
    if part is None:
        return Tile(f"no {role}", reason=absent)
    if isinstance(part, SampleError):
        return Tile(f"{role}: {part.reason.value}", reason=part.message, broken=True)
    return Tile(f"{role}, {size_of(part)}", part)


def size_of(pixels: NDArray[np.uint8] | Mask) -> str:
    """Width and height, as in "512 x 384"."""
    return f"{pixels.shape[1]} x {pixels.shape[0]}"


def difference_tile(original: Tile, edited: Tile, amplify: int) -> Tile:
    """The grey of the absolute difference, amplified; without one of the images, a tile that says so."""
    first, second = original.pixels, edited.pixels
    if first is None or second is None:
        missing = " and ".join(tile.caption.split(":")[0] for tile in (original, edited) if tile.pixels is None)
        return Tile("no difference", reason=f"nothing to compare ({missing.replace('no ', '')} not there)")
    grey = cv2.convertScaleAbs(grey_difference(Pair("", first, second)), alpha=amplify)
    return Tile(f"difference x {amplify}", grey_to_rgb(grey))  # type: ignore[arg-type]


def grey_to_rgb(grey: NDArray[np.uint8]) -> Image:
    """H x W to H x W x 3."""
    return np.repeat(grey[:, :, np.newaxis], 3, axis=2)


def text_of(sample: Sample) -> str:
    """The instruction, or else the caption."""
    if sample.instruction:
        return f"Instruction: {sample.instruction}"
    return f"Caption: {sample.caption}" if sample.caption else ""


def facts_of(parts: Parts) -> tuple[str, ...]:
    """Size, mask area, largest difference outside the mask, and what loading had to do."""
    loaded = parts.loaded
    facts: list[str] = [] if parts.sample.scope == "local" else [parts.sample.scope]
    if loaded is None:
        return *facts, *dict.fromkeys(error.reason.value for error in parts.errors())
    facts += [f"{size_of(loaded.edited)} pixels", f"mask area {100 * loaded.mask.mean():.1f} %"]
    if loaded.original is not None:
        facts.append(f"pair kind: {classify_pair(loaded.original, loaded.edited)}")
    outside = loaded.outside_difference()
    if outside is not None:
        facts.append(f"largest difference outside: {outside}")
    return *facts, *loaded.notes


def encode_sheet(path: Path) -> Callable[[PillowImage.Image], bytes]:
    """What encodes a sheet for this file name.

    Raises:
        UserError: the suffix is neither .png nor .jpg.
    """
    formats: dict[str, tuple[str, dict[str, Any]]] = {
        ".png": ("PNG", {"optimize": True}),
        ".jpg": ("JPEG", {"quality": 92, "subsampling": 0}),
    }
    if path.suffix.lower() not in formats:
        raise UserError(f"{path}: a contact sheet is written as .png or .jpg, found {path.suffix or 'no suffix'!r}")
    name, options = formats[path.suffix.lower()]

    def encode(sheet: PillowImage.Image) -> bytes:
        buffer = io.BytesIO()
        sheet.save(buffer, name, **options)
        return buffer.getvalue()

    return encode
