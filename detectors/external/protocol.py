"""The JSON-lines protocol between imlbench and a detector in another process, and what is believed of its answers.

One JSON object a line, in UTF-8, from here to the child's standard input:

    {"imlbench": 1, "id": "0", "image": "/tmp/…/0.jpg", "map": "/tmp/…/0.npy", "height": 480, "width": 640}

and from the child's standard output, in any order, one a request:

    {"imlbench": 1, "id": "0", "score": 0.93}
    {"imlbench": 1, "id": "0", "error": "out of memory"}

`image` is the picture's own file or, where there is none, a PNG of its pixels. Before it answers, the child writes to
`map` the probability that each pixel is manipulated: a NumPy file of a height x width array, float32 or float64 in
[0, 1] or uint8 levels. `score`, the image's probability, may be left out or null. A child that is ready says so once:

    {"imlbench": 1, "ready": true}

What else it prints is its own and is shown when it fails; requests end with the end of its standard input.
"""

from __future__ import annotations

import json
import math
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imlbench.errors import one_line

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VERSION = 1
KEY = "imlbench"
LONGEST_LINE = 1 << 16
"""Bytes; a longer line is no answer."""
HEADER = 4096
"""Bytes that a NumPy file may have beside its values."""


class LyingChildError(ValueError):
    """An answer that is not what was asked for, and how."""


@dataclass(frozen=True, slots=True)
class Request:
    """One picture that a child is asked for.

    Attributes:
        id: of the request, never used twice.
        image: path of the encoded picture.
        map: path that the child writes its map to.
        height: of the picture, upright, in pixels.
        width: of the picture.
    """

    id: str
    image: str
    map: str
    height: int
    width: int

    def line(self) -> bytes:
        """As it is sent."""
        values = {"id": self.id, "image": self.image, "map": self.map, "height": self.height, "width": self.width}
        return json.dumps({KEY: VERSION, **values}).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a child says.

    Attributes:
        id: of the request; empty = it is ready.
        score: of the image, in [0, 1], None = it has none.
        error: why it has no map; empty = it has one.
    """

    id: str
    score: float | None = None
    error: str = ""


def answer_of(line: bytes) -> Answer | None:
    """An answer from a line of the child's output; None for anything else that it prints.

    Raises:
        LyingChildError: the line is meant as an answer and is none.
    """
    if not line.lstrip().startswith(b"{") or len(line) > LONGEST_LINE:
        return None
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, dict) or KEY not in values:
        return None
    if values[KEY] != VERSION:
        raise LyingChildError(f"expected version {VERSION} of the protocol, found {one_line(repr(values[KEY]), 40)}")
    if values.get("ready") is True:
        return Answer("")
    if not isinstance(values.get("id"), str) or not values["id"]:
        raise LyingChildError(f"expected the id of a request, found {one_line(repr(values.get('id')), 60)}")
    return Answer(values["id"], score_of(values.get("score")), one_line(values.get("error") or "", 200))


def score_of(value: Any) -> float | None:
    """An image's score.

    Raises:
        LyingChildError: it is no number in [0, 1].
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not (math.isfinite(value) and 0 <= value <= 1):
        raise LyingChildError(f"expected a score in [0, 1], found {one_line(repr(value), 60)}")
    return float(value)


def read_map(request: Request) -> NDArray[np.float32] | NDArray[np.uint8]:
    """The map that a child has written: height x width, float32 in [0, 1] or uint8.

    Raises:
        LyingChildError: there is none, or it has another size, type or range.
    """
    import numpy as np

    try:
        # Not through a link: the child's folder is no way to other files.
        descriptor = os.open(request.map, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise LyingChildError(f"answered, but left no map ({error.strerror})") from error
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        largest = request.height * request.width * 8 + HEADER
        if not stat.S_ISREG(status.st_mode) or status.st_size > largest:
            raise LyingChildError(f"expected a map of at most {largest} bytes, found {status.st_size}")
        try:
            found = np.lib.format.read_array(file, allow_pickle=False, max_header_size=HEADER)
        except Exception as error:
            # A damaged file raises whatever its damage leads to.
            raise LyingChildError("expected a NumPy file of numbers as a map") from error
    return checked(found, request)


def checked(found: NDArray[Any], request: Request) -> NDArray[np.float32] | NDArray[np.uint8]:
    """A map of the right size, type and range.

    Raises:
        LyingChildError: it is not.
    """
    import numpy as np

    if found.shape != (request.height, request.width):
        size = " x ".join(map(str, found.shape)) or "a number"
        raise LyingChildError(f"expected a map of {request.height} x {request.width}, found {size}")
    if found.dtype == np.uint8:
        return np.ascontiguousarray(found)
    if found.dtype not in (np.float32, np.float64):
        raise LyingChildError(f"expected a map of float32, float64 or uint8, found {one_line(found.dtype, 40)}")
    # Written so that NaN, which is in no interval, is refused too.
    if not (found.min() >= 0 and found.max() <= 1):
        raise LyingChildError(f"expected a map in [0, 1], found {found.min():.4g} to {found.max():.4g}")
    return np.ascontiguousarray(found, np.float32)
