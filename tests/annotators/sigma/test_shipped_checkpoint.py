"""The checkpoint that comes with the package: whole, small, conformant, and the same answers everywhere."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from annotators.sigma import cards
from annotators.sigma.annotator import SigmaLite
from annotators.sigma.cards import PACKAGED
from annotators.sigma.checkpoint import read_checkpoint
from annotators.sigma.network.presets import preset
from annotators.sigma.training.presets import read_training_config
from imlbench.conformance import check_annotator
from imlbench.samples import Pair
from imlbench.weights import catalogue, lacking, locate

FILE = PACKAGED / "sigma-lite.safetensors"
GOLDEN = [0.999, 0.9997, 1.0, 0.5816, 0.0001, 0.0861, 0.278]
"""Scores at the edit's centre, on its rim, far from it; their mean and their deviation."""


@pytest.fixture(scope="module")
def lite():
    torch.set_num_threads(1)
    return SigmaLite()


def scene() -> np.ndarray:
    """A landscape of sorts: smooth noise in three colours with a darker ground."""
    coarse = np.random.default_rng(3).uniform(60, 200, (9, 12, 3)).astype(np.float32)
    image = cv2.resize(coarse, (240, 180), interpolation=cv2.INTER_CUBIC)
    image[120:] *= 0.6
    fine = np.random.default_rng(4).normal(0, 6, image.shape)
    return np.clip(image + fine, 0, 255).astype(np.uint8)


def edited(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The scene with a striped disc in it, saved as JPEG; and where the disc is."""
    mask = np.zeros(image.shape[:2], np.uint8)
    cv2.circle(mask, (150, 80), 34, (1,), -1)
    stripes = np.where(np.arange(240)[None, :, None] // 6 % 2, (230, 40, 40), (250, 230, 90))
    changed = np.where(mask[:, :, None] > 0, stripes, image).astype(np.uint8)
    _, data = cv2.imencode(".jpg", changed, [cv2.IMWRITE_JPEG_QUALITY, 80])
    return cv2.imdecode(data, cv2.IMREAD_COLOR), mask > 0


def test_it_is_small_and_is_what_the_catalogue_says():
    assert FILE.stat().st_size <= 12_000_000
    assert locate("sigma-lite") == FILE
    assert lacking("sigma-lite") == ""
    assert catalogue()["sigma-lite"].sha256


def test_it_tells_how_it_was_trained_and_nothing_of_the_machine():
    checkpoint = read_checkpoint(FILE)
    assert checkpoint.preset == "sigma-lite"
    assert checkpoint.config == preset("sigma-lite")
    facts = checkpoint.facts
    assert facts["evaluation_data"] in ([], ())
    assert {"commands", "training", "data_sha256", "score", "step"} <= set(facts)
    assert all(command.startswith("imlbench train sigma ") for command in facts["commands"])
    assert not any(place in str(facts) for place in ("/tmp", "/home", "/root", "/work"))


def test_its_model_card_is_that_of_the_file():
    facts = read_checkpoint(FILE).facts
    card = f"{cards.model_card(SigmaLite.card)}\n{cards.training_card(facts)}"
    assert FILE.with_suffix(".md").read_text() == card


def test_its_configurations_and_logs_come_along():
    parts = [read_checkpoint(FILE).facts]
    while parts[0].get("before"):
        parts.insert(0, parts[0]["before"])
    assert len(parts) == 8
    for number, facts in enumerate(parts, 1):
        told = plain(facts["training"])
        # The first parts were trained before there were details, sub-pixels, pixel differences and equal blur.
        told["network"] = {"detail_layer": -1, "subpixels": 1, "pixel_cell": 0, "match_blur": False, **told["network"]}
        assert read_training_config(str(PACKAGED / f"sigma-lite-{number}.toml"), 1).to_dict() == told
        rows = (PACKAGED / f"sigma-lite-{number}.csv").read_text().splitlines()
        assert rows[0].startswith("step,loss")
        assert len(rows) > 100


def plain(value):
    """Facts with tuples for lists, as a configuration has them."""
    if hasattr(value, "items"):
        return {key: plain(entry) for key, entry in value.items()}
    return tuple(value) if isinstance(value, list | tuple) else value


def test_it_passes_the_conformance_suite():
    report = check_annotator(SigmaLite, name="sigma-lite")
    assert report.passed, report


def test_an_edit_is_found_and_compression_is_none(lite):
    image = scene()
    changed, truth = edited(image)
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 70])
    found, nothing = lite.annotate(
        [Pair("edit", image, changed), Pair("zero edit", image, cv2.imdecode(data, cv2.IMREAD_COLOR))]
    )
    marked = found >= lite.card.threshold
    assert 2 * (marked & truth).sum() / (marked.sum() + truth.sum()) > 0.9
    assert (nothing >= lite.card.threshold).mean() < 0.005


def test_golden_output(lite):
    image = scene()
    scores = lite.annotate([Pair("edit", image, edited(image)[0])])[0]
    rim = scores[80, 180:188]
    found = [float(scores[80, 150]), *rim[::2].tolist(), float(scores.mean()), float(scores.std())]
    assert found == pytest.approx(GOLDEN, abs=5e-3)
