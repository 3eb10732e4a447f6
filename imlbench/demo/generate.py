"""Writing the demo set: images, masks, `samples.json` and a README, into a folder that appears whole or not at all."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import shutil
import uuid
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from imlbench.datasets.demo import GENERATOR, INDEX, VERSION
from imlbench.demo.encoding import draw_encoding, reencode
from imlbench.demo.photos import PHOTOGRAPHS, load_photograph, source_hash
from imlbench.demo.plan import PLAN
from imlbench.demo.readme import readme
from imlbench.errors import UserError
from imlbench.images import encode_png

if TYPE_CHECKING:
    from imlbench.demo.steps import Edit
    from imlbench.samples import Image

SEED = 20260
"""Seed of the set; each re-encoding has a seed of its own, made from this one and the sample's id."""

LIBRARIES = ("numpy", "pillow", "scikit-image", "scikit-learn")


def generate(root: str | Path, photos: Iterable[str] | None = None) -> None:
    """Make the demo set at `root`.

    The same library versions give the same bytes.

    Args:
        root: a folder that does not exist or is empty; its parents are made.
        photos: names of the photographs to take; all of them, in the plan's order, where None.

    Raises:
        UserError: a library is missing, a photograph is unknown, the folder cannot be written or is not empty.
    """
    names = list(PLAN) if photos is None else list(dict.fromkeys(photos))
    # Read before anything is written: what is missing must leave no trace on the disk.
    photographs = {name: load_photograph(name) for name in names}
    target = Path(root).resolve()
    try:
        with temporary_sibling(target) as folder:
            write_set(folder, photographs)
            move_into_place(folder, target)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UserError(f"demo: the set cannot be written to {target}: {reason}; name another folder") from None


@contextlib.contextmanager
def temporary_sibling(target: Path) -> Iterator[Path]:
    """A new folder beside `target`, on the same file system; removed in the end if it is still there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = target.parent / f".{target.name[:80]}.{uuid.uuid4().hex}"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def move_into_place(folder: Path, target: Path) -> None:
    """Rename `folder` to `target`; an empty folder may be in the way, anything else is left alone.

    Raises:
        OSError: the target holds something.
    """
    if target.is_dir():
        # Fails unless empty. Two processes that make the set at once: the later one fails here or below.
        target.rmdir()
    folder.rename(target)


def write_set(folder: Path, photographs: dict[str, Image]) -> None:
    """Write the files of these photographs; the index comes last."""
    for name in ("original", "edited", "mask"):
        (folder / name).mkdir()
    samples: list[dict[str, Any]] = []
    for name, photograph in photographs.items():
        (folder / "original" / f"{name}.png").write_bytes(encode_png(photograph))
        for edit in PLAN[name]:
            samples += write_edit(folder, name, photograph, edit)
    facts = [
        {"name": name, "credit": PHOTOGRAPHS[name].credit, "file": PHOTOGRAPHS[name].path, "sha256": source_hash(name)}
        for name in photographs
    ]
    (folder / "README.txt").write_text(readme(photographs, len(samples)), encoding="utf-8")
    index = {
        "generator": {"name": GENERATOR, "version": VERSION},
        "seed": SEED,
        "libraries": library_versions(),
        "photographs": facts,
        "samples": samples,
    }
    (folder / INDEX).write_text(json.dumps(index, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_edit(folder: Path, photo: str, photograph: Image, edit: Edit) -> Iterator[dict[str, Any]]:
    """Write one edit's mask and both of its encodings, and yield their entries of the index."""
    edited, mask = edit.apply(photograph)
    name = f"{photo}-{edit.edit_type}"
    (folder / "mask" / f"{name}.png").write_bytes(encode_png(mask.astype(np.uint8) * 255))
    for encoding in ("composited", "reencoded"):
        sample_id = f"{name}-{encoding}"
        seed = SEED ^ zlib.crc32(sample_id.encode())
        entry: dict[str, Any] = {
            "id": sample_id,
            "original": f"original/{photo}.png",
            "edited": f"edited/{sample_id}.png",
            "mask": f"mask/{name}.png",
            "instruction": edit.instruction,
            "tags": {"edit_type": edit.edit_type, "encoding": encoding, "photo": photo},
        }
        if encoding == "composited":
            data = encode_png(edited)
        else:
            drawn = draw_encoding(seed)
            data = reencode(edited, drawn)
            entry |= {"edited": f"edited/{sample_id}.jpg", "seed": seed, "reencoding": drawn.facts()}
        (folder / entry["edited"]).write_bytes(data)
        yield entry


def library_versions() -> dict[str, str]:
    """Versions of the libraries that decide on the bytes of the set."""
    versions = {"opencv": cv2.__version__}
    for name in LIBRARIES:
        # A source tree on the path has no metadata; that is no reason to make no set.
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions
