"""What a trainer drives: the recipe, the losses, and gradients in the head alone."""

from __future__ import annotations

import math

import pytest
import torch

from annotators.ddpm_cd.model import DdpmCd
from annotators.ddpm_cd.noise import NoiseSource
from annotators.ddpm_cd.training.losses import PairBatch, change_loss, denoising_loss, head_loss
from annotators.ddpm_cd.training.recipe import HeadRecipe
from annotators.ddpm_cd.training.task import HeadTask
from annotators.ddpm_cd.unet import UNet
from imlbench.errors import UserError
from imlbench.training.configuring import changed
from imlbench.training.optimisers import make_optimiser
from tests.annotators.ddpm_cd.making_ddpm_cd import FINEST, TINY, fill, tiny


def batch(epoch: int = 0) -> PairBatch:
    original = torch.sin(torch.arange(2 * 3 * 32 * 32).float() * 0.37).reshape(2, 3, 32, 32)
    mask = torch.zeros(2, 32, 32, dtype=torch.bool)
    mask[:, 8:20, 8:20] = True
    return PairBatch([("a", epoch), ("b", epoch)], original, torch.where(mask[:, None], 1.0, original), mask)


def test_cross_entropy_of_hand_made_logits():
    logits = torch.tensor([[[[0.0, 2.0]], [[0.0, -1.0]]]])
    mask = torch.tensor([[[True, True]]])
    expected = (math.log(2) + math.log(1 + math.exp(3))) / 2
    assert change_loss(logits, mask).item() == pytest.approx(expected)


def test_cross_entropy_is_small_where_the_right_class_wins():
    logits = torch.tensor([[[[3.0, -3.0]], [[-3.0, 3.0]]]])
    mask = torch.tensor([[[False, True]]])
    assert change_loss(logits, mask).item() == pytest.approx(math.log1p(math.exp(-6)), rel=1e-4)


def test_denoising_loss_of_a_network_that_sees_nothing_is_the_noises_power():
    network = UNet(TINY.extractor)
    torch.nn.init.zeros_(network.out_conv.weight)
    torch.nn.init.zeros_(network.out_conv.bias)
    noise = torch.full((1, 3, 32, 32), 3.0)
    loss = denoising_loss(network, torch.zeros(1, 3, 32, 32), torch.tensor([0.5]), noise)
    assert loss.item() == pytest.approx(9.0)
    loss.backward()
    assert network.out_conv.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("config", [TINY, FINEST])
def test_gradients_reach_the_trained_part_of_the_head_and_nothing_else(config):
    task = HeadTask(DdpmCd(config), (), 0, "").train()
    head_loss(task.network, batch(), task.noise).backward()
    assert all(parameter.grad is None for parameter in task.network.extractor.parameters())
    parameters = list(task.network.head.parameters())
    with_gradient = {id(one) for one in parameters if one.grad is not None and one.grad.abs().sum() > 0}
    assert {id(one) for one in task.trainable()} >= with_gradient
    assert all(one.grad is not None for one in task.trainable())
    assert len(task.trainable()) == len(parameters) - (0 if config.head.finest else 4)


def test_the_loss_of_a_batch_follows_from_seed_ids_and_epoch():
    network = tiny()
    noise = NoiseSource(network.schedule, 0, 32)
    first = head_loss(network, batch(), noise).item()
    assert head_loss(network, batch(), noise).item() == first
    assert head_loss(network, batch(epoch=1), noise).item() != first
    assert head_loss(network, batch(), NoiseSource(network.schedule, 1, 32)).item() != first


def test_a_few_steps_lower_the_loss():
    torch.manual_seed(0)
    network = DdpmCd(FINEST)
    fill(network.extractor)
    task = HeadTask(network, (), 0, "").train()
    adam = make_optimiser(HeadRecipe(learning_rate=3e-3, epochs=2, batch_size=2), task.trainable())
    losses = []
    for _ in range(12):
        adam.zero_grad()
        loss = head_loss(network, batch(), task.noise)
        loss.backward()
        adam.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_the_recipe_is_the_published_one_unless_told_otherwise():
    recipe = HeadRecipe()
    assert (recipe.learning_rate, recipe.epochs, recipe.batch_size) == (1e-4, 120, 8)
    assert [recipe.share(epoch) for epoch in (0, 60, 119)] == pytest.approx([1, 1 - 60 / 121, 2 / 121])
    adam = make_optimiser(recipe, [torch.nn.Parameter(torch.zeros(1))])
    assert type(adam) is torch.optim.Adam
    assert (adam.defaults["betas"], adam.defaults["weight_decay"]) == ((0.9, 0.999), 0)


def test_the_learning_rate_falls_from_epoch_to_epoch():
    recipe = HeadRecipe(learning_rate=1.0, epochs=3)
    assert [recipe.rate(step, 6) for step in range(6)] == pytest.approx([1, 1, 0.75, 0.75, 0.5, 0.5])
    assert [recipe.rate(step, 3) for step in range(3)] == pytest.approx([1, 0.75, 0.5])


@pytest.mark.parametrize(
    "values",
    [
        {"learning_rate": 0.0},
        {"epochs": 0},
        {"batch_size": 1.5},
        {"optimizer": "sgd"},
        {"sizes": [64, 96]},
        {"warmup_steps": 1},
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(values):
    with pytest.raises(UserError):
        changed(HeadRecipe(), values)
