"""The benchmark of annotators finds the networks that an annotator holds and counts their parameters."""

import torch
from torch import nn

from benchmarks.footprint import Footprint, networks, parameters


class Predictor:
    def __init__(self, network):
        self.network = network


class Annotator:
    """Holds networks the way adapters do: in a predictor, in a list, one of them twice."""

    def __init__(self):
        self.card, self.module = "card", torch
        self.trained = nn.Linear(3, 2)
        self.frozen = nn.Linear(4, 1, bias=False).requires_grad_(False)
        self.predictor = Predictor(nn.Sequential(self.trained, nn.ReLU()))
        self.others = [Predictor(self.frozen)]


def test_each_parameter_is_counted_once_by_kind():
    assert parameters(Annotator()) == (8, 4)
    assert parameters(object()) == (0, 0)


def test_a_module_or_a_class_is_no_network():
    holder = Predictor(torch.nn)
    holder.kind = nn.Linear
    assert list(networks(holder)) == []


def test_what_holds_itself_comes_to_an_end():
    holder = Predictor(None)
    holder.network = [holder, nn.Linear(1, 1)]
    assert parameters(holder) == (2, 0)


def test_memory_is_that_of_the_device():
    assert Footprint(0, 0, 80.0, 0.0).memory == 80.0
    assert Footprint(0, 0, 80.0, 300.0).memory == 300.0
