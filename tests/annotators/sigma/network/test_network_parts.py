"""Differencing, attention, refinement, fusion, cross-modal refinement and decoder, each against its definition."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from making_networks import LITE, SMALL
from torch.nn import functional

from annotators.sigma.network.attention import Attention, pooled_tokens, position_code, resize, to_map, to_tokens
from annotators.sigma.network.cross_modal import CrossModalRefinement, RefinementStep
from annotators.sigma.network.decoder import MaskDecoder, pyramid_lattices
from annotators.sigma.network.differencing import Differencing, difference_features
from annotators.sigma.network.fusion import PriorConvolution, fuse
from annotators.sigma.network.refinement import DifferenceRefinement
from annotators.sigma.parse import Action


def maps(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# differencing


def test_difference_features_of_known_vectors():
    original, edited = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1), torch.tensor([0.0, 2.0]).view(1, 2, 1, 1)
    found = difference_features(original, edited)[0, 0, 0]
    torch.testing.assert_close(found, torch.tensor([3.0, 4.0, 0.0, 2.0, 0.6, 0.2, 0.2]))
    torch.testing.assert_close(difference_features(original, edited, gain=2.0)[0, 0, 0, 4:], 2 * found[4:])


def test_identical_features_have_no_difference_and_zeros_no_nan():
    level = maps(1, 6, 3, 3)
    found = difference_features(level, level)
    assert found[..., 12:].abs().max() < 1e-6
    assert difference_features(torch.zeros(1, 6, 2, 2), level[:, :, :2, :2]).isfinite().all()


def test_direction_ignores_the_length_of_features():
    level = maps(1, 6, 3, 3)
    assert difference_features(level, 7 * level)[..., 12:].abs().max() < 1e-6


def test_each_level_has_weights_of_its_own_and_its_own_lattice():
    network = Differencing((6, 8), 16, rms=True)
    found = network([maps(2, 6, 4, 5), maps(2, 8, 2, 3)], [maps(2, 6, 4, 5, seed=1), maps(2, 8, 2, 3, seed=1)])
    assert [tuple(level.shape) for level in found] == [(2, 16, 4, 5), (2, 16, 2, 3)]
    assert [level.projection.in_features for level in network.levels] == [19, 25]


# attention


def test_attention_equals_its_formula():
    torch.manual_seed(0)
    attention, queries, others = Attention(8, 2), maps(1, 3, 8), maps(1, 5, 8, seed=1)
    query = attention.query(queries)
    key, value = attention.key_value(others).chunk(2, dim=-1)
    heads = []
    for part in (slice(0, 4), slice(4, 8)):
        weights = torch.softmax(query[..., part] @ key[..., part].transpose(1, 2) / 4**0.5, dim=-1)
        heads.append(weights @ value[..., part])
    torch.testing.assert_close(attention(queries, others), attention.output(torch.cat(heads, dim=2)))


def test_tokens_and_maps_are_inverse_and_row_by_row():
    level = maps(2, 4, 3, 5)
    assert torch.equal(to_map(to_tokens(level), (3, 5)), level)
    assert torch.equal(to_tokens(level)[:, 6], level[:, :, 1, 1])


def test_pooled_tokens_are_means_of_cells():
    level = maps(1, 2, 4, 6)
    assert torch.equal(pooled_tokens(to_tokens(level), (4, 6), 0), to_tokens(level))
    found = to_map(pooled_tokens(to_tokens(level), (4, 6), 2), (2, 2))
    torch.testing.assert_close(found[0, :, 0, 1], level[0, :, :2, 3:].mean((1, 2)))


def test_resize_shrinks_one_side_and_enlarges_the_other():
    level = maps(1, 1, 4, 2)
    found = resize(level, (2, 4))
    expected = functional.interpolate(functional.avg_pool2d(level, (2, 1)), (2, 4), mode="bilinear")
    torch.testing.assert_close(found, expected)
    assert resize(level, (4, 2)) is level


def test_position_code_tells_all_positions_apart_and_knows_rows_from_columns():
    code = position_code((5, 7), 16, 8, torch.zeros(1))[0]
    assert code.shape == (35, 16)
    assert torch.cdist(code, code).add(torch.eye(35)).min() > 1e-3
    grid = code.unflatten(0, (5, 7))
    assert torch.equal(grid[:, 0, :8], grid[:, 6, :8])
    assert torch.equal(grid[0, :, 8:], grid[4, :, 8:])
    # sine and cosine of the first centre, 0.5 of a fifth of 8 cells, at the highest frequency
    assert grid[0, 0, 0].item() == pytest.approx(torch.tensor(0.8).sin().item())
    assert grid[0, 0, 4].item() == pytest.approx(torch.tensor(0.8).cos().item())


def test_position_code_of_a_place_is_the_same_on_every_lattice():
    coarse = position_code((3, 3), 16, 8, torch.zeros(1))[0].unflatten(0, (3, 3))
    fine = position_code((9, 9), 16, 8, torch.zeros(1))[0].unflatten(0, (9, 9))
    torch.testing.assert_close(coarse, fine[1::3, 1::3])


# refinement


def test_without_blocks_refinement_changes_nothing():
    levels = [maps(1, 16, 4, 4)]
    assert DifferenceRefinement(replace(SMALL, drbs=0), 1)(levels) is levels


def test_every_level_reads_every_other():
    torch.manual_seed(0)
    network = DifferenceRefinement(replace(SMALL, drbs=1), 2)
    levels = [maps(1, 16, 4, 4), maps(1, 16, 2, 2, seed=1)]
    before = network(levels)
    changed = network([levels[0], levels[1] + maps(1, 16, 2, 2, seed=2)])
    assert not torch.allclose(before[0], changed[0])


def test_refinement_is_the_block_as_defined():
    """Self-attention, then queries at a level over keys of all levels, then feed-forward, each added to its input."""
    torch.manual_seed(0)
    network = DifferenceRefinement(replace(SMALL, drbs=1), 2)
    levels = [maps(1, 16, 3, 3), maps(1, 16, 2, 2, seed=1)]
    block = network.blocks[0]
    states = [to_tokens(level) for level in levels]
    for index, part in enumerate(block.within):
        normed = part.norm(states[index])
        states[index] = states[index] + part.attention(normed, normed)
    normed = [norm(state) for norm, state in zip(block.norms, states, strict=True)]
    for index, part in enumerate(block.across):
        states[index] = states[index] + part.attention(normed[index], torch.cat(normed, dim=1))
        states[index] = states[index] + part.feed_forward(states[index])
    for found, state in zip(network(levels), states, strict=True):
        torch.testing.assert_close(to_tokens(found), state)


def test_a_fine_level_keeps_its_detail_and_gains_the_update_of_its_pooled_copy():
    torch.manual_seed(0)
    network = DifferenceRefinement(replace(LITE, drbs=1), 1)
    level = maps(1, 16, 12, 8)
    found = network([level])[0]
    assert found.shape == level.shape
    pooled = network([resize(level, (4, 4))])[0] - resize(level, (4, 4))
    torch.testing.assert_close(found - level, resize(pooled, (12, 8)))


# fusion

BEFORE, AFTER = 0.4, 0.5


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (Action.ADD, AFTER),
        (Action.REMOVE, BEFORE),
        (Action.REPLACE, BEFORE * AFTER),
        (Action.ATTRIBUTE_CHANGE, BEFORE * AFTER),
        (Action.GLOBAL, 0.01),
    ],
)
def test_the_table_of_acsf(action, expected):
    found = fuse([action], torch.full((1, 1, 3, 4), BEFORE), torch.full((1, 1, 3, 4), AFTER), 0.01)
    torch.testing.assert_close(found, torch.full((1, 1, 3, 4), expected))


def test_acsf_knows_every_action_and_takes_each_pair_by_its_own():
    actions = list(Action)
    found = fuse(actions, torch.full((5, 1, 2, 2), BEFORE), torch.full((5, 1, 2, 2), AFTER), 0.01)
    expected = {Action.ADD: AFTER, Action.REMOVE: BEFORE, Action.GLOBAL: 0.01}
    for action, prior in zip(actions, found, strict=True):
        assert prior.mean().item() == pytest.approx(expected.get(action, BEFORE * AFTER))


def test_acsf_refuses_maps_that_do_not_belong_together():
    with pytest.raises(ValueError, match="one action and two maps of one shape per pair"):
        fuse([Action.ADD], torch.zeros(2, 1, 3, 3), torch.zeros(2, 1, 3, 3), 0.01)


def test_prior_tokens_are_a_rectified_convolution():
    prior, network = torch.rand(2, 1, 5, 4), PriorConvolution(16)
    expected = functional.conv2d(prior, network.convolution.weight, network.convolution.bias, padding=1).clamp(min=0)
    torch.testing.assert_close(network(prior), expected)


# cross-modal refinement


def test_the_visual_stream_is_updated_first_and_the_prior_reads_the_update():
    torch.manual_seed(0)
    step, visual, prior = RefinementStep(SMALL), maps(1, 9, 16), maps(1, 9, 16, seed=1)
    code = position_code((3, 3), 16, 8, visual)
    found_visual, found_prior = step(visual, prior, (3, 3), code)
    expected_visual = visual + step.visual_attention(
        step.visual_query_norm(visual) + code, step.prior_key_norm(prior) + code
    )
    queries = step.prior_query_norm(prior) + code
    updated = prior + step.prior_attention(queries, step.visual_key_norm(expected_visual) + code)
    not_updated = prior + step.prior_attention(queries, step.visual_key_norm(visual) + code)
    torch.testing.assert_close(found_visual, expected_visual)
    torch.testing.assert_close(found_prior, updated)
    assert not torch.allclose(found_prior, not_updated)


def test_the_visual_update_depends_on_where_the_prior_lies():
    torch.manual_seed(0)
    step, visual, prior = RefinementStep(SMALL), maps(1, 9, 16), maps(1, 9, 16, seed=1)
    shuffled = prior[:, torch.arange(8, -1, -1)]
    code = position_code((3, 3), 16, 8, visual)
    assert not torch.allclose(step(visual, prior, (3, 3), code)[0], step(visual, shuffled, (3, 3), code)[0], atol=1e-4)
    nowhere = torch.zeros(())
    torch.testing.assert_close(step(visual, prior, (3, 3), nowhere)[0], step(visual, shuffled, (3, 3), nowhere)[0])


def test_the_consensus_joins_both_streams():
    torch.manual_seed(0)
    network = CrossModalRefinement(SMALL)
    assert len(network.steps) == 2
    assert network.consensus.in_channels == 32
    assert network(maps(2, 16, 3, 5), maps(2, 16, 3, 5, seed=1)).shape == (2, 16, 3, 5)


# decoder


@pytest.mark.parametrize(
    ("lattices", "expected"),
    [
        ([(37, 37)] * 3, [(37, 37), (19, 19), (10, 10)]),
        ([(128, 96), (64, 48), (32, 24), (16, 12)], [(128, 96), (64, 48), (32, 24), (16, 12)]),
        ([(125, 63), (63, 32), (32, 16), (16, 8)], [(125, 63), (63, 32), (32, 16), (16, 8)]),
        ([(64, 64), (16, 16)], [(64, 64), (16, 16)]),
        ([(1, 1)] * 3, [(1, 1)] * 3),
        ([(37, 37)], [(37, 37)]),
    ],
)
def test_lattices_of_the_pyramid(lattices, expected):
    assert pyramid_lattices(lattices) == expected


@pytest.mark.parametrize(("stride", "subpixels"), [(1, 1), (4, 1), (4, 2), (4, 4)])
def test_the_decoder_gives_one_logit_a_pixel(stride, subpixels):
    decoder = MaskDecoder(replace(SMALL, fusion_stride=stride, subpixels=subpixels), 2)
    assert decoder([maps(2, 16, 5, 7), maps(2, 16, 5, 7)], maps(2, 16, 3, 3), (41, 57)).shape == (2, 1, 41, 57)


def test_sub_pixels_lie_beside_each_other():
    decoder = MaskDecoder(replace(SMALL, fusion_stride=4, subpixels=2), 2)
    with torch.no_grad():
        decoder.head.weight.zero_()
        decoder.head.bias.copy_(torch.tensor([1.0, 2.0, 3.0, 4.0]))
    found = decoder([maps(1, 16, 5, 7), maps(1, 16, 5, 7)], maps(1, 16, 3, 3), (12, 8))[0, 0]
    # The logits' lattice is 6 x 4; it is enlarged twice, so that corners keep their values.
    assert [found[0, 0], found[0, -1], found[-1, 0], found[-1, -1]] == [1, 2, 3, 4]


def test_the_decoder_normalises_by_groups_only():
    kinds = {type(module).__name__ for module in MaskDecoder(SMALL, 3).modules()}
    assert "GroupNorm" in kinds
    assert not any("BatchNorm" in kind for kind in kinds)
