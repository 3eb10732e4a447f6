"""The adapter: contract, determinism, card, and what is said where weights are missing."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from annotators.dass.annotator import DassAnnotator
from annotators.dass.inference import Predictor
from imlbench.adapters import missing
from imlbench.conformance import check_annotator
from imlbench.errors import UserError
from imlbench.weights.checking import digest
from tests.annotators.dass.making_dass import FLIPPED, SEEN, make_pair, own_file, tiny


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return own_file(tmp_path_factory.mktemp("weights"))


@pytest.fixture(autouse=True)
def no_weights_of_this_machine(monkeypatch, tmp_path):
    for name in ("IMLBENCH_DASS", "IMLBENCH_DASS_FLIPS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("IMLBENCH_WEIGHTS", str(tmp_path / "no-weights"))


@pytest.fixture
def named(file, monkeypatch):
    """The weights named by the environment, as a user would."""
    monkeypatch.setenv("IMLBENCH_DASS", str(file))
    return file


def test_it_keeps_the_contract(named):
    report = check_annotator(DassAnnotator)
    assert report.passed, report


def test_maps_do_not_depend_on_order_or_batch(file):
    pairs = [make_pair("a"), make_pair("b", (64, 33), 1), make_pair("c", (20, 90), 2), make_pair("d", (1, 1), 3)]
    for policy in (SEEN, FLIPPED):
        annotator = DassAnnotator(weights=file, policy=policy)
        together = annotator.annotate(pairs)
        backwards = annotator.annotate(pairs[::-1])[::-1]
        for pair, first, second in zip(pairs, together, backwards, strict=True):
            assert (first.shape, first.dtype) == (pair.edited.shape[:2], np.float32)
            np.testing.assert_array_equal(first, second)
            np.testing.assert_array_equal(first, annotator.annotate([pair])[0])


def test_pairs_of_one_size_in_one_forward_pass_agree_with_one_by_one():
    predictor = Predictor(tiny(), SEEN)
    pairs = [make_pair("a"), make_pair("b", (64, 33), 1), make_pair("c", seed=2), make_pair("d", seed=3)]
    expected = predictor.probabilities(pairs)
    predictor.at_once = 2 * 64 * 64
    groups: list[int] = []
    hook = predictor.network.head.register_forward_hook(lambda _, __, logits: groups.append(len(logits)))
    found = predictor.probabilities(pairs)
    hook.remove()
    assert sorted(groups) == [1, 3]
    for first, second in zip(expected, found, strict=True):
        np.testing.assert_allclose(first, second, atol=1e-5)


def test_the_network_is_shown_the_policys_size():
    seen: list[tuple[int, ...]] = []
    hook = tiny().head.register_forward_hook(lambda _, __, logits: seen.append(tuple(logits.shape[2:])))
    Predictor(tiny(), SEEN).probabilities([make_pair("a", (100, 200))])
    hook.remove()
    assert seen == [(32 // 8, 64 // 8)]


def test_half_precision_gives_about_the_same_map(monkeypatch):
    predictor = Predictor(tiny(), SEEN)
    expected = predictor.probabilities([make_pair("a")])[0]
    monkeypatch.setattr("annotators.dass.inference.precision", lambda _: torch.autocast("cpu", dtype=torch.bfloat16))
    found = predictor.probabilities([make_pair("a")])[0]
    assert found.dtype == np.float32
    assert not np.array_equal(found, expected)
    assert np.abs(found - expected).mean() < 0.02


def test_the_card_names_the_file_and_how_pairs_are_seen(named):
    card = DassAnnotator.card
    assert [weight.sha256 for weight in card.weights] == [digest(named)]
    assert (card.name, card.version, card.seeded, card.batched, card.accelerated) == ("dass", "1", False, True, True)
    assert "shufflenet_v2_x0_5" in card.summary
    assert "longer side 64" in card.summary
    assert DassAnnotator().card == card


def test_flips_by_the_environment_are_another_version(named, monkeypatch):
    monkeypatch.setenv("IMLBENCH_DASS_FLIPS", "yes")
    assert DassAnnotator.card.version == "1+flips"
    assert "averaged over two flips" in DassAnnotator.card.summary
    built = DassAnnotator()
    assert built.policy == FLIPPED
    assert built.card == DassAnnotator.card
    monkeypatch.setenv("IMLBENCH_DASS_FLIPS", "no")
    assert DassAnnotator.card.version == "1"
    monkeypatch.setenv("IMLBENCH_DASS_FLIPS", "perhaps")
    assert DassAnnotator.card.version == "1"
    assert "expected yes or no" in missing(DassAnnotator)
    with pytest.raises(UserError, match="expected yes or no, found 'perhaps'"):
        DassAnnotator()


def test_leaving_out_the_weights_own_flips_is_another_version(tmp_path, monkeypatch):
    monkeypatch.setenv("IMLBENCH_DASS", str(own_file(tmp_path, FLIPPED)))
    assert DassAnnotator.card.version == "1"
    monkeypatch.setenv("IMLBENCH_DASS_FLIPS", "no")
    assert DassAnnotator.card.version == "1+flips-no"


def test_missing_and_damaged_weights_are_told_in_one_line(tmp_path, monkeypatch):
    assert missing(DassAnnotator).startswith("weights dass: no file")
    assert "imlbench train dass" in missing(DassAnnotator)
    with pytest.raises(UserError, match="weights dass: no file"):
        DassAnnotator()
    (tmp_path / "dass.safetensors").write_bytes(b"no weights")
    monkeypatch.setenv("IMLBENCH_DASS", str(tmp_path / "dass.safetensors"))
    assert "damaged" in missing(DassAnnotator)
    assert "\n" not in missing(DassAnnotator)
    assert DassAnnotator.card.weights == ()
    with pytest.raises(UserError, match="damaged"):
        DassAnnotator()


def test_listing_imports_nothing_heavy(named):
    code = (
        "import sys; from annotators.dass.annotator import DassAnnotator as A; A.card; A.missing(); A.facts();"
        "assert not {'torch', 'torchvision', 'cv2', 'numpy', 'safetensors', 'timm'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=600)
