"""Zero edits: the share of the pixels that an annotator marks where nothing was edited.

    python -m benchmarks.zero_edits FOLDER [--annotator NAME] [--limit N]

FOLDER holds photographs. Each is compared with its own round trip through TAEF2 and with itself as JPEG of quality 70.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imlbench.images import decode_image
from imlbench.jobs import annotator_handles
from imlbench.perturb import keyed_generator
from imlbench.registry import resolve
from imlbench.samples import Pair

if TYPE_CHECKING:
    from imlbench.samples import Image

ENCODINGS = {"vae-taef2": 1.0, "jpeg": 70.0}
"""Perturbation and severity."""
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}


def photographs(folder: Path, limit: int) -> list[Path]:
    """At most so many, spread evenly over the sorted list."""
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    return [found[place] for place in np.linspace(0, len(found) - 1, min(limit, len(found))).round().astype(int)]


def marked(annotator: Any, threshold: float, original: Image, edited: Image) -> float:
    """Share of the pixels marked."""
    scores = annotator.annotate([Pair("photograph", original, edited)])[0]
    return float(np.mean(scores >= threshold))


def main() -> None:
    """Print a line an encoding."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--annotator", default="sigma-lite")
    parser.add_argument("--limit", type=int, default=60)
    arguments = parser.parse_args()
    (handle,) = annotator_handles([arguments.annotator], "cpu", 0)
    paths = photographs(arguments.folder, arguments.limit)
    for name, severity in ENCODINGS.items():
        perturbation = resolve("perturbations", name).load()()
        shares = []
        for path in paths:
            original = decode_image(path.read_bytes(), path.name).pixels
            edited = perturbation.apply(original, severity, keyed_generator(path.name, severity))
            shares.append(marked(handle.get(), handle.card.threshold, original, edited))
        print(
            f"{name} {severity:g}: {100 * np.mean(shares):.4f} % marked on average, "
            f"{100 * np.max(shares):.2f} % at most, {len(shares)} photographs"
        )


if __name__ == "__main__":
    main()
