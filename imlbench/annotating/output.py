"""The folder of an annotation: plan.json, and three files a shard, of which the manifest comes last."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from imlbench.annotating import lock
from imlbench.annotating.agreement import check_options, plan_text, read_plan
from imlbench.annotating.manifest import as_json
from imlbench.annotating.replanning import Begun, go_on
from imlbench.annotating.rows import SCHEMA
from imlbench.errors import UserError, one_line
from imlbench.files import write_atomically

if TYPE_CHECKING:
    from imlbench.annotating.manifest import ShardResult
    from imlbench.annotating.plan import Plan
    from imlbench.annotating.shards import Shard

PLAN = "plan.json"
SHARDS = "shards"
TEMPORARY = re.compile(r"\..+\.[0-9a-f]{16}")
"""What `imlbench.files.replacing` writes to before it renames; a killed driver leaves them behind."""


class Output:
    """The folder of an annotation.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.shards = root / SHARDS

    def make(self, corpus: str) -> None:
        """Make the folder, unless it is there.

        Args:
            corpus: root of the corpus, of which the output must not become a part.

        Raises:
            UserError: it lies within the corpus, is something else's, or cannot be made.
        """
        top = os.path.realpath(corpus)
        if os.path.commonpath((top, os.path.realpath(self.root))) == top:
            raise UserError(f"--out {one_line(self.root, 200)} lies within the corpus, below {top}; choose another")
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            names = sorted(os.listdir(self.root))
        except OSError as error:
            raise UserError(f"{one_line(self.root, 200)}: cannot be written ({error.strerror})") from error
        foreign = [name for name in names if name != lock.NAME and not leftover(name)]
        if foreign and PLAN not in names:
            what = f"holds {one_line(foreign[0], 80)} and no {PLAN}"
            raise UserError(f"{one_line(self.root, 200)}: {what}; expected an empty folder or a begun annotation")

    def claim(self, plan: Plan, retry_failed: bool = False) -> Plan:
        """Make the folder ready for the plan; to be called by the one who holds its lock.

        Args:
            plan: of this call.
            retry_failed: whether files that could not be read, or of which rows failed, may have been mended.

        Returns:
            The plan to go by: the one that was begun, as far as the corpus still is what it was then.

        Raises:
            UserError: it was begun with another plan, or cannot be written.
        """
        path = self.root / PLAN
        if path.exists():
            plan = self._begun(path, plan, retry_failed)
        else:
            write_atomically(path, plan_text(plan))
        self._sweep()
        return plan

    def _begun(self, path: Path, plan: Plan, retry_failed: bool) -> Plan:
        """The plan that was begun, brought up to date."""
        stored = read_plan(path)
        check_options(path, stored, plan)
        begun = Begun.read(path, stored)
        plan = go_on(path, begun, plan, retry_failed, self._unfinished)
        if any(plan.identity[name] != stored[name] for name in ("parts", "shards")):
            # First, lest a status take them for shards of the new plan.
            for number in begun.outdated(plan):
                self._unlink(self.shards / f"{number:06d}.json")
            write_atomically(path, plan_text(plan))
        return plan

    def _unfinished(self, numbers: Sequence[int]) -> bool:
        """Whether one of these shards is not done, or holds rows that failed."""
        found = [read_manifest(self.shards / f"{number:06d}.json") or {} for number in numbers]
        return any(not facts or (facts.get("status") or {}).get("failed") for facts in found)

    def _sweep(self) -> None:
        """Make the folder of the shards, and delete what a killed driver left behind."""
        try:
            self.shards.mkdir(exist_ok=True)
            for folder in (self.root, self.shards):
                for name in filter(leftover, os.listdir(folder)):
                    os.unlink(folder / name)
        except OSError as error:
            raise UserError(f"{one_line(self.shards, 200)}: cannot be written ({error.strerror})") from error

    def path(self, shard: Shard, suffix: str) -> Path:
        """A file of a shard."""
        return self.shards / f"{shard.name}{suffix}"

    def manifest(self, plan: Plan, shard: Shard) -> dict[str, Any] | None:
        """The manifest of a shard that is done; None where it is not, or a file is not what was written."""
        found = read_manifest(self.path(shard, ".json"))
        if found is None or not speaks_of(found, plan, shard):
            return None
        try:
            with open(self.path(shard, ".parquet"), "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            return None
        return found if digest == found.get("parquet_sha256") else None

    def table(self, shard: Shard) -> pa.Table:
        """The rows of a shard that is done.

        Raises:
            UserError: the file is not what was written.
        """
        path = self.path(shard, ".parquet")
        try:
            found = pq.read_table(io.BytesIO(path.read_bytes()), page_checksum_verification=True)
        except (OSError, pa.ArrowException) as error:
            raise UserError(f"{one_line(path, 200)}: cannot be read ({one_line(error, 200)}); delete it") from error
        return found.cast(SCHEMA)

    def seconds(self, shard: Shard, rows: int) -> list[float]:
        """The time that each row of a shard took, zeros where that is not on record."""
        timing = read_manifest(self.path(shard, ".timing.json")) or {}
        seconds = timing.get("seconds")
        return seconds if isinstance(seconds, list) and len(seconds) == rows else [0.0] * rows

    def write(self, result: ShardResult) -> None:
        """Write the files of a shard, the manifest last: where it is, the others are whole.

        Raises:
            UserError: the disk is full or cannot be written.
        """
        manifest = self.path(result.shard, ".json")
        # A shard that is done anew must not have new rows under the old manifest.
        self._unlink(manifest)
        write_atomically(self.path(result.shard, ".parquet"), result.parquet)
        write_atomically(self.path(result.shard, ".timing.json"), as_json(result.timing))
        write_atomically(manifest, result.manifest)

    def _unlink(self, path: Path) -> None:
        """Delete a file, if it is there."""
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise UserError(f"{one_line(path, 200)}: cannot be written ({error.strerror})") from error


def speaks_of(manifest: dict[str, Any], plan: Plan, shard: Shard) -> bool:
    """Whether a manifest is that of a shard of a plan, and of the file that the corpus has now."""
    part = shard.part
    said = [manifest.get(name) for name in ("plan", "shard", "part", "signature", "start")]
    same = said == [plan.digest, shard.number, part.name, part.signature, shard.start]
    return same and shard.stop in (None, manifest.get("stop"))


def leftover(name: str) -> bool:
    """Whether a file is what a killed driver was about to write."""
    return bool(TEMPORARY.fullmatch(name))


def read_manifest(path: Path) -> dict[str, Any] | None:
    """A JSON object from a file; None where it is missing or damaged."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
