"""A checkpoint gives back the network that was saved, and nothing that is not one is loaded."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save

from annotators.sigma.checkpoint import build_network, preset_of, read_checkpoint, save_checkpoint
from annotators.sigma.network.model import Sigma
from annotators.sigma.network.presets import SIGMA_LITE
from imlbench.errors import UserError
from tests.annotators.sigma.network.making_networks import SMALL, StubEncoder, images, small_network


@pytest.fixture
def network():
    return small_network(seed=3)


@pytest.fixture
def path(tmp_path, network):
    place = tmp_path / "trained.safetensors"
    save_checkpoint(place, network, {"seed": 3, "scores": [0.5]})
    return place


def refused(path, **options) -> str:
    with pytest.raises(UserError) as told:
        read_checkpoint(path, **options)
    assert "\n" not in str(told.value)
    return str(told.value)


def test_what_was_saved_comes_back(network, path):
    read = read_checkpoint(path)
    assert (read.config, dict(read.facts), read.preset) == (SMALL, {"seed": 3, "scores": [0.5]}, "")
    pair = images()
    with torch.inference_mode():
        assert torch.equal(build_network(read, network.encoder)(*pair), network(*pair))


def test_a_loaded_network_is_ready_for_inference_and_trains_only_what_is_trainable(network, path):
    loaded = build_network(read_checkpoint(path), network.encoder)
    assert not loaded.training
    wanted = {name: value.requires_grad for name, value in network.named_parameters()}
    assert {name: value.requires_grad for name, value in loaded.named_parameters()} == wanted
    assert not any(value.is_meta for value in loaded.parameters())


def test_loading_draws_no_random_numbers(network, path):
    before = torch.random.get_rng_state()
    build_network(read_checkpoint(path), network.encoder)
    assert torch.equal(before, torch.random.get_rng_state())


def test_equal_networks_give_equal_files(network, path, tmp_path):
    again = save_checkpoint(tmp_path / "again.safetensors", network, {"scores": [0.5], "seed": 3})
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()
    assert again == read_checkpoint(path, again).sha256


def test_the_backbone_is_not_in_the_file(network, path):
    assert not any("encoder" in name for name in read_checkpoint(path).tensors)
    assert len(read_checkpoint(path).tensors) == len(network.state_dict())


def test_half_precision_halves_the_file_and_reads_as_float32(network, path, tmp_path):
    save_checkpoint(tmp_path / "half.safetensors", network, half=True)
    assert (tmp_path / "half.safetensors").stat().st_size < 0.7 * path.stat().st_size
    tensors = read_checkpoint(tmp_path / "half.safetensors").tensors
    assert {value.dtype for value in tensors.values()} == {torch.float32}
    for name, value in network.state_dict().items():
        assert torch.allclose(value, tensors[name], atol=2e-3)


def test_a_preset_is_named():
    assert preset_of(SIGMA_LITE) == "sigma-lite"
    assert preset_of(replace(SIGMA_LITE, drbs=3)) == ""


def test_weights_that_are_not_finite_are_not_saved(network, tmp_path):
    with torch.no_grad():
        network.decoder.head.bias.fill_(float("nan"))
    with pytest.raises(ValueError, match="finite"):
        save_checkpoint(tmp_path / "broken.safetensors", network)
    assert not list(tmp_path.iterdir())


def test_facts_that_are_no_json_are_refused(network, tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        save_checkpoint(tmp_path / "a.safetensors", network, {"network": network})


def test_a_missing_file_and_a_folder(tmp_path):
    assert "no such file" in refused(tmp_path / "none.safetensors")
    assert "no such file" in refused(tmp_path)


def test_another_hash(path):
    assert "expected SHA-256 " + "0" * 64 in refused(path, sha256="0" * 64)


@pytest.mark.parametrize("keep", [0, 4, 8, 100, 5000])
def test_a_file_cut_short(path, keep):
    path.write_bytes(path.read_bytes()[:keep])
    assert "not a safetensors file" in refused(path)


def test_a_file_of_something_else(path):
    path.write_bytes(b"PK\x03\x04" + bytes(200))
    assert "not a safetensors file" in refused(path)


def saved(path, values, tensors=None):
    """A safetensors file with this text for metadata."""
    text = values if isinstance(values, str) else json.dumps(values)
    path.write_bytes(save(tensors or {"a": torch.zeros(1)}, {"imlbench": text}))
    return path


GOOD = {"format": "imlbench-sigma", "version": 1, "preset": "", "config": {}, "facts": {}}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("no json", "no checkpoint of SIGMA"),
        ("[" * 100_000, "no checkpoint of SIGMA"),
        ([], "no checkpoint of SIGMA"),
        ({**GOOD, "format": "other"}, "no checkpoint of SIGMA"),
        ({**GOOD, "version": 2}, "format version 1, found 2"),
        ({**GOOD, "config": []}, "expected config and facts as tables"),
        ({**GOOD, "config": {"widht": 3}}, "did you mean 'width'"),
        ({**GOOD, "config": {"width": -1}}, "width must be 1 to 16384"),
    ],
)
def test_metadata_that_is_not_ours(tmp_path, values, message):
    assert message in refused(saved(tmp_path / "a.safetensors", values))


def test_a_file_without_metadata(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(save({"a": torch.zeros(1)}))
    assert "no checkpoint of SIGMA" in refused(tmp_path / "a.safetensors")


@pytest.mark.parametrize("value", [torch.full((2,), float("inf")), torch.zeros(2, dtype=torch.int64)])
def test_values_that_are_no_weights(tmp_path, value):
    assert "finite floating-point" in refused(saved(tmp_path / "a.safetensors", GOOD, {"a": value}))


def rebuilt(path, change, encoder) -> str:
    """The complaint about a checkpoint whose tensors were changed."""
    read = read_checkpoint(path)
    with pytest.raises(UserError) as told:
        build_network(replace(read, tensors=change(dict(read.tensors))), encoder)
    return str(told.value)


def test_tensors_of_another_architecture(network, path):
    first = min(read_checkpoint(path).tensors)

    def without(tensors):
        return {name: value for name, value in tensors.items() if name != first}

    assert f"1 tensors missing, {first} first" in rebuilt(path, without, network.encoder)
    more = rebuilt(path, lambda tensors: {**tensors, "more": torch.zeros(1)}, network.encoder)
    assert "1 tensors too many, more first" in more
    other = rebuilt(path, lambda tensors: {**tensors, first: torch.zeros(1, 7)}, network.encoder)
    assert f"{first}: expected" in other
    assert "found (1, 7)" in other


def test_sizes_out_of_a_file_take_no_memory_before_they_are_believed(network, path):
    read = read_checkpoint(path)
    # Would be some 30 gigabytes.
    huge = replace(read, config=replace(SMALL, width=16384, drbs=4))
    with pytest.raises(UserError, match="not the weights of its configuration"):
        build_network(huge, network.encoder)


def test_an_encoder_of_other_levels(path):
    with pytest.raises(UserError, match="encoder of 3 levels, found 1"):
        build_network(read_checkpoint(path), StubEncoder((12,), (14,)))


def test_an_encoder_of_other_widths(path):
    with pytest.raises(UserError, match="not the weights of its configuration"):
        build_network(read_checkpoint(path), StubEncoder((10, 10, 10)))


def test_a_lite_network_over_a_random_backbone_comes_back(tmp_path):
    from imlbench.backbones.efficientnet_lite import EfficientNetLite0

    torch.manual_seed(0)
    network = Sigma(SIGMA_LITE, EfficientNetLite0(SIGMA_LITE.layers, SIGMA_LITE.detail_layer)).eval()
    save_checkpoint(tmp_path / "lite.safetensors", network)
    read = read_checkpoint(tmp_path / "lite.safetensors")
    assert read.preset == "sigma-lite"
    assert (tmp_path / "lite.safetensors").stat().st_size < 12e6
    assert set(build_network(read, network.encoder).state_dict()) == set(network.state_dict())
