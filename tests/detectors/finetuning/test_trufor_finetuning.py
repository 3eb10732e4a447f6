"""Fine-tuning of TruFor: its two phases, what each leaves as it is, and its losses by hand."""

from __future__ import annotations

import math

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from detectors.finetuning import trufor
from detectors.finetuning.task import NativeTask
from detectors.finetuning.trufor import CONFIDENCE, LOCALISATION, METHODS, TRUFOR
from detectors.trufor.detector import TruFor
from imlbench.adapters import Picture
from imlbench.errors import UserError
from imlbench.weights.checking import digest
from tests.detectors.finetuning.making_native import (
    CONFIG,
    begun,
    die_at_the_third_step,
    finish,
    make_place,
    moved,
    same_end,
)

torch.set_num_threads(1)


class Confident(nn.Module):
    """The parts of the real network, by their names, each of them one layer."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.dncnn = nn.Sequential(nn.Conv2d(3, 1, 3, padding=1), nn.BatchNorm2d(1))
        self.backbone = nn.Conv2d(4, 4, 3, padding=1)
        self.decode_head, self.decode_head_conf = nn.Conv2d(4, 2, 1), nn.Conv2d(4, 1, 1)
        self.detection = nn.Linear(2, 1)

    def forward(self, batch):
        noise = self.dncnn(batch)
        features = self.backbone(torch.cat((batch, noise), 1)).relu()
        classes, confident = self.decode_head(features), self.decode_head_conf(features)
        pooled = torch.stack((confident.mean((1, 2, 3)), (classes[:, 1] - classes[:, 0]).mean((1, 2))), 1)
        return classes, confident, self.detection(pooled), noise


@pytest.fixture
def alone(tmp_path, monkeypatch):
    make_place(tmp_path, monkeypatch, TRUFOR, Confident)
    (tmp_path / "second.toml").write_text('preset = "confidence"\n' + CONFIG)
    return tmp_path


def test_localisation_moves_neither_noise_print_nor_confidence(alone):
    assert finish(begun(alone, TRUFOR))
    assert moved(alone / "run") == {"backbone", "decode_head"}


def test_confidence_moves_nothing_else(alone):
    assert finish(begun(alone, TRUFOR, config=str(alone / "second.toml")))
    assert moved(alone / "run") == {"decode_head_conf", "detection"}


def test_frozen_statistics_stay_even_where_others_move(alone):
    (alone / "run.toml").write_text("freeze_statistics = false\n" + CONFIG)
    assert finish(begun(alone, TRUFOR))
    assert "dncnn" not in moved(alone / "run")


def test_a_killed_run_goes_on_to_the_same_weights(alone):
    finish(begun(alone, TRUFOR, out=alone / "whole"))
    die_at_the_third_step(begun(alone, TRUFOR))
    assert finish(begun(alone, TRUFOR, resume=True))
    assert same_end(alone / "run", alone / "whole")
    with pytest.raises(UserError, match="phase"):
        begun(alone, TRUFOR, resume=True, config=str(alone / "second.toml"))


def test_the_detector_runs_with_what_came_out(alone, monkeypatch):
    trainer = begun(alone, TRUFOR)
    finish(trainer)
    path = alone / "run/best.safetensors"
    monkeypatch.setenv("IMLBENCH_TRUFOR", str(path))
    detector = TruFor()
    assert detector.card.weights[0].sha256 == digest(path)
    assert torch.equal(detector.network.backbone.weight, load_file(path)["backbone.weight"])
    pixels = torch.randint(0, 256, (40, 50, 3), dtype=torch.uint8).numpy()
    found = detector.detect([Picture("one", pixels)])[0]
    assert 0 <= found.image_score <= 1
    trainer.task.network.eval()
    with torch.inference_mode():
        judged = trainer.task.judge(detector.network, pixels, torch.device("cpu"))
    assert torch.equal(torch.from_numpy(judged), torch.from_numpy(found.score_map))


def test_the_network_sees_what_the_detector_shows_it():
    task = NativeTask(Confident(), TRUFOR.recipes["finetune"], METHODS[LOCALISATION])
    assert task.prepared(torch.tensor([255 / 255])).item() == pytest.approx(255 / 256)


def test_localisation_is_cross_entropy_by_class_and_dice():
    classes = torch.tensor([[[[0.0, 0.0]], [[math.log(3), -math.log(3)]]]])
    logits = {"classes": classes, "mask": classes[:, 1:] - classes[:, :1]}
    mask = torch.tensor([[[[1.0, 0.0]]]])
    found = trufor.localisation(logits, mask, torch.ones_like(mask))
    # Scores are 3/4 and 1/4; both pixels' true classes have 3/4.
    assert found["cross_entropy"].item() == pytest.approx(-math.log(0.75), rel=1e-5)
    assert found["dice"].item() == pytest.approx(1 - 2 * 0.75 / (0.75**2 + 0.25**2 + 1), rel=1e-5)
    assert found["loss"].item() == pytest.approx(0.3 * found["cross_entropy"].item() + 0.7 * found["dice"].item())
    wrong = trufor.localisation(logits, torch.zeros_like(mask), torch.ones_like(mask))
    assert wrong["cross_entropy"].item() == pytest.approx(-(math.log(0.25) + math.log(0.75)) / 2, rel=1e-5)


def test_an_edited_pixel_weighs_five_times_an_authentic_one():
    classes = torch.tensor([[[[0.0, 0.0]], [[math.log(3), math.log(3)]]]])
    mask = torch.tensor([[[[1.0, 0.0]]]])
    logits = {"classes": classes, "mask": classes[:, 1:] - classes[:, :1]}
    found = trufor.localisation(logits, mask, torch.ones_like(mask))["cross_entropy"].item()
    assert found == pytest.approx(-(2.5 * math.log(0.75) + 0.5 * math.log(0.25)) / 3, rel=1e-5)


def test_confidence_is_the_score_of_the_true_class():
    logits = {
        "mask": torch.full((1, 1, 1, 2), math.log(3), requires_grad=True),
        "confidence": torch.zeros(1, 1, 1, 2),
        "image": torch.zeros(1),
    }
    mask = torch.tensor([[[[1.0, 0.0]]]])
    found = trufor.confidence(logits, mask, torch.ones_like(mask))
    # True classes have 3/4 and 1/4; the confidence says 1/2 of both.
    assert found["confidence"].item() == pytest.approx(0.25**2, rel=1e-5)
    assert found["image"].item() == pytest.approx(math.log(2), rel=1e-5)
    assert found["loss"].item() == pytest.approx(0.25**2 + 0.5 * math.log(2), rel=1e-5)
    assert not found["loss"].requires_grad
    ignored = trufor.confidence(logits, mask, torch.tensor([[[[0.0, 0.0]]]]))
    assert ignored["confidence"].item() == 0


def test_what_it_cannot_begin_with_is_told(alone):
    with pytest.raises(UserError, match="--init scratch: a random noise print would stay random"):
        begun(alone, TRUFOR, init="scratch")
    with pytest.raises(UserError, match="trufor"):
        begun(alone, TRUFOR, init="public")
    (alone / "run.toml").write_text('phase = "third"\n' + CONFIG)
    with pytest.raises(UserError, match="phase: expected one of localisation, confidence"):
        begun(alone, TRUFOR)


def test_presets_are_by_phase():
    phases = {name: recipe.phase for name, recipe in TRUFOR.recipes.items()}
    assert phases == {"finetune": LOCALISATION, "published": LOCALISATION, "confidence": CONFIDENCE}
    usual, published = TRUFOR.recipes["finetune"], TRUFOR.recipes["published"]
    assert (published.optimiser, published.learning_rate, published.batch_size) == ("sgd", 5e-3, 18)
    assert usual.learning_rate == pytest.approx(5e-4)
    assert (usual.freeze_statistics, published.freeze_statistics) == (True, False)
