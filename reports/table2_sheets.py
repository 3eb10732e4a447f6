"""Table 2 as sheets of text: scores, gains, and annotators against each other."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING

from reports import markup
from reports.markup import NOTHING, Parts, Sheet
from reports.paper_numbers import AVERAGE
from reports.study_statistics import FLIPS, Spread, over_seeds
from reports.table2_paper import columns, detectors, number

if TYPE_CHECKING:
    from imlbench.study.cells import Stage
    from reports.study_data import Arm, Study

METRICS = ("f1", "iou", "auc")
"""The published ones, and one that tells what was learned before anything passes the threshold."""
PUBLISHED = ("f1", "iou")
COMPARED = ("f1", "auc")
TITLES = {"f1": "F1", "iou": "IoU", "auc": "AUC"}
STAGES: tuple[Stage, ...] = ("before", "after")
SHOWN_P = 1e-4


def sheets(study: Study) -> list[Sheet]:
    """One sheet a metric, then the gains, and each two annotators against each other."""
    found = [score_sheet(study, metric) for metric in METRICS]
    found += [gain_sheet(study, metric) for metric in COMPARED]
    for metric in COMPARED:
        rows = tuple(advantage_rows(study, metric))
        if rows:
            header = ("Detector", "Masks", "instead of", *dataset_titles(study))
            title = f"{TITLES[metric]} after training: one annotator minus another (points, p)"
            found.append(Sheet(title, header, rows, words=3))
    return found


def dataset_titles(study: Study) -> tuple[str, ...]:
    """The columns' titles."""
    return tuple(study.titles[dataset] for dataset in study.datasets)


def score_sheet(study: Study, metric: str) -> Sheet:
    """Marking every pixel, before and after, and rows of published detectors that were not run."""
    rows = [everything_row(study, metric)] if study.everything else []
    for detector in dict.fromkeys(arm.detector for arm in study.arms):
        arms = [arm for arm in study.arms if arm.detector == detector]
        # What training begins with does not depend on the masks.
        rows.append(score_row(study, metric, "before", arms[0]))
        rows += [score_row(study, metric, "after", arm) for arm in arms]
    run = {study.titles[arm.detector] for arm in study.arms}
    unrun = [title for title in detectors() if title not in run] if metric in PUBLISHED else []
    rows += [unrun_row(study, metric, title, stage) for title in unrun for stage in STAGES]
    header = ("Detector", "Trained on", "Images", *dataset_titles(study), AVERAGE)
    return Sheet(f"{TITLES[metric]} (%)", header, tuple(rows), words=3)


def everything_row(study: Study, metric: str) -> tuple[Parts, ...]:
    """What whoever marks every pixel scores, which says what a number is worth."""
    found = [study.everything.get((metric, dataset), math.nan) for dataset in study.datasets]
    cells = [score_parts(over_seeds([value]), None) for value in (*found, math.fsum(found) / len(found))]
    return (("marking every pixel",), ("",), ("",), *cells)


def score_row(study: Study, metric: str, stage: Stage, arm: Arm) -> tuple[Parts, ...]:
    """A detector at one stage."""
    title = study.titles[arm.detector]
    words = ("as it was", "") if stage == "before" else (arm.label, str(study.images[arm]))
    cells = []
    for dataset in study.datasets:
        paper = number(title, stage, arm.annotator, study.columns[dataset], metric)
        cells.append(score_parts(study.score(metric, stage, arm, dataset), paper))
    return ((title,), (words[0],), (words[1],), *cells, average_parts(study, metric, stage, arm))


def average_parts(study: Study, metric: str, stage: Stage, arm: Arm) -> Parts:
    """The mean over the datasets, seed by seed; the published one stands beside it where the datasets are the same."""
    found = [study.measured.get((metric, stage, arm, dataset)) for dataset in study.datasets]
    known = [one for one in found if one is not None]
    if len(known) < len(found) or len({one.seeds for one in known}) > 1:
        return (NOTHING,)
    each = [math.fsum(values) / len(values) for values in zip(*(one.means() for one in known), strict=True)]
    means = over_seeds(each[:1] if stage == "before" and len(set(each)) == 1 else each)
    same = {study.columns[dataset] for dataset in study.datasets} == set(columns())
    paper = number(study.titles[arm.detector], stage, arm.annotator, AVERAGE, metric) if same else None
    return score_parts(means, paper)


def unrun_row(study: Study, metric: str, title: str, stage: Stage) -> tuple[Parts, ...]:
    """The published numbers of a detector that this study did not train."""
    told = "as it was" if stage == "before" else "sigma"
    cells = [
        score_parts(over_seeds([]), number(title, stage, "sigma", study.columns[dataset], metric))
        for dataset in study.datasets
    ]
    paper = number(title, stage, "sigma", AVERAGE, metric)
    return ((title,), (told,), ("",), *cells, score_parts(over_seeds([]), paper))


def score_parts(score: Spread, paper: float | None) -> Parts:
    """Ours, half its interval over the seeds, and the published number."""
    texts = [NOTHING if math.isnan(score.mean) else f"{100 * score.mean:.2f}"]
    if not math.isnan(score.half):
        texts.append(f"± {100 * score.half:.2f}")
    if paper is not None:
        texts.append(f"({paper:.2f})")
    return tuple(texts)


def gain_sheet(study: Study, metric: str) -> Sheet:
    """After minus before."""
    rows = tuple(
        (
            (study.titles[arm.detector],),
            (arm.label,),
            *(change_parts(*study.gain(metric, arm, dataset)) for dataset in study.datasets),
        )
        for arm in study.arms
    )
    return Sheet(
        f"Gain in {TITLES[metric]} (points, p)", ("Detector", "Trained on", *dataset_titles(study)), rows, words=2
    )


def advantage_rows(study: Study, metric: str) -> Iterator[tuple[Parts, ...]]:
    """Each two annotators of the same detector and number of pairs, the better average first."""
    for one, other in combinations(study.arms, 2):
        if (one.detector, one.pairs) != (other.detector, other.pairs):
            continue
        found = [study.advantage(metric, one, other, dataset) for dataset in study.datasets]
        if math.fsum(change.mean for change, _ in found if not math.isnan(change.mean)) < 0:
            one, other = other, one
            found = [study.advantage(metric, one, other, dataset) for dataset in study.datasets]
        title = study.titles[one.detector]
        yield ((title,), (one.label,), (other.annotator,), *(change_parts(*change) for change in found))


def change_parts(change: Spread, p: float) -> Parts:
    """A difference in points, half its interval over the seeds, and p."""
    if math.isnan(change.mean):
        return (NOTHING,)
    texts = [f"{100 * change.mean:+.2f}"]
    if not math.isnan(change.half):
        texts.append(f"± {100 * change.half:.2f}")
    texts.append(f"p < {SHOWN_P:g}" if p <= SHOWN_P else f"p = {p:.4f}")
    return tuple(texts)


def notes(study: Study) -> list[str]:
    """What a reader must know."""
    from imlbench.metrics import Conventions
    from reports import footer

    seeds = sorted({len(found.seeds) for found in study.measured.values()})
    counts = [f"{study.titles[dataset]} {footer.span(sizes(study, dataset))}" for dataset in study.datasets]
    gates = study.fixed.get("gates")
    return [
        "In parentheses: the number of arXiv 2605.27924, Table 2; its detectors were trained on SIGMA's masks of other "
        f"pairs, so that ours stand beside it and do not repeat it. {markup.NOTHING}: not run.",
        "As it was: the weights that training began with "
        f"({study.fixed.get('init')}); trained: the weights that did best on the validation split of the training set, "
        "never on a dataset of this table.",
        f"Seeds: {footer.span(seeds)}; ± half of the 95 % interval of the mean over seeds (Student's t).",
        f"p: paired sign-flip test over images, of the mean over seeds, two-sided, {FLIPS} flips; no correction for "
        "several comparisons.",
        f"Corpus: {study.fixed.get('corpus')}; gates of the annotation: {gates}; steps: "
        f"{study.fixed.get('steps') or 'as the recipe'}.",
        "Marking every pixel: what takes no learning at all.",
        f"Images with an edit: {', '.join(counts)}.",
        *footer.convention_notes(Conventions(), METRICS),
    ]


def sizes(study: Study, dataset: str) -> list[int]:
    """Images of a dataset that were scored, by arm and stage."""
    return [len(found.ids) for (_, _, _, label), found in study.measured.items() if label == dataset]
