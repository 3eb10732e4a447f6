"""Adapters of stored runs, built again for the score maps that were not kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from imlbench import registry
from imlbench.errors import Reason, SampleError, UserError, one_line
from imlbench.jobs import describe, load_adapter
from imlbench.perturb import CLEAN, Condition

if TYPE_CHECKING:
    from imlbench.jobs import AdapterKind
    from imlbench.results.records import Run


class Rebuilt:
    """The adapters of a results file's runs, each built once.

    Args:
        allowed: whether adapters are built at all; else there are only the maps that were kept.
    """

    def __init__(self, allowed: bool = True) -> None:
        self.allowed = allowed
        self._adapters: dict[str, Any] = {}

    def adapter(self, run: Run) -> Any:
        """The annotator or detector of a run.

        Raises:
            SampleError: it is not here, is another version, or is too heavy to be run for a picture.
        """
        if run.run_id not in self._adapters:
            self._adapters[run.run_id] = self._built(run)
        adapter = self._adapters[run.run_id]
        if isinstance(adapter, SampleError):
            raise adapter
        return adapter

    def _built(self, run: Run) -> Any:
        """The adapter, or why there is none."""
        again = f"run `imlbench {command_of(run)} --save-maps --overwrite always` to keep its maps"
        if not self.allowed:
            return SampleError(Reason.ADAPTER_ERROR, f"{run.adapter}: no map was kept; {again}")
        try:
            factory = load_adapter(registry.resolve(cast("AdapterKind", f"{run.kind}s"), run.adapter))
            if found := difference(factory.card, json.loads(run.card)):
                return SampleError(Reason.ADAPTER_ERROR, f"{run.adapter} {found}; {again}")
            return factory(device="cpu", seed=seed_of(run))
        except UserError as error:
            return SampleError(Reason.ADAPTER_ERROR, one_line(error))
        except Exception as error:
            # A third party's constructor may raise anything.
            return SampleError(Reason.ADAPTER_ERROR, f"{run.adapter} cannot be built: {describe(error)}")


def difference(card: Any, stored: dict[str, Any]) -> str:
    """Why the adapter that is here would not draw what a run counted, or only with an accelerator; empty = it would.

    Args:
        card: of the adapter that is here.
        stored: the card that the run was counted under.
    """
    if card.accelerated:
        return "needs a model"
    if card.version != stored.get("version"):
        return "is another version than the one that scored"
    hashes = {weight.sha256 for weight in card.weights}
    if hashes != {weight.get("sha256") for weight in stored.get("weights") or ()}:
        return "has other weights than those that scored"
    return ""


def command_of(run: Run) -> str:
    """The command that makes runs of this kind."""
    evaluation = "annotate-eval" if run.kind == "annotator" else "detect-eval"
    return "robustness" if run.perturbation else evaluation


def seed_of(run: Run) -> int:
    """The seed of a run, 0 where it plays no part."""
    seed = json.loads(run.identity).get("seed")
    return seed if isinstance(seed, int) else 0


def condition_of(run: Run) -> Condition:
    """The condition of a run.

    Raises:
        UserError: its perturbation is not registered here, or refuses the severity.
    """
    if not run.perturbation:
        return CLEAN
    perturbation = registry.resolve("perturbations", run.perturbation).load()()
    return Condition(perturbation, run.severity, run.target)  # type: ignore[arg-type]
