"""Train and validation by source: all pairs made from one photograph, or from near-duplicates of it, stay together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from imlbench.errors import UserError
from imlbench.exporting.choosing import order
from imlbench.exporting.near import as_hashes, groups, joined

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPLITS = ("train", "validation")


def source_groups(rows: pd.DataFrame, distance: int) -> NDArray[np.int64]:
    """For each row the number of its source: the index of the first row with the same.

    Two rows have one source where the files of their originals are the same, or where the originals' perceptual
    hashes differ by at most `distance` bits; and where a third row links them.
    """
    if not len(rows):
        return np.zeros(0, np.int64)
    files, _ = pd.factorize(rows["original_sha256"])
    return joined(files, groups(as_hashes(rows["phash"].tolist()), distance))


def draw_validation(sources: NDArray[np.int64], names: list[str], share: float, seed: int) -> NDArray[np.bool_]:
    """Which rows are for validation: n bool.

    Sources are drawn in an order that depends on their names and the seed, as long as they fit into the share; one
    that is too large is passed over, so that a crowd of near-duplicates does not swell the validation set.

    Args:
        sources: each row's source, as `source_groups` numbers them.
        names: a name for each row; a source has that of its smallest.
        share: of the rows, in [0, 1).
        seed: another one draws others.

    Raises:
        UserError: the share is none, or there is one source only, which cannot be divided.
    """
    if not 0 <= share < 1:
        raise UserError(f"--validation: expected a share from 0 to below 1, found {share:g}")
    chosen = np.zeros(sources.size, np.bool_)
    if share == 0:
        return chosen
    frame = pd.DataFrame({"source": sources, "name": names})
    table = frame.groupby("source")["name"].agg(["min", "size"])
    if len(table) < 2:
        raise UserError("--validation: all pairs come from one source, which cannot be divided; give --validation 0")
    room = max(1, round(share * sources.size))
    sizes, taken = table["size"].to_numpy(), []
    drawn = order(table["min"].tolist(), seed).tolist()
    for place in drawn:
        if sizes[place] <= room:
            room -= int(sizes[place])
            taken.append(place)
        if not room:
            break
    # Where no source is small enough, the smallest is better than none.
    taken = taken or [min(drawn, key=lambda place: int(sizes[place]))]
    return np.isin(sources, table.index.to_numpy()[taken])
