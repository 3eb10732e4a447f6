"""The rows of a set: gates, evaluation images, limit and split, in this order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from imlbench.errors import UserError
from imlbench.exporting.annotation import Annotation
from imlbench.exporting.choosing import apply_gates, limited
from imlbench.exporting.leakage import leaking, look
from imlbench.exporting.order import Order
from imlbench.exporting.splitting import draw_validation, source_groups

Tell = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The rows of a set, and why others are not in it.

    Attributes:
        rows: light columns, `annotation`, `source` and `validation`, in the annotations' order.
        left_out: kept pairs that are not taken, by reason.
        compared: images of evaluation sets that the originals were compared with, by set.
        unreadable: images of evaluation sets that could not be compared.
    """

    rows: pd.DataFrame
    left_out: dict[str, int]
    compared: dict[str, int]
    unreadable: int


def choose(order: Order, annotations: Sequence[Annotation], keep_out: dict[str, Path], tell: Tell) -> Chosen:
    """Apply the gates, leave out evaluation images, draw the limit, and split by source.

    Raises:
        UserError: nothing is left.
    """
    frames = [annotation.kept.assign(annotation=number) for number, annotation in enumerate(annotations)]
    rows, left_out = apply_gates(pd.concat(frames, ignore_index=True), order.gates)
    known = look(keep_out, lambda done: tell("evaluation images", done, 0))
    rows = rows.assign(source=source_groups(rows, order.distance))
    leaks = leaking(rows, known, order.distance)
    rows = rows[~leaks].reset_index(drop=True)
    left_out |= {"evaluation-image": int(leaks.sum())} if leaks.any() else {}
    taken = limited(rows, order.limit, order.seed)
    left_out |= {"limit": len(rows) - len(taken)} if len(taken) < len(rows) else {}
    if not len(taken):
        reasons = ", ".join(f"{reason} {number}" for reason, number in left_out.items())
        raise UserError(f"no pair is left to export ({reasons or 'none was kept by the annotation'})")
    sources = np.unique(taken["source"].to_numpy(), return_inverse=True)[1]
    names = (taken["corpus"] + "\0" + taken["id"]).tolist()
    validation = draw_validation(sources, names, order.validation, order.seed)
    taken = taken.assign(source=sources, validation=validation)
    return Chosen(taken, left_out, known.counts, known.unreadable)
