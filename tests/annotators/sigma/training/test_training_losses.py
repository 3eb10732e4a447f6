"""Losses, learning rate and moving average against values computed by hand."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from making_training import tiny_network

from annotators.sigma.training.losses import (
    disentanglement_loss,
    pseudo_label_loss,
    supervised_loss,
    zero_edit_loss,
)
from imlbench.training.ema import Ema
from imlbench.training.schedule import rate_at


def logits(*probabilities):
    """1 x 1 x 1 x n logits of the probabilities."""
    return torch.logit(torch.tensor(probabilities))[None, None, None]


def targets(*values):
    return torch.tensor(values, dtype=torch.float32)[None, None, None]


def test_supervised_loss_is_bce_plus_dice_by_their_weights():
    bce = -(math.log(0.5) + math.log(0.75)) / 2
    dice = 1 - 2 / 2.75
    arguments = (logits(0.5, 0.25), targets(1, 0))
    assert supervised_loss(*arguments).item() == pytest.approx(bce + dice)
    assert supervised_loss(*arguments, 2.0, 0.5).item() == pytest.approx(2 * bce + dice / 2)


def test_zero_edit_loss_by_hand():
    assert zero_edit_loss(logits(0.5, 0.2)).item() == pytest.approx(-(math.log(0.5) + math.log(0.8)) / 2)


def test_extreme_logits_give_finite_losses():
    extreme = torch.tensor([[[[1e4, -1e4]]]])
    assert zero_edit_loss(extreme).item() == pytest.approx(5000)
    assert torch.isfinite(supervised_loss(extreme, targets(0, 1)))


def test_pseudo_labels_count_only_where_the_teacher_is_sure():
    teacher = targets(0.95, 0.05, 0.6)
    loss = pseudo_label_loss(logits(0.7, 0.4, 0.01), teacher, confidence=0.9)
    assert loss.item() == pytest.approx(-(math.log(0.7) + math.log(0.6)) / 2)


def test_a_teacher_that_is_never_sure_teaches_nothing():
    student = logits(0.7, 0.4).requires_grad_()
    loss = pseudo_label_loss(student, targets(0.5, 0.6), confidence=0.9)
    loss.backward()
    assert loss.item() == 0
    assert not student.grad.any()


def test_no_gradient_reaches_the_teacher():
    teacher = targets(0.95, 0.05).requires_grad_()
    student = logits(0.7, 0.4).requires_grad_()
    pseudo_label_loss(student, teacher).backward()
    assert teacher.grad is None
    assert student.grad.any()


def test_disentanglement_by_hand():
    # Patch 0: cosine 1 / sqrt(2), patch 1: cosine -1 counts as 0, patch 2: not in the support.
    edit = torch.tensor([[[[1.0, 1.0, 1.0]], [[0.0, 0.0, 0.0]]]])
    noise = torch.tensor([[[[1.0, -1.0, 1.0]], [[1.0, 0.0, 0.0]]]])
    loss = disentanglement_loss([edit], [noise], targets(0.9, 0.8, 0.1))
    assert loss.item() == pytest.approx(math.sqrt(0.5) / 2)


def test_disentanglement_averages_levels_equally_and_the_support_over_a_patch():
    fine, coarse = torch.ones(1, 2, 2, 2), torch.ones(1, 2, 1, 1)
    teacher = torch.tensor([[[[1.0, 0.0], [0.9, 0.3]]]])
    # Fine: two of four patches, cosine 1 each. Coarse: mean 0.55 is in the support, cosine 0.
    across = torch.tensor([1.0, -1.0]).reshape(1, 2, 1, 1)
    assert disentanglement_loss([fine, coarse], [fine, across], teacher).item() == pytest.approx(0.5)


def test_disentanglement_without_support_is_zero():
    level = torch.ones(1, 2, 2, 2, requires_grad=True)
    loss = disentanglement_loss([level], [level.detach()], torch.zeros(1, 1, 2, 2))
    loss.backward()
    assert loss.item() == 0


def test_the_rate_rises_then_falls_as_half_a_cosine():
    rates = [rate_at(step, 100, 1.0, 10) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == rates[10] == 1.0
    assert rates[55] == pytest.approx(0.5)
    assert all(later < earlier for earlier, later in itertools.pairwise(rates[10:]))
    assert rate_at(99, 100, 1.0, 10) == pytest.approx((1 + math.cos(math.pi * 89 / 90)) / 2)


def test_a_short_run_spends_a_tenth_on_the_warm_up():
    assert rate_at(0, 20, 1.0, 500) == 0.5
    assert rate_at(2, 20, 1.0, 500) == 1.0


def test_the_average_follows_by_hand():
    student = tiny_network()
    ema = Ema(student, 0.9, warm_up=False, frozen=(student.encoder,))
    name = "evidence.weight"
    before = student.state_dict()[name].clone()
    with torch.no_grad():
        student.evidence.weight.add_(1)
    for power in (1, 2):
        ema.update(student)
        assert torch.allclose(ema.network.state_dict()[name], before + 1 - 0.9**power, atol=1e-6)


def test_the_average_shares_the_frozen_encoder_and_nothing_else():
    student = tiny_network()
    ema = Ema(student, 0.9, warm_up=True, frozen=(student.encoder,))
    assert ema.network.encoder is student.encoder
    assert ema.network.evidence.weight is not student.evidence.weight
    assert not any(parameter.requires_grad for parameter in ema.network.parameters())
    assert all(p.requires_grad for n, p in student.named_parameters() if not n.startswith("encoder"))


def test_the_warm_up_forgets_the_random_start():
    ema = Ema(tiny_network(), 0.999, warm_up=True)
    assert ema.momentum_now() == pytest.approx(1 / 10)
    ema.steps = 10**6
    assert ema.momentum_now() == 0.999
    assert Ema(tiny_network(), 0.999, warm_up=False).momentum_now() == 0.999


def test_the_average_is_restored_from_its_state():
    student = tiny_network()
    ema = Ema(student, 0.5, warm_up=True)
    with torch.no_grad():
        student.evidence.weight.mul_(2)
    ema.update(student)
    other = Ema(tiny_network(), 0.5, warm_up=True)
    other.load({name: value.clone() if name != "steps" else value for name, value in ema.state().items()})
    assert other.steps == 1
    assert torch.equal(other.network.evidence.weight, ema.network.evidence.weight)
