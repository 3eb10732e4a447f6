"""What is asked of an export: the options, and which of them decide its bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imlbench.errors import UserError
from imlbench.exporting.annotation import Annotation
from imlbench.exporting.choosing import Gates
from imlbench.exporting.encoding import Codec
from imlbench.exporting.formats import WRITERS

MOST_DISTANCE = 12
"""Bits of 64; strangers differ by 32 on average, and above this chains of strangers become one source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to export and how.

    Attributes:
        annotations: folders of `imlbench annotate-corpus`.
        out: folder of the set.
        layout: a name of `WRITERS`.
        roots: each annotation's corpus' root; None = where it was annotated, else from the environment or the config
            file.
        validation: share of the pairs, in [0, 1).
        authentic: authentic examples for each edited one, from 0.
        codec: of all images.
        gates: which kept pairs are taken.
        limit: at most so many pairs; None = all.
        seed: of limit and split.
        soft: masks are score maps.
        distance: bits of 64 by which the perceptual hashes of near-duplicates may differ.
        keep_out: folders of further images that must not be trained on.
        partial: take annotations of which shards are missing.
        list_prefix: put before the paths of lists of files.
        workers: threads; they never change a byte.
    """

    annotations: Sequence[Path]
    out: Path
    layout: str
    roots: Sequence[Path | None]
    validation: float = 0.05
    authentic: float = 0.0
    codec: Codec = field(default_factory=lambda: Codec(95))
    gates: Gates = field(default_factory=Gates)
    limit: int | None = None
    seed: int = 0
    soft: bool = False
    distance: int = 4
    keep_out: Sequence[Path] = ()
    partial: bool = False
    list_prefix: str = ""
    workers: int = 1


def check(order: Order) -> None:
    """Refuse options that mean nothing.

    Raises:
        UserError: one does.
    """
    if order.layout not in WRITERS:
        raise UserError(f"--format: {order.layout!r} is none; formats: {', '.join(WRITERS)}")
    if order.soft and WRITERS[order.layout].hard_only:
        raise UserError(f"--soft: the format {order.layout} has hard masks only")
    bounds = {
        "--authentic": (order.authentic, 0, 10),
        "--near": (order.distance, 0, MOST_DISTANCE),
        "--limit": (1 if order.limit is None else order.limit, 1, None),
        "--workers": (order.workers, 1, 256),
    }
    for option, (value, low, high) in bounds.items():
        if value != value or value < low or (high is not None and value > high):
            wanted = f"at least {low}" if high is None else f"{low} to {high}"
            raise UserError(f"{option}: expected {wanted}, found {value:g}")
    if not 0 <= order.validation < 1:
        raise UserError(f"--validation: expected a share from 0 to below 1, found {order.validation:g}")


def options_of(order: Order, annotations: Sequence[Annotation], kept_out: list[str]) -> dict[str, Any]:
    """All that decides the set's bytes, as JSON values; no paths, which differ between machines."""
    return {
        "annotations": [annotation.digest for annotation in annotations],
        "format": order.layout,
        "validation": order.validation,
        "authentic": order.authentic,
        "quality": order.codec.quality or "png",
        "masks": "soft" if order.soft else "hard",
        "min_qes": order.gates.min_qes,
        "min_agreement": order.gates.min_agreement,
        "area": list(order.gates.area),
        "types": sorted(order.gates.types),
        "limit": order.limit,
        "seed": order.seed,
        "near": order.distance,
        "compared_with": kept_out,
        "list_prefix": order.list_prefix,
    }
