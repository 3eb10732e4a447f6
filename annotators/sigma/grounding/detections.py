"""What both model-backed grounders share: thresholds, the prompt, and boxes fit to be segmented."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from annotators.sigma.parse import MAX_CONCEPT
from imlbench.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Boxes = NDArray[np.float32]
    """K x 4, float32: left, top, right, bottom, in pixels."""

VERSION = "1"
"""Changes whenever a map may change through this code; part of a grounder's identity."""
MIN_SIDE = 8
"""Images with a shorter side are not looked into: the detector's resized copy of them would have no rows left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """What counts as found.

    Attributes:
        box: score above which a box is kept, in [0, 1].
        text: score above which a word belongs to a box, in [0, 1]; a box without any word is dropped.
        instances: at most this many boxes, the best ones.

    Raises:
        UserError: a value is out of range.
    """

    box: float = 0.3
    text: float = 0.25
    instances: int = 32

    def __post_init__(self) -> None:
        for name, value in (("box", self.box), ("text", self.text)):
            if not (isinstance(value, int | float) and 0 <= value <= 1):
                raise UserError(f"grounding: the {name} threshold must lie in [0, 1], found {value}")
        if not 1 <= self.instances <= 1000:
            raise UserError(f"grounding: instances must lie in 1 to 1000, found {self.instances}")

    def __str__(self) -> str:
        return f"box {self.box:g} text {self.text:g} instances {self.instances}"


def prompt(concept: str) -> str:
    """The detector's prompt: lower case, one phrase, with the full stop at its end that the detector needs.

    A full stop inside would part it into several phrases. Empty where the concept has no letter or digit.
    """
    plain = concept[:MAX_CONCEPT].encode("utf-8", "replace").decode().lower().replace(".", " ")
    text = " ".join(plain.split())
    return f"{text}." if any(map(str.isalnum, text)) else ""


def has_word(label: str) -> bool:
    """Whether a box's label names something: not only a full stop or a special token."""
    return any(map(str.isalnum, label.replace("[CLS]", "").replace("[SEP]", "")))


def usable(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], shape: tuple[int, ...], thresholds: Thresholds
) -> Boxes:
    """The best boxes, inside the image.

    Args:
        boxes: K x 4, left, top, right, bottom in pixels; may reach beyond the image.
        scores: K.
        shape: the image's height and width, and more.
        thresholds: how many are kept.

    Returns:
        At most `thresholds.instances` boxes, by falling score; without those that are no numbers or less than
        a pixel wide or high.
    """
    height, width = shape[:2]
    inside = np.clip(boxes, 0, np.array([width, height, width, height], np.float32))
    large = (inside[:, 2] - inside[:, 0] >= 1) & (inside[:, 3] - inside[:, 1] >= 1)
    sound = np.flatnonzero(large & np.isfinite(boxes).all(axis=1) & np.isfinite(scores))
    best = sound[np.argsort(-scores[sound], kind="stable")][: thresholds.instances]
    return inside[best].astype(np.float32)


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 / (1 + exp(-x)), float32, without overflow; 0 where x is no number."""
    limit = math.log(np.finfo(np.float32).max)
    bounded = np.clip(np.nan_to_num(logits.astype(np.float32), nan=-limit), -limit, limit)
    values: NDArray[np.float32] = (1 / (1 + np.exp(-bounded))).astype(np.float32)
    return values


@contextmanager
def full_precision(device: str) -> Iterator[None]:
    """No gradients, and float32 even where the caller, or a library on import, turned autocast on."""
    import torch

    kind = torch.device(device).type
    with torch.inference_mode(), torch.autocast(kind, enabled=False):
        yield
