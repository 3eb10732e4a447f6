"""The four steps of a study; each does what is missing, and nothing where nothing is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imlbench.errors import UserError
from imlbench.study.exact import ExactMasks, masks_of
from imlbench.study.order import EXACT, Order
from imlbench.study.places import MASKS, Ground, annotation_folder, run_folder, training_folder

if TYPE_CHECKING:
    from imlbench.adapters import Detector
    from imlbench.datasets.base import Dataset
    from imlbench.training.finetuners import Finetuner

Say = Callable[[str], None]


def annotate(order: Order, ground: Ground, annotator: str) -> Path:
    """Masks of the whole corpus by one annotator.

    Raises:
        UserError: the annotator cannot run, or part of the corpus could not be annotated.
        KeyboardInterrupt: it was interrupted.
    """
    from imlbench.annotating.driver import annotate_corpus
    from imlbench.annotating.engine import Crew, open_engine
    from imlbench.annotating.gate import Gates
    from imlbench.annotating.plan import Options, make_plan

    out = annotation_folder(order, annotator)
    gates = Gates(min_qes=order.min_qes, area=order.area, min_alignment=order.min_alignment)
    options = Options(gates=gates)
    if annotator == EXACT:
        with masks_of(Path(ground.corpus.root) / MASKS):
            plan = make_plan(ground.corpus, ExactMasks, options)
            account = annotate_corpus(plan, out, open_engine("local", Crew.usual(order.workers, 0)))
    else:
        plan = make_plan(ground.corpus, annotator, options)
        account = annotate_corpus(plan, out, open_engine("local", Crew.usual(order.workers, order.gpus)))
    if account.interrupted:
        raise KeyboardInterrupt
    if account.lost or account.broken:
        reason = next(iter([*account.lost.values(), *account.broken.values()]))
        raise UserError(f"{annotator}: part of the corpus could not be annotated: {reason}")
    if account.totals.status["kept"] == 0:
        reasons = ", ".join(
            f"{name} {count}" for table in account.totals.reasons.values() for name, count in table.items()
        )
        raise UserError(f"{annotator}: no pair of the corpus was kept ({reasons})")
    return out


def export(order: Order, ground: Ground, annotator: str, pairs: int) -> dict[str, Any]:
    """A training set of one annotator's masks; its facts.

    Raises:
        UserError: nothing was kept, or the set cannot be written.
    """
    from imlbench.exporting.encoding import Codec
    from imlbench.exporting.order import Order as ExportOrder
    from imlbench.exporting.running import export as run

    asked = ExportOrder(
        annotations=[annotation_folder(order, annotator)],
        out=training_folder(order, annotator, pairs),
        layout="folder",
        roots=[Path(ground.corpus.root)],
        validation=order.validation,
        authentic=order.authentic,
        codec=Codec(order.quality or None),
        limit=pairs or None,
        keep_out=ground.keep_out,
    )
    facts: dict[str, Any] = run(asked, lambda what, done, total: None).facts
    return facts


def train(order: Order, ground: Ground, detector: Finetuner, annotator: str, pairs: int, seed: int, say: Say) -> Path:
    """A fine-tuning from its first step, or from where it was, to its last; its folder.

    Raises:
        UserError: anything about recipe, weights or data that the user can mend.
    """
    from imlbench.training.checkpoints import LAST
    from imlbench.training.finetuning import FINISHED, FinetuneRequest, complete, prepare

    out = run_folder(order, detector.name, annotator, pairs, seed)
    if (out / FINISHED).is_file():
        return out
    resume = (out / LAST).is_file()
    if not resume and out.is_dir():
        # Killed before its first checkpoint.
        shutil.rmtree(out)
    request = FinetuneRequest(
        data=(str(training_folder(order, annotator, pairs)),),
        out=out,
        init=order.init,
        config=order.configs.get(detector.name, ""),
        steps=order.steps,
        seed=seed,
        resume=resume,
        keep_out=ground.keep_out,
        cpu=order.cpu,
        say=say,
    )
    complete(prepare(request, detector), say)
    return out


def hashes(run: Path) -> dict[str, str]:
    """SHA-256 of a finished run's first and best weights, by stage.

    Raises:
        UserError: they cannot be read.
    """
    from imlbench.training.finetuning import FINISHED

    try:
        facts = json.loads((run / FINISHED).read_bytes())
        return {"before": str(facts["first_sha256"]), "after": str(facts["best_sha256"])}
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{run / FINISHED}: cannot be read; delete {run}, and run the study again") from error


def evaluate(order: Order, dataset: Dataset, detector: Detector) -> str:
    """Score a detector on a dataset; only what the results file lacks is computed.

    Returns:
        The run's id.

    Raises:
        UserError: the results cannot be written.
        KeyboardInterrupt: it was interrupted.
    """
    from imlbench.evaluation import Evaluation, resolve_devices
    from imlbench.jobs import detector_handles, make_jobs
    from imlbench.perturb import CLEAN
    from imlbench.settings import Settings
    from imlbench.study.cells import RESULTS

    handles = resolve_devices(detector_handles([detector], detector.device, 0))
    jobs = make_jobs(handles, dataset, [CLEAN], 0, "detector")
    account = Evaluation(dataset, jobs, Settings(out=order.out / RESULTS)).run()
    if account.interrupted:
        raise KeyboardInterrupt
    return jobs[0].run_id
