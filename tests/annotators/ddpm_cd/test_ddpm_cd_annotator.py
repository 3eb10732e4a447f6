"""The adapter: contract, determinism, card, and what is said where weights are missing."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from annotators.ddpm_cd.annotator import DdpmCdAnnotator
from annotators.ddpm_cd.head import ChangeHead
from annotators.ddpm_cd.inference import Predictor
from imlbench.adapters import missing
from imlbench.conformance import check_annotator
from imlbench.errors import UserError
from imlbench.inference.input_policy import InputPolicy
from imlbench.weights import catalogue, locate
from imlbench.weights.checking import digest
from imlbench.weights.getting import get
from tests.annotators.ddpm_cd.making_ddpm_cd import TINY, fill, make_pair, own_files, tiny

TILES = InputPolicy(fit="tile", overlap=8)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return own_files(tmp_path_factory.mktemp("weights"))


@pytest.fixture(autouse=True)
def no_weights_of_this_machine(monkeypatch, tmp_path):
    for name in ("IMLBENCH_DDPM_CD", "IMLBENCH_DDPM_CD_UNET", "IMLBENCH_DDPM_CD_INPUT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("IMLBENCH_WEIGHTS", str(tmp_path / "no-weights"))


@pytest.fixture
def named(files, monkeypatch):
    """The weights named by the environment, as a user would."""
    monkeypatch.setenv("IMLBENCH_DDPM_CD_UNET", str(files[0]))
    monkeypatch.setenv("IMLBENCH_DDPM_CD", str(files[1]))
    return files


def test_it_keeps_the_contract(named):
    report = check_annotator(DdpmCdAnnotator)
    assert report.passed, report


def test_maps_follow_from_seed_and_id_not_from_order_or_batch(files):
    pairs = [make_pair("a"), make_pair("b", (64, 33), 1), make_pair("c", (20, 90), 2)]
    for policy in (InputPolicy(), TILES):
        annotator = DdpmCdAnnotator(extractor=files[0], head=files[1], policy=policy)
        together = annotator.annotate(pairs)
        backwards = annotator.annotate(pairs[::-1])[::-1]
        for pair, first, second in zip(pairs, together, backwards, strict=True):
            assert (first.shape, first.dtype) == (pair.edited.shape[:2], np.float32)
            np.testing.assert_array_equal(first, second)
            np.testing.assert_array_equal(first, annotator.annotate([pair])[0])


def test_another_seed_or_another_id_gives_another_map(files):
    one = DdpmCdAnnotator(seed=3, extractor=files[0], head=files[1])
    other = DdpmCdAnnotator(seed=4, extractor=files[0], head=files[1])
    first = one.annotate([make_pair("a")])[0]
    assert not np.array_equal(first, other.annotate([make_pair("a")])[0])
    assert not np.array_equal(first, one.annotate([make_pair("b")])[0])


def test_views_in_one_forward_pass_agree_with_one_by_one():
    predictor = Predictor(tiny(), TILES)
    pairs = [make_pair("a"), make_pair("b", (64, 33), 1)]
    expected = predictor.probabilities(pairs)
    predictor.at_once = 3
    groups: list[int] = []
    predictor.network.head.register_forward_hook(lambda _, __, logits: groups.append(len(logits)))
    found = predictor.probabilities(pairs)
    assert groups == [3, 3, 3, 1]
    for first, second in zip(expected, found, strict=True):
        np.testing.assert_allclose(first, second, atol=2e-4)


def half(monkeypatch):
    """Half precision on the CPU, which the policy never asks for; float32 stays what it is."""
    monkeypatch.setattr(
        "annotators.ddpm_cd.inference.precision",
        lambda _, name: torch.autocast("cpu", dtype=torch.float16, enabled=name != "float32"),
    )


def test_half_precision_gives_about_the_same_map(monkeypatch):
    predictor = Predictor(tiny(), InputPolicy())
    expected = predictor.probabilities([make_pair("a")])[0]
    half(monkeypatch)
    found = predictor.probabilities([make_pair("a")])[0]
    assert not np.array_equal(found, expected)
    assert np.abs(found - expected).mean() < 0.01


def test_what_half_precision_cannot_hold_is_computed_in_full(monkeypatch):
    network = tiny()
    # Beyond float16's range in an activation that the head compares; a later layer brings it back.
    network.extractor.decoder[3].blocks[0].conv2.bias.data += 1e5
    predictor = Predictor(network, InputPolicy())
    expected = predictor.probabilities([make_pair("a")])[0]
    half(monkeypatch)
    np.testing.assert_array_equal(predictor.probabilities([make_pair("a")])[0], expected)


def test_the_card_names_both_files_by_their_hashes(named):
    card = DdpmCdAnnotator.card
    assert [weight.sha256 for weight in card.weights] == [digest(path) for path in named]
    assert (card.name, card.version, card.seeded, card.batched, card.accelerated) == ("ddpm-cd", "1", True, True, True)
    assert "resized" in card.summary
    assert DdpmCdAnnotator().card == card


def test_the_card_says_how_pairs_are_seen(named, monkeypatch):
    monkeypatch.setenv("IMLBENCH_DDPM_CD_INPUT", "tile")
    assert DdpmCdAnnotator.card.version == "1+tile"
    assert "tiles" in DdpmCdAnnotator.card.summary
    built = DdpmCdAnnotator()
    assert built.policy.fit == "tile"
    assert built.card == DdpmCdAnnotator.card


def test_a_word_that_is_no_way_to_see_pairs_is_told_when_it_is_built(named, monkeypatch):
    monkeypatch.setenv("IMLBENCH_DDPM_CD_INPUT", "stretch")
    assert DdpmCdAnnotator.card.version == "1"
    with pytest.raises(UserError, match="expected resize or tile, found 'stretch'"):
        DdpmCdAnnotator()


def test_missing_weights_are_told_in_one_line(files, monkeypatch):
    assert missing(DdpmCdAnnotator).startswith("weights ddpm-cd-unet: no file")
    assert "imlbench weights get ddpm-cd-unet --from FILE" in missing(DdpmCdAnnotator)
    with pytest.raises(UserError, match="weights ddpm-cd-unet: no file"):
        DdpmCdAnnotator()
    monkeypatch.setenv("IMLBENCH_DDPM_CD_UNET", str(files[0]))
    assert missing(DdpmCdAnnotator).startswith("weights ddpm-cd: no file")
    assert "\n" not in missing(DdpmCdAnnotator)
    monkeypatch.setenv("IMLBENCH_DDPM_CD", str(files[1]))
    assert missing(DdpmCdAnnotator) == ""
    assert DdpmCdAnnotator.card.weights


def test_weights_that_a_person_brought_are_recorded_and_then_held_against(tmp_path, files):
    head = ChangeHead(TINY)
    torch.save(fill(head), tmp_path / "best_cd_model_gen.pth")
    entry = catalogue()["ddpm-cd-head-levir"]
    assert (entry.licence, entry.size, entry.sha256) == ("MIT", None, None)
    with pytest.raises(UserError, match="download and unpack"):
        get(entry)
    gained = get(entry, tmp_path / "best_cd_model_gen.pth")
    assert gained[0].sha256 == digest(tmp_path / "best_cd_model_gen.pth")
    annotator = DdpmCdAnnotator(extractor=files[0], head=gained[0].path)
    assert annotator.annotate([make_pair("a")])[0].shape == (40, 56)
    gained[0].path.write_bytes(b"another")
    with pytest.raises(UserError, match="recorded at the first get"):
        locate("ddpm-cd-head-levir")


def test_listing_imports_nothing_heavy():
    code = (
        "import sys; from annotators.ddpm_cd.annotator import DdpmCdAnnotator as A; A.card; A.missing();"
        "assert not {'torch', 'cv2', 'numpy', 'safetensors'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=600)
