"""Fine-tuning of PSCC-Net: four scales and a label by hand, and its one file in the place of three."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional

from detectors.finetuning import pscc_net
from detectors.finetuning.pscc_net import METHOD, PSCC_NET
from detectors.finetuning.task import NativeTask
from detectors.pscc_net.detector import PsccNet
from imlbench.adapters import Picture
from imlbench.errors import UserError
from imlbench.training.losses import balanced_cross_entropy
from imlbench.weights.checking import digest
from tests.detectors.finetuning.making_native import begun, die_at_the_third_step, finish, make_place, moved, same_end

torch.set_num_threads(1)
SIDES = (32, 16, 8, 4)


class Four(nn.Module):
    """Scores at four scales, from features in a list which it empties as the real one overwrites it."""

    def __init__(self):
        super().__init__()
        self.getmask1 = nn.Conv2d(4, 1, 1)

    def forward(self, features):
        (found,) = features
        features.clear()
        scores = self.getmask1(found).sigmoid()
        return [functional.interpolate(scores, (side, side), mode="bilinear") for side in SIDES]


class Label(nn.Module):
    """Two logits of the image."""

    def __init__(self):
        super().__init__()
        self.classifier = nn.Linear(4, 2)

    def forward(self, features):
        return self.classifier(features[0].mean((2, 3)))


class Features(nn.Module):
    """A list of one."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)

    def forward(self, batch):
        return [self.bn1(self.conv1(batch)).relu()]


class Progressive(nn.Module):
    """The three networks, by their names."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.FENet, self.SegNet, self.ClsNet = Features(), Four(), Label()


@pytest.fixture
def alone(tmp_path, monkeypatch):
    make_place(tmp_path, monkeypatch, PSCC_NET, Progressive)
    return tmp_path


def scored(value, label):
    """Logits of equal scores at each scale, and of the image's classes."""
    scores = {name: torch.full((1, 1, side, side), value) for name, side in zip(pscc_net.SCALES, SIDES, strict=True)}
    return {**scores, "label": torch.tensor([label])}


def test_each_scale_counts_once_and_the_label_beside_them():
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., :8, :8] = 1
    found = pscc_net.four_masks(scored(0.8, [0.0, 0.0]), mask, torch.ones_like(mask))
    one = (-math.log(0.8) - math.log(0.2)) / 2
    assert found["masks"].item() == pytest.approx(4 * one, rel=1e-5)
    assert found["image"].item() == pytest.approx(math.log(2), rel=1e-5)
    assert found["loss"].item() == pytest.approx(4 * one + math.log(2), rel=1e-5)


def test_a_label_weighs_by_the_rarity_of_its_class():
    logits = torch.tensor([[math.log(3), 0.0], [math.log(3), 0.0]])
    mask = torch.zeros(2, 1, 4, 4)
    mask[1, 0, 0, 0] = 1
    # Scores of "forged" are 1/4: right for the first image, wrong for the second.
    weights = (1 / 0.5947, 1 / 0.4053)
    expected = -(weights[0] * math.log(0.75) + weights[1] * math.log(0.25)) / sum(weights)
    assert pscc_net.label_cross_entropy(logits, mask, torch.ones_like(mask)).item() == pytest.approx(expected, rel=1e-5)


def test_a_coarse_cell_is_what_half_of_it_is():
    mask, valid = torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4)
    mask[..., :2, 1] = 1
    mask[..., 0, 2] = 1
    valid[..., 2:, :2] = 0
    valid[..., 1, 2:] = 0
    mask[..., 1, 2:] = 1
    found, counts = pscc_net.shrunk(mask, valid, torch.zeros(1, 1, 2, 2))
    # Of the upper right, one of the two pixels that count is edited.
    assert found.flatten().tolist() == [1, 1, 0, 0]
    assert counts.flatten().tolist() == [1, 1, 0, 1]
    soft = torch.rand(1, 1, 4, 4)
    assert pscc_net.shrunk(soft, valid, torch.zeros(1, 1, 4, 4))[0] is soft


def test_logits_are_the_networks_own_scores():
    network = Progressive().eval()
    batch = torch.rand(2, 3, 32, 32)
    found = pscc_net.logits_of(network, batch)
    assert [found[name].shape[2] for name in pscc_net.SCALES] == list(SIDES)
    assert torch.allclose(found["mask"].sigmoid(), found["mask1"], atol=1e-5)
    assert pscc_net.logits_of(network, torch.rand(1, 3, 48, 48))["mask"].shape == (1, 1, 48, 48)
    task = NativeTask(network, PSCC_NET.recipes["finetune"], METHOD)
    assert torch.equal(task.prepared(batch), batch)
    mask = torch.zeros(2, 1, 32, 32)
    mask[0, :, 4:12, 4:12] = 1
    losses = task({"image": batch, "mask": mask, "valid": torch.ones_like(mask)})
    assert tuple(losses) == task.terms
    finest = balanced_cross_entropy(found["mask1"], mask, torch.ones_like(mask))
    assert losses["masks"] > finest
    losses["loss"].backward()
    assert all(value.grad is not None and value.grad.abs().sum() > 0 for value in network.parameters())


def test_the_loss_is_in_full_precision_under_autocast():
    mask = torch.zeros(1, 1, 32, 32)
    with torch.autocast("cpu", torch.bfloat16):
        found = pscc_net.four_masks(scored(0.999, [0.0, 0.0]), mask, torch.ones_like(mask))
    assert found["masks"].dtype == torch.float32
    assert found["masks"].item() == pytest.approx(-4 * math.log(0.001), rel=1e-3)


def test_the_rate_is_halved_at_each_fifth():
    published = PSCC_NET.recipes["published"]
    assert [published.rate(step, 25) for step in (0, 4, 5, 10, 24)] == [2e-4, 2e-4, 1e-4, 5e-5, 1.25e-5]
    assert (published.optimiser, published.batch_size, published.precision) == ("adam", 10, "no")
    assert PSCC_NET.recipes["finetune"].learning_rate == pytest.approx(2e-5)


def test_weights_move_while_statistics_stay(alone):
    assert finish(begun(alone, PSCC_NET))
    assert moved(alone / "run") == {"FENet", "SegNet", "ClsNet"}
    first, last = (load_file(alone / "run" / f"{name}.safetensors") for name in ("first", "last"))
    assert torch.equal(first["FENet.bn1.running_mean"], last["FENet.bn1.running_mean"])


def test_a_killed_run_goes_on_to_the_same_weights(alone):
    finish(begun(alone, PSCC_NET, out=alone / "whole"))
    die_at_the_third_step(begun(alone, PSCC_NET))
    assert finish(begun(alone, PSCC_NET, resume=True))
    assert same_end(alone / "run", alone / "whole")


def test_the_detector_runs_with_the_one_file(alone, monkeypatch):
    trainer = begun(alone, PSCC_NET, init="scratch")
    finish(trainer)
    path = alone / "run/best.safetensors"
    with safe_open(path, "pt") as file:
        told = json.loads(file.metadata()["imlbench"])
    assert (told["format"], told["facts"]["started_from"]) == ("imlbench-pscc-net", None)
    assert PsccNet.missing() != ""
    monkeypatch.setenv("IMLBENCH_PSCC_NET", str(path))
    assert PsccNet.missing() == ""
    detector = PsccNet()
    assert detector.card == PsccNet.card
    assert [weight.sha256 for weight in detector.card.weights] == [digest(path)]
    pixels = np.random.default_rng(0).integers(0, 256, (40, 32, 3), np.uint8)
    found = detector.detect([Picture("one", pixels)])[0]
    assert found.score_map.shape == (40, 32)
    named = PSCC_NET.open(path, "cpu")
    assert np.array_equal(named.detect([Picture("one", pixels)])[0].score_map, found.score_map)
    with torch.inference_mode():
        assert np.array_equal(trainer.task.judge(detector.network, pixels, torch.device("cpu")), found.score_map)
    again = begun(alone, PSCC_NET, init="public", out=alone / "again")
    assert again.run.identity["started_from"] == digest(path)


def test_the_published_three_serve_as_before(alone, monkeypatch):
    network, folder = Progressive(), alone / "three"
    folder.mkdir()
    for part, name in (("FENet", "HRNet"), ("SegNet", "NLCDetection"), ("ClsNet", "DetectionHead")):
        torch.save(getattr(network, part).state_dict(), folder / f"{name}.pth")
    monkeypatch.setenv("IMLBENCH_PSCC_NET", str(folder))
    assert PsccNet.missing() == ""
    assert len(PsccNet().card.weights) == len(PsccNet.card.weights) == 3
    assert len(begun(alone, PSCC_NET, init="public").run.identity["started_from"].split()) == 3


def test_a_file_of_one_part_is_refused(alone, monkeypatch):
    save_file(Features().state_dict(), alone / "part.safetensors")
    monkeypatch.setenv("IMLBENCH_PSCC_NET", str(alone / "part.safetensors"))
    with pytest.raises(UserError, match=r"pscc-net: .*not this network's weights"):
        PsccNet()
    with pytest.raises(UserError, match="expected a folder with"):
        PsccNet(weights=alone / "nothing.safetensors")
