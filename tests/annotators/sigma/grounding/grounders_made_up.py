"""Grounders and parsers whose answers a test knows, and that count how often they are asked."""

import numpy as np

from annotators.sigma.grounding.contract import no_maps
from annotators.sigma.grounding.explaining import Explaining
from annotators.sigma.parse import Parse
from annotators.sigma.rules import parse_instruction


def photo(seed=0, height=40, width=60):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


class Boxes(Explaining):
    """Finds in any image, for each concept it knows, boxes given as fractions: top, bottom, left, right, value."""

    def __init__(self, known=None, *, device="cpu", identity="boxes 1"):
        self.device = device
        self.known = known or {}
        self.name = identity
        self.asked = []

    @property
    def identity(self):
        return self.name

    def maps(self, image, concept):
        self.asked.append(concept)
        height, width = image.shape[:2]
        maps = [no_maps(image)]
        for top, bottom, left, right, value in self.known.get(concept, []):
            one = np.zeros((1, height, width), np.float32)
            one[0, round(top * height) : round(bottom * height), round(left * width) : round(right * width)] = value
            maps.append(one)
        return np.concatenate(maps)


class Answers(Explaining):
    """Answers whatever it was given."""

    device = "cpu"
    identity = "answers"

    def __init__(self, maps):
        self.answer = maps

    def maps(self, image, concept):
        return self.answer


class CountingRules:
    """The rules, counted."""

    def __init__(self, identity="rules test"):
        self.identity = identity
        self.calls = 0

    def parse(self, instruction) -> Parse:
        self.calls += 1
        return parse_instruction(instruction)
