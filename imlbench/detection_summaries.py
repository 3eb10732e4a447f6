"""What is said of a detector beside its localisation: false alarms, and images told apart.

Tampered images, whole-image fakes and authentic images are never averaged together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from imlbench.metrics import false_alarms, image_auc, recall
from imlbench.statistics import RESAMPLES, Summary, interval, resampling_weights, summarise_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.metrics import Values
    from imlbench.results.reading import ResultReader


class DetectionMetric(NamedTuple):
    """A number that only detectors have.

    Attributes:
        title: name in tables.
        note: what it is.
        falling: whether lower is better.
    """

    title: str
    note: str
    falling: bool = False


DETECTION_METRICS: dict[str, DetectionMetric] = {
    "false_alarms_authentic": DetectionMetric(
        "False alarms", "share of the area of authentic images that is marked, mean over images", falling=True
    ),
    "false_alarms_tampered": DetectionMetric(
        "False alarms outside", "share of the untouched area of tampered images that is marked, mean", falling=True
    ),
    "image_auc": DetectionMetric("Image AUC", "tampered images against authentic ones by image score, ties count half"),
    "marked_whole": DetectionMetric(
        "Marked of whole fakes", "share of the area of whole-image fakes that is marked, mean over images"
    ),
    "image_auc_whole": DetectionMetric(
        "Image AUC, whole fakes", "whole-image fakes against authentic images by image score, ties count half"
    ),
}


def summarise_detection(
    reader: ResultReader, run_id: str, seed: int = 0, resamples: int = RESAMPLES
) -> dict[str, Summary]:
    """Every metric of `DETECTION_METRICS` over a run's scored samples; NaN where the run has no such images.

    Args:
        reader: of the results file.
        run_id: a detector's run.
        seed: of the bootstrap.
        resamples: number of bootstrap resamples.
    """
    shares = {
        "false_alarms_authentic": shares_of(reader, run_id, "authentic"),
        "false_alarms_tampered": shares_of(reader, run_id, "local"),
        "marked_whole": shares_of(reader, run_id, "whole-image"),
    }
    found = {name: summarise_values(values[:, np.newaxis], seed, resamples)[0] for name, values in shares.items()}
    scores = {scope: reader.image_scores(run_id, scope) for scope in ("authentic", "local", "whole-image")}
    for name, scope in (("image_auc", "local"), ("image_auc_whole", "whole-image")):
        found[name] = summarise_auc(scores[scope], scores["authentic"], seed, resamples)
    return {name: found[name] for name in DETECTION_METRICS}


def shares_of(reader: ResultReader, run_id: str, scope: str) -> Values:
    """Marked share of the untouched area of each image; of whole-image fakes, of the whole area."""
    measure = recall if scope == "whole-image" else false_alarms
    return np.concatenate([np.empty(0), *(measure(table) for table in reader.tables(run_id, scope))])


def summarise_auc(manipulated: Values, authentic: Values, seed: int = 0, resamples: int = RESAMPLES) -> Summary:
    """Image-level AUC with its bootstrap deviation and interval, drawn over the images of both classes.

    Args:
        manipulated: image scores.
        authentic: image scores.
        seed: of the bootstrap.
        resamples: number of bootstrap resamples.

    Returns:
        `n` is the number of images; 0, and all else NaN, where a class is absent.
    """
    if not (len(manipulated) and len(authentic)):
        return Summary(np.nan, np.nan, np.nan, np.nan, 0)
    scores = np.concatenate([manipulated, authentic])
    classes: NDArray[np.bool_] = np.arange(len(scores)) < len(manipulated)
    mean = float(image_auc(scores, classes)[0])
    blocks = [image_auc(scores, classes, weights) for weights in resampling_weights(len(scores), resamples, seed)]
    drawn = np.concatenate([np.empty(0), *blocks])[:, np.newaxis]
    low, high = interval(drawn)
    finite = drawn[np.isfinite(drawn)]
    deviation = float(finite.std(ddof=1)) if len(finite) > 1 else np.nan
    return Summary(mean, deviation, float(low[0]), float(high[0]), len(scores))
