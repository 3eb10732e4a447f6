"""The network: published sizes counted by hand, shapes and strides, the gate, and configurations."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision.models import resnet18

from annotators.meta_cd.config import PRESETS, MetaCdConfig, preset
from annotators.meta_cd.decoder import Decoder
from annotators.meta_cd.encoder import Encoders, Gate
from annotators.meta_cd.model import MetaCd
from annotators.meta_cd.resnet import LiftedResNet
from imlbench.errors import UserError
from tests.annotators.meta_cd.making_meta_cd import PUBLISHED, TINY, tiny

RESNET_34 = 21_284_672
"""torchvision's 21,797,672 without the classifier's 513,000."""
RESNET_18 = 11_176_512
LIFTS = (64 * 160 + 320) + (128 * 320 + 640) + (256 * 640 + 1280) + (512 * 640 + 1280)
ADAPTERS = (160 * 40 + 80) + (320 * 80 + 160) + 2 * (640 * 160 + 320)
DECODER = (
    (160 * 160 * 4 + 160 + 320 * 80 * 9 + 160 + 80 * 80 * 9 + 160)
    + (80 * 80 * 4 + 80 + 160 * 40 * 9 + 80 + 40 * 40 * 9 + 80)
    + (40 * 40 * 4 + 40 + 80 * 64 * 9 + 128 + 64 * 64 * 9 + 128)
)
SEMANTICS = 64 * 8 + 8
CHANGE = 12 * (128 * 128 * 9 + 256) + (128 * 16 + 32) + (16 * 4 + 4) + (4 * 16 + 16) + (16 + 1)
THRESHOLD = (16 * 256 * 9 + 256) + (256 * 128 * 9 + 128) + (128 * 64 * 9 + 64) + 3 + (64 + 1)
SHARED = ADAPTERS + DECODER + SEMANTICS + CHANGE


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("meta-cd", RESNET_34 + LIFTS + 1 + SHARED + THRESHOLD),
        ("meta-cd-small", RESNET_18 + LIFTS + SHARED + THRESHOLD),
        ("sam-cd", SHARED),
    ],
)
def test_presets_without_fastsam_have_the_parameters_that_were_counted_by_hand(name, expected):
    config = preset(name)
    with torch.device("meta"):
        assert count(MetaCd(config, nn.Identity() if config.sam else None)) == expected


def test_the_published_network_without_fastsam_has_24_8_million_parameters():
    assert RESNET_34 + LIFTS + 1 + SHARED + THRESHOLD == 24_828_282


def test_the_resnet_gives_lifted_maps_at_the_published_strides():
    with torch.device("meta"):
        maps = LiftedResNet(PUBLISHED)(torch.zeros(1, 3, 256, 256))
    assert [(one.shape[1], 256 // one.shape[2]) for one in maps] == [(160, 4), (320, 8), (640, 16), (640, 32)]


def test_the_decoder_ends_with_64_channels_at_stride_4():
    with torch.device("meta"):
        maps = [
            torch.zeros(2, width, 256 // stride, 256 // stride)
            for width, stride in zip(PUBLISHED.features, (4, 8, 16, 32), strict=True)
        ]
        found = Decoder(PUBLISHED)(maps)
    assert found.shape == (2, 64, 64, 64)


def test_shapes_of_what_the_network_says():
    seen = tiny()(torch.rand(2, 3, 64, 96), torch.rand(2, 3, 64, 96))
    assert seen.logits.shape == seen.probabilities.shape == seen.thresholds.shape == (2, 64, 96)
    assert [one.shape for one in seen.semantics] == [(2, 4, 16, 24)] * 2
    assert {one.dtype for one in (seen.logits, seen.thresholds)} == {torch.float32}


def test_equal_images_have_equal_semantic_outputs():
    images = torch.rand(1, 3, 64, 64)
    seen = tiny()(images, images)
    torch.testing.assert_close(*seen.semantics)


class Constant(nn.Module):
    """Maps of one value in the place of an encoder's."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        sides = [images.shape[2] // stride for stride in (4, 8, 16, 32)]
        return [torch.full((len(images), 8, side, side), self.value) for side in sides]


@pytest.mark.parametrize(("raw", "expected"), [(200.0, 3.0), (-200.0, 5.0), (0.0, 4.0)])
def test_the_gate_takes_all_of_one_encoder_or_of_the_other(raw, expected):
    gate = Gate()
    gate.raw.data.fill_(raw)
    images = torch.zeros(1, 3, 32, 32)
    for one in gate(Constant(3.0)(images), Constant(5.0)(images)):
        assert (one == expected).all()


def test_a_network_with_both_encoders_blends_them_and_trains_one():
    encoders = Encoders(MetaCdConfig(cnn=10, features=(8, 8, 8, 8)), Constant(5.0)).train()
    images = torch.rand(2, 3, 32, 32)
    maps = encoders(images)
    trained = encoders.cnn(images)
    torch.testing.assert_close(maps[0], 0.5 * trained[0] + 2.5)
    assert encoders.cnn.training
    assert not encoders.sam.training
    sum(one.sum() for one in maps).backward()
    assert encoders.gate.raw.grad is not None


@pytest.mark.parametrize(("config", "sam"), [(TINY, nn.Identity()), (PUBLISHED, None)])
def test_a_frozen_encoder_too_many_or_too_few_is_refused(config, sam):
    with torch.device("meta"), pytest.raises(ValueError, match="the frozen encoder is"):
        MetaCd(config, sam)


def test_imagenet_weights_of_a_file_are_taken_without_the_classifier(tmp_path):
    published = resnet18()
    state = {name: value for name, value in published.state_dict().items() if "num_batches" not in name}
    torch.save(state, tmp_path / "resnet18.pth")
    network = LiftedResNet(preset("meta-cd-small"))
    network.load(tmp_path / "resnet18.pth")
    torch.testing.assert_close(network.trunk.layer4[1].conv2.weight, published.layer4[1].conv2.weight)


def test_weights_of_another_resnet_are_refused(tmp_path):
    torch.save({"conv1.weight": torch.zeros(64, 3, 7, 7)}, tmp_path / "resnet18.pth")
    with pytest.raises(UserError, match="not this network's weights"):
        LiftedResNet(TINY).load(tmp_path / "resnet18.pth")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"cnn": 50}, "cnn: expected one of 10, 18, 34"),
        ({"sam": False, "cnn": 0}, "or 0 beside sam = true"),
        ({"image_size": 250}, "image_size: expected a multiple of 32"),
        ({"features": [8, 8, 8]}, "expected four features"),
        ({"decoded": 100_000}, "expected channels from 1 to 4096"),
        ({"pool": 4}, "pool: expected an odd number"),
        ({"change_blocks": 0}, "expected change_blocks"),
        ({"sam": 1}, "sam: expected bool"),
        ({"smantic": 8}, "did you mean 'semantic'"),
    ],
)
def test_a_configuration_that_makes_no_network_is_refused_in_one_line(values, told):
    with pytest.raises(UserError, match=told) as caught:
        MetaCdConfig.from_mapping(values)
    assert "\n" not in str(caught.value)


def test_presets_are_told_by_name_and_say_whose_they_are():
    assert {name: config.annotator for name, config in PRESETS.items()} == {
        "meta-cd": "meta-cd",
        "meta-cd-small": "meta-cd",
        "sam-cd": "sam-cd",
    }
    with pytest.raises(UserError, match="expected one of the presets"):
        preset("meta")
