"""Toy detectors, and sets with authentic images and whole-image fakes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imlbench.adapters import Detection, Detector, DetectorCard, Picture
from tests.making_sets import ListDataset, memory_sample


def detector_card(name: str = "toy", **changes: Any) -> DetectorCard:
    """Card of a toy detector."""
    facts = {"title": name.title(), "version": "1", "summary": "a toy", "licence": "none", "citation": "none"}
    return DetectorCard(name=name, **{**facts, **changes})


def brightness(picture: Picture) -> Detection:
    """The green channel: every level k stands for k / 255."""
    return Detection(np.ascontiguousarray(picture.pixels[..., 1]))


class ToyDetector(Detector):
    """Says what `function` makes of a picture, and remembers the ids of every call."""

    card = detector_card()

    def __init__(self, function: Callable[[Picture], Any] = brightness, name: str = "toy", **card: Any) -> None:
        super().__init__()
        self.card = detector_card(name, **card)  # type: ignore[misc]
        self.function = function
        self.calls: list[list[str]] = []
        self.pictures: dict[str, Picture] = {}

    def detect(self, pictures: Sequence[Picture]) -> list[Any]:
        """One answer a picture."""
        self.calls.append([picture.id for picture in pictures])
        self.pictures |= {picture.id: picture for picture in pictures}
        return [self.function(picture) for picture in pictures]

    def ids(self) -> list[str]:
        """Every id that was ever asked for, sorted."""
        return sorted(name for call in self.calls for name in call)


def mixed_set(root: Path) -> ListDataset:
    """Two tampered images, two authentic ones, a whole-image fake."""
    tampered = [memory_sample(f"t{number}", number) for number in range(2)]
    authentic = [memory_sample(f"a{number}", number + 5, "authentic", original=None) for number in range(2)]
    return ListDataset(root, [*tampered, *authentic, memory_sample("w0", 9, "whole-image", original=None)])
