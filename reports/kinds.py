"""Which kind of adapters a report shows: annotators and detectors see different things and are shown apart."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from imlbench.errors import UserError

if TYPE_CHECKING:
    from imlbench.results.reading import StoredRun

KINDS = ("annotator", "detector")
MAKERS = {"annotator": "annotate-eval", "detector": "detect-eval"}
"""Commands that make clean runs."""


def chosen_kind(runs: Iterable[StoredRun], annotators: bool, detectors: bool) -> str:
    """The kind of runs that is shown: the one that was named; annotators, unless there are only detectors.

    Args:
        runs: those that the report could show.
        annotators: whether some were named.
        detectors: whether some were named.

    Raises:
        UserError: both were named.
    """
    if annotators and detectors:
        raise UserError("--annotator and --detector: give one, they are shown apart")
    if annotators or detectors:
        return "annotator" if annotators else "detector"
    met = {stored.run.kind for stored in runs}
    return "detector" if met == {"detector"} else "annotator"
