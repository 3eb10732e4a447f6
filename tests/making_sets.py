"""Miniature datasets in the layout of `folder`, toy annotators, and the command line run in place or as a process.

Everything is made here; no image of a real set is used.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imlbench.adapters import Annotator
from imlbench.cards import AdapterCard, DatasetCard
from imlbench.cli.main import main
from imlbench.datasets.base import Dataset
from imlbench.differencing import grey_difference
from imlbench.masks import WHITE
from imlbench.results.reading import ResultReader
from imlbench.samples import Pair, Sample, Scope
from imlbench.sources import BytesSource

REPOSITORY = Path(__file__).parents[1]
COMMAND = (sys.executable, "-c", "from imlbench.cli.main import main; main()")
SHAPE = (16, 24)
BOX = (slice(4, 10), slice(6, 18))
"""The edited region: 6 x 12 pixels."""


def photo(seed: int = 0, shape: tuple[int, int] = SHAPE) -> NDArray[np.uint8]:
    """H x W x 3 uint8 noise that stands for a photograph, no value above 150."""
    return np.random.default_rng(seed).integers(0, 150, (*shape, 3), dtype=np.uint8)


def edit(original: NDArray[np.uint8], seed: int = 0) -> NDArray[np.uint8]:
    """`original` with `BOX` made brighter by 0 to 90 and everything else by 0 to 14: a soft difference."""
    rng = np.random.default_rng(seed + 1000)
    change = rng.integers(0, 15, original.shape, dtype=np.uint8)
    change[BOX] = rng.integers(0, 91, change[BOX].shape, dtype=np.uint8)
    return original + change


def mask(shape: tuple[int, int] = SHAPE) -> NDArray[np.uint8]:
    """H x W uint8, white in `BOX`."""
    values = np.zeros(shape, np.uint8)
    values[BOX] = 255
    return values


def write_image(path: Path, pixels: NDArray[Any]) -> Path:
    """Write an image in the format of its suffix, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def png(pixels: NDArray[Any]) -> bytes:
    """An image as PNG bytes."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def write_triple(root: Path, name: str, seed: int = 0) -> None:
    """One sample of a `folder` set."""
    original = photo(seed)
    write_image(root / "original" / f"{name}.png", original)
    write_image(root / "edited" / f"{name}.png", edit(original, seed))
    write_image(root / "mask" / f"{name}.png", mask())


def make_set(root: Path, count: int = 6) -> Path:
    """A `folder` set of samples "00", "01", ..., each different."""
    for number in range(count):
        write_triple(root, f"{number:02}", number)
    return root


class CountedSource:
    """Bytes in memory that count how often they are read."""

    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        self.data = data
        self.reads = 0

    def read(self) -> bytes:
        """The bytes; one more read."""
        self.reads += 1
        return self.data

    def signature(self) -> str:
        """Changes with the length."""
        return str(len(self.data))


class ListDataset(Dataset):
    """A dataset of samples that are handed over as a list."""

    card = DatasetCard(
        name="listed",
        title="Listed",
        version="1",
        summary="samples from memory",
        licence="none",
        citation="none",
        mask_rule="white = edited",
        layout="anything",
    )

    def __init__(self, root: Path, samples: Sequence[Sample]) -> None:
        super().__init__(root)
        self.listed = list(samples)

    def __len__(self) -> int:
        return len(self.listed)

    def samples(self) -> Iterator[Sample]:
        """The list."""
        yield from self.listed


def memory_sample(name: str, seed: int = 0, scope: Scope = "local", **changes: Any) -> Sample:
    """A sample whose images lie in memory."""
    original = photo(seed)
    sample = Sample(
        id=name,
        original=CountedSource(f"{name}-original", png(original)),
        edited=CountedSource(f"{name}-edited", png(edit(original, seed))),
        mask=BytesSource(f"{name}-mask", png(mask())) if scope == "local" else None,
        mask_rule=WHITE if scope == "local" else None,
        scope=scope,
    )
    return replace(sample, **changes)


def toy_card(name: str = "toy", **changes: Any) -> AdapterCard:
    """Card of a toy annotator."""
    facts = {"title": name.title(), "version": "1", "summary": "a toy", "licence": "none", "citation": "none"}
    return AdapterCard(name=name, **{**facts, **changes})


class Toy(Annotator):
    """Returns the grey difference, or what `function` makes of a pair, and remembers the ids of every call."""

    card = toy_card()

    def __init__(
        self, name: str = "toy", function: Callable[[Pair], Any] | None = None, seed: int = 0, **card: Any
    ) -> None:
        super().__init__(seed=seed)
        self.card = toy_card(name, **card)  # type: ignore[misc]
        self.function = function or (lambda pair: pair.shared(grey_difference))
        self.calls: list[list[str]] = []

    def annotate(self, pairs: Sequence[Pair]) -> list[Any]:
        """One map a pair."""
        self.calls.append([pair.id for pair in pairs])
        return [self.function(pair) for pair in pairs]

    def ids(self) -> list[str]:
        """Every id that was ever asked for, sorted."""
        return sorted(name for call in self.calls for name in call)


Row = tuple[Any, ...]


def stored(out: Path) -> dict[tuple[str, ...], Row]:
    """What a results file says of each (adapter, perturbation, severity, sample); it must say it once."""
    statement = (
        "SELECT adapter, perturbation, coalesce(severity, ''), counts.sample_id, status, reason, tp, fp, fn, tn, "
        "histogram, content FROM counts JOIN runs USING (run_id) JOIN samples USING (sample_key)"
    )
    with ResultReader(out) as reader:
        rows = list(reader.query(statement))
    found = {tuple(map(str, row[:4])): row[4:] for row in rows}
    assert len(found) == len(rows)
    return found


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    def complaint(self) -> str:
        """The one line on standard error of a command that was refused."""
        assert self.code == 2, self
        assert self.err.count("\n") == 1, self.err
        assert self.err.startswith("imlbench: "), self.err
        assert "Traceback" not in self.err
        return self.err


def imlbench(*arguments: object) -> Done:
    """Run the command in this process; an error that it does not turn into a line fails the test."""
    out, err = io.StringIO(), io.StringIO()
    with (
        patch.object(sys, "argv", ["imlbench", *map(str, arguments)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        code: int | str | None = 0
        try:
            main()
        except SystemExit as leaving:
            code = leaving.code
    return Done(code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())


def annotate_eval(root: Path, out: Path, *arguments: object, annotator: str = "pixdiff-10") -> Done:
    """`imlbench annotate-eval` on a `folder` set."""
    chosen = ("--dataset", "folder", "--data-root", root, "--annotator", annotator, "--out", out, "--workers", 2)
    return imlbench("annotate-eval", *chosen, *arguments)


def start(
    *arguments: object,
    environment: Mapping[str, str] | None = None,
    code: Sequence[str] = COMMAND,
    paths: Sequence[Path] = (),
    **options: Any,
) -> subprocess.Popen[str]:
    """Start the command as a process of its own, with more folders to import from."""
    path = os.pathsep.join(map(str, [*paths, REPOSITORY]))
    variables = {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1", "HF_HUB_OFFLINE": "1"}
    return subprocess.Popen(
        [*code, *map(str, arguments)],
        env={**os.environ, **variables, **(environment or {})},
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options},
    )


def finish(process: subprocess.Popen[str], seconds: float = 300) -> Done:
    """Wait for a process."""
    out, err = process.communicate(timeout=seconds)
    return Done(process.returncode, out, err)


def write_package(folder: Path, name: str, module: str, entries: Mapping[str, str], group: str = "annotators") -> Path:
    """A third party's package as an installer leaves it: a module and its metadata."""
    (folder / f"{name}.py").parent.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.py").write_text(module, encoding="utf-8")
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    lines = [f"[imlbench.{group}]", *(f"{entry} = {target}" for entry, target in entries.items())]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
