"""Table 2 as rows of numbers, one a metric, detector, supervision, stage and dataset."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from reports.cells import rounded
from reports.table2_paper import number
from reports.table2_sheets import METRICS, STAGES

if TYPE_CHECKING:
    from imlbench.study.cells import Stage
    from reports.study_data import Arm, Study

CSV_HEADER = (
    *("detector", "annotator", "pairs", "images", "stage", "dataset", "metric", "ours", "half_interval", "seeds"),
    *("n", "gain", "gain_half_interval", "gain_p", "paper"),
)

Row = list[str | float | int | None]


def long_rows(study: Study) -> Iterator[Row]:
    """All rows; scores and gains in per cent and points, None where unknown."""
    for metric in METRICS:
        for arm in study.arms:
            for stage in STAGES:
                for dataset in study.datasets:
                    yield row(study, metric, arm, stage, dataset)


def row(study: Study, metric: str, arm: Arm, stage: Stage, dataset: str) -> Row:
    """One row."""
    found = study.measured.get((metric, stage, arm, dataset))
    score = study.score(metric, stage, arm, dataset)
    gain, p = study.gain(metric, arm, dataset)
    after = stage == "after"
    return [
        *(arm.detector, arm.annotator, arm.pairs, study.images[arm], stage, dataset, metric),
        points(score.mean),
        points(score.half),
        score.seeds,
        len(found.ids) if found else 0,
        points(gain.mean) if after else None,
        points(gain.half) if after else None,
        None if math.isnan(p) or not after else p,
        number(study.titles[arm.detector], stage, arm.annotator, study.columns[dataset], metric),
    ]


def points(value: float) -> float | None:
    """A fraction in per cent."""
    return None if math.isnan(value) else rounded(100 * value)
