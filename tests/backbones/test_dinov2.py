"""DINOv2 as an encoder, with a tiny random model."""

from __future__ import annotations

import json

import pytest
import torch
from torch.nn import functional
from transformers import Dinov2Config, Dinov2Model

from imlbench.backbones import dinov2
from imlbench.backbones.dinov2 import Dinov2
from imlbench.errors import UserError

torch.set_num_threads(1)


def tiny(**changes) -> Dinov2Model:
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 4, "image_size": 70, "patch_size": 14}
    return Dinov2Model(Dinov2Config(**(sizes | changes)))


def test_levels_are_the_named_layers_after_the_final_norm_without_the_class_token():
    model, images = tiny(), torch.rand(2, 3, 70, 70)
    encoder = Dinov2(model, (0, 2, 3))
    found = encoder.levels(images)
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    normalised = (images - mean.view(1, 3, 1, 1)) / deviation.view(1, 3, 1, 1)
    with torch.inference_mode():
        output = model(pixel_values=normalised, output_hidden_states=True)
    for level, state in zip(found, (1, 3, 4), strict=True):
        expected = model.layernorm(output.hidden_states[state])[:, 1:].reshape(2, 5, 5, 32).permute(0, 3, 1, 2)
        torch.testing.assert_close(level, expected)
    torch.testing.assert_close(found[2].flatten(2).transpose(1, 2), output.last_hidden_state[:, 1:])


def test_rows_are_rows():
    encoder, images = Dinov2(tiny(), (0,)), torch.zeros(1, 3, 70, 70)
    changed = images.clone()
    changed[:, :, 14:28, 56:] = 1
    with torch.inference_mode():
        difference = (encoder.levels(images)[0] - encoder.levels(changed)[0]).abs().sum(1)[0]
    assert divmod(int(difference.argmax()), 5) == (1, 4)


@pytest.mark.parametrize(("height", "width", "lattice"), [(28, 84, (2, 6)), (50, 71, (4, 6)), (1, 1, (1, 1))])
def test_any_size_gives_a_lattice_over_the_whole_image(height, width, lattice):
    encoder, images = Dinov2(tiny(), (1, 3)), torch.rand(1, 3, height, width)
    assert encoder.lattices(height, width) == [lattice] * 2
    assert [tuple(level.shape) for level in encoder.levels(images)] == [(1, 32, *lattice)] * 2
    whole = functional.interpolate(images, (lattice[0] * 14, lattice[1] * 14), mode="bilinear")
    torch.testing.assert_close(encoder.levels(images)[1], encoder.levels(whole)[1], atol=1e-5, rtol=1e-5)


def test_the_backbone_is_frozen_and_never_in_training_mode():
    encoder = Dinov2(tiny(hidden_dropout_prob=0.5), (3,))
    images = torch.rand(1, 3, 70, 70)
    assert torch.equal(encoder.train().levels(images)[0], encoder.levels(images)[0])
    assert not any(parameter.requires_grad for parameter in encoder.parameters())


def test_levels_take_part_in_a_graph():
    level = Dinov2(tiny(), (3,)).levels(torch.rand(1, 3, 28, 28))[0]
    weight = torch.ones((), requires_grad=True)
    (level * weight).sum().backward()
    torch.testing.assert_close(weight.grad, level.sum())


def test_a_folder_is_loaded_as_saved(tmp_path, monkeypatch):
    monkeypatch.setitem(dinov2.WIDTHS, "dinov2-small", 32)
    model, images = tiny(), torch.rand(1, 3, 70, 70)
    model.save_pretrained(tmp_path)
    loaded = Dinov2.from_pretrained("dinov2-small", (1, 3), tmp_path)
    for found, expected in zip(loaded.levels(images), Dinov2(model, (1, 3)).levels(images), strict=True):
        torch.testing.assert_close(found, expected)


def damage_missing(folder):
    (folder / "model.safetensors").unlink()


def damage_truncated(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


def damage_text(folder):
    (folder / "config.json").write_text("not a configuration")


def damage_kind(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "vit"}))


def damage_depth(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 5}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damage_missing, "no weights that load"),
        (damage_truncated, "no weights that load"),
        (damage_text, "no weights that load"),
        (damage_kind, r"expected dinov2-small \(dinov2, 32 wide\), found vit"),
        (damage_depth, "missing keys in the weights"),
    ],
)
def test_a_folder_that_is_not_the_model_is_refused_in_one_line(tmp_path, monkeypatch, damage, message):
    monkeypatch.setitem(dinov2.WIDTHS, "dinov2-small", 32)
    tiny().save_pretrained(tmp_path)
    damage(tmp_path)
    with pytest.raises(UserError, match=message) as caught:
        Dinov2.from_pretrained("dinov2-small", (1, 3), tmp_path)
    assert "\n" not in str(caught.value)


def test_a_model_of_another_width_or_too_few_layers_is_refused(tmp_path):
    tiny().save_pretrained(tmp_path)
    with pytest.raises(UserError, match=r"expected dinov2-base .*768 wide.*, found dinov2, 32 wide"):
        Dinov2.from_pretrained("dinov2-base", (2, 5, 11), tmp_path)
    with pytest.raises(UserError, match="layer 11 is wanted, counted from zero, found 4 layers"):
        Dinov2(tiny(), (2, 5, 11))
