"""From runs and samples to the pictures of a grid, small enough for many rows; what is missing says why."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imlbench import __version__
from imlbench.errors import SampleError, UserError, one_line
from imlbench.images import resize_image
from imlbench.metrics import metric
from imlbench.pictures import certainty, decision
from reports.qualitative_data import Pick, Show, check_sample_ids, chosen_runs, chosen_samples, ranking_run, scored

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.loading import LoadedSample
    from imlbench.pictures import Pictures
    from imlbench.results.reading import ResultReader, StoredRun
    from imlbench.samples import Image, Mask, ScoreMap
    from reports.qualitative_data import Choice, Scored

LONGEST_SIDE = 360
"""Pixels of a picture in the grid: twice what a tile shows at the resolution of a PNG."""
RIGHT, FALSE_ALARM, MISSED = (255, 255, 255), (230, 159, 0), (0, 114, 178)
"""White, orange and blue of Okabe and Ito: on black four levels of grey, 255, 162, 87 and 0."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One picture.

    Attributes:
        pixels: H x W x 3, uint8, RGB, at most 360 pixels a side; None where there is nothing to show.
        reason: why there is nothing.
        caption: the small line below.
    """

    pixels: Image | None = None
    reason: str = ""
    caption: str = ""


@dataclass(frozen=True, slots=True)
class PictureRow:
    """A sample: its id, the text that made the edit, and one tile per column."""

    sample_id: str
    text: str
    tiles: tuple[Tile, ...]


@dataclass(frozen=True, slots=True)
class PictureGrid:
    """A grid of pictures, apart from any drawing.

    Attributes:
        columns: titles: original, edited, truth, then the annotators.
        rows: one per sample.
        errors: whether predictions are drawn in the colours of their errors.
        notes: what a reader must know, plain text.
    """

    columns: tuple[str, ...]
    rows: tuple[PictureRow, ...]
    errors: bool
    notes: tuple[str, ...]


def make_pictures(reader: ResultReader, pictures: Pictures, choice: Choice) -> PictureGrid:
    """Choose runs and samples and draw their tiles.

    Raises:
        UserError: nothing fits the choice, or the dataset's folder is not there.
    """
    runs = chosen_runs(reader, choice)
    ranking, total = None, 0
    if choice.sample_ids:
        ids = check_sample_ids(reader, runs, choice)
    else:
        ranking = ranking_run(reader, runs, choice)
        ids, total = chosen_samples(reader, ranking, choice)
    # A folder that is not there is said once, not in every tile.
    pictures.locate(runs[0])
    rows = tuple(picture_row(reader, pictures, runs, sample_id, choice) for sample_id in ids)
    columns = ("original", "edited", "truth", *(stored.run.adapter_title for stored in runs))
    notes = tuple(make_notes(runs, ranking, len(ids), total, choice))
    return PictureGrid(columns, rows, Show(choice.show) == Show.ERRORS, notes)


def picture_row(
    reader: ResultReader, pictures: Pictures, runs: Sequence[StoredRun], sample_id: str, choice: Choice
) -> PictureRow:
    """The tiles of a sample."""
    found = [scored(reader, stored, sample_id, choice) for stored in runs]
    loaded = load_any(pictures, runs, sample_id)
    if isinstance(loaded, SampleError):
        broken = Tile(reason=loaded.message)
        tiles = [Tile(reason=one.message) if one and one.message else broken for one in found]
        return PictureRow(sample_id, "", (broken, broken, broken, *tiles))
    # Words of the set, as loaded: those of the results may be of an older file.
    sample = loaded.sample
    text = sample.instruction or (f"caption: {sample.caption}" if sample.caption else "")
    maps = [map_tile(pictures, stored, loaded, one, choice) for stored, one in zip(runs, found, strict=True)]
    return PictureRow(sample_id, text, (*image_tiles(pictures, runs[0], loaded), *maps))


def load_any(pictures: Pictures, runs: Sequence[StoredRun], sample_id: str) -> LoadedSample | SampleError:
    """The decoded sample, if it still is what at least one of the runs scored."""
    error = None
    for stored in runs:
        try:
            return pictures.load(stored, sample_id)
        except SampleError as found:
            error = error or found
    assert error is not None
    return error


def image_tiles(pictures: Pictures, stored: StoredRun, loaded: LoadedSample) -> tuple[Tile, Tile, Tile]:
    """Original and edited image as the annotators saw them, and the truth."""
    share = 100 * float(loaded.mask.mean())
    truth = Tile(shrunk(grey(loaded.mask)), caption=f"{share:.1f} % edited")
    try:
        pair = pictures.pair(stored, loaded)
    except (SampleError, UserError) as error:
        return Tile(reason=one_line(error)), Tile(shrunk(loaded.edited)), truth
    return Tile(shrunk(pair.original)), Tile(shrunk(pair.edited)), truth


def map_tile(pictures: Pictures, stored: StoredRun, loaded: LoadedSample, found: Scored | None, choice: Choice) -> Tile:
    """A prediction with its value, or why there is none."""
    if found is None:
        return Tile(reason=f"not scored by {stored.run.adapter}")
    if found.status != "ok":
        return Tile(reason=found.message or found.status)
    caption = value_text(found.value, choice)
    if found.content != loaded.content():
        return Tile(reason="scored on other files than those that are there now", caption=caption)
    try:
        scores = pictures.score_map(stored, loaded)
    except SampleError as error:
        return Tile(reason=error.message, caption=caption)
    return Tile(shrunk(drawn(scores, stored, loaded.mask, Show(choice.show))), caption=caption)


def value_text(value: float, choice: Choice) -> str:
    """The line below a prediction."""
    number = "-" if math.isnan(value) else f"{100 * value:.1f}"
    return f"{metric(choice.by).title} {number}"


def drawn(scores: ScoreMap, stored: StoredRun, mask: Mask, show: Show) -> Image:
    """A score map as a picture: H x W x 3, uint8."""
    if show == Show.SCORE:
        # Differences of a few grey levels would look black on a straight scale.
        return grey(np.sqrt(certainty(scores)))
    marked = decision(scores, stored.run)
    return grey(marked) if show == Show.DECISION else error_picture(marked, mask)


def grey(values: Mask | NDArray[np.float32]) -> Image:
    """H x W, bool or in [0, 1], as H x W x 3, uint8."""
    scaled = np.rint(values.astype(np.float32) * 255).astype(np.uint8)
    return np.repeat(scaled[:, :, np.newaxis], 3, axis=2)


def error_picture(marked: Mask, mask: Mask) -> Image:
    """H x W x 3, uint8: hits white, false alarms orange, misses blue, the rest black."""
    picture = np.zeros((*mask.shape, 3), np.uint8)
    picture[marked & mask] = RIGHT
    picture[marked & ~mask] = FALSE_ALARM
    picture[~marked & mask] = MISSED
    return picture


def shrunk(pixels: Image) -> Image:
    """The picture with at most 360 pixels a side; small ones as they are."""
    height, width = pixels.shape[:2]
    scale = LONGEST_SIDE / max(height, width)
    if scale >= 1:
        return pixels
    return resize_image(pixels, (max(1, round(height * scale)), max(1, round(width * scale))))


def make_notes(
    runs: Sequence[StoredRun], ranking: StoredRun | None, count: int, total: int, choice: Choice
) -> Iterator[str]:
    """The footer."""
    run = runs[0].run
    condition = "clean images"
    if run.perturbation:
        where = "edited image" if run.target == "edited" else "both images"
        condition = f"{run.perturbation} at severity {run.severity:g} on the {where}"
    chosen = f"{count} samples by id" if ranking is None else how_chosen(ranking, count, total, choice)
    yield f"{one_line(run.dataset_title, 60)}, {condition}. {chosen}."
    name = metric(choice.by).title
    yield f"Below each prediction: {name} in per cent (empty={choice.empty}); below the truth: edited share."
    yield from map_notes(runs, Show(choice.show))
    yield f"imlbench {__version__}."


def how_chosen(ranking: StoredRun, count: int, total: int, choice: Choice) -> str:
    """Which samples, out of how many."""
    by = f"{metric(choice.by).title} of {one_line(ranking.run.adapter_title, 60)}"
    if Pick(choice.pick) == Pick.RANDOM:
        return f"{count} of {total:,} samples, drawn at random with seed {choice.seed}"
    if Pick(choice.pick) == Pick.SPREAD:
        return f"{count} of {total:,} samples, from the worst to the best {by} in equal steps of rank"
    return f"The {count} {choice.pick} of {total:,} samples by {by}"


def map_notes(runs: Sequence[StoredRun], show: Show) -> Iterator[str]:
    """What the predictions' pixels mean."""
    if show == Show.SCORE:
        yield "Predictions: square root of the score, black = 0, white = 1."
        return
    said = "white = edited" if show == Show.DECISION else "in the colours above"
    soft = [stored.run for stored in runs if stored.run.soft]
    thresholds = ", ".join(f"{one_line(run.adapter_title, 40)} {run.threshold:.3g}" for run in soft)
    yield f"Predictions: {said}" + (f"; score thresholds: {thresholds}." if thresholds else ".")
