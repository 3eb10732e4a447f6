"""Surfaces computed from noise and lines: a name and an H x W x 3 picture in two colours."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import cv2
import numpy as np

from imlbench.synthesis.words import colour_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Field = NDArray[np.float32]


def noise(shape: tuple[int, int], generator: np.random.Generator, cells: float, stretch: float = 1.0) -> Field:
    """Smooth noise in [0, 1] with about `cells` cells across, `stretch` times fewer down; four octaves."""
    height, width = shape
    total = np.zeros(shape, np.float32)
    for octave in range(4):
        across = int(max(2, min(width, cells * 2**octave)))
        down = int(max(2, min(height, cells * 2**octave * height / width / stretch)))
        grid = generator.random((down, across), dtype=np.float32)
        total += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) / 2**octave
    low, high = float(total.min()), float(total.max())
    scaled: Field = (total - low) / max(high - low, 1e-6)
    return scaled


def grid(shape: tuple[int, int], generator: np.random.Generator) -> tuple[Field, Field]:
    """Turned coordinates, in periods of a random length of 2 to 12 % of the longer side."""
    period = max(shape) * generator.uniform(0.02, 0.12)
    angle = generator.choice([0.0, math.pi / 4, generator.uniform(0, math.pi)])
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32) / np.float32(period)
    cosine, sine = np.float32(math.cos(angle)), np.float32(math.sin(angle))
    return cosine * x + sine * y, cosine * y - sine * x


def wood(shape: tuple[int, int], generator: np.random.Generator) -> Field:
    """Fibres along one direction, with rings."""
    fibres = noise(shape, generator, 40, stretch=12)
    rings = np.sin(2 * math.pi * (noise(shape, generator, 4, stretch=3) * generator.uniform(3, 8) + fibres * 0.3))
    field = (0.6 * fibres + 0.4 * (0.5 + 0.5 * rings)).astype(np.float32)
    return field if generator.random() < 0.5 else cv2.resize(np.ascontiguousarray(field.T), shape[::-1])  # type: ignore[return-value]


def marble(shape: tuple[int, int], generator: np.random.Generator) -> Field:
    """Veins where turbulent noise crosses its middle."""
    field = np.abs(noise(shape, generator, generator.uniform(3, 8)) - 0.5) * 2
    veins: Field = np.sqrt(field).astype(np.float32)
    return veins


def stone(shape: tuple[int, int], generator: np.random.Generator) -> Field:
    """Rough noise."""
    return noise(shape, generator, generator.uniform(12, 40))


def stripes(shape: tuple[int, int], generator: np.random.Generator) -> Field:
    """Soft or hard bands."""
    wave = np.sin(2 * math.pi * grid(shape, generator)[0]) * generator.uniform(1, 12)
    bands: Field = (1 / (1 + np.exp(-wave))).astype(np.float32)
    return bands


def checks(shape: tuple[int, int], generator: np.random.Generator) -> Field:
    """A chessboard."""
    x, y = grid(shape, generator)
    return ((np.floor(x) + np.floor(y)) % 2).astype(np.float32)


def dots(shape: tuple[int, int], generator: np.random.Generator) -> Field:
    """Discs on a lattice."""
    x, y = grid(shape, generator)
    distance = np.hypot(x % 1 - 0.5, y % 1 - 0.5)
    discs: Field = (distance < generator.uniform(0.2, 0.4)).astype(np.float32)
    return discs


def bricks(shape: tuple[int, int], generator: np.random.Generator) -> Field:
    """Courses of bricks with light joints; each brick has a tone of its own."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32) / np.float32(max(shape) * generator.uniform(0.04, 0.12))
    y *= 2
    row = np.floor(y)
    x += 0.5 * (row % 2)
    tone = ((np.floor(x) * 12.9898 + row * 78.233) % 1.37) / 1.37 * 0.5
    joint = ((x % 1) < 0.06) | ((y % 1) < 0.12)
    return np.where(joint, 1.0, tone * 0.7 + 0.2 * noise(shape, generator, 60)).astype(np.float32)


def fabric(shape: tuple[int, int], generator: np.random.Generator) -> Field:
    """A fine weave."""
    x, y = (axis * np.float32(generator.uniform(4, 8)) for axis in grid(shape, generator))
    weave = np.sin(2 * math.pi * x) * np.sin(2 * math.pi * y) * 0.35 + 0.5
    woven: Field = (weave + 0.3 * (noise(shape, generator, 30) - 0.5)).astype(np.float32)
    return woven


TEXTURES: dict[str, Callable[[tuple[int, int], np.random.Generator], Field]] = {
    "wood": wood,
    "marble": marble,
    "stone": stone,
    "stripes": stripes,
    "a checked pattern": checks,
    "polka dots": dots,
    "bricks": bricks,
    "fabric": fabric,
}
HUE_RANGES = {"wood": (18, 40), "bricks": (5, 25)}
"""Hues in degrees of surfaces that have a colour of their own."""


def draw_texture(shape: tuple[int, int], generator: np.random.Generator) -> tuple[str, NDArray[np.float32]]:
    """A surface's name and its picture, H x W x 3 float32, 0-255."""
    name = tuple(TEXTURES)[generator.integers(len(TEXTURES))]
    field = np.clip(TEXTURES[name](shape, generator), 0, 1)[:, :, None]
    hue = generator.uniform(*HUE_RANGES.get(name, (0, 360)))
    dull = name in ("marble", "stone")
    saturation = generator.uniform(0, 0.25) if dull else generator.uniform(0.15, 0.8)
    first = np.array(colour_of(hue, saturation, generator.uniform(0.2, 0.6)), np.float32)
    second = np.array(
        colour_of(hue + generator.normal(0, 20), saturation * 0.6, generator.uniform(0.65, 1.0)), np.float32
    )
    return name, first * (1 - field) + second * field
