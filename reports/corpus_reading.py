"""One pass over the shards of an annotated corpus: counts of all rows, and a few rows drawn at random to be shown."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from imlbench.annotating.rows import SCHEMA
from imlbench.errors import UserError, one_line
from imlbench.exporting.annotation import find_manifests, read_plan
from imlbench.exporting.shards import read_object
from reports.corpus_counting import BEYOND, MOST_REASONS, STATUSES, Counts

if TYPE_CHECKING:
    import pandas as pd

COUNTED = ("edit_type", "status", "reason", "area", "qes", "components")
SHOWN = (
    *("id", "part", "row", "edit_type", "source_type", "instruction", "status", "reason", "message"),
    *("height", "width", "mask", "area", "components", "qes", "alignment", "agreement"),
    *("original_sha256", "edited_sha256"),
)
BATCH_ROWS = 8192
DRAWN = ("kept", "rejected")

Group = tuple[str, str]
"""Status and reason."""


@dataclass(frozen=True, slots=True, order=True)
class Drawn:
    """A row that may be shown; the ones with the least keys are.

    Attributes:
        key: a random number.
        shard: the Parquet file.
        place: row in it.
    """

    key: float
    shard: Path
    place: int


@dataclass(slots=True)
class Read:
    """What one pass over an annotation found.

    Attributes:
        root: folder of the annotation.
        plan: content of plan.json.
        done: number of finished shards.
        counts: of all their rows.
        drawn: by status and reason, the rows with the least keys, ascending.
    """

    root: Path
    plan: Mapping[str, Any]
    done: int
    counts: Counts
    drawn: dict[Group, list[Drawn]] = field(default_factory=dict)

    @property
    def planned(self) -> int:
        """Number of shards of the plan."""
        return len(self.plan["shards"])


def read_counts(root: Path, samples: int, seed: int, number: int = 0) -> Read:
    """Count the rows of all finished shards, and draw some.

    Args:
        root: folder of `imlbench annotate-corpus`, finished or not.
        samples: at most so many rows are drawn of each status and reason.
        seed: of the drawing.
        number: place among the annotations that are read, so that each has other random numbers.

    Raises:
        UserError: no such folder, no finished shard, or a file is not as it was written.
    """
    plan = read_plan(root)
    manifests = find_manifests(root / "shards")
    if not manifests:
        raise UserError(f"{one_line(root, 200)}: no shard is done yet; run `imlbench annotate-corpus` first")
    read = Read(root, plan, len(manifests), Counts(str(plan["corpus"])))
    for place, manifest in enumerate(manifests):
        random = np.random.default_rng((seed, number, place))
        path = verified(manifest, plan.get("digest"))
        start = 0
        for rows in batches(path):
            read.counts.add(rows)
            if samples:
                draw(read.drawn, rows, random.random(len(rows)), path, start, samples)
            start += len(rows)
    return read


def verified(manifest: Path, plan: Any) -> Path:
    """The Parquet file of a shard, which is the one that its manifest speaks of.

    Raises:
        UserError: it is another one, or of another plan.
    """
    path = manifest.with_suffix(".parquet")
    facts = read_object(manifest, f"{one_line(manifest, 200)}: no manifest of a shard")
    if facts.get("plan") != plan:
        raise UserError(f"{one_line(manifest, 200)}: of another plan than plan.json; annotate the corpus again")
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{one_line(path, 200)}: cannot be read ({error.strerror})") from error
    if digest != facts.get("parquet_sha256"):
        raise UserError(f"{one_line(path, 200)}: not the file that its manifest speaks of; annotate the corpus again")
    return path


def batches(path: Path) -> Iterator[pd.DataFrame]:
    """The columns that are counted, a stretch of rows at a time.

    Raises:
        UserError: no Parquet file of that layout, or a status that is none.
    """
    try:
        with pq.ParquetFile(path) as file:
            kinds = dict(zip(file.schema_arrow.names, file.schema_arrow.types, strict=True))
            wrong = [name for name in SHOWN if kinds.get(name) != SCHEMA.field(name).type]
            if wrong:
                raise UserError(
                    f"{one_line(path, 200)}: expected the columns of an annotated shard, differing: {wrong}"
                )
            for batch in file.iter_batches(BATCH_ROWS, columns=list(COUNTED)):
                rows: pd.DataFrame = batch.to_pandas().astype({"area": "float64", "qes": "float64"})
                strange = rows["status"][~rows["status"].isin(STATUSES)]
                if len(strange):
                    found = f"expected a status of {', '.join(STATUSES)}, found {one_line(strange.iloc[0], 40)!r}"
                    raise UserError(f"{one_line(path, 200)}: {found}; annotate the corpus again")
                yield rows
    except (OSError, ValueError, pa.ArrowException) as error:
        raise UserError(f"{one_line(path, 200)}: cannot be read as Parquet ({one_line(error, 200)})") from error


def draw(drawn: dict[Group, list[Drawn]], rows: pd.DataFrame, keys: Any, path: Path, start: int, samples: int) -> None:
    """Keep, of each status and reason, the rows with the least keys seen so far.

    Args:
        drawn: what was kept so far; changed.
        rows: a stretch of a shard.
        keys: a random number for each of them.
        path: of the shard.
        start: row of the shard that the stretch begins with.
        samples: so many are kept.
    """
    chosen = rows[["status", "reason"]].assign(key=keys, place=range(start, start + len(rows)))
    for (status, reason), group in chosen[chosen["status"].isin(DRAWN)].groupby(["status", "reason"]):
        name = (str(status), str(reason))
        if name not in drawn and len(drawn) >= MOST_REASONS:
            name = (str(status), BEYOND)
        least = group.nsmallest(samples, "key")
        found = [Drawn(float(key), path, int(place)) for key, place in zip(least["key"], least["place"], strict=True)]
        drawn[name] = sorted([*drawn.get(name, []), *found])[:samples]


def whole_rows(drawn: list[Drawn]) -> list[dict[str, Any]]:
    """All that is shown of the drawn rows, in their order; no more than a stretch of a shard is held at a time."""
    by_shard: dict[Path, set[int]] = {}
    for one in drawn:
        by_shard.setdefault(one.shard, set()).add(one.place)
    found: dict[tuple[Path, int], dict[str, Any]] = {}
    for path, places in by_shard.items():
        start = 0
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(512, columns=list(SHOWN)):
                here = sorted(place for place in places if start <= place < start + len(batch))
                if here:
                    rows = batch.take(pa.array([place - start for place in here])).to_pylist()
                    found |= {(path, place): row for place, row in zip(here, rows, strict=True)}
                start += len(batch)
    return [found[one.shard, one.place] for one in drawn]
