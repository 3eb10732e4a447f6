"""The whole network: shapes, gradients, what stays frozen, size, determinism, batches, checkpoints, variants."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from making_networks import LITE, SMALL, StubEncoder, images, small_network
from torch.nn import functional

from annotators.sigma.network.model import Sigma, build_encoder, trainable_parameters
from annotators.sigma.network.presets import SIGMA, SIGMA_LITE, variants
from imlbench.backbones.efficientnet_lite import EfficientNetLite0
from imlbench.errors import UserError

FINE = (4, 8, 16)
NETWORKS = [(SMALL, (14, 14, 14)), (LITE, FINE)]


@pytest.mark.parametrize(("config", "strides"), NETWORKS)
@pytest.mark.parametrize(("height", "width"), [(112, 112), (56, 98), (33, 130)])
def test_logits_have_the_input_size(config, strides, height, width):
    network = small_network(config, strides)
    with torch.inference_mode():
        outputs = network.outputs(*images(2, height, width))
    assert outputs.logits.shape == (2, 1, height, width)
    lattices = network.encoder.lattices(height, width)
    assert [tuple(level.shape[2:]) for level in outputs.differences] == lattices


@pytest.mark.parametrize(("config", "strides"), NETWORKS)
@pytest.mark.parametrize("prior", [None, torch.full((2, 1, 8, 8), 0.3)])
def test_every_trainable_parameter_gets_a_gradient(config, strides, prior):
    network = small_network(config, strides).train()
    network(*images(), prior).square().mean().backward()
    without = [
        name
        for name, parameter in network.named_parameters()
        if parameter.requires_grad and (parameter.grad is None or not parameter.grad.abs().sum() > 0)
    ]
    assert without == []


def test_frozen_parts_stay_frozen_to_the_bit():
    network = small_network()
    frozen = copy.deepcopy(dict(network.encoder.state_dict()))
    network.train()
    assert network.training
    assert not any(module.training for module in network.encoder.modules())
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.1, weight_decay=0.1)
    moved = network.evidence.weight.detach().clone()
    for _ in range(2):
        optimiser.zero_grad()
        functional.binary_cross_entropy_with_logits(network(*images()), torch.zeros(2, 1, 112, 112)).backward()
        optimiser.step()
    assert not torch.equal(network.evidence.weight, moved)
    assert all(parameter.grad is None for parameter in network.encoder.parameters())
    for name, value in network.encoder.state_dict().items():
        assert torch.equal(value, frozen[name]), name


def test_the_encoder_is_called_once_for_both_images():
    network = small_network()
    network(*images(3))
    assert network.encoder.calls == [6]


def test_sigma_has_ten_million_trainable_parameters():
    with torch.device("meta"):
        network = Sigma(SIGMA, StubEncoder((768,) * 3))
    assert trainable_parameters(network) == pytest.approx(10.0e6, rel=0.05)
    assert trainable_parameters(network.differencing) == pytest.approx(1.77e6, rel=0.01)
    assert trainable_parameters(network.refinement) == pytest.approx(6.32e6, rel=0.01)
    assert trainable_parameters(network.cross_modal.steps) == pytest.approx(1.06e6, rel=0.01)


def test_lite_has_about_a_tenth_of_that():
    with torch.device("meta"):
        network = Sigma(SIGMA_LITE, EfficientNetLite0(SIGMA_LITE.layers, SIGMA_LITE.detail_layer))
    assert 0.8e6 < trainable_parameters(network) < 1.5e6


@pytest.mark.parametrize(("config", "strides"), NETWORKS)
def test_the_same_seed_and_images_give_the_same_logits(config, strides):
    pair = images()
    with torch.inference_mode():
        first, second = (small_network(config, strides, seed=5)(*pair) for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize(("config", "strides"), NETWORKS)
def test_a_sample_alone_gives_what_it_gives_in_a_batch(config, strides):
    network, (original, edited), prior = small_network(config, strides), images(3), torch.rand(3, 1, 8, 8)
    with torch.inference_mode():
        together = network(original, edited, prior)
        for index in range(3):
            one = slice(index, index + 1)
            alone = network(original[one], edited[one], prior[one])
            torch.testing.assert_close(alone, together[one], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("config", "strides"), NETWORKS)
def test_a_moved_prior_moves_the_output(config, strides):
    network, pair, prior = small_network(config, strides), images(1), torch.full((1, 1, 8, 8), 0.01)
    prior[..., 1:3, 1:3] = 1
    with torch.inference_mode():
        here, there = network(*pair, prior), network(*pair, prior.flip(3))
    assert (here - there).abs().max() > 1e-3


def test_no_prior_is_the_constant_epsilon_on_any_lattice():
    network, pair = small_network(), images()
    with torch.inference_mode():
        torch.testing.assert_close(network(*pair), network(*pair, torch.full((2, 1, 3, 5), SMALL.prior_epsilon)))


def test_the_network_without_grounding_ignores_the_prior():
    network, pair = small_network(replace(SMALL, grounding=False)), images()
    with torch.inference_mode():
        assert torch.equal(network(*pair), network(*pair, torch.rand(2, 1, 8, 8)))


@pytest.mark.parametrize(("config", "strides"), NETWORKS)
def test_bfloat16_gives_numbers_near_those_of_float32(config, strides):
    network, pair = small_network(config, strides), images()
    with torch.inference_mode():
        exact = network(*pair)
        with torch.autocast("cpu", torch.bfloat16):
            mixed = network(*pair)
        half = network.bfloat16()(*(side.bfloat16() for side in pair), torch.rand(2, 1, 8, 8))
    assert half.dtype is torch.bfloat16
    assert half.isfinite().all()
    assert mixed.isfinite().all()
    assert (mixed.float() - exact).abs().mean() < 0.1 * exact.std()


def test_constant_and_identical_images_give_numbers():
    network, black = small_network(), torch.zeros(1, 3, 56, 56)
    with torch.inference_mode():
        assert network(black, black).isfinite().all()


def test_training_works_after_inference_mode():
    network, pair = small_network(), images()
    with torch.inference_mode():
        network(*pair)
    network(*pair).mean().backward()
    assert network.decoder.head.weight.grad is not None


# checkpoints


def test_a_checkpoint_holds_the_trainable_parts_and_brings_them_back():
    network, pair = small_network(seed=1), images()
    state = network.state_dict()
    trainable = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert set(state) == trainable
    other = small_network(seed=2)
    other.encoder.load_state_dict(network.encoder.state_dict())
    other.load_state_dict(state)
    with torch.inference_mode():
        assert torch.equal(network(*pair), other(*pair))


def test_a_checkpoint_survives_a_wrapper_and_a_copy():
    wrapped = torch.nn.ModuleDict({"module": small_network(seed=1)})
    state = wrapped.state_dict()
    assert not any("encoder" in key for key in state)
    twin = copy.deepcopy(wrapped)
    assert list(twin.state_dict()) == list(state)
    twin.load_state_dict(state)


def test_a_checkpoint_with_a_hole_or_too_much_is_refused():
    network = small_network()
    state = network.state_dict()
    with pytest.raises(RuntimeError, match=r"evidence\.weight"):
        network.load_state_dict({name: value for name, value in state.items() if name != "evidence.weight"})
    with pytest.raises(RuntimeError, match="surplus"):
        network.load_state_dict({**state, "surplus": torch.zeros(1)})


def test_a_checkpoint_cannot_replace_the_backbone():
    network = small_network()
    before = network.encoder.norm.weight.clone()
    with pytest.raises(UserError, match="weights of the frozen encoder"):
        network.load_state_dict({**network.state_dict(), "encoder.norm.weight": torch.full((3,), 9.0)})
    assert torch.equal(network.encoder.norm.weight, before)


# variants


@pytest.mark.parametrize("name", list(variants()))
@pytest.mark.parametrize(("config", "strides"), NETWORKS)
def test_every_row_of_table_3_builds_and_runs(name, config, strides):
    variant = variants(config)[name]
    network = small_network(variant.config, strides)
    assert network(*images(), torch.rand(2, 1, 8, 8)).shape == (2, 1, 112, 112)
    assert len(network.refinement.blocks) == variant.config.drbs
    assert (network.cross_modal is not None) == variant.config.grounding


# what is refused


@pytest.mark.parametrize(
    ("original", "edited", "prior", "message"),
    [
        (torch.zeros(1, 3, 28, 28), torch.zeros(1, 3, 28, 42), None, "of one shape"),
        (torch.zeros(1, 1, 28, 28), torch.zeros(1, 1, 28, 28), None, "B x 3 x H x W"),
        (torch.zeros(0, 3, 28, 28), torch.zeros(0, 3, 28, 28), None, "of one shape"),
        (torch.zeros(3, 28, 28), torch.zeros(3, 28, 28), None, "B x 3 x H x W"),
        (torch.zeros(1, 3, 28, 28).byte(), torch.zeros(1, 3, 28, 28).byte(), None, "floating point"),
        (torch.zeros(2, 3, 28, 28), torch.zeros(2, 3, 28, 28), torch.zeros(1, 1, 2, 2), "prior 2 x 1 x h x w"),
        (torch.zeros(2, 3, 28, 28), torch.zeros(2, 3, 28, 28), torch.zeros(2, 2, 2), "prior 2 x 1 x h x w"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(original, edited, prior, message):
    with pytest.raises(ValueError, match=message):
        small_network()(original, edited, prior)


def test_an_encoder_with_other_levels_is_refused():
    with pytest.raises(UserError, match="expected an encoder of 3 levels, found 2"):
        Sigma(SMALL, StubEncoder((12, 12), (14, 14)))


def test_a_backbone_without_weights_is_one_line_that_says_what_to_do(tmp_path):
    with pytest.raises(UserError, match=r"name a folder with facebook/dinov2-base's config\.json") as caught:
        build_encoder(SIGMA, tmp_path)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="cannot be read"):
        build_encoder(SIGMA_LITE, tmp_path / "none.pth")
