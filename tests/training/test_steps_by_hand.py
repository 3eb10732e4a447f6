"""Optimisers, schedules, states and averages against values worked out by hand."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch import nn

from imlbench.training.ema import Ema
from imlbench.training.optimisers import make_optimiser
from imlbench.training.recipe import Recipe
from imlbench.training.schedule import rate_at
from imlbench.training.states import load_own_state, own_state
from tests.training.toy import Toy


@dataclass(frozen=True, slots=True, kw_only=True)
class Sgd(Recipe):
    optimiser: ClassVar[str] = "sgd"
    learning_rate: float = 0.1
    weight_decay: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Adam(Recipe):
    optimiser: ClassVar[str] = "adam"
    learning_rate: float = 0.1
    weight_decay: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class AdamW(Recipe):
    learning_rate: float = 0.1
    weight_decay: float = 0.5


def steps(recipe, gradients, start=2.0):
    """One weight's way under given gradients."""
    weight = nn.Parameter(torch.tensor([start], dtype=torch.float64))
    optimiser = make_optimiser(recipe, [weight])
    for gradient in gradients:
        weight.grad = torch.tensor([gradient], dtype=torch.float64)
        optimiser.step()
    return weight.item()


def test_sgd_with_nesterovs_momentum():
    # g = 1 + 0.5 * 2 = 2; v = 2; w = 2 - 0.1 (2 + 0.9 * 2) = 1.62
    assert steps(Sgd(), [1.0]) == pytest.approx(1.62)
    # g = -1 + 0.5 * 1.62 = -0.19; v = 0.9 * 2 - 0.19 = 1.61; w = 1.62 - 0.1 (-0.19 + 0.9 * 1.61) = 1.4941
    assert steps(Sgd(), [1.0, -1.0]) == pytest.approx(1.4941)


def test_sgd_without_momentum():
    assert steps(Sgd(betas=(0.0, 0.0)), [1.0]) == pytest.approx(2 - 0.1 * 2)


def test_adam_takes_the_decay_into_the_gradient_and_adamw_does_not():
    # The first step of Adam is the rate in the gradient's direction, whatever its size.
    assert steps(Adam(), [-0.5]) == pytest.approx(2 - 0.1)
    assert steps(AdamW(), [-0.5]) == pytest.approx(2 * (1 - 0.1 * 0.5) + 0.1)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("cosine", [(1 + math.cos(math.pi * share)) / 2 for share in (0, 1 / 9, 5 / 9, 8 / 9)]),
        ("linear", [1, 8 / 9, 4 / 9, 1 / 9]),
        ("cubic", [1, (8 / 9) ** 3, (4 / 9) ** 3, (1 / 9) ** 3]),
        ("constant", [1, 1, 1, 1]),
    ],
)
def test_shapes_of_the_schedule(shape, expected):
    rates = [rate_at(step, 20, 3.0, 2, shape) for step in range(20)]
    assert rates[:2] == pytest.approx([1.5, 3.0])
    assert [rates[step] for step in (2, 4, 12, 18)] == pytest.approx([3 * value for value in expected])


def test_without_a_warm_up_the_first_rate_is_the_peak():
    assert rate_at(0, 5, 1.0, 0, "linear") == 1.0
    assert rate_at(0, 1, 1.0, 500, "cubic") == 1.0


def test_the_average_by_hand_and_counters_as_they_are():
    student = Toy()
    ema = Ema(student, 0.9, warm_up=False, frozen=(student.backbone,))
    before = student.head[2].weight.detach().clone()
    with torch.no_grad():
        student.head[2].weight.add_(1)
    student.head[0].num_batches_tracked.fill_(7)
    ema.update(student)
    torch.testing.assert_close(ema.network.head[2].weight, before + 0.1)
    assert ema.network.head[0].num_batches_tracked == 7
    assert ema.network.backbone is student.backbone
    assert ema.network.head is not student.head


def test_a_state_leaves_the_frozen_parts_out_and_as_they_are():
    first, second = Toy(), Toy()
    with torch.no_grad():
        for parameter in first.parameters():
            parameter.add_(1)
    state = own_state(first, (first.backbone,))
    assert set(state) == {f"head.{name}" for name in first.head.state_dict()}
    kept = second.backbone[0].weight.clone()
    load_own_state(second, state, (second.backbone,))
    assert torch.equal(second.backbone[0].weight, kept)
    assert torch.equal(second.head[2].weight, first.head[2].weight)


def test_a_state_without_frozen_parts_is_the_whole():
    assert own_state(Toy(), ()).keys() == Toy().state_dict().keys()
    with pytest.raises(RuntimeError, match="Missing key"):
        load_own_state(Toy(), {}, ())
