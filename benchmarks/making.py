"""Pairs for the benchmarks: crops of photographs that scikit-image and scikit-learn ship, edited inside a disk."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from imlbench.demo.photos import PHOTOGRAPHS, decode_file


def jpeg(pixels: np.ndarray) -> bytes:
    """JPEG bytes at quality 95, the default of OpenCV."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def make_pairs(root: Path, distinct: int, total: int, side: int) -> None:
    """Write a "folder" dataset of `total` pairs of side x side; only `distinct` differ, the others are hard links.

    Args:
        root: a new folder.
        distinct: number of different pairs.
        total: number of pairs in the set.
        side: of the square images, in pixels.
    """
    folders = {name: root / name for name in ("original", "edited", "mask")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    photographs = [decode_file(photograph.package, photograph.path) for photograph in PHOTOGRAPHS.values()]
    generator = np.random.default_rng(0)
    for index in range(distinct):
        original, edited, mask = make_pair(photographs[index % len(photographs)], side, generator)
        (folders["original"] / f"{index:06}.jpg").write_bytes(jpeg(original))
        (folders["edited"] / f"{index:06}.jpg").write_bytes(jpeg(edited))
        Image.fromarray(mask).save(folders["mask"] / f"{index:06}.png")
    for index in range(distinct, total):
        for name, suffix in (("original", "jpg"), ("edited", "jpg"), ("mask", "png")):
            source = folders[name] / f"{index % distinct:06}.{suffix}"
            (folders[name] / f"{index:06}.{suffix}").hardlink_to(source)


def make_corpus(root: Path, distinct: int, total: int, side: int, rows_per_file: int = 500) -> None:
    """Write a "parquet" corpus of `total` pairs of side x side in row groups of 50; only `distinct` of them differ.

    Args:
        root: a new folder.
        distinct: number of different pairs.
        total: number of pairs in the corpus.
        side: of the square images, in pixels.
        rows_per_file: pairs of a Parquet file.
    """
    root.mkdir(parents=True)
    photographs = [decode_file(photograph.package, photograph.path) for photograph in PHOTOGRAPHS.values()]
    generator = np.random.default_rng(0)
    pairs = [make_pair(photographs[index % len(photographs)], side, generator)[:2] for index in range(distinct)]
    coded = [(jpeg(original), jpeg(edited)) for original, edited in pairs]
    for start in range(0, total, rows_per_file):
        rows = [coded[index % distinct] for index in range(start, min(start + rows_per_file, total))]
        columns = {
            "original": [original for original, _ in rows],
            "edited": [edited for _, edited in rows],
            "instruction": ["invert the disk"] * len(rows),
        }
        pq.write_table(pa.table(columns), root / f"{start // rows_per_file:05}.parquet", row_group_size=50)


def make_pair(
    photograph: np.ndarray, side: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A crop at its own resolution, mirrored where the photograph is smaller; with an inverted disk; the disk."""
    height, width = photograph.shape[:2]
    wide = np.pad(photograph, [(0, max(0, side - height)), (0, max(0, side - width)), (0, 0)], mode="symmetric")
    top = int(generator.integers(0, wide.shape[0] - side + 1))
    left = int(generator.integers(0, wide.shape[1] - side + 1))
    original = np.ascontiguousarray(wide[top : top + side, left : left + side])
    mask = np.zeros((side, side), np.uint8)
    centre = [int(value) for value in generator.integers(side // 5, side * 4 // 5, 2)]
    cv2.circle(mask, centre, int(generator.integers(side // 16, side // 4)), 255, -1)
    edited = np.where(mask[:, :, np.newaxis] > 0, 255 - original, original)
    return original, edited, mask
