"""Instance polygons in YOLO's text format: a line is a class and normalised x y pairs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from imlbench.errors import SampleError
from imlbench.sources import FileSource

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.samples import Mask

MAX_LINES = 1000
MAX_POINTS = 20000

_LISTED = (
    "person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,stop sign,"
    "parking meter,bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,backpack,umbrella,handbag,tie,"
    "suitcase,frisbee,skis,snowboard,sports ball,kite,baseball bat,baseball glove,skateboard,surfboard,"
    "tennis racket,bottle,wine glass,cup,fork,knife,spoon,bowl,banana,apple,sandwich,orange,broccoli,carrot,"
    "hot dog,pizza,donut,cake,chair,couch,potted plant,bed,dining table,toilet,tv,laptop,mouse,remote,keyboard,"
    "cell phone,microwave,oven,toaster,sink,refrigerator,book,clock,vase,scissors,teddy bear,hair drier,"
    "toothbrush"
)
COCO_NAMES = tuple(_LISTED.split(","))
"""The 80 classes of COCO in the order of their numbers."""


@dataclass(frozen=True, slots=True, eq=False)
class Polygon:
    """An instance's outline.

    Attributes:
        name: of its class, lower case.
        points: n x 2 float64, x and y in [0, 1] of the photograph's width and height.
    """

    name: str
    points: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """An object that is seen in an image: its class and its H x W bool mask."""

    name: str
    mask: Mask


def read_polygons(root: str, name: str) -> tuple[list[Polygon], list[str]]:
    """The instances of a label file; lines that are not polygons are named and passed over.

    Returns:
        The polygons, and a line of text for each defect.
    """
    try:
        lines = FileSource(root, name).read().decode("ascii").splitlines()[:MAX_LINES]
    except (SampleError, UnicodeDecodeError) as error:
        return [], [f"{name}: {getattr(error, 'message', 'not a text of numbers')}"]
    found: list[Polygon] = []
    problems: list[str] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        polygon = parse_polygon(line)
        if polygon is None:
            problems.append(f"{name}, line {number}: expected a class from 0 to 79 and at least three x y pairs in 0-1")
        else:
            found.append(polygon)
    return found, problems


def parse_polygon(line: str) -> Polygon | None:
    """A line's polygon, None where it is none; boxes (class and four numbers) are none either."""
    words = line.split()
    try:
        values = [float(word) for word in words[1 : 2 * MAX_POINTS]]
        number = int(words[0])
    except ValueError:
        return None
    if not 0 <= number < len(COCO_NAMES) or len(values) < 6 or len(values) % 2:
        return None
    if not all(math.isfinite(value) and -0.01 <= value <= 1.01 for value in values):
        return None
    return Polygon(COCO_NAMES[number], np.array(values).reshape(-1, 2))


def rasterised(polygon: Polygon, matrix: NDArray[np.float64], size: tuple[int, int]) -> Mask:
    """H x W bool mask of a polygon.

    Args:
        polygon: in normalised coordinates.
        matrix: 2 x 3, from normalised coordinates to pixels.
        size: height and width.
    """
    points = polygon.points @ matrix[:, :2].T + matrix[:, 2]
    canvas = np.zeros(size, np.uint8)
    cv2.fillPoly(canvas, [np.round(points * 16).astype(np.int32)], (1,), shift=4)
    return canvas.astype(np.bool_)
