"""Tiny corpora, annotators that misbehave, and what a finished folder holds. No image of a real set is used."""

from __future__ import annotations

import io
import json
import os
import signal
import time
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
from PIL import Image

from annotators.pixdiff import PixDiffMorph
from imlbench.adapters import Annotator
from imlbench.annotating.driver import annotate_corpus
from imlbench.annotating.engine import Crew, Outcome
from imlbench.annotating.local_engine import LocalEngine
from imlbench.annotating.manifest import finished
from imlbench.annotating.plan import Options, make_plan
from imlbench.annotating.shard_work import annotate_task
from imlbench.annotating.tools import build_tools
from imlbench.cards import AdapterCard
from imlbench.corpora.base import Corpus, CorpusCard, CorpusPair, Part
from imlbench.errors import UserError
from imlbench.sources import BytesSource, FileSource

SIDE = 48
POISON = (255, 0, 255)
"""Colour of the upper left pixel of an edited image that kills."""


def encoded(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def photograph(seed: int, side: int = SIDE) -> np.ndarray:
    """Smooth noise with edges all over."""
    noise = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 1.5), None, 0, 200, cv2.NORM_MINMAX)


def edit(pixels: np.ndarray, seed: int = 0) -> np.ndarray:
    """The photograph with a square of it inverted."""
    side = pixels.shape[0] // 3
    top, left = np.random.default_rng(seed).integers(4, pixels.shape[0] - side - 4, 2)
    edited = pixels.copy()
    edited[top : top + side, left : left + side] = 255 - edited[top : top + side, left : left + side] // 2
    return edited


def poisoned(pixels: np.ndarray) -> np.ndarray:
    edited = pixels.copy()
    edited[0, 0] = POISON
    return edited


class Toy(Corpus):
    """Each folder below the root is a part; `a.original.png` and `a.edited.png` are a pair, `a.json` says the rest.

    The variant "tar" has parts of unknown length; the variant "trap" kills whoever reads the pair "trap".
    """

    card = CorpusCard(
        name="toy",
        title="Toy",
        version="1",
        summary="for tests",
        licence="none",
        citation="none",
        layout="folders of pairs",
        variants=("tar", "trap"),
    )

    def parts(self) -> list[Part]:
        names = sorted(path.name for path in Path(self.root).iterdir())
        rows = [None if self.variant == "tar" else len(self._stems(name)) for name in names]
        return [Part(name, count, "signature") for name, count in zip(names, rows, strict=True)]

    def _stems(self, part):
        return sorted(path.name.split(".")[0] for path in Path(self.root, part).glob("*.edited.png"))

    def pairs(self, part, start=0, stop=None):
        for row, stem in list(enumerate(self._stems(part.name)))[start:stop]:
            if stem == "trap" and self.variant == "trap":
                os.kill(os.getpid(), signal.SIGKILL)
            yield self._pair(part.name, row, stem)

    def _pair(self, part, row, stem):
        said = Path(self.root, part, f"{stem}.json")
        facts = json.loads(said.read_text()) if said.exists() else {}
        original, edited = (FileSource(self.root, f"{part}/{stem}.{side}.png") for side in ("original", "edited"))
        return CorpusPair(
            f"{part}#{row}",
            facts.get("source_id", stem),
            facts.get("source_type", "remove"),
            facts.get("edit_type", "removal"),
            facts.get("instruction", "remove the red boat"),
            original,
            edited,
        )


def write_pair(folder: Path, stem: str, original: np.ndarray, edited: np.ndarray | bytes, **facts) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{stem}.original.png").write_bytes(encoded(original))
    (folder / f"{stem}.edited.png").write_bytes(edited if isinstance(edited, bytes) else encoded(edited))
    if facts:
        (folder / f"{stem}.json").write_text(json.dumps(facts))


def make_corpus(root: Path, parts: int = 2, rows: int = 6, **facts) -> Path:
    """Parts of good pairs; facts are those of each pair."""
    for part in range(parts):
        for row in range(rows):
            seed = 100 * part + row
            original = photograph(seed)
            write_pair(root / f"part{part}", f"{row:03}", original, edit(original, seed), **facts)
    return root


def plan_of(root: Path, annotator="pixdiff-morph", second=None, variant="", batch_size=2, **options):
    return make_plan(Toy(root, variant), annotator, Options(**{"shard_size": 4, **options}), second, batch_size)


def annotate(root: Path, out: Path, annotator="pixdiff-morph", workers=1, retry_failed=False, progress=None, **options):
    plan = plan_of(root, annotator, **options)
    return annotate_corpus(plan, out, LocalEngine(Crew(workers)), retry_failed, progress)


def content(out: Path) -> dict[str, bytes]:
    """Every file of an annotation that must not differ between two ways to the same end."""
    files = [path for path in sorted(out.rglob("*")) if path.is_file()]
    passing = ("lock", "summary.json")
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in files
        if path.name not in passing and not path.name.endswith(".timing.json")
    }


def rows_of(out: Path) -> list[dict]:
    """All rows in order."""
    return [row for path in sorted((out / "shards").glob("*.parquet")) for row in pq.read_table(path).to_pylist()]


def card(name: str, **facts) -> AdapterCard:
    return AdapterCard(
        name=name, title=name, version="1", summary="for tests", licence="none", citation="none", **facts
    )


class Killer(PixDiffMorph):
    """Dies of a poisoned pair; a file named by the environment makes it well."""

    card = card("killer", batched=True)

    def annotate(self, pairs):
        cured = os.environ.get("TEST_CURE", "")
        for pair in pairs:
            if tuple(pair.edited[0, 0]) == POISON and not os.path.exists(cured):
                os.kill(os.getpid(), signal.SIGKILL)
        return super().annotate(pairs)


class Once(PixDiffMorph):
    """The first process that comes dies, the others are well."""

    card = card("once")

    def annotate(self, pairs):
        try:
            os.close(os.open(os.environ["TEST_MARK"], os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return super().annotate(pairs)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


class Slow(PixDiffMorph):
    """Takes its time, and for ever where the environment says after how many shards of which folder."""

    card = card("slow")

    def annotate(self, pairs):
        time.sleep(float(os.environ.get("TEST_NAP", "0.05")))
        out, _, shards = os.environ.get("TEST_HOLD", "").rpartition(":")
        while out and len(manifests(Path(out))) >= int(shards):
            time.sleep(0.05)
        return super().annotate(pairs)


def manifests(out: Path) -> list[str]:
    """Manifests of the shards that are done."""
    folder = out / "shards"
    names = os.listdir(folder) if folder.is_dir() else []
    return [name for name in names if name.count(".") == 1 and name.endswith("json")]


class Moody(PixDiffMorph):
    """Fails on poisoned pairs, unless a file named by the environment is there."""

    card = card("moody")

    def annotate(self, pairs):
        if any(tuple(pair.edited[0, 0]) == POISON for pair in pairs) and not os.path.exists(os.environ["TEST_CURE"]):
            raise RuntimeError(f"not today, {object()}")
        return super().annotate(pairs)


class Soft(Annotator):
    """Scores by the difference, so that batches of pairs matter if anything mixes them up."""

    card = card("soft", batched=True, threshold=0.3)

    def annotate(self, pairs):
        from imlbench.differencing import largest_channel_difference

        differences = [pair.shared(largest_channel_difference).astype(np.uint16) for pair in pairs]
        return [np.minimum(difference * 8, 255).astype(np.uint8) for difference in differences]


class Unbuildable(PixDiffMorph):
    """Dies while it is built."""

    card = card("unbuildable")

    def __init__(self, device="cpu", seed=0):
        os.kill(os.getpid(), signal.SIGKILL)


class BytesCorpus(Toy):
    """One pair that is given as it is."""

    def __init__(self, root, before: bytes, after: bytes, **facts):
        super().__init__(root)
        self.facts = CorpusPair(
            **{
                "id": "p#0",
                "source_id": "",
                "source_type": "",
                "edit_type": "removal",
                "instruction": None,
                "original": BytesSource("o", before),
                "edited": BytesSource("e", after),
                **facts,
            }
        )

    def parts(self):
        return [Part("p", 1, "")]

    def pairs(self, part, start=0, stop=None):
        return iter([self.facts][start:stop])


class Here:
    """An engine without processes; `stop_after` outcomes somebody presses Ctrl-C."""

    def __init__(self, stop_after: int | None = None, backwards: bool = False) -> None:
        self.left, self.backwards = stop_after, backwards
        self.given = []

    def run(self, plan, tasks, news):
        tools = build_tools(plan)
        self.given = list(tasks)
        for task in reversed(tasks) if self.backwards else tasks:
            if self.left == 0:
                raise KeyboardInterrupt
            try:
                piece = annotate_task(plan, task, tools, news)
            except UserError as error:
                yield Outcome(task, None, str(error))
                continue
            self.left = None if self.left is None else self.left - 1
            whole = task.rows is None
            yield Outcome(task, finished(plan, task.shard, piece.table, piece.seconds) if whole else piece)


def annotate_here(root: Path, out: Path, annotator="pixdiff-morph", engine=None, retry_failed=False, **options):
    return annotate_corpus(plan_of(root, annotator, **options), out, engine or Here(), retry_failed)
