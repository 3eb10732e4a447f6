"""The network: published sizes, feature maps, and values that the authors' program gives for the same weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from annotators.ddpm_cd.config import (
    PRESETS,
    PUBLISHED,
    STEPS_BY_NUMBER,
    DdpmCdConfig,
    ExtractorConfig,
    HeadConfig,
    preset,
)
from annotators.ddpm_cd.head import ChangeHead, initialise
from annotators.ddpm_cd.model import DdpmCd
from annotators.ddpm_cd.noise import NoiseSource
from annotators.ddpm_cd.schedule import NoiseSchedule, noised
from annotators.ddpm_cd.unet import UNet
from imlbench.errors import UserError
from tests.annotators.ddpm_cd.making_ddpm_cd import FINEST, TINY, fill, tiny

IMAGES = torch.sin(0.013 * torch.arange(2 * 3 * 32 * 32).float()).reshape(2, 3, 32, 32)
LEVELS = torch.tensor([0.99, 0.8])


def count(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_published_diffusion_model_has_391_0_million_parameters():
    with torch.device("meta"):
        assert count(UNet(PUBLISHED.extractor)) == 391_048_067


@pytest.mark.parametrize(("steps", "expected"), [(2, 43_963_910), (3, 46_405_126), (4, 48_846_342)])
def test_the_published_heads_have_their_numbers_of_parameters(steps, expected):
    with torch.device("meta"):
        assert count(ChangeHead(DdpmCdConfig(head=HeadConfig(steps=STEPS_BY_NUMBER[steps])))) == expected


def test_the_small_preset_fits_a_processor():
    with torch.device("meta"):
        assert count(DdpmCd(preset("small"))) < 8_000_000


def test_feature_maps_have_the_published_channels_and_strides():
    with torch.device("meta"):
        maps = UNet(PUBLISHED.extractor).activations(torch.zeros(1, 3, 256, 256), torch.ones(1), PUBLISHED.head.maps)
    found = {number: (value.shape[1], 256 // value.shape[2]) for number, value in maps.items()}
    assert found == {2: (128, 1), 5: (256, 2), 8: (512, 4), 11: (1024, 8), 14: (1024, 16)}


def test_there_are_fifteen_decoder_activations_three_a_level():
    found = tiny().extractor.activations(IMAGES, LEVELS, range(15))
    assert [tuple(found[number].shape[1:]) for number in range(15)] == [
        shape for shape in ((8, 32, 32), (16, 16, 16), (32, 8, 8), (64, 4, 4), (64, 2, 2)) for _ in range(3)
    ]


def test_nothing_is_computed_beyond_the_finest_activation_that_is_wanted():
    network = tiny().extractor
    calls: list[str] = []
    network.decoder[-1].blocks[0].register_forward_hook(lambda *_: calls.append("finest level"))
    network.activations(IMAGES, LEVELS, (5, 8, 11, 14))
    assert calls == []
    network.activations(IMAGES, LEVELS, (2,))
    assert calls == ["finest level"]


def test_the_diffusion_model_gives_the_values_of_the_authors_program():
    network = tiny().extractor
    with torch.no_grad():
        noise = network(IMAGES, LEVELS)
        maps = network.activations(IMAGES, LEVELS, TINY.head.maps)
    assert noise[0].flatten()[[0, 500, 1500, 3000]].tolist() == pytest.approx(
        [-0.729472, 1.014509, -0.998251, -1.783761], abs=2e-4
    )
    assert (noise.mean().item(), noise.std().item()) == pytest.approx((0.034620, 1.730166), abs=1e-4)
    means = {number: value.abs().mean().item() for number, value in maps.items()}
    assert means == pytest.approx({2: 1.284813, 5: 6.840939, 8: 1.436342, 11: 1.459961, 14: 1.587294}, rel=1e-4)


def test_the_head_gives_the_values_of_the_authors_program():
    network = tiny()
    with torch.no_grad():
        maps = network.extractor.activations(IMAGES, LEVELS, TINY.head.maps)
        scaled = [
            [{number: value[half : half + 1] * scale for number, value in maps.items()} for scale in (1, 0.5, 0.25)]
            for half in (0, 1)
        ]
        logits = network.head(*scaled)
    assert logits.shape == (1, 2, 32, 32)
    assert logits.flatten()[[0, 500, 1000, 2000]].tolist() == pytest.approx(
        [1.848665, -3.646185, -0.034912, 14.082445], abs=2e-3
    )
    assert (logits.mean().item(), logits.std().item()) == pytest.approx((0.608817, 22.660774), abs=1e-3)


@pytest.mark.parametrize(("config", "matters"), [(TINY, False), (FINEST, True)])
def test_the_finest_level_matters_in_the_variant_alone(config, matters):
    head = ChangeHead(config)
    fill(head)
    sizes = {2: (8, 32), 5: (16, 16), 8: (32, 8), 11: (64, 4), 14: (64, 2)}
    maps = [{number: torch.ones(1, width, side, side) for number, (width, side) in sizes.items()}] * len(
        config.head.steps
    )
    other = [step | {2: step[2] * torch.linspace(-3, 3, 32)} for step in maps]
    assert torch.equal(head(maps, maps), head(maps, other)) is not matters


def test_noise_levels_are_the_schedules():
    schedule = NoiseSchedule(PUBLISHED.extractor)
    found = schedule.levels[[0, 1, 50, 100, 400, 2000]]
    np.testing.assert_allclose(found, [1, 0.9999995, 0.99691578, 0.98764494, 0.81880189, 0.00662267], rtol=1e-6)
    assert schedule.interval(1) == (schedule.levels[1], 1.0)
    assert schedule.level(50, 0.0) == schedule.levels[49]
    assert schedule.level(50, 1.0) == pytest.approx(schedule.levels[50])


@pytest.mark.parametrize("step", [0, -1, 2001])
def test_a_step_outside_the_schedule_is_refused(step):
    with pytest.raises(UserError, match="expected 1 to 2000"):
        NoiseSchedule(PUBLISHED.extractor).interval(step)


def test_noised_images_keep_their_variance():
    images, noise = torch.full((1, 3, 2, 2), 2.0), torch.full((1, 3, 2, 2), -1.0)
    assert noised(images, torch.tensor([0.6]), noise).flatten().tolist() == pytest.approx([0.6 * 2 - 0.8] * 12)


def test_a_pair_is_compared_through_the_noise_of_each_step():
    network = tiny()
    drawn = network.step_noise(NoiseSource(network.schedule, 0, 32), [("a", 0), ("b", 0)])
    assert len(drawn) == 3
    assert {(tuple(one.levels.shape), tuple(one.noise.shape)) for one in drawn} == {((4,), (4, 3, 32, 32))}
    with torch.no_grad():
        logits = network(IMAGES, IMAGES.flip(0), drawn)
    assert logits.shape == (2, 2, 32, 32)
    assert torch.isfinite(logits).all()


def test_training_mode_leaves_the_diffusion_model_in_evaluation_mode():
    network = DdpmCd(TINY).train()
    assert network.head.training
    assert not any(part.training for part in network.extractor.modules())


def test_a_new_head_starts_orthogonal():
    head = ChangeHead(TINY)
    initialise(head)
    weight = head.joins[0].refine.weight.detach().flatten(1)
    torch.testing.assert_close(weight @ weight.T, torch.eye(len(weight)), atol=1e-4, rtol=0)
    assert not head.hidden.bias.any()


@pytest.mark.parametrize(
    "make",
    [
        lambda: ExtractorConfig(base_width=0),
        lambda: ExtractorConfig(base_width=100),
        lambda: ExtractorConfig(base_width=8192),
        lambda: ExtractorConfig(image_size=250),
        lambda: ExtractorConfig(multipliers=()),
        lambda: ExtractorConfig(beta_first=0.5, beta_last=0.1),
        lambda: ExtractorConfig(beta_last=float("nan")),
        lambda: ExtractorConfig(schedule_steps=0),
        lambda: ExtractorConfig(blocks="2"),
        lambda: ExtractorConfig.from_mapping({"widht": 3}),
        lambda: HeadConfig(steps=(100, 50)),
        lambda: HeadConfig(steps=(0, 50)),
        lambda: HeadConfig(maps=(2,)),
        lambda: HeadConfig(finest=1),
        lambda: DdpmCdConfig(head=HeadConfig(steps=(50, 2001))),
        lambda: DdpmCdConfig(head=HeadConfig(maps=(2, 5, 8, 11))),
        lambda: DdpmCdConfig(head=HeadConfig(maps=(1, 2, 5, 8, 11))),
        lambda: preset("tiny"),
    ],
)
def test_a_configuration_that_makes_no_network_is_refused_in_one_line(make):
    with pytest.raises(UserError) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_presets_are_told_by_name():
    assert list(PRESETS) == ["published", "small"]
    assert preset("published") == PUBLISHED
    assert ExtractorConfig.from_mapping({"multipliers": [1, 2], "norm_groups": 8}).multipliers == (1, 2)
    assert PUBLISHED.to_dict()["head"]["steps"] == (50, 100, 400)
