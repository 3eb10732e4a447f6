"""The langsam grounder: its refusals, and its numbers over stand-ins for the two packages it drives."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from annotators.sigma.grounding import langsam_loading
from annotators.sigma.grounding.detections import Thresholds
from annotators.sigma.grounding.langsam import LangSam, corners, normalised, seen_size
from annotators.sigma.grounding.langsam_loading import LangSamFiles
from imlbench.errors import UserError
from tests.annotators.sigma.grounding.grounders_made_up import photo

MODULES = ("groundingdino.util.inference", "groundingdino.util.slconfig", "groundingdino.util.misc",
           "groundingdino.models", "groundingdino.config.GroundingDINO_SwinT_OGC",
           "sam2.build_sam", "sam2.sam2_image_predictor")  # fmt: skip


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Predictor:
    """A segmenter whose logits are +4 inside the box and -4 outside."""

    def __init__(self, model):
        self.model = model
        self.image = None

    def set_image(self, image):
        image[:1] = image[:1]
        self.image = image

    def reset_predictor(self):
        self.image = None

    def predict(self, box, multimask_output, return_logits):
        assert (multimask_output, return_logits) == (False, True)
        self.model.precise.append(not torch.is_autocast_enabled("cpu"))
        logits = np.full((len(box), 1, *self.image.shape[:2]), -4, np.float32)
        for one, (left, top, right, bottom) in zip(logits, np.rint(box).astype(int), strict=True):
            one[0, top:bottom, left:right] = 4
        # Of one box the package has no axis for the boxes.
        return (logits if len(box) > 1 else logits[0]), None, None


class Packages:
    """Both packages: what they are asked, and the detections that they answer with."""

    def __init__(self):
        self.precise = []
        self.texts = []
        self.settings = SimpleNamespace()
        self.found = ([[0.5, 0.5, 0.5, 0.5]], [0.9], ["cat"])

    def predict(self, model, image, caption, box_threshold, text_threshold, device):
        assert image.dtype == torch.float32
        self.precise.append(not torch.is_autocast_enabled("cpu"))
        self.texts.append(caption)
        boxes, scores, labels = self.found
        return torch.tensor(boxes).reshape(-1, 4), torch.tensor(scores), labels

    def modules(self):
        return {
            "groundingdino.util.inference": {"predict": self.predict},
            "groundingdino.util.slconfig": {"SLConfig": SimpleNamespace(fromfile=lambda path: self.settings)},
            "groundingdino.util.misc": {"clean_state_dict": lambda stored: stored},
            "groundingdino.models": {"build_model": lambda settings: torch.nn.Linear(2, 1)},
            "groundingdino.config.GroundingDINO_SwinT_OGC": {"__file__": "GroundingDINO_SwinT_OGC.py"},
            "sam2.build_sam": {"build_sam2": self.build_sam2},
            "sam2.sam2_image_predictor": {"SAM2ImagePredictor": Predictor},
        }

    def build_sam2(self, config, path, device):
        model = torch.nn.Linear(1, 1)
        model.load_state_dict(torch.load(path, weights_only=True)["model"])
        model.precise = self.precise
        return model


@pytest.fixture
def packages(monkeypatch):
    made = Packages()
    for name, content in made.modules().items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(langsam_loading, "find_spec", lambda name: name)
    return made


@pytest.fixture
def folder(tmp_path):
    torch.save({"model": torch.nn.Linear(2, 1).state_dict()}, tmp_path / "groundingdino_swint_ogc.pth")
    torch.save({"model": torch.nn.Linear(1, 1).state_dict()}, tmp_path / "sam2.1_hiera_small.pt")
    (tmp_path / "bert-base-uncased").mkdir()
    (tmp_path / "bert-base-uncased" / "config.json").write_text("{}")
    return tmp_path


@pytest.fixture
def grounder(packages, folder):
    return LangSam(LangSamFiles(folder=folder))


class TestMaps:
    def test_are_soft_masks_in_the_detectors_boxes(self, grounder):
        found = grounder.maps(photo(), "cat")
        inside, outside = 1 / (1 + np.exp(-4)), 1 / (1 + np.exp(4))
        assert found.shape == (1, 40, 60)
        assert found.dtype == np.float32
        assert found[0, 10:30, 15:45] == pytest.approx(inside)
        assert found.sum() == pytest.approx(600 * inside + 1800 * outside, rel=1e-5)

    def test_of_several_boxes_come_by_falling_score_without_those_of_no_word(self, grounder, packages):
        boxes = [[0.1, 0.1, 0.2, 0.2], [0.5, 0.5, 0.2, 0.2], [0.9, 0.9, 0.2, 0.2]]
        packages.found = (boxes, [0.4, 0.8, 0.6], ["cat", "", "cat"])
        found = grounder.maps(photo(0, 100, 100), "cat")
        assert [tuple(np.argwhere(one > 0.5).min(axis=0)) for one in found] == [(80, 80), (0, 0)]

    def test_more_boxes_than_are_decoded_at_once_all_come(self, grounder, packages):
        packages.found = ([[0.5, 0.5, 0.3, 0.3]] * 17, [0.5] * 17, ["cat"] * 17)
        assert grounder.maps(photo(), "cat").shape == (17, 40, 60)

    def test_where_nothing_is_detected_there_is_none_and_the_segmenter_is_not_run(self, grounder, packages):
        packages.found = ([], [], [])
        grounder.segmenter = None
        assert grounder.maps(photo(), "cat").shape == (0, 40, 60)

    def test_the_prompt_is_lower_case_and_one_phrase(self, grounder, packages):
        grounder.maps(photo(), "St. Bernard")
        assert packages.texts == ["st bernard."]

    def test_are_computed_without_autocast_and_the_callers_stays_as_it_was(self, grounder, packages):
        grounder.maps(photo(), "cat")
        assert not torch.is_autocast_enabled("cpu")
        with torch.autocast("cpu", torch.bfloat16):
            grounder.maps(photo(), "cat")
            assert torch.is_autocast_enabled("cpu")
        assert packages.precise == [True] * 4

    def test_an_image_that_may_not_be_written_to_is_taken(self, grounder):
        image = photo()
        image.flags.writeable = False
        assert grounder.maps(image, "cat").shape == (1, 40, 60)


class TestWhatTheDetectorSees:
    def test_sides_are_800_and_at_most_1333(self):
        assert seen_size((400, 600, 3)) == (1200, 800)
        assert seen_size((600, 400, 3)) == (800, 1200)
        assert seen_size((100, 1000, 3)) == (1333, 133)
        assert seen_size((8, 1333, 3)) == (1333, 8)

    def test_white_is_normalised_by_imagenets_numbers(self):
        white = normalised(np.full((80, 80, 3), 255, np.uint8))
        assert white.shape == (3, 800, 800)
        assert white[:, 0, 0].tolist() == pytest.approx([2.2489, 2.4286, 2.64], abs=1e-3)

    def test_boxes_become_corners_in_pixels(self):
        found = corners(np.array([[0.5, 0.25, 0.5, 0.5]], np.float32), (40, 80, 3))
        assert found.tolist() == [[20, 0, 60, 20]]


class TestLoading:
    def test_the_text_encoder_is_the_local_folder_never_a_name(self, grounder, packages, folder):
        assert packages.settings.text_encoder_type == str(folder / "bert-base-uncased")

    def test_the_identity_changes_with_each_file_and_the_thresholds(self, packages, folder):
        def identity(**options):
            return LangSam(LangSamFiles(folder=folder), **options).identity

        seen = {identity(), identity(thresholds=Thresholds(box=0.5))}
        (folder / "bert-base-uncased" / "config.json").write_text('{"other": 1}')
        seen.add(identity())
        torch.save({"model": torch.nn.Linear(1, 1).state_dict()}, folder / "sam2.1_hiera_small.pt")
        seen.add(identity())
        assert len(seen) == 4
        assert identity() in seen

    def test_missing_packages_are_one_line_that_says_what_to_install(self, folder, monkeypatch):
        monkeypatch.setattr(langsam_loading, "find_spec", lambda name: None)
        for build in (LangSam, lambda: LangSam(LangSamFiles(folder=folder))):
            with pytest.raises(UserError) as caught:
                build()
            assert str(caught.value) == (
                "grounder langsam: needs groundingdino-py and sam2, not installed: pip install 'imlbench[langsam]', "
                "or use the grounder transformers"
            )

    def test_no_folder_is_configured(self, packages, tmp_path, monkeypatch):
        monkeypatch.delenv("IMLBENCH_LANGSAM", raising=False)
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        monkeypatch.chdir(tmp_path)
        with pytest.raises(UserError, match=r"grounder langsam: set IMLBENCH_LANGSAM to the folder that holds ground"):
            LangSam()

    def test_the_configured_folder_is_used(self, packages, folder, monkeypatch):
        monkeypatch.setenv("IMLBENCH_LANGSAM", str(folder))
        assert LangSam().maps(photo(), "cat").shape == (1, 40, 60)

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("groundingdino_swint_ogc.pth", "no such file: .*swint_ogc.pth; download it once"),
            ("sam2.1_hiera_small.pt", "no such file: .*hiera_small.pt; download it once"),
            ("bert-base-uncased/config.json", "bert-base-uncased does not hold config.json; download bert-base"),
        ],
    )
    def test_a_missing_file_is_named(self, packages, folder, name, message):
        (folder / name).unlink()
        with pytest.raises(UserError, match=f"grounder langsam: .*{message}"):
            LangSam(LangSamFiles(folder=folder))

    def test_weights_of_another_name_are_refused_since_their_settings_are_unknown(self, packages, folder):
        with pytest.raises(UserError, match=r"unknown weights 'my.pth': expected groundingdino_swint_ogc.pth or "):
            LangSam(LangSamFiles(folder=folder, detector="my.pth"))

    @pytest.mark.parametrize(
        ("name", "package"), [("groundingdino_swint_ogc.pth", "groundingdino-py"), ("sam2.1_hiera_small.pt", "sam2")]
    )
    def test_a_broken_file_is_one_line(self, packages, folder, name, package):
        (folder / name).write_bytes(b"not weights")
        with pytest.raises(UserError, match=f"grounder langsam: {package} cannot load .*{name}: ") as caught:
            LangSam(LangSamFiles(folder=folder))
        assert "\n" not in str(caught.value)

    def test_weights_with_a_hole_are_refused(self, packages, folder):
        torch.save({"model": {"bias": torch.zeros(1)}}, folder / "groundingdino_swint_ogc.pth")
        with pytest.raises(UserError, match="1 tensors are missing, weight among them"):
            LangSam(LangSamFiles(folder=folder))

    def test_code_in_a_weight_file_is_not_run(self, packages, folder, tmp_path):
        class Trap:
            def __reduce__(self):
                return (open, (str(tmp_path / "sprung"), "w"))

        torch.save({"model": Trap()}, folder / "groundingdino_swint_ogc.pth")
        with pytest.raises(UserError, match="cannot load"):
            LangSam(LangSamFiles(folder=folder))
        assert not (tmp_path / "sprung").exists()
