"""Losses of detectors against values worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from imlbench.training import losses

LOG2 = math.log(2)


def image(*rows):
    return torch.tensor([[list(map(float, row)) for row in rows]])[None]


ALL = image((1, 1), (1, 1))


def test_cross_entropy_is_the_mean_over_the_pixels_that_count():
    logits, mask = image((0, 0), (0, 100)), image((1, 0), (0, 0))
    assert losses.binary_cross_entropy(logits, mask, ALL).item() == pytest.approx((3 * LOG2 + 100) / 4)
    valid = image((1, 1), (1, 0))
    assert losses.binary_cross_entropy(logits, mask, valid).item() == pytest.approx(LOG2)


def test_edited_pixels_can_weigh_more():
    logits, mask = image((0, 0), (0, 100)), image((1, 0), (0, 0))
    found = losses.binary_cross_entropy(logits, mask, ALL, edited=3)
    assert found.item() == pytest.approx((3 * LOG2 + 2 * LOG2 + 100) / 6)


def test_a_soft_target_is_met_by_its_own_logit():
    logits = torch.full((1, 1, 2, 2), math.log(0.25 / 0.75), requires_grad=True)
    losses.binary_cross_entropy(logits, torch.full((1, 1, 2, 2), 0.25), ALL).backward()
    assert logits.grad.abs().max() < 1e-7


def test_nothing_that_counts_is_no_loss():
    nothing = torch.zeros_like(ALL)
    assert losses.binary_cross_entropy(ALL, ALL, nothing).item() == 0
    assert losses.weighted_cross_entropy(ALL.repeat(1, 2, 1, 1), ALL, nothing, (0.5, 2.5)).item() == 0
    assert losses.balanced_cross_entropy(ALL / 2, ALL, nothing).item() == 0


def test_classes_are_weighted_and_the_weights_divide():
    # Authentic and edited probability: 1/2 and 1/2 at the first pixel, 1/4 and 3/4 at the second.
    logits = torch.tensor([[[[0.0, 0.0]], [[0.0, math.log(3)]]]])
    mask, valid = torch.tensor([[[[0.0, 1.0]]]]), torch.ones(1, 1, 1, 2)
    expected = (0.5 * LOG2 + 2.5 * math.log(4 / 3)) / (0.5 + 2.5)
    assert losses.weighted_cross_entropy(logits, mask, valid, (0.5, 2.5)).item() == pytest.approx(expected)
    as_torch = torch.nn.functional.cross_entropy(logits, mask[:, 0].long(), weight=torch.tensor([0.5, 2.5]))
    assert losses.weighted_cross_entropy(logits, mask, valid, (0.5, 2.5)).item() == pytest.approx(as_torch.item())


def test_an_edge_is_where_a_cross_meets_both():
    mask = torch.zeros(1, 1, 5, 5)
    mask[0, 0, 2, 2] = 1
    expected = torch.tensor([[0, 0, 0, 0, 0], [0, 0, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0]])
    assert torch.equal(losses.edges(mask, 3)[0, 0].int(), expected.int())
    assert losses.edges(torch.ones(1, 1, 5, 5), 3).sum() == 0
    assert losses.edges(torch.zeros(1, 1, 5, 5), 3).sum() == 0


def test_edge_entropy_is_averaged_over_all_pixels():
    mask = torch.zeros(1, 1, 5, 5)
    mask[0, 0, 2, 2] = 1
    found = losses.edge_cross_entropy(torch.zeros(1, 1, 5, 5), mask, torch.ones_like(mask), 3)
    assert found.item() == pytest.approx(5 / 25 * LOG2)


def test_balanced_entropy_weighs_both_classes_the_same():
    scores, mask = image((0.5, 0.25), (0.25, 0.25)), image((1, 0), (0, 0))
    expected = (LOG2 - math.log(0.75)) / 2
    assert losses.balanced_cross_entropy(scores, mask, ALL).item() == pytest.approx(expected)
    assert losses.balanced_cross_entropy(scores, 0 * mask, ALL).item() == pytest.approx(
        -(math.log(0.5) + 3 * math.log(0.75)) / 4
    )


def test_an_images_label_is_whether_anything_that_counts_is_edited():
    mask = torch.cat((image((1, 0), (0, 0)), image((0, 0), (0, 0)), image((1, 0), (0, 0))))
    valid = torch.cat((ALL, ALL, image((0, 1), (1, 1))))
    assert losses.labels(mask, valid).tolist() == [1, 0, 0]
    assert losses.image_cross_entropy(torch.zeros(3), mask, valid).item() == pytest.approx(LOG2)


def test_mvss_has_three_terms():
    mask = torch.zeros(1, 1, 8, 8)
    mask[:, :, :4, :4] = 1
    valid = torch.ones_like(mask)
    perfect = (mask * 2 - 1) * 50
    edge = losses.edges(mask, 3)
    small = torch.nn.functional.adaptive_max_pool2d(edge, (4, 4))
    found = losses.mvss(perfect, (small * 2 - 1) * 50, mask, valid)
    assert [round(float(found[name]), 5) for name in ("mask", "image", "edge")] == [0, 0, 0]
    nothing = losses.mvss(torch.full_like(mask, -50.0), torch.full((1, 1, 4, 4), -50.0), mask, valid)
    assert float(nothing["mask"]) == pytest.approx(1, abs=1e-4)
    assert float(nothing["edge"]) == pytest.approx(1, abs=1e-4)
    assert float(nothing["image"]) == pytest.approx(50)
    assert sum(losses.MVSS_WEIGHTS.values()) == pytest.approx(1)


def test_pixels_that_do_not_count_get_no_gradient():
    valid = image((1, 0), (1, 1))
    for loss in (losses.binary_cross_entropy, losses.edge_cross_entropy):
        logits = torch.zeros(1, 1, 2, 2, requires_grad=True)
        loss(logits, image((1, 0), (0, 0)), valid).backward()
        assert logits.grad[0, 0, 0, 1] == 0
        assert logits.grad[0, 0, 0, 0] != 0
