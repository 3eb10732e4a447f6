"""How an evaluation is done: options, checked once, and the samples that they select."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from imlbench.errors import UserError

if TYPE_CHECKING:
    from imlbench.datasets.base import Dataset
    from imlbench.samples import Sample

Overwrite = Literal["never", "only-missing", "always"]


def available_cpus() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Settings:
    """How an evaluation is done; none of it changes a number, but for the seed.

    Attributes:
        out: the results folder.
        workers: decoding threads, at least 1; they run the cheap adapters too.
        batch_size: pairs per call of an adapter that works in batches.
        seed: of perturbations, of seeded adapters and of the bootstrap.
        overwrite: never = leave runs that hold any result alone; only-missing = compute what is not stored, failed,
            or whose files have changed; always = compute everything anew.
        limit: score a random subset of this size, the same for everyone with this seed, contained in every larger one.
        sample_ids: score only these samples; empty = all.
        save_maps: keep every score map as a PNG below `out`/maps.
        boundary: tolerance of boundary F1 in pixels; None = not computed.
    """

    out: Path = Path("results")
    workers: int = field(default_factory=available_cpus)
    batch_size: int = 8
    seed: int = 0
    overwrite: Overwrite = "only-missing"
    limit: int | None = None
    sample_ids: Collection[str] = ()
    save_maps: bool = False
    boundary: int | None = None

    def __post_init__(self) -> None:
        for name, lowest in (("workers", 1), ("batch_size", 1), ("limit", 1), ("boundary", 0), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and value < lowest:
                raise UserError(f"{name.replace('_', '-')} must be at least {lowest}, found {value}")
        if self.overwrite not in get_args(Overwrite):
            raise UserError(f"overwrite: expected one of {', '.join(get_args(Overwrite))}, found {self.overwrite!r}")


def selected(dataset: Dataset, settings: Settings) -> tuple[int, Iterator[Sample]]:
    """Number of the samples to look at, and the samples in the set's order.

    Raises:
        UserError: a sample id is not in the set.
    """
    if settings.sample_ids:
        chosen = list(dataset.select(settings.sample_ids))[: settings.limit]
        return len(chosen), iter(chosen)
    total = len(dataset)
    if settings.limit is None or settings.limit >= total:
        return total, dataset.samples()
    import numpy as np

    # The first N would be one class where a set is ordered by class.
    order = np.random.default_rng(settings.seed).permutation(total)
    indices = set(order[: settings.limit].tolist())
    return len(indices), (sample for index, sample in enumerate(dataset.samples()) if index in indices)
