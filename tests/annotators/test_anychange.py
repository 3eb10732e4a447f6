"""The adapter `anychange` over a made package with torchange 0.0.4's interface: masks, settings, what is missing."""

from __future__ import annotations

import math
import subprocess
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from annotators import anychange
from annotators.anychange import THRESHOLD, AnyChange, decoded, score_map
from imlbench.conformance import check_annotator
from imlbench.conformance.inputs import make_pair
from imlbench.errors import UserError
from imlbench.samples import Pair

torch.set_num_threads(1)


def encoded(mask):
    """Run lengths column by column, the first outside the mask, as SAM's tools write them without compression."""
    flat = mask.T.reshape(-1)
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    begin = [0, 0] if flat[0] else [0]
    return {"size": list(mask.shape), "counts": np.diff([*begin, *changes, flat.size]).tolist()}


class MadeAnyChange:
    """Marks what differs; has the names, arguments and results of the package's class, its cache included."""

    def __init__(self, model_type, sam_checkpoint):
        self.built_with = (model_type, sam_checkpoint)
        norm = SimpleNamespace(weight=torch.tensor([2.0, 4.0]), bias=torch.tensor([1.0, -1.0]))
        self.sam = torch.nn.Module()
        self.sam.image_encoder = SimpleNamespace(neck=[None, None, None, norm])
        self.device = torch.device("cuda")
        self.cached = None
        self.settings = {}

    def make_mask_generator(self, **settings):
        self.settings |= settings

    def set_hyperparameters(self, **settings):
        self.settings |= settings

    def clear_cached_embedding(self):
        self.cached = None

    def __call__(self, img1, img2):
        if self.cached is None:
            self.cached = (img1, img2)
        before, after = self.cached
        if before.max() == 255:
            raise RuntimeError("out of memory")
        changed = np.abs(before.astype(int) - after).max(axis=2) > 20
        masks = [encoded(changed)] if changed.any() else []
        self.clear_cached_embedding()
        return {"masks": masks, "scores": torch.full((len(masks),), -0.5), "boxes": None, "labels": None}


@pytest.fixture
def weights(monkeypatch, tmp_path):
    path = tmp_path / "sam_vit_b_01ec64.pth"
    monkeypatch.setattr(anychange, "locate", lambda name: path)
    return path


@pytest.fixture
def package(monkeypatch):
    """The made package where Python looks for the real one."""
    names = ("torchange", "torchange.models", "torchange.models.segment_any_change")
    for name in names:
        module = ModuleType(name)
        module.__spec__ = ModuleSpec(name, None)
        monkeypatch.setitem(sys.modules, name, module)
    sys.modules[names[-1]].AnyChange = MadeAnyChange


@pytest.fixture
def no_package(monkeypatch):
    monkeypatch.setattr(anychange, "find_spec", lambda name: None)


class TestMaps:
    def test_overlapping_masks_keep_the_larger_score_and_the_rest_is_0(self):
        large, small = np.zeros((5, 7), bool), np.zeros((5, 7), bool)
        large[1:4, 1:6] = True
        small[2:5, 3:7] = True
        found = {"masks": [encoded(large), encoded(small)], "scores": torch.tensor([-0.75, 0.25])}
        scores = score_map(found, (5, 7))
        assert scores.dtype == np.float32
        assert np.array_equal(scores, np.where(small, 0.625, np.where(large, 0.125, 0)))

    def test_what_the_package_keeps_reaches_the_threshold_down_to_the_last_bit(self):
        least = np.nextafter(np.float32(math.cos(math.radians(155))), np.float32(1))
        everything = encoded(np.ones((2, 2), bool))
        scores = score_map({"masks": [everything], "scores": torch.tensor([least])}, (2, 2))
        assert (scores >= np.float32(AnyChange.card.threshold)).all()
        assert pytest.approx(0.04685, abs=1e-5) == THRESHOLD

    def test_rounding_beyond_the_opposite_direction_stays_within_the_range(self):
        everything = encoded(np.ones((2, 3), bool))
        scores = score_map({"masks": [everything], "scores": torch.tensor([1.0000002])}, (2, 3))
        assert scores.max() == 1

    def test_no_mask_gives_an_empty_map(self):
        assert not score_map({"masks": [], "scores": torch.zeros(0)}, (4, 5)).any()

    @pytest.mark.parametrize("seed", range(4))
    def test_run_lengths_are_read_column_by_column(self, seed):
        mask = np.random.default_rng(seed).random((6, 4)) > 0.5
        mask[0, 0] = seed % 2 == 0
        assert np.array_equal(decoded(encoded(mask), (6, 4)), mask)

    @pytest.mark.parametrize("wrong", [{"size": [4, 6], "counts": [24]}, {"size": [6, 4], "counts": [23]}])
    def test_a_mask_of_another_size_is_refused(self, wrong):
        with pytest.raises(ValueError, match="expected a mask of 6 x 4 pixels"):
            decoded(wrong, (6, 4))


class TestAdapter:
    def test_it_passes_the_conformance_suite(self, package, weights):
        report = check_annotator(AnyChange, name="anychange")
        assert report.passed, report

    def test_the_package_gets_the_weights_the_settings_and_the_device(self, package, weights):
        model = AnyChange().model
        assert model.built_with == ("vit_b", str(weights))
        assert model.settings["change_confidence_threshold"] == 155
        assert (model.settings["points_per_side"], model.settings["stability_score_thresh"]) == (32, 0.95)
        assert model.device == torch.device("cpu")

    def test_the_last_normalisation_is_inverted_on_the_device_that_is_asked_for(self, package, weights):
        features = torch.tensor([3.0, 7.0]).view(1, 2, 1, 1).expand(1, 2, 4, 5)
        assert AnyChange().model.inv_transform(features)[0, :, 0, 0].tolist() == [1.0, 2.0]

    def test_larger_pairs_are_shrunk_and_their_maps_enlarged_without_new_scores(self, package, weights):
        original = np.full((300, 2048, 3), 90, np.uint8)
        edited = original.copy()
        edited[100:200, 512:1024] = 200
        (scores,) = AnyChange().annotate([Pair("wide", original, edited)])
        assert scores.shape == (300, 2048)
        assert set(np.unique(scores)) == {0, np.float32(0.25)}
        assert (scores[104:196, 516:1020] == 0.25).all()

    def test_a_pair_that_fails_leaves_nothing_behind_for_the_next_one(self, package, weights):
        adapter = AnyChange()
        white, pair = np.full((96, 64, 3), 255, np.uint8), make_pair((96, 64))
        (expected,) = AnyChange().annotate([pair])
        with pytest.raises(RuntimeError, match="out of memory"):
            adapter.annotate([Pair("white", white, white)])
        (found,) = adapter.annotate([pair])
        assert expected.any()
        assert np.array_equal(found, expected)


class TestWhatIsMissing:
    def test_the_extra_is_named_in_one_line(self, no_package):
        told = AnyChange.missing()
        assert told == "anychange: needs torchange, not installed: pip install 'imlbench[anychange]'"
        with pytest.raises(UserError) as raised:
            AnyChange()
        assert str(raised.value) == told

    def test_with_the_package_the_weights_are_named(self, package, monkeypatch, tmp_path):
        monkeypatch.delenv("IMLBENCH_SAM_VIT_B", raising=False)
        monkeypatch.setenv("IMLBENCH_WEIGHTS", str(tmp_path))
        told = AnyChange.missing()
        assert told.startswith("weights sam-vit-b: no file ")
        assert "imlbench weights get sam-vit-b" in told
        with pytest.raises(UserError, match="weights sam-vit-b: no file"):
            AnyChange()

    def test_a_package_that_cannot_be_imported_is_told_of_in_one_line(self, package, weights, monkeypatch):
        monkeypatch.setitem(sys.modules, "torchange.models.segment_any_change", None)
        with pytest.raises(UserError, match=r"anychange: torchange cannot load .* on cpu: ") as raised:
            AnyChange()
        assert "\n" not in str(raised.value)

    def test_a_device_that_is_not_there_is_told_of(self, package, weights):
        with pytest.raises(UserError, match="on nowhere: RuntimeError"):
            AnyChange(device="nowhere")


def test_reading_the_card_imports_neither_the_package_nor_torch():
    code = (
        "import sys\n"
        "from annotators.anychange import AnyChange\n"
        "AnyChange.card, AnyChange.missing()\n"
        "print(sorted({'numpy', 'cv2', 'torch', 'torchange'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
