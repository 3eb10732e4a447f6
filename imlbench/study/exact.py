"""The exact masks of a synthesised set as an annotator: what supervision without any error is worth."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from imlbench.adapters import Annotator
from imlbench.cards import AdapterCard, Weight
from imlbench.errors import Reason, SampleError, UserError
from imlbench.files import write_atomically
from imlbench.masks import WHITE, decode_mask
from imlbench.synthesis.reading import PAIRS, read_facts, read_pairs

if TYPE_CHECKING:
    from imlbench.samples import Pair, ScoreMap

VARIABLE = "IMLBENCH_EXACT_MASKS"
"""Names the list of masks while a study annotates; processes that it starts find it there."""
DECLARED = AdapterCard(
    name="exact",
    title="exact masks",
    version="1",
    summary="the masks that a synthesised set was made with",
    licence="Apache-2.0",
    citation="imlbench",
    soft=False,
)


class CardOfTheSet:
    """A class attribute `card` that names the set's content by its hash."""

    def __get__(self, instance: object, owner: Any = None) -> AdapterCard:
        if not os.environ.get(VARIABLE):
            return DECLARED
        sha256 = str(read_list()["pairs_sha256"])
        return replace(DECLARED, weights=(Weight(name=PAIRS, sha256=sha256, licence="the set's", source=PAIRS),))


class ExactMasks(Annotator):
    """Looks a pair's mask up by its id in the corpus.

    Raises:
        UserError: no list of masks is named, or it cannot be read.
    """

    card: ClassVar[AdapterCard] = cast("AdapterCard", CardOfTheSet())

    def __init__(self, device: str = "cpu", seed: int = 0) -> None:
        super().__init__(device, seed)
        self.masks: dict[str, str] = read_list()["masks"]

    def annotate(self, pairs: Sequence[Pair]) -> list[ScoreMap]:
        return [self._mask(pair) for pair in pairs]

    def _mask(self, pair: Pair) -> ScoreMap:
        path = self.masks.get(pair.id)
        if path is None:
            raise SampleError(Reason.MISSING_PARTNER, f"{pair.id}: the set has no such pair")
        mask = decode_mask(Path(path).read_bytes(), path, WHITE)
        if mask.shape != pair.edited.shape[:2]:
            raise SampleError(Reason.SIZE_MISMATCH, f"{pair.id}: the mask is of another size")
        return mask


def write_list(path: Path, synthesised: Path, parts: Sequence[tuple[str, Path]]) -> None:
    """Write which mask belongs to which pair of a corpus that was made from a synthesised set.

    Args:
        path: of the list.
        synthesised: the set.
        parts: names of the corpus' parts and their Parquet files, whose `image_id` is the set's.

    Raises:
        UserError: a file cannot be read or written.
    """
    import pyarrow.parquet as pq

    masks = {pair.id: str(pair.mask) for pair in read_pairs(synthesised)}
    found: dict[str, str] = {}
    for name, file in parts:
        ids = pq.read_table(file, columns=["image_id"]).column("image_id").to_pylist()
        found |= {f"{name}#{row}": masks[one] for row, one in enumerate(ids)}
    sha256 = read_facts(synthesised.resolve())["pairs_sha256"]
    write_atomically(path, json.dumps({"pairs_sha256": sha256, "masks": found}))


def read_list() -> dict[str, Any]:
    """The list of masks that the environment names.

    Raises:
        UserError: none is named, or it cannot be read.
    """
    path = os.environ.get(VARIABLE)
    if not path:
        raise UserError(f"exact: {VARIABLE} names no list of masks; a study sets it")
    try:
        found: dict[str, Any] = json.loads(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise UserError(f"exact: {path}: cannot be read ({error}); run the study again") from error
    return found


@contextmanager
def masks_of(path: Path) -> Iterator[None]:
    """Within, `ExactMasks` knows the masks of this list, in processes that are started too."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = str(path.resolve())
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before
