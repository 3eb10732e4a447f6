"""Reading what `imlbench annotate-corpus` wrote: the plan, the shards that are done, the rows that were kept.

Masks stay in their files until they are needed: a million of them would not fit into memory.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from imlbench.annotating.plan import FORMAT
from imlbench.errors import UserError, one_line
from imlbench.exporting.shards import check_kept, read_object, read_shard

KEPT = "kept"
UNTOLD = ("shards", "parts", "root", "digest")
"""Keys of the plan that grow with the corpus, or that tell of a machine."""
MANIFEST = re.compile(r"[0-9]{6,}\.json")


@dataclass(frozen=True, slots=True)
class Annotation:
    """A folder of `imlbench annotate-corpus`, or the part of it that is done.

    Attributes:
        root: the folder.
        plan: content of plan.json.
        shards: paths of the shards' Parquet files in their order.
        digest: SHA-256 over the plan and the shards: the identity of what was annotated and how.
        missing: number of planned shards that are not done.
        counts: number of rows by status and reason, rejected ones included.
        kept: the rows with status "kept": the light columns, `shard` (index in `shards`) and `place` (row in the file).
    """

    root: Path
    plan: Mapping[str, Any]
    shards: tuple[Path, ...]
    digest: str
    missing: int
    counts: Mapping[tuple[str, str], int]
    kept: pd.DataFrame

    @property
    def unread(self) -> list[str]:
        """Names of the corpus' files of which nothing could be read."""
        return unread_files(self.plan)

    @property
    def corpus(self) -> str:
        """Name of the corpus, with its variant: what `open_corpus` opens."""
        return str(self.plan["corpus"])

    def described(self) -> dict[str, Any]:
        """What decided the masks: all of the plan but the lists of files and shards."""
        return {name: value for name, value in self.plan.items() if name not in UNTOLD}

    @property
    def root_then(self) -> Path | None:
        """Where the corpus lay when it was annotated; None where nothing lies there now."""
        place = self.plan.get("root")
        return Path(place) if isinstance(place, str) and os.path.isdir(place) else None


def read_annotation(root: Path, partial: bool = False) -> Annotation:
    """The plan and the rows of an annotated corpus.

    Args:
        root: folder of `imlbench annotate-corpus`.
        partial: take the shards that are done although others are not.

    Raises:
        UserError: no such folder, shards are missing or were changed, or a file is not as it must be.
    """
    plan = read_plan(root)
    planned = plan["shards"]
    manifests = find_manifests(root / "shards")
    missing = len(planned) - len(manifests)
    if missing < 0 or not manifests or (missing and not partial):
        found = f"{len(manifests)} of {len(planned)} shards are done"
        advice = "run `imlbench annotate-corpus` again until all are, or give --partial"
        raise UserError(f"{one_line(root, 200)}: {found}; {advice}")
    counts: Counter[tuple[str, str]] = Counter()
    frames = []
    for index, manifest in enumerate(manifests):
        frame = read_shard(manifest, plan.get("digest"))
        pairs = frame.groupby(["status", "reason"], sort=True).size()
        counts.update({(str(key[0]), str(key[1])): int(number) for key, number in pairs.items()})  # type: ignore[index]
        frame.insert(0, "shard", index)
        frame.insert(1, "place", range(len(frame)))
        frames.append(frame[frame["status"] == KEPT])
    kept = pd.concat(frames, ignore_index=True)
    check_kept(kept, root)
    shards = tuple(path.with_suffix(".parquet") for path in manifests)
    return Annotation(root, plan, shards, identity(plan, manifests), missing, counts, kept)


def read_plan(root: Path) -> dict[str, Any]:
    """Content of plan.json, with its "corpus" and its list "shards".

    Raises:
        UserError: it is missing or something else.
    """
    plan = read_object(root / "plan.json", f"{one_line(root, 200)}: no folder of `imlbench annotate-corpus`")
    known = plan.get("format") == FORMAT
    if not known or not isinstance(plan.get("shards"), list) or not isinstance(plan.get("corpus"), str):
        expected = f"expected a plan of format {FORMAT} with a corpus and its shards"
        raise UserError(f"{one_line(root / 'plan.json', 200)}: {expected}; annotate the corpus with this version")
    return plan


def corpus_of(root: Path) -> str:
    """Name of the corpus that was annotated, with its variant.

    Raises:
        UserError: no folder of `imlbench annotate-corpus`.
    """
    return str(read_plan(root)["corpus"])


def unread_files(plan: Mapping[str, Any]) -> list[str]:
    """Names of the corpus' files of which nothing could be read; the plan says of each of them why."""
    parts = plan.get("parts")
    told = parts if isinstance(parts, list) else []
    return [str(entry[0]) for entry in told if isinstance(entry, list) and len(entry) > 3 and entry[3]]


def identity(plan: Mapping[str, Any], manifests: list[Path]) -> str:
    """SHA-256 over the plan and the manifests, which hold the hashes of the shards; not over places on this machine."""
    told = {name: value for name, value in plan.items() if name != "root"}
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for manifest in manifests:
        digest.update(hashlib.sha256(manifest.read_bytes()).digest())
    return digest.hexdigest()


def find_manifests(folder: Path) -> list[Path]:
    """The manifests of the shards that are done, in their order: a shard's manifest is written last."""
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return [folder / name for name in sorted(filter(MANIFEST.fullmatch, names), key=lambda name: (len(name), name))]
