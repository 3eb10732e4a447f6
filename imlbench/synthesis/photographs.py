"""The photographs of a set: found by name, each looked at once, those that cannot serve named with the reason."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from imlbench.datasets.files import printable, walk, without_suffix
from imlbench.errors import Reason, SampleError, UserError, one_line
from imlbench.images import decode_image
from imlbench.sources import FileSource
from imlbench.synthesis.polygons import read_polygons

if TYPE_CHECKING:
    from imlbench.samples import Image

SMALLEST_SIDE = 64
"""Pixels; nothing can be edited in less."""
HASH_SIDE = 16


@dataclass(frozen=True, slots=True)
class Photograph:
    """A photograph's file.

    Attributes:
        name: in the set: the folder's name, "/", the path below it.
        root: the folder's absolute path.
        path: relative to the root.
        label_root: absolute path of the folder of polygons; empty where the photograph has none.
        label: its label file, relative to `label_root`.
    """

    name: str
    root: str
    path: str
    label_root: str = ""
    label: str = ""

    def read(self) -> bytes:
        """The file's bytes; SampleError where they cannot be had."""
        return FileSource(self.root, self.path).read()


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at a photograph found.

    Attributes:
        sha256: of the file; empty where it could not be read.
        hash: perceptual hash of the whole and of its middle square, hexadecimal; empty where it has no detail.
        reason: why it cannot serve; empty where it can.
        message: the same in words.
        label_problems: lines of its label file that are no polygons, in words.
    """

    sha256: str = ""
    hash: tuple[str, ...] = ()
    reason: str = ""
    message: str = ""
    label_problems: tuple[str, ...] = ()

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Look:
        """What `facts` wrote."""
        lists = {name: tuple(facts[name]) for name in ("hash", "label_problems")}
        return cls(facts["sha256"], lists["hash"], facts["reason"], facts["message"], lists["label_problems"])

    def facts(self) -> dict[str, Any]:
        """As JSON writes it."""
        return json.loads(json.dumps(dataclasses.asdict(self)))  # type: ignore[no-any-return]


def find_photographs(folders: Sequence[Path], polygons: Path | None) -> list[Photograph]:
    """The photographs below some folders, in the order of the folders and of their names.

    Raises:
        UserError: a folder is missing, holds no image file, or lies in another one.
    """
    roots = [checked_folder(folder, "--photos") for folder in folders]
    for index, root in enumerate(roots):
        for other in roots[:index]:
            if os.path.commonpath((root, other)) in (root, other):
                raise UserError(f"--photos: {root} and {other} hold the same files; give one of them")
    labels = find_labels(checked_folder(polygons, "--polygons")) if polygons else {}
    label_root = os.path.realpath(polygons) if polygons else ""
    found: list[Photograph] = []
    for root, prefix in zip(roots, prefixes(roots), strict=True):
        paths = list(walk(root))
        if not paths:
            raise UserError(f"--photos: {root}: no image file in it")
        for path in paths:
            label = label_of(path, labels)
            found.append(Photograph(f"{prefix}/{printable(path)}", root, path, label_root if label else "", label))
    return found


def checked_folder(folder: Path, option: str) -> str:
    """Absolute path of a folder, links resolved; UserError where there is none."""
    if not os.path.isdir(folder):
        raise UserError(f"{option}: no such folder: {one_line(str(folder), 200)}")
    return os.path.realpath(folder)


def prefixes(roots: Sequence[str]) -> list[str]:
    """A name for each root: its last part, with a number where two agree."""
    taken: dict[str, int] = {}
    names = []
    for root in roots:
        name = printable(os.path.basename(root)) or "photos"
        taken[name] = taken.get(name, 0) + 1
        names.append(name if taken[name] == 1 else f"{name}-{taken[name]}")
    return names


def find_labels(root: str) -> dict[str, str]:
    """Label files below a folder: path without suffix -> path."""
    return {without_suffix(path): path for path in walk(root, suffixes=(".txt",))}


def label_of(path: str, labels: Mapping[str, str]) -> str:
    """A photograph's label file: at the same place below its folder, or below "images/"; empty where there is none."""
    key = without_suffix(path)
    return labels.get(key) or labels.get(key.removeprefix("images/"), "")


def look_at(photograph: Photograph) -> Look:
    """Read and decode a photograph once: its hashes, or why it cannot serve."""
    try:
        data = photograph.read()
        image = decode_image(data, photograph.name).pixels
    except SampleError as error:
        return Look(reason=error.reason, message=error.message)
    height, width = image.shape[:2]
    if min(height, width) < SMALLEST_SIDE:
        message = f"{photograph.name}: {width} x {height}: at least {SMALLEST_SIDE} pixels a side are needed"
        return Look(reason="too-small", message=message)
    problems = read_polygons(photograph.label_root, photograph.label)[1] if photograph.label else []
    return Look(hashlib.sha256(data).hexdigest(), perceptual_hashes(image), label_problems=tuple(problems))


def perceptual_hashes(image: Image) -> tuple[str, ...]:
    """Hashes of the whole image and, where it is not square, of its middle square."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    views = [image] if height == width else [image, image[top : top + side, left : left + side]]
    return tuple(text for text in map(difference_hash, views) if text)


def difference_hash(image: Image) -> str:
    """256 bits: whether brightness rises from each of 16 x 16 cells to the one at its right; hexadecimal.

    Empty for an image without detail, of which noise alone would decide the bits.
    """
    luma = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY)
    small = cv2.resize(luma, (HASH_SIDE + 1, HASH_SIDE), interpolation=cv2.INTER_AREA).astype(np.int16)
    rises = np.diff(small, axis=1)
    if (np.abs(rises) >= 2).mean() < 0.25:
        return ""
    return np.packbits(rises > 0).tobytes().hex()


def usable(photographs: Sequence[Photograph], looks: Sequence[Look]) -> tuple[list[int], dict[str, Look]]:
    """Indices of the photographs that can serve, and the looks at all others by name; copies serve once."""
    seen: dict[str, str] = {}
    kept: list[int] = []
    skipped: dict[str, Look] = {}
    for index, (photograph, look) in enumerate(zip(photographs, looks, strict=True)):
        if look.reason:
            skipped[photograph.name] = look
        elif look.sha256 in seen:
            message = f"{photograph.name}: the same file as {seen[look.sha256]}"
            skipped[photograph.name] = Look(look.sha256, reason=Reason.DOUBLE_MATCH, message=message)
        else:
            seen[look.sha256] = photograph.name
            kept.append(index)
    return kept, skipped
