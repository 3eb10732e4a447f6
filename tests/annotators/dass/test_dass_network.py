"""The network: what it sees, its encoders, its head, its flips."""

from __future__ import annotations

import copy
import sys
from types import ModuleType

import pytest
import torch
from torch import nn

from annotators.dass.config import PRESETS, DassConfig, InputPolicy, facts, preset
from annotators.dass.encoders import LiteEncoder, TimmEncoder, build_encoder, skeleton, stages_of, timm_maps
from annotators.dass.head import PooledViews, UPerHead
from annotators.dass.model import Dass
from imlbench.errors import UserError
from tests.annotators.dass.making_dass import TINY, images, tiny

STRIDES = (4, 8, 16, 32)


def test_the_difference_does_not_wrap():
    # In bytes 10 - 250 is 16, and |10 - 250| - 256 is not far from nothing either.
    original = torch.full((1, 3, 32, 32), 250 / 255)
    edited = torch.full((1, 3, 32, 32), 10 / 255)
    network = tiny()
    deviation = torch.tensor(network.encoder.deviation)[None, :, None, None]
    for first, second in ((original, edited), (edited, original)):
        difference = network.joined(first, second)[:, 6:] * deviation
        assert torch.allclose(difference, torch.full_like(difference, 240 / 255), atol=1e-6)
    assert (network.joined(original, original)[:, 6:] == 0).all()


def test_the_difference_is_float32_under_automatic_casting():
    original = torch.full((1, 3, 32, 32), 200 / 255)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        seen = tiny().joined(original, original + 1 / 255)
    assert seen.dtype == torch.float32
    assert torch.allclose(seen[:, 6] * 0.229, torch.full((1, 32, 32), 1 / 255), atol=1e-6)


def test_both_images_are_normalised_by_the_encoders_statistics():
    original, edited = images(height=32, width=32)
    seen = tiny().joined(original, edited)
    assert seen.shape == (1, 9, 32, 32)
    assert torch.allclose(seen[0, 1], (original[0, 1] - 0.456) / 0.224)
    assert torch.allclose(seen[0, 5], (edited[0, 2] - 0.406) / 0.225)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (64, 96), (128, 32)])
def test_logits_have_the_images_size(height: int, width: int):
    logits = tiny()(*images(2, height, width))
    assert logits.shape == (2, 1, height, width)
    assert logits.dtype == torch.float32
    assert torch.isfinite(logits).all()


def test_the_order_of_the_images_matters():
    original, edited = images()
    with torch.no_grad():
        assert not torch.allclose(tiny()(original, edited), tiny()(edited, original), atol=1e-3)


def test_flips_average_the_logits_of_three_views():
    original, edited = images()
    network = tiny()
    with torch.no_grad():
        expected = network(original, edited)
        expected = expected + network(original.flip(3), edited.flip(3)).flip(3)
        expected = expected + network(original.flip(2), edited.flip(2)).flip(2)
        found = network.flipped(original, edited)
        assert torch.allclose(found, expected / 3, atol=1e-6)
        # A mirrored pair has the mirrored map but for the third view, which is another one.
        assert not torch.allclose(found, network(original, edited), atol=1e-4)


@pytest.mark.parametrize(
    ("name", "channels"),
    [
        ("resnet18", (64, 128, 256, 512)),
        ("convnext_tiny", (96, 192, 384, 768)),
        ("swin_t", (96, 192, 384, 768)),
        ("mobilenet_v3_small", (16, 24, 48, 576)),
        ("regnet_y_400mf", (48, 104, 208, 440)),
        ("densenet121", (256, 512, 1024, 1024)),
    ],
)
def test_stages_are_found_whatever_the_family(name: str, channels: tuple[int, ...]):
    found = stages_of(name)
    assert tuple(found[stride].channels for stride in STRIDES) == channels


@pytest.mark.parametrize("name", ["efficientnet-lite0", "resnet18", "swin_t"])
def test_maps_have_their_strides_and_channels_first(name: str):
    encoder = build_encoder(name, STRIDES).eval()
    assert encoder.first.in_channels == 9
    with torch.no_grad():
        maps = encoder(torch.rand(1, 9, 64, 96))
    expected = [(1, width, 64 // stride, 96 // stride) for width, stride in zip(encoder.channels, STRIDES, strict=True)]
    assert [tuple(one.shape) for one in maps] == expected


def test_the_finest_map_may_be_finer():
    maps = build_encoder("efficientnet-lite0", (2, *STRIDES))(torch.rand(1, 9, 32, 64))
    assert [tuple(one.shape[2:]) for one in maps] == [(16, 32), (8, 16), (4, 8), (2, 4), (1, 2)]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("resnet81", "did you mean"),
        ("vit_b_16", "does not take images of any size"),
        ("alexnet", "has no maps of stride 4"),
        ("timm:pvt_v2_b0", "not installed: pip install"),
    ],
)
def test_what_is_no_encoder_gets_one_line(name: str, told: str, monkeypatch):
    monkeypatch.setattr("annotators.dass.encoders.find_spec", lambda _: None)
    timm_maps.cache_clear()
    with pytest.raises(UserError, match=told) as caught:
        build_encoder(name, STRIDES)
    assert "\n" not in str(caught.value)


class FourMaps(nn.Module):
    """As timm's networks of features: a list of maps."""

    def __init__(self, channels_last: bool) -> None:
        super().__init__()
        self.stem = nn.Conv2d(9, 6, 4, stride=4)
        self.deeper = nn.ModuleList(nn.Conv2d(6 * 2**place, 12 * 2**place, 2, stride=2) for place in range(3))
        self.channels_last = channels_last

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        maps = [self.stem(x)]
        for layer in self.deeper:
            maps.append(layer(maps[-1]))
        return [one.permute(0, 2, 3, 1) for one in maps] if self.channels_last else maps


def stand_in(channels_last: bool, asked: list[object]) -> ModuleType:
    """What is used of timm."""

    def create_model(name: str, **options: object) -> nn.Module:
        asked.append(options)
        if name == "fixed":
            raise AssertionError("Input height (256) doesn't match model (224).")
        return FourMaps(channels_last)

    made = ModuleType("timm")
    made.is_model = lambda name: name in ("four", "fixed")
    made.create_model = create_model
    made.get_pretrained_cfg_value = lambda name, key: (0.5, 0.5, 0.5) if key == "mean" else None
    return made


@pytest.mark.parametrize("channels_last", [False, True])
def test_timms_networks_serve_through_timms_own_interface(monkeypatch, channels_last: bool):
    asked: list[object] = []
    monkeypatch.setitem(sys.modules, "timm", stand_in(channels_last, asked))
    monkeypatch.setattr("annotators.dass.encoders.find_spec", lambda _: object())
    timm_maps.cache_clear()
    encoder = build_encoder("timm:four", (8, 16, 32))
    assert isinstance(encoder, TimmEncoder)
    assert asked == [{"pretrained": False, "features_only": True, "in_chans": 9}] * 2
    assert (encoder.mean, encoder.deviation) == ((0.5, 0.5, 0.5), (0.229, 0.224, 0.225))
    assert encoder.channels == (12, 24, 48)
    assert [tuple(one.shape[1:]) for one in encoder(torch.rand(1, 9, 64, 96))] == [(12, 8, 12), (24, 4, 6), (48, 2, 3)]
    assert encoder.first is encoder.network.stem
    for name, told in (("none", "timm has no network 'none'"), ("fixed", "images of any size")):
        with pytest.raises(UserError, match=told):
            build_encoder(f"timm:{name}", STRIDES)
    with pytest.raises(UserError, match="has no maps of stride 2; those that it has: 4, 8, 16, 32"):
        build_encoder("timm:four", (2, *STRIDES))


def test_a_copy_is_a_network_of_its_own_in_the_same_state():
    network = tiny()
    network.encoder.first.weight.requires_grad_(False)
    made = copy.deepcopy(network)
    network.encoder.first.weight.requires_grad_(True)
    assert not made.training
    assert not made.encoder.first.weight.requires_grad
    assert made.head.logit.weight.requires_grad
    with torch.no_grad():
        assert torch.equal(made(*images()), network(*images()))
        made.encoder.first.weight.add_(1)
        assert not torch.equal(made(*images()), network(*images()))
    # The copied graph still knows how it behaves while it is trained.
    made.train()
    assert made.encoder.network.training
    norm = made.encoder.network.get_submodule("stage2.0.branch1.1")
    before = norm.running_mean.clone()
    made(*images())
    assert not torch.equal(before, norm.running_mean)


def test_every_weight_of_the_small_preset_learns():
    network = Dass(DassConfig(encoder="efficientnet-lite0", width=8, norm_groups=4))
    network(*images()).sum().backward()
    assert isinstance(network.encoder, LiteEncoder)
    assert all(value.grad is not None for value in network.parameters())


def test_the_head_takes_maps_of_any_number_and_size():
    head = UPerHead(TINY, (3, 5))
    assert head([torch.rand(2, 3, 6, 10), torch.rand(2, 5, 3, 5)]).shape == (2, 1, 6, 10)
    # Fewer positions than cells are asked for.
    pooled = PooledViews(5, 8, (1, 2, 6), 4)
    assert pooled(torch.rand(1, 5, 1, 3)).shape == (1, 8, 1, 3)


def test_pooled_views_see_the_whole_map():
    torch.manual_seed(0)
    pooled = PooledViews(4, 8, (1,), 4).eval()
    x = torch.rand(1, 4, 16, 16)
    moved = x.clone()
    moved[..., 0, 0] += 50
    with torch.no_grad():
        assert (
            pooled.views[0](x.mean((2, 3), keepdim=True)) != pooled.views[0](moved.mean((2, 3), keepdim=True))
        ).any()
        assert not torch.equal(pooled(x)[..., 12:, 12:], pooled(moved)[..., 12:, 12:])


@pytest.mark.parametrize(("name", "encoder", "millions"), [("dass", 49.462, 58.68), ("dass-small", 2.961, 3.64)])
def test_presets_have_the_sizes_that_are_told(name: str, encoder: float, millions: float):
    network = skeleton(lambda: Dass(PRESETS[name].config))
    sizes = [sum(one.numel() for one in part.parameters()) / 1e6 for part in (network.encoder, network)]
    assert sizes == [pytest.approx(encoder, abs=0.001), pytest.approx(millions, abs=0.01)]


def test_facts_say_what_is_stated_and_what_is_inferred():
    lines = {line.name: line for line in facts("dass")}
    assert (lines["side"].value, lines["side"].origin) == (1024, "S")
    assert (lines["flips"].value, lines["flips"].origin) == (True, "S")
    assert (lines["encoder"].value, lines["encoder"].origin) == ("convnext_small", "I")
    small = {line.name: line for line in facts("dass-small")}
    assert (small["side"].origin, small["side"].note) == ("I", "dass has 1024")
    with pytest.raises(UserError, match="presets dass and dass-small"):
        preset("dass-large")


@pytest.mark.parametrize(
    ("policy", "shape", "expected"),
    [
        (InputPolicy(), (10, 3000), (1024, 1024)),
        (InputPolicy(side=512, stretch=False), (480, 640), (384, 512)),
        (InputPolicy(side=512, stretch=False), (48, 64), (384, 512)),
        (InputPolicy(side=512, stretch=False, enlarge=False), (48, 70), (64, 64)),
        (InputPolicy(side=512, stretch=False), (1, 5000), (32, 512)),
        (InputPolicy(side=96, stretch=False), (96, 96), (96, 96)),
    ],
)
def test_sizes_are_multiples_of_32_within_the_side(policy: InputPolicy, shape: tuple[int, int], expected: object):
    assert policy.size(*shape) == expected


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: DassConfig(encoder="hf_hub:someone/model"), "encoder: expected the name of one"),
        (lambda: DassConfig(encoder="timm:../model"), "encoder: expected the name of one"),
        (lambda: DassConfig(finest_stride=16), "finest_stride: expected one of"),
        (lambda: DassConfig(pool_sides=(0,)), "pool_sides"),
        (lambda: DassConfig(width=100), "multiple of norm_groups"),
        (lambda: DassConfig(width=1 << 20), "width up to 4096"),
        (lambda: InputPolicy(side=500), "multiple of 32"),
        (lambda: InputPolicy(side=8192), "up to 4096"),
        (lambda: InputPolicy(flips=1), "flips: expected bool"),
    ],
)
def test_values_without_meaning_get_one_line(make, told: str):
    with pytest.raises(UserError, match=told) as caught:
        make()
    assert "\n" not in str(caught.value)
