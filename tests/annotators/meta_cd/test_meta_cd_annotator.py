"""The adapters: contract, decision, determinism, card, and what is said where something is missing."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from annotators.meta_cd.annotator import MetaCdAnnotator, SamCdAnnotator
from annotators.meta_cd.checkpoint import save_network
from annotators.meta_cd.fastsam import load_fastsam
from annotators.meta_cd.inference import Predictor
from imlbench.adapters import missing
from imlbench.conformance import check_annotator
from imlbench.errors import UserError
from imlbench.inference.input_policy import InputPolicy
from imlbench.score_maps import marked_pixels
from imlbench.weights import catalogue
from imlbench.weights.checking import digest
from imlbench.weights.getting import get
from tests.annotators.ddpm_cd.making_ddpm_cd import make_pair
from tests.annotators.meta_cd.making_meta_cd import TINY_SAM, fastsam_file, package, tiny, tiny_file

TILES = InputPolicy(fit="tile", overlap=16)
VARIABLES = (
    *("IMLBENCH_META_CD", "IMLBENCH_SAM_CD", "IMLBENCH_FASTSAM_X"),
    *("IMLBENCH_META_CD_INPUT", "IMLBENCH_SAM_CD_INPUT"),
)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tiny_file(tmp_path_factory.mktemp("weights"))


@pytest.fixture(autouse=True)
def no_weights_of_this_machine(monkeypatch, tmp_path):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("IMLBENCH_WEIGHTS", str(tmp_path / "no-weights"))


@pytest.fixture
def named(file, monkeypatch):
    """The weights named by the environment, as a user would."""
    monkeypatch.setenv("IMLBENCH_META_CD", str(file))
    return file


@pytest.fixture
def sam_cd(tmp_path, monkeypatch):
    """SAM-CD's weights and FastSAM's, over the package in the place of ultralytics."""
    with package(tmp_path):
        sam = fastsam_file(tmp_path)
        network = tiny(TINY_SAM, load_fastsam(sam, TINY_SAM))
        save_network(tmp_path / "sam-cd.safetensors", network, fastsam=digest(sam))
        monkeypatch.setenv("IMLBENCH_SAM_CD", str(tmp_path / "sam-cd.safetensors"))
        monkeypatch.setenv("IMLBENCH_FASTSAM_X", str(sam))
        yield tmp_path


def test_meta_cd_keeps_the_contract(named):
    report = check_annotator(MetaCdAnnotator)
    assert report.passed, report


def test_sam_cd_keeps_the_contract(sam_cd):
    report = check_annotator(SamCdAnnotator)
    assert report.passed, report


@pytest.mark.parametrize("policy", [InputPolicy(), TILES])
def test_maps_do_not_depend_on_order_or_batch(file, policy):
    pairs = [make_pair("a"), make_pair("b", (80, 33), 1), make_pair("c", (20, 90), 2)]
    annotator = MetaCdAnnotator(weights=file, policy=policy)
    together, backwards = annotator.annotate(pairs), annotator.annotate(pairs[::-1])[::-1]
    for pair, first, second in zip(pairs, together, backwards, strict=True):
        assert (first.shape, first.dtype) == (pair.edited.shape[:2], np.float32)
        np.testing.assert_array_equal(first, second)
        np.testing.assert_array_equal(first, annotator.annotate([pair])[0])


def test_views_in_one_forward_pass_agree_with_one_by_one():
    predictor = Predictor(tiny(), TILES)
    pairs = [make_pair("a", (90, 70)), make_pair("b", (64, 100), 1)]
    expected = predictor.scores(pairs)
    predictor.at_once = 3
    groups: list[int] = []
    predictor.network.semantics.register_forward_hook(lambda *call: groups.append(len(call[-1]) // 2))
    for first, second in zip(expected, predictor.scores(pairs), strict=True):
        np.testing.assert_allclose(first, second, atol=1e-4)
    assert groups == [3, 3]


def test_the_cards_threshold_is_the_learned_one_at_the_networks_size(file):
    pair = make_pair("a", (64, 64))
    annotator = MetaCdAnnotator(weights=file)
    found = marked_pixels(annotator.annotate([pair])[0], annotator.card.threshold)
    images = [torch.from_numpy(image.copy()).permute(2, 0, 1)[None] / 255 for image in (pair.original, pair.edited)]
    with torch.inference_mode():
        seen = tiny()(*images)
    expected = (seen.probabilities >= seen.thresholds)[0].numpy()
    np.testing.assert_array_equal(found, expected)
    assert 0 < expected.mean() < 1


def half(monkeypatch):
    """Half precision on the CPU, which the policy never asks for; float32 stays what it is."""
    monkeypatch.setattr(
        "annotators.meta_cd.inference.precision",
        lambda _, name: torch.autocast("cpu", dtype=torch.float16, enabled=name != "float32"),
    )


def test_half_precision_gives_about_the_same_map(monkeypatch):
    predictor = Predictor(tiny(), InputPolicy())
    expected = predictor.scores([make_pair("a")])[0]
    half(monkeypatch)
    found = predictor.scores([make_pair("a")])[0]
    assert not np.array_equal(found, expected)
    assert np.abs(found - expected).mean() < 0.02


def test_what_half_precision_cannot_hold_is_computed_in_full(monkeypatch):
    network = tiny()
    # Beyond float16's range on the way to the logits, and within float32's.
    network.change.narrow[1].bias.data += 1e6
    predictor = Predictor(network, InputPolicy())
    expected = predictor.scores([make_pair("a")])[0]
    half(monkeypatch)
    np.testing.assert_array_equal(predictor.scores([make_pair("a")])[0], expected)


def test_the_card_names_its_file_by_hash_and_says_which_network_it_is(named):
    card = MetaCdAnnotator.card
    assert [weight.sha256 for weight in card.weights] == [digest(named)]
    assert (card.name, card.threshold, card.soft, card.licence) == ("meta-cd", 0.5, True, "Apache-2.0")
    assert "encoder ResNet-10; pairs are resized" in card.summary
    assert MetaCdAnnotator().card == card


def test_the_card_of_a_network_with_fastsam_tells_its_licence(sam_cd):
    card = SamCdAnnotator.card
    assert [weight.licence for weight in card.weights] == ["the user's", "AGPL-3.0"]
    assert "AGPL-3.0" in card.licence
    assert "encoder FastSAM (extra imlbench[fastsam], AGPL-3.0);" in card.summary
    assert SamCdAnnotator().card == card


def test_the_card_says_how_pairs_are_seen(named, monkeypatch):
    monkeypatch.setenv("IMLBENCH_META_CD_INPUT", "tile")
    assert MetaCdAnnotator.card.version == "1+tile"
    assert MetaCdAnnotator().card == MetaCdAnnotator.card
    monkeypatch.setenv("IMLBENCH_META_CD_INPUT", "stretch")
    with pytest.raises(UserError, match="IMLBENCH_META_CD_INPUT: expected resize or tile, found 'stretch'"):
        MetaCdAnnotator()
    assert MetaCdAnnotator.card.version == "1"


@pytest.mark.parametrize("annotator", [MetaCdAnnotator, SamCdAnnotator])
def test_missing_weights_are_told_with_the_command_that_trains_them(annotator):
    name = annotator.card.name
    assert missing(annotator).startswith(f"weights {name}: no file")
    assert f"imlbench train {name}" in missing(annotator)
    assert "\n" not in missing(annotator)
    assert not annotator.card.weights
    assert "FastSAM (extra imlbench[fastsam], AGPL-3.0)" in annotator.card.summary
    with pytest.raises(UserError, match=f"imlbench train {name}"):
        annotator()


def test_a_missing_package_is_told_before_a_missing_file(sam_cd, monkeypatch):
    assert missing(SamCdAnnotator) == ""
    monkeypatch.setenv("IMLBENCH_FASTSAM_X", str(sam_cd / "none.pt"))
    assert missing(SamCdAnnotator).startswith("weights fastsam-x: no file")
    monkeypatch.setattr("annotators.meta_cd.files.find_spec", lambda name: None)
    assert "pip install 'imlbench[fastsam]'" in missing(SamCdAnnotator)
    with pytest.raises(UserError, match="not installed"):
        SamCdAnnotator()


def test_a_broken_file_is_told_and_the_card_can_be_read_all_the_same(tmp_path, monkeypatch):
    (tmp_path / "x.safetensors").write_bytes(b"broken")
    monkeypatch.setenv("IMLBENCH_META_CD", str(tmp_path / "x.safetensors"))
    assert MetaCdAnnotator.card.name == "meta-cd"
    assert "truncated, damaged or no weight file" in missing(MetaCdAnnotator)
    with pytest.raises(UserError, match="truncated, damaged"):
        MetaCdAnnotator()


def test_one_annotators_weights_are_refused_by_the_other(file, monkeypatch):
    monkeypatch.setenv("IMLBENCH_SAM_CD", str(file))
    with pytest.raises(UserError, match="expected weights of sam-cd, found meta-cd's"):
        SamCdAnnotator()


def test_trained_weights_are_brought_into_the_weights_folder(file):
    get(catalogue()["meta-cd"], file)
    assert missing(MetaCdAnnotator) == ""
    assert MetaCdAnnotator().card.weights[0].sha256 == digest(file)
    assert catalogue()["fastsam-x"].licence == "AGPL-3.0"


def test_listing_imports_nothing_heavy(named):
    code = (
        "import sys; from annotators.meta_cd.annotator import MetaCdAnnotator as A; A.card; A.missing();"
        "assert A.card.weights;"
        "assert not {'torch', 'torchvision', 'cv2', 'numpy', 'safetensors'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=600)
