"""The list of checks and what runs them: one check's failure never hides the others'."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from imlbench.conformance import behaviour_checks as behaviour
from imlbench.conformance import card_checks as cards
from imlbench.conformance import output_checks as outputs
from imlbench.conformance import picture_checks as pictures
from imlbench.conformance.bench import ADAPTER_KINDS, AdapterKind, Bench
from imlbench.conformance.outcomes import CheckFailedError, CheckSkippedError, Outcome, Report, Status
from imlbench.errors import UserError, one_line
from imlbench.registry import Entry, names, resolve


@dataclass(frozen=True, slots=True)
class Check:
    """A named check.

    Attributes:
        name: stable between versions.
        function: returns what it verified, or raises.
        needs: checks without whose success this one would only repeat their failure.
        kinds: the adapters that it applies to.
    """

    name: str
    function: Callable[[Bench], str]
    needs: tuple[str, ...] = ("construction",)
    kinds: tuple[AdapterKind, ...] = ADAPTER_KINDS


VALID = ("inputs-untouched", "shape", "dtype", "range")
PAIRS: tuple[AdapterKind, ...] = ("annotators",)
IMAGES: tuple[AdapterKind, ...] = ("detectors",)

CHECKS = (
    Check("construction", outputs.construction, ()),
    Check("card", cards.card),
    Check("output", outputs.output),
    Check("inputs-untouched", outputs.inputs_untouched, ("output",)),
    Check("shape", outputs.shape, ("inputs-untouched",)),
    Check("dtype", outputs.dtype, ("inputs-untouched",)),
    Check("range", outputs.value_range, ("inputs-untouched",)),
    Check("image-score", outputs.image_score, ("inputs-untouched",), IMAGES),
    Check("determinism", behaviour.determinism, ("inputs-untouched",)),
    Check("batch-invariance", behaviour.batch_invariance, ("determinism",)),
    Check("odd-sizes", outputs.odd_sizes, VALID),
    Check("tiny-images", outputs.tiny_images, VALID),
    Check("grey-content", outputs.grey_content, VALID),
    Check("identical-pair", outputs.identical_pair, VALID, PAIRS),
    Check("without-text", outputs.without_text, VALID, PAIRS),
    Check("files", pictures.files, VALID, IMAGES),
    Check("card-soft", cards.card_soft, VALID),
    Check("card-text", cards.card_text, ("determinism",), PAIRS),
    Check("card-file", pictures.card_file, ("determinism", "files"), IMAGES),
    Check("card-image-score", pictures.card_image_score, ("image-score",), IMAGES),
    Check("card-seed", cards.card_seed, ("determinism",)),
    Check("threads", behaviour.threads, ("determinism", "odd-sizes")),
    Check("no-writes", behaviour.no_writes),
    Check("no-network", behaviour.no_network),
    Check("no-subprocess", behaviour.no_subprocess),
)
"""Side effects come last, so that they are judged over all the calls."""


def run_checks(bench: Bench) -> Report:
    """All checks that apply to the adapter's kind, in order."""
    outcomes: list[Outcome] = []
    passed: set[str] = set()
    for check in CHECKS:
        if bench.kind in check.kinds:
            outcome = run_one(check, bench, passed)
            outcomes.append(outcome)
            if outcome.status is Status.PASSED:
                passed.add(check.name)
    return Report(one_line(bench.title, 80), bench.kind, tuple(outcomes))


def run_one(check: Check, bench: Bench, passed: set[str]) -> Outcome:
    """One check's outcome; whatever the adapter raises is a failure of this check."""
    for need in check.needs:
        if need not in passed:
            return Outcome(check.name, Status.SKIPPED, f"means nothing before {need} passes")
    try:
        return Outcome(check.name, Status.PASSED, check.function(bench))
    except CheckFailedError as error:
        return Outcome(check.name, Status.FAILED, one_line(error))
    except CheckSkippedError as error:
        return Outcome(check.name, Status.SKIPPED, one_line(error))
    # An adapter that calls sys.exit must not end the suite either; Ctrl-C does.
    except (Exception, SystemExit) as error:
        return Outcome(check.name, Status.FAILED, one_line(f"raised {type(error).__name__}: {error}"))


def check_annotator(factory: Callable[..., Any], *, name: str | None = None, device: str = "cpu") -> Report:
    """Run the conformance suite on an annotator, registered or not.

    Args:
        factory: the class, which is called with `device` and `seed`; or any other callable without required
            arguments that returns an annotator, such as `lambda: Mine(weights=path)`.
        name: the name it is registered under, to compare with its card.
        device: where an accelerated adapter is to run.
    """
    return run_checks(Bench(factory, "annotators", name, device))


def check_detector(factory: Callable[..., Any], *, name: str | None = None, device: str = "cpu") -> Report:
    """Run the conformance suite on a detector; arguments as for `check_annotator`."""
    return run_checks(Bench(factory, "detectors", name, device))


def check_registered(name: str, kind: str | None = None) -> Report:
    """Run the conformance suite on the adapter registered under a name.

    Args:
        name: looked up among the annotators first, then among the detectors.
        kind: "annotators" or "detectors" to look in one of them only.

    Raises:
        UserError: unknown name or kind, a name registered twice, or a module that cannot be imported.
    """
    entry = find(name, kind)
    check = check_annotator if entry.kind == "annotators" else check_detector
    return check(entry.load(), name=name)


def find(name: str, kind: str | None = None) -> Entry:
    """The registered adapter of that name.

    Raises:
        UserError: unknown name or kind, or a name registered twice.
    """
    if kind is not None and kind not in ADAPTER_KINDS:
        raise UserError(f"unknown kind {one_line(kind, 80)!r}: expected annotators or detectors")
    for candidate in ADAPTER_KINDS:
        if kind == candidate or (kind is None and name in names(candidate)):
            return resolve(candidate, name)
    known = [other for candidate in ADAPTER_KINDS for other in names(candidate)]
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    shown = "`imlbench list annotators` and `imlbench list detectors` show what there is"
    hint = f"did you mean {', '.join(near)}?" if near else shown
    raise UserError(f"no annotator and no detector is called {one_line(name, 80)!r}: {hint}")
