"""Calibration of soft maps: reliability diagram or table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imlbench.cards import Card
from imlbench.files import write_atomically
from imlbench.report import Report
from reports import markup
from reports.mask_area import FIGURES, check_suffix, on_datasets
from reports.options import SUFFIXES, Annotators, Datasets, Detectors, Results, Seed, TextFormat

if TYPE_CHECKING:
    from imlbench.results.reading import ResultReader
    from reports.calibration_data import Calibration

CSV_HEADER = (
    "dataset", "annotator", "score_low", "score_high", "score_mean", "edited_share", "low", "high", "edited_pixels",
    "pixels", "ece", "ece_low", "ece_high", "samples",
)  # fmt: skip


def calibration(
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="Where to write: .png, .svg, .pdf; or .csv, .md, .tex."),
    ],
    results: Results = Path("results"),
    annotator: Annotators = None,
    detector: Detectors = None,
    dataset: Datasets = None,
    bins: Annotated[int, typer.Option(help="Number of equal score bins: 2, 4, 8, ... 256.")] = 16,
    seed: Seed = 0,
) -> None:
    """How often pixels of a score are edited, and the expected calibration error; soft maps only."""
    from imlbench.results.reading import ResultReader
    from reports.calibration_data import make_calibrations, soft_runs
    from reports.curves import matching
    from reports.grid import clean_runs_of

    check_suffix(output)
    with ResultReader(results) as reader:
        clean = on_datasets(clean_runs_of(reader, annotator, detector), dataset or [])
        runs, hard = soft_runs(matching(clean, annotator or detector or ["*"]))
        found = make_calibrations(reader, runs, bins, seed)
        notes = list(make_notes(reader, found, hard, bins, seed))
    write_atomically(output, render(found, output, notes))
    typer.echo(f"written: {output}")


def render(found: Sequence[Calibration], output: Path, notes: Sequence[str]) -> bytes | str:
    """The figure, or its numbers."""
    suffix = output.suffix.lower()
    if suffix in FIGURES:
        from reports.calibration_figure import draw
        from reports.figures import image_bytes

        return image_bytes(draw(found, notes), suffix[1:])
    if SUFFIXES[suffix] == TextFormat.CSV:
        return markup.csv_text(CSV_HEADER, long_rows(found))
    write = markup.latex if SUFFIXES[suffix] == TextFormat.LATEX else markup.markdown
    return write([sheet(found)], notes)


def sheet(found: Sequence[Calibration]) -> markup.Sheet:
    """The table for the eye: one row per annotator and dataset."""
    rows = []
    for one in found:
        low, high = one.ece_interval
        edited = one.counts[1].sum() / one.counts.sum()
        numbers = (f"{100 * edited:.1f}", f"{100 * mean_of(one):.1f}", f"{100 * one.ece:.2f}")
        interval = f"[{100 * low:.1f}, {100 * high:.1f}]"
        rows.append(tuple((text,) for text in (one.dataset, one.annotator, str(one.samples), *numbers, interval)))
    header = ("Dataset", "Annotator", "n", "Edited pixels", "Mean score", "ECE", "95 % interval")
    return markup.Sheet("Expected calibration error (%)", header, tuple(rows), words=2)


def mean_of(one: Calibration) -> float:
    """Mean score of all pixels."""
    import numpy as np

    pixels = one.counts.sum(axis=0)
    return float(np.nansum(one.score * pixels) / pixels.sum())


def long_rows(found: Sequence[Calibration]) -> Iterator[list[str | float | int | None]]:
    """One row per score bin; scores from 0 to 1, shares and errors in per cent; empty bins have no shares."""
    from reports.cells import percent, rounded

    for one in found:
        errors = [rounded(percent(value)) for value in (one.ece, *one.ece_interval)]
        bins = one.counts.shape[1]
        for index in range(bins):
            unedited, edited = (int(count) for count in one.counts[:, index])
            filled = unedited + edited > 0
            shares = [rounded(percent(float(column[index]))) for column in (one.observed, one.low, one.high)]
            yield [
                one.dataset,
                one.annotator,
                index / bins,
                (index + 1) / bins,
                rounded(float(one.score[index])) if filled else None,
                *shares,
                edited,
                unedited + edited,
                *errors,
                one.samples,
            ]


def make_notes(
    reader: ResultReader, found: Sequence[Calibration], hard: Sequence[str], bins: int, seed: int
) -> Iterator[str]:
    """The footer."""
    from imlbench.statistics import RESAMPLES
    from reports import footer

    yield (
        "A score is taken as a probability here; many are not meant as one: a grey-level difference (PixDiff) or a "
        "similarity (SSIM) ranks pixels, and says nothing of how often they are edited. Dotted: perfectly calibrated."
    )
    yield (
        f"{bins} equal score bins from the stored 256, pixels of all samples with a local edit pooled. ECE: expected "
        "calibration error in per cent, the mean over pixels of |edited share - mean score| of the pixel's bin (Naeini "
        "et al., AAAI 2015); lower is better. Intervals: 95 % percentile bootstrap over samples, "
        f"{RESAMPLES} resamples, seed {seed}."
    )
    if hard:
        yield f"Left out, since they make hard decisions without scores: {', '.join(hard)}."
    counts: dict[str, list[int]] = {}
    for one in found:
        counts.setdefault(one.dataset, []).append(one.samples)
    yield "Samples: " + ", ".join(f"{name} {footer.span(many)}" for name, many in counts.items()) + "."
    yield footer.software_note(reader, [one.run for one in found])


CALIBRATION = Report(
    Card(
        name="calibration",
        title="Calibration",
        version="1",
        summary="reliability diagram and expected calibration error of soft maps",
        licence="Apache-2.0",
        citation="imlbench",
    ),
    calibration,
)
