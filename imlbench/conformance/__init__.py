"""The public conformance suite: does an adapter, first-party or anyone else's, keep the contract?

report = check_annotator(MyAnnotator)
assert report.passed, report
"""

from __future__ import annotations

from imlbench.conformance.outcomes import Outcome, Report, Status
from imlbench.conformance.runner import check_annotator, check_detector, check_registered

__all__ = ["Outcome", "Report", "Status", "check_annotator", "check_detector", "check_registered"]
