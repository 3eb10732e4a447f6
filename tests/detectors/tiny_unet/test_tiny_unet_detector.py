"""tiny-unet as a detector: conformance, tiles, image score, weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from detectors.tiny_unet import detector as module
from detectors.tiny_unet.detector import TinyUnetDetector, image_score
from imlbench.adapters import Picture
from imlbench.conformance import check_detector
from imlbench.errors import UserError
from imlbench.tiling import Tiling
from tests.detectors.tiny_unet.making_tiny_unet import make_weights


@pytest.fixture
def weights(tmp_path, monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.setenv("IMLBENCH_WEIGHTS", str(tmp_path / "no-weights"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "no-config"))
    monkeypatch.delenv("IMLBENCH_TINY_UNET", raising=False)
    monkeypatch.chdir(tmp_path)
    return make_weights(tmp_path / "best.safetensors")


def test_it_conforms(weights, monkeypatch):
    monkeypatch.setenv("IMLBENCH_TINY_UNET", str(weights))
    report = check_detector(TinyUnetDetector, name="tiny-unet")
    assert report.passed, report


def test_without_weights_it_says_how_to_train_some(weights):
    assert "imlbench finetune tiny-unet" in TinyUnetDetector.missing()
    assert not TinyUnetDetector.card.weights
    with pytest.raises(UserError, match="IMLBENCH_TINY_UNET"):
        TinyUnetDetector()


def test_a_named_place_without_a_file_is_told(weights, monkeypatch):
    monkeypatch.setenv("IMLBENCH_TINY_UNET", str(weights.parent / "gone.safetensors"))
    assert "gone.safetensors, which is no file" in TinyUnetDetector.missing()


def test_the_card_names_the_weights_by_hash(weights, monkeypatch):
    monkeypatch.setenv("IMLBENCH_TINY_UNET", str(weights))
    other = make_weights(weights.parent / "other.safetensors", seed=1)
    first, second = TinyUnetDetector.card, TinyUnetDetector(weights=other).card
    assert TinyUnetDetector.missing() == ""
    assert first.weights[0].sha256 != second.weights[0].sha256
    assert TinyUnetDetector().card == first


def test_a_large_image_is_seen_in_tiles_and_says_so(weights, monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 256, (120, 90, 3), dtype=np.uint8)
    whole = TinyUnetDetector(weights=weights).detect([Picture("a", pixels)])[0]
    monkeypatch.setattr(module, "TILING", Tiling(side=64, overlap=32, align=8))
    tiled = TinyUnetDetector(weights=weights).detect([Picture("a", pixels)])[0]
    assert whole.notes == ()
    assert tiled.notes == ("seen in 6 tiles of at most 64 pixels",)
    assert tiled.score_map.shape == (120, 90)
    # The context of a tile is not that of the image, so that they are alike, not equal.
    assert np.abs(tiled.score_map - whole.score_map).mean() < 0.1


def test_the_image_score_is_the_largest_mean_of_a_square():
    scores = np.zeros((40, 40), np.float32)
    scores[3, 3] = 1
    assert image_score(scores) == pytest.approx(1 / 225, rel=1e-4)
    scores[10:25, 10:25] = 1
    assert image_score(scores) == pytest.approx(1)
