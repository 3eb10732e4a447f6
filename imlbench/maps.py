"""Keeping score maps: one PNG per run and sample, below the results folder whatever the sample's id."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from imlbench.files import write_atomically
from imlbench.histograms import levels
from imlbench.images import encode_png

if TYPE_CHECKING:
    from imlbench.jobs import Job
    from imlbench.results.records import Run
    from imlbench.samples import ScoreMap

SAFE_LENGTH = 120


def safe_name(sample_id: str) -> str:
    """A file name for any id: readable where possible, unique by a hash where characters had to go."""
    kept = re.sub(r"[^A-Za-z0-9._-]", "_", sample_id).lstrip(".")[:SAFE_LENGTH]
    if kept == sample_id:
        return kept
    return f"{kept}-{hashlib.sha256(sample_id.encode(errors='surrogatepass')).hexdigest()[:10]}"


class MapFolder:
    """Writes score maps as 8-bit grey PNG: value = histogram bin, so 255 is certain and 0 is untouched.

    Args:
        folder: `maps` of the results folder; a folder per run is made in it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, run: Run, sample_id: str) -> Path:
        """Where the map of a sample lies."""
        condition = f"-{run.perturbation}-{run.severity:g}" if run.perturbation else ""
        name = f"{safe_name(run.adapter)}-{safe_name(run.dataset)}{condition}-{run.run_id}"
        return self.folder / name / f"{safe_name(sample_id)}.png"

    def __call__(self, job: Job, sample_id: str, scores: ScoreMap) -> None:
        """Write one map."""
        grey = scores.astype(np.uint8) * 255 if scores.dtype == np.bool_ else levels(scores)
        write_atomically(self.path(job.run, sample_id), encode_png(grey))
