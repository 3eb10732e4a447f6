"""The forms of the Dice loss against values worked out by hand."""

from __future__ import annotations

import pytest
import torch

from imlbench.training.dice import batch_dice, smoothed_dice, squared_dice


def image(*rows):
    return torch.tensor([[list(map(float, row)) for row in rows]])[None]


def logits(*probabilities):
    """1 x 1 x 1 x n logits of the probabilities."""
    return torch.logit(torch.tensor(probabilities))[None, None, None]


def targets(*values):
    return torch.tensor(values, dtype=torch.float32)[None, None, None]


def test_nothing_that_counts_is_no_loss():
    everything = image((1, 1), (1, 1))
    assert squared_dice(everything, everything, torch.zeros_like(everything)).item() == pytest.approx(0)


def test_dice_is_per_image_and_squares():
    scores = torch.cat((image((1, 0.5), (0, 0)), image((0, 0), (0, 0.5))))
    mask = torch.cat((image((1, 1), (0, 0)), image((0, 0), (0, 0))))
    # First 1 - 2 * 1.5 / (1.25 + 2), second 1 - 0 / 0.25.
    expected = (1 - 3 / 3.25 + 1) / 2
    assert squared_dice(scores, mask, torch.ones_like(mask)).item() == pytest.approx(expected, abs=1e-5)


def test_dice_leaves_out_what_does_not_count():
    assert squared_dice(image((1, 1), (0, 0)), image((1, 0), (0, 0)), image((1, 0), (1, 1))).item() == pytest.approx(0)


def test_smoothed_dice_by_hand():
    # p = 0.5, 0.25; t = 1, 0: 1 - (2 * 0.5 + 1) / (0.75 + 1 + 1)
    assert smoothed_dice(logits(0.5, 0.25), targets(1, 0)).item() == pytest.approx(1 - 2 / 2.75)


def test_smoothed_dice_is_the_mean_over_images_and_not_over_pixels():
    both = torch.cat([logits(0.5, 0.25), logits(0.5, 0.5)])
    truth = torch.cat([targets(1, 0), targets(0, 0)])
    assert smoothed_dice(both, truth).item() == pytest.approx(((1 - 2 / 2.75) + (1 - 1 / 2)) / 2)


def test_the_two_forms_differ_in_their_numbers():
    truth = targets(1, 0)
    squared = squared_dice(logits(0.5, 0.25).sigmoid(), truth, torch.ones_like(truth)).item()
    assert squared == pytest.approx(1 - 2 * 0.5 / (0.25 + 0.0625 + 1), abs=1e-5)
    assert smoothed_dice(logits(0.5, 0.25), truth).item() != pytest.approx(squared, abs=1e-2)


def test_batch_dice_is_counted_over_the_batch_without_the_pixels_that_do_not_count():
    scores = torch.tensor([[[[0.5, 1.0]]], [[[0.25, 0.9]]]])
    mask = torch.tensor([[[[1.0, 0.0]]], [[[0.0, 1.0]]]])
    valid = torch.tensor([[[[1.0, 1.0]]], [[[1.0, 0.0]]]])
    assert batch_dice(scores, mask, valid).item() == pytest.approx(1 - (2 * 0.5 + 1) / (1.75 + 1 + 1))


def test_a_batch_without_an_edit_is_best_left_unmarked():
    nothing, valid = torch.zeros(2, 1, 4, 4), torch.ones(2, 1, 4, 4)
    assert batch_dice(nothing, nothing, valid).item() == 0
    assert batch_dice(nothing + 0.5, nothing, valid).item() == pytest.approx(1 - 1 / 17)


def test_in_doubt_batch_dice_is_least_where_the_scores_pass_a_half():
    # One pixel in five is edited and nothing tells which.
    mask = torch.zeros(1, 1, 100, 100)
    mask[..., :20] = 1
    losses = [batch_dice(torch.full_like(mask, score), mask, torch.ones_like(mask)).item() for score in (0.1, 0.45, 1)]
    assert losses == sorted(losses, reverse=True)
