"""GroundingDINO and SAM 2.1 of a few thousand random weights: loaded and run by the code that runs the real ones."""

import json
import pickle
import shutil
import socket
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from annotators.sigma.grounding.detections import Thresholds
from annotators.sigma.grounding.transformers_models import TransformersGrounder
from imlbench.errors import UserError
from tests.annotators.sigma.grounding.grounders_made_up import photo
from tests.annotators.sigma.grounding.making_models import as_published, rewrite, save_detector, save_segmenter

ROOT = Path(__file__).parents[4]
EAGER = Thresholds(box=0.2, text=0.2)
"""Random weights find something at these in the tests' images."""


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    place = tmp_path_factory.mktemp("models")
    return save_detector(place / "detector"), save_segmenter(place / "segmenter", model_type="sam2_video")


@pytest.fixture(scope="module")
def grounder(folders):
    return build(folders)


@pytest.fixture
def copies(folders, tmp_path):
    """The folders, to be damaged."""
    return tuple(Path(shutil.copytree(folder, tmp_path / folder.name)) for folder in folders)


def build(folders, thresholds=EAGER):
    return TransformersGrounder(*map(str, folders), thresholds=thresholds)


def reference(folders, image, text):
    """What the library gives, called step by step."""
    from PIL import Image
    from transformers import GroundingDinoForObjectDetection, GroundingDinoProcessor, Sam2Model, Sam2Processor

    picture = Image.fromarray(image)
    reads = GroundingDinoProcessor.from_pretrained(folders[0])
    inputs = reads(images=picture, text=text, return_tensors="pt")
    with torch.no_grad():
        outputs = GroundingDinoForObjectDetection.from_pretrained(folders[0]).eval()(**inputs)
    found = reads.post_process_grounded_object_detection(
        outputs, inputs["input_ids"], threshold=0.2, text_threshold=0.2, target_sizes=[image.shape[:2]]
    )[0]
    size = torch.tensor([image.shape[1], image.shape[0]] * 2)
    order = found["scores"].argsort(descending=True).tolist()
    # A box that matched no word, only the prompt's end, is dropped.
    assert "[SEP]" in found["text_labels"]
    order = [index for index in order if found["text_labels"][index] != "[SEP]"]
    boxes = found["boxes"].clamp(min=0).minimum(size)[order]
    cuts = Sam2Processor.from_pretrained(folders[1])
    inputs = cuts(images=picture, input_boxes=[boxes.tolist()], return_tensors="pt")
    with torch.no_grad():
        outputs = Sam2Model.from_pretrained(folders[1]).eval()(**inputs, multimask_output=False)
    logits = cuts.post_process_masks(outputs.pred_masks, [image.shape[:2]], binarize=False)[0]
    return torch.sigmoid(logits[:, 0]).numpy()


class TestMaps:
    def test_are_those_of_the_library_called_step_by_step(self, folders, grounder):
        found = grounder.maps(photo(), "Red cat")
        expected = reference(folders, photo(), "red cat.")
        assert found.shape == expected.shape
        assert len(found) > 1
        assert found == pytest.approx(expected, abs=1e-5)
        assert np.ptp(found) > 0.05

    def test_have_the_images_size_and_lie_between_0_and_1(self, grounder):
        for height, width in ((8, 8), (9, 200), (200, 9), (33, 47)):
            found = grounder.maps(photo(3, height, width), "cat")
            assert found.shape[1:] == (height, width)
            assert found.dtype == np.float32
            assert 0 <= found.min(initial=0) <= found.max(initial=1) <= 1

    def test_are_the_same_every_time_and_from_every_loading(self, folders, grounder):
        first = grounder.maps(photo(), "cat")
        assert (grounder.maps(photo(), "cat") == first).all()
        assert (build(folders).maps(photo(), "cat") == first).all()

    def test_of_images_with_different_numbers_of_boxes_come_one_by_one(self, grounder):
        counts = {len(grounder.maps(photo(seed), concept)) for seed in range(4) for concept in ("cat", "red dog")}
        assert len(counts) > 1

    def test_where_nothing_is_detected_there_is_none_and_the_segmenter_is_not_run(self, folders, monkeypatch):
        strict = build(folders, Thresholds(box=1.0))
        monkeypatch.setattr(strict, "segmenter", None)
        assert strict.maps(photo(), "cat").shape == (0, 40, 60)

    @pytest.mark.parametrize("concept", ["", " ", "...", "?!", "\ud800"])
    def test_a_concept_without_a_word_finds_nothing(self, grounder, monkeypatch, concept):
        monkeypatch.setattr(grounder, "detector", None)
        assert grounder.maps(photo(), concept).shape == (0, 40, 60)

    @pytest.mark.parametrize("concept", ["st. bernard", "[SEP] cat [CLS]", "x" * 5000, "犬", "cat\x00dog", "c\ud800t"])
    def test_hostile_concepts_give_maps(self, grounder, concept):
        assert grounder.maps(photo(), concept).shape[1:] == (40, 60)

    @pytest.mark.parametrize("shape", [(1, 1), (3, 40), (7, 1333), (1, 500)])
    def test_images_too_thin_for_the_detector_have_none(self, grounder, shape):
        assert grounder.maps(photo(0, *shape), "cat").shape == (0, *shape)

    def test_at_most_so_many_instances_the_best_ones_first(self, folders, grounder):
        all_of_them = grounder.maps(photo(), "red cat")
        one = build(folders, Thresholds(box=0.2, text=0.2, instances=1)).maps(photo(), "red cat")
        assert len(all_of_them) > 1
        assert one == pytest.approx(all_of_them[:1], abs=1e-6)

    def test_do_not_change_with_the_number_of_boxes_decoded_at_once(self, grounder, monkeypatch):
        together = grounder.maps(photo(), "red cat")
        monkeypatch.setattr("annotators.sigma.grounding.transformers_models.BOXES_AT_ONCE", 1)
        assert grounder.maps(photo(), "red cat") == pytest.approx(together, abs=1e-6)

    def test_are_float32s_even_under_the_callers_autocast(self, grounder):
        expected = grounder.maps(photo(), "cat")
        with torch.autocast("cpu", torch.bfloat16):
            assert (grounder.maps(photo(), "cat") == expected).all()
            assert torch.is_autocast_enabled("cpu")

    def test_read_only_and_turned_arrays_are_taken(self, grounder):
        image = photo()
        image.flags.writeable = False
        turned = np.asfortranarray(image)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert (grounder.maps(turned, "cat") == grounder.maps(image, "cat")).all()


class TestIdentity:
    def test_stays_while_nothing_changes_and_changes_with_weights_and_thresholds(self, folders, grounder, copies):
        assert build(folders).identity == build(copies).identity == grounder.identity
        assert build(folders, Thresholds(box=0.4)).identity != grounder.identity
        save_segmenter(copies[1], seed=1)
        assert build(copies).identity != grounder.identity

    def test_changes_where_two_folders_are_swapped_for_two_others(self, copies, grounder):
        rewrite(copies[0] / "tokenizer_config.json", note="other")
        assert build(copies).identity != grounder.identity


class TestLoading:
    def test_the_file_layout_of_published_weights_loads_to_the_same(self, copies, grounder):
        as_published(copies[0], processor_class="GroundingDinoProcessor")
        as_published(copies[1], processor_class="Sam2VideoProcessor")
        found = build(copies).maps(photo(), "cat")
        assert (found == grounder.maps(photo(), "cat")).all()

    def test_is_silent_and_needs_no_network(self, copies, capfd, monkeypatch):
        def refuse(*_):
            raise AssertionError("asked for the network")

        monkeypatch.setattr(socket.socket, "connect", refuse)
        capfd.readouterr()
        build(copies)
        assert capfd.readouterr() == ("", "")

    def test_listing_and_importing_load_no_model_library(self):
        code = (
            "import sys; from annotators.sigma.grounding import transformers_models, langsam, nothing; "
            "assert not {'torch', 'transformers'} & set(sys.modules), 'heavy'"
        )
        assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0

    def refused(self, folders, pattern):
        with pytest.raises(UserError, match=pattern) as caught:
            build(folders)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 600

    def test_missing_weights_are_named_with_what_to_do(self, tmp_path, monkeypatch):
        monkeypatch.setenv("HF_HOME", str(tmp_path))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
        monkeypatch.setenv("IMLBENCH_WEIGHTS", str(tmp_path))
        monkeypatch.setenv("HOME", str(tmp_path))
        with pytest.raises(UserError, match=r"grounding-dino-base.*imlbench weights get grounding-dino-base") as caught:
            TransformersGrounder()
        assert "\n" not in str(caught.value)

    def test_a_folder_that_is_not_there(self, folders, tmp_path):
        self.refused((tmp_path / "none", folders[1]), "grounder transformers: no such folder: .*none")
        self.refused((folders[0], tmp_path / "none"), "grounder transformers: no such folder: .*none")

    def test_the_two_folders_the_wrong_way_round(self, folders):
        self.refused(folders[::-1], "segmenter cannot be loaded as grounding-dino: .*config.json says 'sam2_video'")

    @pytest.mark.parametrize("which", [0, 1])
    @pytest.mark.parametrize("name", ["config.json", "model.safetensors", "processor_config.json"])
    def test_a_missing_or_broken_file(self, copies, which, name):
        (copies[which] / name).write_text('{"half":')
        self.refused(copies, f"{copies[which].name} cannot be loaded as ")
        (copies[which] / name).unlink()
        self.refused(copies, f"{copies[which].name} cannot be loaded as ")

    @pytest.mark.parametrize("which", [0, 1])
    def test_a_truncated_weight_file(self, copies, which):
        path = copies[which] / "model.safetensors"
        path.write_bytes(path.read_bytes()[:-100])
        self.refused(copies, f"{copies[which].name} cannot be loaded as ")

    @pytest.mark.parametrize(("which", "kind"), [(0, "grounding-dino"), (1, "sam2")])
    def test_weights_with_a_hole(self, copies, which, kind):
        from safetensors.torch import load_file, save_file

        path = copies[which] / "model.safetensors"
        tensors = load_file(path)
        name = sorted(name for name in tensors if name.startswith(("model.encoder", "mask_decoder")))[0]
        del tensors[name]
        save_file(tensors, path, metadata={"format": "pt"})
        self.refused(copies, f"{copies[which].name} lacks 1 tensors of {kind}, {name} among them")

    def test_a_matrix_that_the_file_holds_under_one_of_its_two_names_is_no_hole(self, copies, grounder):
        from safetensors.torch import load_file, save_file

        path = copies[1] / "model.safetensors"
        tensors = load_file(path)
        del tensors["prompt_encoder.shared_embedding.positional_embedding"]
        save_file(tensors, path, metadata={"format": "pt"})
        assert (build(copies).maps(photo(), "red cat") == grounder.maps(photo(), "red cat")).all()
        del tensors["shared_image_embedding.positional_embedding"]
        save_file(tensors, path, metadata={"format": "pt"})
        self.refused(copies, "segmenter lacks 2 tensors of sam2, prompt_encoder.shared_embedding")

    @pytest.mark.parametrize("which", [0, 1])
    def test_pickled_weights_are_never_read(self, copies, which, tmp_path):
        class Trap:
            def __reduce__(self):
                return (open, (str(tmp_path / "sprung"), "w"))

        (copies[which] / "model.safetensors").unlink()
        (copies[which] / "pytorch_model.bin").write_bytes(pickle.dumps(Trap()))
        self.refused(copies, f"{copies[which].name} cannot be loaded as ")
        assert not (tmp_path / "sprung").exists()

    def test_a_device_that_is_not_there(self, folders):
        with pytest.raises(UserError, match=r"device 'cuda:77' cannot be used: "):
            TransformersGrounder(*map(str, folders), device="cuda:77")


class TestThresholds:
    @pytest.mark.parametrize("field", ["box", "text"])
    @pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), "0.3"])
    def test_lie_between_0_and_1(self, field, value):
        with pytest.raises(UserError, match=rf"the {field} threshold must lie in \[0, 1\], found {value}"):
            Thresholds(**{field: value})

    @pytest.mark.parametrize("value", [0, -1, 1001])
    def test_instances_are_a_few(self, value):
        with pytest.raises(UserError, match="instances must lie in 1 to 1000"):
            Thresholds(instances=value)


def test_the_tiny_models_are_what_they_claim(folders):
    kinds = [json.loads((folder / "config.json").read_text())["model_type"] for folder in folders]
    assert kinds == ["grounding-dino", "sam2_video"]
