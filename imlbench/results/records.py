"""Records of the results file: what is written and what is read back."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from imlbench.counting import SampleCounts
from imlbench.errors import UserError
from imlbench.histograms import BINS, binary_histogram

if TYPE_CHECKING:
    from numpy.typing import NDArray

Status = Literal["ok", "skipped", "failed"]


@dataclass(frozen=True, slots=True)
class Run:
    """An adapter on a dataset under a condition; columns of the table `runs`.

    `identity` holds all that decides the numbers and nothing else: two invocations with the same identity continue
    one another.
    """

    kind: str
    adapter: str
    adapter_title: str
    dataset: str
    dataset_title: str
    paper_dataset: str
    perturbation: str
    severity: float | None
    target: str
    threshold: float
    soft: bool
    identity: str
    card: str

    @property
    def run_id(self) -> str:
        """Sixteen hexadecimal digits of the identity's SHA-256."""
        return hashlib.sha256(self.identity.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class SampleFacts:
    """What is stored of a sample once, whatever the number of runs; columns of the table `samples`."""

    dataset: str
    sample_id: str
    scope: str
    content: str = ""
    width: int | None = None
    height: int | None = None
    edited_pixels: int | None = None
    outside_difference: int | None = None
    instruction: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Outcome:
    """What one run says of one sample; columns of the table `counts`. Never changed, but not frozen: that takes longer.

    Attributes:
        run_id: the run.
        sample: the sample's facts, the same object for all runs.
        signature: of the sample's files.
        status: ok, skipped or failed.
        reason: class of the failure.
        message: one line for people.
        seconds: the adapter's time, decoding apart.
        counts: what was counted, None unless ok.
        image_score: of a detector, in [0, 1]: its own, or else the largest of its map; None for annotators.
    """

    run_id: str
    sample: SampleFacts
    signature: str
    status: Status
    reason: str = ""
    message: str = ""
    seconds: float | None = None
    counts: SampleCounts | None = None
    image_score: float | None = None


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A stored outcome that still holds, under a new signature of the sample's files."""

    run_id: str
    sample: SampleFacts
    signature: str


@dataclass(frozen=True, slots=True)
class Known:
    """What the file already holds of a sample under a run."""

    status: Status
    reason: str
    signature: str
    content: str
    boundary_tolerance: int | None


def pack_histogram(soft: NDArray[np.int64] | None) -> bytes | None:
    """Compressed bytes of a 2 x 256 histogram; None for a hard decision, whose counts already say all."""
    return None if soft is None else zlib.compress(soft.astype("<u4").tobytes(), 1)


def unpack_histogram(data: bytes | None, tp: int, fp: int, fn: int, tn: int) -> NDArray[np.int64]:
    """2 x 256, int64, from what `pack_histogram` returned and the sample's counts.

    Raises:
        UserError: the bytes are no histogram.
    """
    if data is None:
        return binary_histogram(tp, fp, fn, tn)
    try:
        return np.frombuffer(zlib.decompress(data), dtype="<u4").reshape(2, BINS).astype(np.int64)
    except (zlib.error, ValueError, TypeError) as error:
        message = "a histogram in the results file is damaged: compute the run anew with --overwrite always"
        raise UserError(message) from error
