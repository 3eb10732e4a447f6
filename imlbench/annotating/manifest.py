"""The files of a finished shard: rows, manifest, and what may differ from machine to machine."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from imlbench import __version__
from imlbench.annotating.rows import parquet_bytes
from imlbench.provenance import environment, installed

if TYPE_CHECKING:
    import pyarrow as pa

    from imlbench.annotating.plan import Plan
    from imlbench.annotating.shards import Shard

UNKEPT = ("excluded", "failed", "rejected")


@dataclass(frozen=True, slots=True)
class ShardResult:
    """A finished shard, ready to be written.

    Attributes:
        shard: which one.
        parquet: its rows.
        facts: the manifest; deterministic, like the rows.
        timing: all that may differ between machines.
    """

    shard: Shard
    parquet: bytes
    facts: dict[str, Any]
    timing: dict[str, Any]

    @property
    def manifest(self) -> str:
        """Content of the manifest's file."""
        return as_json(self.facts)


def finished(plan: Plan, shard: Shard, table: pa.Table, seconds: Sequence[float]) -> ShardResult:
    """The files of a shard.

    Args:
        plan: of the annotation.
        shard: the shard.
        table: all its rows, in their order.
        seconds: time that each row took.
    """
    parquet = parquet_bytes(table)
    timing = {
        "seconds": [round(value, 6) for value in seconds],
        "host": platform.node(),
        "pid": os.getpid(),
        "device": plan.device,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return ShardResult(shard, parquet, manifest_of(plan, shard, table, parquet), timing)


def manifest_of(plan: Plan, shard: Shard, table: pa.Table, parquet: bytes) -> dict[str, Any]:
    """What is said of a shard: where its rows come from, how many there are of each kind, hashes, versions."""
    ids = table.column("id").to_pylist()
    statuses, why = (table.column(name).to_pylist() for name in ("status", "reason"))
    ended = list(zip(statuses, why, strict=True))
    first, second = plan.identity["annotator"], plan.identity["second"]
    return {
        "plan": plan.digest,
        "shard": shard.number,
        "part": shard.part.name,
        "signature": shard.part.signature,
        "start": shard.start,
        "stop": shard.start + table.num_rows,
        "rows": table.num_rows,
        "first_id": ids[0] if ids else None,
        "last_id": ids[-1] if ids else None,
        "ids_sha256": hashlib.sha256("\n".join(ids).encode()).hexdigest(),
        "status": counted(statuses),
        "reasons": {name: counted(reason for status, reason in ended if status == name) for name in UNKEPT},
        "edit_type": counted(table.column("edit_type").to_pylist()),
        "parquet_sha256": hashlib.sha256(parquet).hexdigest(),
        "parquet_bytes": len(parquet),
        "versions": {
            "imlbench": __version__,
            "annotator": f"{first['name']} {first['version']}",
            "second": None if second is None else f"{second['name']} {second['version']}",
            "packages": {**environment()["packages"], "pyarrow": installed("pyarrow")},
        },
    }


def counted(values: Any) -> dict[str, int]:
    """How often each value is there, by value."""
    return dict(sorted(Counter(values).items()))


def as_json(facts: dict[str, Any]) -> str:
    """A file that people can read too."""
    return json.dumps(facts, indent=1) + "\n"
