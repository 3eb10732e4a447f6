"""The Dice loss of a batch: values by hand, and what it is least at."""

from __future__ import annotations

import pytest
import torch

from detectors.tiny_unet.training.overlap import batch_dice


def test_it_is_counted_over_the_batch_without_the_pixels_that_do_not_count():
    scores = torch.tensor([[[[0.5, 1.0]]], [[[0.25, 0.9]]]])
    mask = torch.tensor([[[[1.0, 0.0]]], [[[0.0, 1.0]]]])
    valid = torch.tensor([[[[1.0, 1.0]]], [[[1.0, 0.0]]]])
    assert batch_dice(scores, mask, valid).item() == pytest.approx(1 - (2 * 0.5 + 1) / (1.75 + 1 + 1))


def test_a_batch_without_an_edit_is_best_left_unmarked():
    nothing, valid = torch.zeros(2, 1, 4, 4), torch.ones(2, 1, 4, 4)
    assert batch_dice(nothing, nothing, valid).item() == 0
    assert batch_dice(nothing + 0.5, nothing, valid).item() == pytest.approx(1 - 1 / 17)


def test_in_doubt_it_is_least_where_the_scores_pass_a_half():
    # One pixel in five is edited and nothing tells which.
    mask = torch.zeros(1, 1, 100, 100)
    mask[..., :20] = 1
    losses = [batch_dice(torch.full_like(mask, score), mask, torch.ones_like(mask)).item() for score in (0.1, 0.45, 1)]
    assert losses == sorted(losses, reverse=True)
