"""The map of LPIPS: against torchmetrics' network on equal weights, its files' names, and files that do not fit."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import torchmetrics
from torchmetrics.functional.image.lpips import _LPIPS
from torchvision.models import alexnet

from annotators.distances import lpips
from annotators.distances.annotators import LpipsMap, LpipsMapFixed
from annotators.distances.cards import LPIPS_POLICY
from imlbench.conformance import check_annotator
from imlbench.conformance.inputs import make_pair
from imlbench.errors import UserError
from imlbench.samples import Pair
from imlbench.weights import catalogue, locate

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def trunk(tmp_path_factory):
    """A made AlexNet with the published names and shapes: its convolutions, and a classifier of two small tensors."""
    with torch.device("meta"):
        shapes = {name: value.shape for name, value in alexnet().state_dict().items() if name.startswith("features.")}
    generator = torch.Generator().manual_seed(1)
    state = {name: torch.randn(shape, generator=generator) * 0.05 for name, shape in shapes.items()}
    state |= {"classifier.1.weight": torch.zeros(4, 2), "classifier.1.bias": torch.zeros(4)}
    path = tmp_path_factory.mktemp("alexnet") / "alexnet.pth"
    torch.save(state, path)
    return path


@pytest.fixture(autouse=True)
def no_weights_of_this_machine(monkeypatch, tmp_path):
    for name in ("ALEXNET", "LPIPS_ALEX"):
        monkeypatch.delenv(f"IMLBENCH_{name}", raising=False)
    monkeypatch.setenv("IMLBENCH_WEIGHTS", str(tmp_path / "no-weights"))


@pytest.fixture
def linear():
    return locate("lpips-alex")


@pytest.fixture
def network(trunk, linear):
    built = lpips.Lpips()
    built.load(trunk, linear)
    return built


@pytest.fixture(scope="module")
def reference(trunk):
    """torchmetrics' network with the same convolutions and its own copy of the five layers' weights."""
    other = _LPIPS(net="alex", spatial=True, pnet_rand=True)
    convolutions = [module for module in other.net.modules() if isinstance(module, torch.nn.Conv2d)]
    state = torch.load(trunk, weights_only=True)
    for place, module in zip((0, 3, 6, 8, 10), convolutions, strict=True):
        module.weight.data.copy_(state[f"features.{place}.weight"])
        module.bias.data.copy_(state[f"features.{place}.bias"])
    return other


@pytest.mark.parametrize("size", [(64, 64), (70, 97), (31, 40)])
def test_the_map_is_that_of_another_implementation(network, reference, size):
    generator = torch.Generator().manual_seed(7)
    original, edited = (torch.rand(2, 3, *size, generator=generator) for _ in range(2))
    with torch.inference_mode():
        expected = reference(original, edited, normalize=True)[:, 0]
        found = network(original, edited)
    assert found.shape == (2, *size)
    assert found.max() < 1
    assert torch.allclose(found, expected, atol=2e-5)


def test_the_packages_file_is_the_one_that_the_catalogue_knows(linear):
    assert Path(torchmetrics.__file__).parent in linear.parents
    assert catalogue()["lpips-alex"].sha256.startswith("df73285e")


def test_images_below_the_least_side_are_continued_and_cut_back(network):
    images = torch.rand(1, 3, 5, 40, generator=torch.Generator().manual_seed(2))
    continued = torch.nn.functional.pad(images, (0, 0, 0, 26), "replicate")
    with torch.inference_mode():
        found = network(images, 1 - images)
        whole = network(continued, 1 - continued)
    assert found.shape == (1, 5, 40)
    assert torch.equal(found, whole[:, :5])


@pytest.mark.parametrize("adapter", [LpipsMap, LpipsMapFixed])
def test_the_adapters_pass_the_conformance_suite(network, adapter):
    report = check_annotator(lambda: adapter(network=network), name=adapter.card.name)
    assert report.passed, report


def test_a_pair_without_an_edit_has_no_distance_and_no_marks(network):
    pair = make_pair((64, 64), identical=True)
    assert LpipsMapFixed(network=network).annotate([pair])[0].max() == 0
    assert not LpipsMap(network=network).annotate([pair])[0].any()


def test_larger_pairs_are_shrunk_to_the_longer_side(network):
    assert LPIPS_POLICY.sizes(3000, 1500) == ((1024, 512),)
    assert LPIPS_POLICY.sizes(300, 150) == ((300, 150),)
    seen = []
    adapter = LpipsMapFixed(network=network)
    network.register_forward_pre_hook(lambda module, images: seen.append(tuple(images[0].shape)))
    black = np.zeros((40, 2048, 3), np.uint8)
    (found,) = adapter.annotate([Pair("long", black, black)])
    assert (seen, found.shape) == ([(1, 3, 20, 1024)], (40, 2048))


def test_published_weights_are_taken_from_the_weights_folder(monkeypatch, tmp_path, trunk):
    entry = catalogue()["alexnet"]
    monkeypatch.setattr(lpips, "locate", lambda name: trunk if name == "alexnet" else locate(name))
    adapter = LpipsMapFixed()
    state = torch.load(trunk, weights_only=True)
    assert torch.equal(adapter.maps.network.features[3].weight, state["features.3.weight"])
    assert adapter.maps.network.linear[0].abs().sum() > 0
    assert (entry.size, entry.sha256[:8]) == (244408911, "7be5be79")


class TestFilesThatDoNotFit:
    def test_a_made_file_in_the_place_of_the_published_one_is_refused(self, monkeypatch, trunk):
        monkeypatch.setenv("IMLBENCH_ALEXNET", str(trunk))
        assert "expected 244,408,911 bytes" in LpipsMap.missing()
        with pytest.raises(UserError, match="a truncated file"):
            LpipsMap()

    def test_another_networks_names_are_told(self, tmp_path, linear):
        torch.save({"features.0.weight": torch.zeros(64, 3, 11, 11), "head.weight": torch.zeros(1)}, tmp_path / "a.pth")
        with pytest.raises(UserError, match=r"not this network's weights: 9 missing \(0.bias"):
            lpips.Lpips().load(tmp_path / "a.pth", linear)

    def test_the_five_layers_of_another_trunk_are_told(self, tmp_path, trunk):
        state = {lpips.LINEAR.format(layer): torch.zeros(1, 64, 1, 1) for layer in range(5)}
        torch.save(state, tmp_path / "vgg.pth")
        with pytest.raises(UserError, match="4 of another shape"):
            lpips.Lpips().load(trunk, tmp_path / "vgg.pth")

    def test_damaged_files_are_told(self, tmp_path, trunk, linear):
        damaged = tmp_path / "alex.pth"
        shutil.copy(linear, damaged)
        damaged.write_bytes(damaged.read_bytes()[:3000])
        with pytest.raises(UserError, match="truncated, damaged or no weight file"):
            lpips.Lpips().load(trunk, damaged)
