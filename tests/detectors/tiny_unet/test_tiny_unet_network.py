"""The network: sizes, residuals by hand, its file."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import save_file

from detectors.tiny_unet.config import PRESETS, TinyUnetConfig
from detectors.tiny_unet.network import TinyUnet, colour_statistics, residual_statistics
from detectors.tiny_unet.own_files import describe, load_network, save_network
from imlbench.errors import UserError
from tests.detectors.tiny_unet.making_tiny_unet import SMALL, make_weights

torch.set_num_threads(1)


@pytest.mark.parametrize("name", list(PRESETS))
def test_presets_stay_below_four_million_parameters(name):
    assert sum(value.numel() for value in TinyUnet(PRESETS[name]).parameters()) <= 4_000_000


def test_a_larger_network_is_refused():
    with pytest.raises(UserError, match="at most 4,000,000"):
        TinyUnet(TinyUnetConfig(widths=(64, 128, 256, 512)))


@pytest.mark.parametrize("size", [(1, 1), (3, 17), (16, 16), (33, 50)])
def test_logits_have_the_size_of_the_image(size):
    network = TinyUnet(SMALL).eval()
    assert network(torch.rand(2, 3, *size)).shape == (2, 1, *size)


def test_every_trained_weight_gets_a_gradient():
    network = TinyUnet(SMALL)
    network(torch.rand(2, 3, 24, 24)).square().mean().backward()
    assert all(value.grad is not None and value.grad.abs().sum() > 0 for value in network.parameters())


def test_residuals_are_nothing_on_a_plane_and_known_at_a_point():
    network = TinyUnet(SMALL)
    columns = torch.arange(12.0).expand(1, 3, 12, 12) / 255
    assert network.residuals(columns)[:, :, 3:-3, 3:-3].abs().max() < 1e-4
    point = torch.zeros(1, 3, 9, 9)
    point[0, 0, 4, 4] = 1 / 255
    # The filters' middle values, divided; green and blue see nothing.
    assert network.residuals(point)[0, :, 4, 4].tolist() == pytest.approx([-2 / 2, -4 / 4, -12 / 12, 0, 0, 0, 0, 0, 0])


def test_residuals_are_exact_where_the_rest_is_rounded():
    network, images = TinyUnet(SMALL), torch.rand(1, 3, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = network.residuals(images.bfloat16().float())
    assert torch.equal(rounded, network.residuals(images.bfloat16().float()))


def test_a_smoothed_part_is_told_by_its_residuals_against_the_image():
    residuals = torch.full((1, 1, 8, 8), 0.9)
    residuals[..., :4, :4] = 0
    residuals[..., 4, 4] = -9.9
    mean, largest, around = residual_statistics(residuals)[0]
    # One cell of four is smooth, one holds a peak: 0.1 and 0.1 + (15 x 0.9 + 9.9) / 16, the others 1.
    logs = torch.tensor([[0.1, 1.0], [1.0, 0.1 + 23.4 / 16]]).log()
    assert torch.allclose(mean, logs - logs.mean(), atol=1e-6)
    peaks = torch.tensor([[0.1, 1.0], [1.0, 10.0]]).log()
    assert torch.allclose(largest, peaks - peaks.mean(), atol=1e-6)
    assert around.abs().max() < 1e-6


def test_cells_are_told_their_mean_colour_and_its_variance():
    colours = torch.zeros(1, 3, 4, 8)
    colours[0, 1, :, 4::2] = 2
    told = colour_statistics(colours)[0, :, 0]
    assert told[:3].tolist() == [[0, 0], [0, 1], [0, 0]]
    expected = torch.tensor([[1e-3, 1e-3], [1e-3, 1.001], [1e-3, 1e-3]]).log()
    assert torch.allclose(told[3:], expected, atol=1e-6)


def test_residuals_can_be_left_out():
    network = TinyUnet(TinyUnetConfig(widths=(4, 6), residual=False)).eval()
    assert network(torch.rand(1, 3, 8, 8)).shape == (1, 1, 8, 8)


def test_a_file_gives_back_the_network_and_its_facts(tmp_path):
    network = TinyUnet(SMALL).eval()
    digest = save_network(tmp_path / "a.safetensors", network, {"pairs": 3})
    assert digest == save_network(tmp_path / "b.safetensors", network, {"pairs": 3})
    assert describe(tmp_path / "a.safetensors").facts == {"pairs": 3}
    image = torch.rand(1, 3, 20, 20)
    assert torch.equal(load_network(tmp_path / "a.safetensors")(image), network(image))


def broken(tmp_path, metadata, tensors=None):
    save_file(tensors or {"x": torch.zeros(1)}, tmp_path / "x.safetensors", metadata)
    return tmp_path / "x.safetensors"


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (None, "another network's"),
        ("no json", "damaged"),
        (json.dumps({"format": "imlbench-sigma"}), "another network's"),
        (json.dumps({"format": "imlbench-tiny-unet", "version": 9}), "version 1, found 9"),
        (json.dumps({"format": "imlbench-tiny-unet", "version": 1, "config": 3}), "as tables"),
        (json.dumps({"format": "imlbench-tiny-unet", "version": 1, "config": {"width": 3}}), "unknown key"),
        (json.dumps({"format": "imlbench-tiny-unet", "version": 1, "config": {"widths": [4, 6]}}), "missing"),
    ],
)
def test_another_file_is_refused_on_one_line(tmp_path, header, told):
    path = broken(tmp_path, {"imlbench": header} if header else None)
    with pytest.raises(UserError, match=told) as caught:
        load_network(path)
    assert "\n" not in str(caught.value)


def test_weights_that_are_no_numbers_are_neither_written_nor_read(tmp_path):
    network = TinyUnet(SMALL)
    with torch.no_grad():
        network.head.bias.fill_(float("nan"))
    with pytest.raises(UserError, match="nothing is saved"):
        save_network(tmp_path / "nan.safetensors", network)
    path = make_weights(tmp_path / "ok.safetensors")
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    tensors["head.bias"] = torch.full((1,), float("inf"))
    with pytest.raises(UserError, match="expected finite"):
        load_network(broken(tmp_path, metadata, tensors))


@pytest.mark.parametrize("values", [{"widths": [4]}, {"widths": "wide"}, {"widths": [4, 6], "residual": 1}])
def test_wrong_sizes_are_refused(values):
    with pytest.raises(UserError):
        TinyUnetConfig.from_mapping(values)
