"""The learned threshold: its bounds, its gradient's form, and the one map that holds it and the probabilities."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from annotators.meta_cd.decision import decided
from annotators.meta_cd.threshold import LearnedThreshold, bounded, step
from tests.annotators.meta_cd.making_meta_cd import PUBLISHED, TINY, tiny


def test_the_step_marks_from_the_threshold_on():
    scores, thresholds = torch.tensor([0.2, 0.5, 0.7]), torch.tensor([0.3, 0.5, 0.6])
    assert step(scores, thresholds).tolist() == [0, 1, 1]


def test_the_gradient_is_a_fifth_to_the_map_and_minus_one_to_the_threshold():
    scores = torch.tensor([0.0, 0.4, 0.5, 1.0], requires_grad=True)
    thresholds = torch.tensor([0.5, 0.5, 0.5, 0.3], requires_grad=True)
    weights = torch.tensor([1.0, -2.0, 3.0, 0.5])
    (step(scores, thresholds) * weights).sum().backward()
    torch.testing.assert_close(scores.grad, 0.2 * weights)
    torch.testing.assert_close(thresholds.grad, -weights)


def test_a_step_needs_one_threshold_a_score():
    with pytest.raises(ValueError, match="one threshold a score"):
        step(torch.zeros(2, 3), torch.zeros(3))


def test_bounds_are_those_of_the_stated_formula():
    values = np.linspace(-20, 20, 81)
    expected = 1 / (2 + np.exp(-values)) + 0.2
    np.testing.assert_allclose(bounded(torch.from_numpy(values)).numpy(), expected, rtol=1e-6)
    assert bounded(torch.zeros(1)).item() == pytest.approx(1 / 3 + 0.2)


@pytest.mark.parametrize("value", [-math.inf, -3.4e38, -1e4, -88.0, 0.0, 88.0, 1e4, 3.4e38, math.inf])
def test_no_input_leaves_the_bounds_or_has_a_gradient_that_is_no_number(value):
    x = torch.tensor([value], requires_grad=True)
    found = bounded(x)
    assert 0.2 < found.item() < 0.7
    found.sum().backward()
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize("scale", [0.0, 1.0, 1e6, -1e6])
def test_thresholds_stay_in_bounds_whatever_comes_in(scale):
    torch.manual_seed(0)
    network = LearnedThreshold(TINY)
    found = network(scale * torch.randn(2, 8, 16, 16), torch.rand(2, 1, 64, 64))
    assert found.shape == (2, 1, 64, 64)
    assert 0.2 < found.min().item() <= found.max().item() < 0.7
    squares = found.reshape(2, 8, 8, 8, 8)
    assert (squares.amax(dim=(2, 4)) == squares.amin(dim=(2, 4))).all()


def test_the_published_threshold_has_its_layers():
    with torch.device("meta"):
        network = LearnedThreshold(PUBLISHED)
    shapes = [tuple(part.weight.shape) for part in network.layers]
    assert shapes == [(256, 16, 3, 3), (1,), (128, 256, 3, 3), (1,), (64, 128, 3, 3), (1,)]
    assert (network.pool.kernel_size, network.last.weight.shape) == (15, (1, 64, 1, 1))


def test_thresholds_send_no_gradient_to_what_they_are_made_from():
    features = torch.randn(1, 8, 16, 16, requires_grad=True)
    probability = torch.rand(1, 1, 64, 64, requires_grad=True)
    network = LearnedThreshold(TINY)
    network(features, probability).sum().backward()
    assert features.grad is None
    assert probability.grad is None
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_scores_reach_a_half_exactly_where_the_threshold_is_reached():
    torch.manual_seed(0)
    thresholds = torch.empty(200_000).uniform_(0.2, 0.7)
    near = torch.nextafter(thresholds[:50_000], torch.tensor(0.0))
    probabilities = torch.cat([near, thresholds[50_000:100_000], torch.rand(100_000)])
    scores = decided(probabilities, thresholds)
    assert torch.equal(scores >= 0.5, probabilities >= thresholds)
    assert 0 <= scores.min().item() <= scores.max().item() <= 1


def test_scores_by_hand():
    found = decided(torch.tensor([0.0, 0.1, 0.4, 0.7, 1.0]), torch.full((5,), 0.4))
    torch.testing.assert_close(found, torch.tensor([0.0, 0.125, 0.5, 0.75, 1.0]))


def test_without_thresholds_scores_are_the_probabilities():
    probabilities = torch.rand(4)
    assert decided(probabilities, None) is probabilities


def test_a_network_without_a_threshold_says_so():
    network = tiny(replace(TINY, threshold=False))
    assert network(torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64)).thresholds is None
