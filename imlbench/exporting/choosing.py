"""Which kept pairs go into a training set: gates stricter than the annotation's, no pair twice, a limit."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from imlbench.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Gates:
    """What a pair must fulfil, beyond having been kept by the annotation.

    Attributes:
        min_qes: the QES must be above this, in [0, 1]; 0 = any.
        min_agreement: least IoU with the second annotator's mask, in [0, 1]; None = not asked for.
        area: least and largest share of edited pixels, both included.
        types: words of the vocabulary of edit types; empty = all.
    """

    min_qes: float = 0.0
    min_agreement: float | None = None
    area: tuple[float, float] = (0.0, 1.0)
    types: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shares = {
            "--min-qes": self.min_qes,
            "--min-agreement": 0.0 if self.min_agreement is None else self.min_agreement,
            "--area": self.area[0],
            "--area ": self.area[1],
        }
        for option, value in shares.items():
            if not 0 <= value <= 1:
                raise UserError(f"{option.strip()}: expected a number from 0 to 1, found {value:g}")
        if self.area[0] > self.area[1]:
            raise UserError(f"--area: {self.area[0]:g} is above {self.area[1]:g}; expected LEAST,LARGEST")


def apply_gates(rows: pd.DataFrame, gates: Gates) -> tuple[pd.DataFrame, dict[str, int]]:
    """The rows that pass, and how many each gate left out; a row is counted with the first gate that it fails.

    Raises:
        UserError: an agreement is asked for that was not measured.
    """
    tests = {
        "type": rows["edit_type"].isin(gates.types) if gates.types else pd.Series(True, index=rows.index),
        # Said of what passes, so that a missing value does not.
        "low-qes": (rows["qes"] > gates.min_qes) | (gates.min_qes == 0),
        "area": rows["area"].between(*gates.area),
    }
    if gates.min_agreement is not None:
        if len(rows) and rows["agreement"].isna().all():
            raise UserError("--min-agreement: no pair has an agreement; annotate with --second, or leave the option")
        tests["disagreement"] = rows["agreement"] >= gates.min_agreement
    tests["duplicate"] = ~rows.duplicated(["original_sha256", "edited_sha256"])
    left_out: dict[str, int] = {}
    passing = pd.Series(True, index=rows.index)
    for reason, passed in tests.items():
        left_out[reason] = int((passing & ~passed).sum())
        passing &= passed
    return rows[passing].reset_index(drop=True), {reason: number for reason, number in left_out.items() if number}


def limited(rows: pd.DataFrame, limit: int | None, seed: int) -> pd.DataFrame:
    """At most `limit` rows, drawn by a hash of each pair's id, in their old order."""
    if limit is None or len(rows) <= limit:
        return rows
    ranks = order(rows["corpus"] + "\0" + rows["id"], seed)
    return rows.iloc[np.sort(ranks[:limit])].reset_index(drop=True)


def order(names: Iterable[str], seed: int) -> NDArray[np.int64]:
    """Indices of the names in an order that looks random and depends on names and seed alone.

    A name keeps its place relative to the others when more are added.
    """
    key = str(seed).encode()
    keys = [hashlib.blake2b(name.encode(), digest_size=8, key=key).digest() for name in names]
    return np.argsort(np.frombuffer(b"".join(keys), ">u8").astype(np.uint64), kind="stable")
