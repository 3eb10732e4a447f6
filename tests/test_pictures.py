"""From a stored run back to images and maps: kept maps, maps computed anew, and everything that may be gone."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from imlbench import registry
from imlbench.counting import Truth
from imlbench.errors import Reason, SampleError, UserError
from imlbench.pictures import Pictures, certainty, decision
from imlbench.recomputing import condition_of
from imlbench.results.reading import ResultReader
from tests.making_sets import BOX, annotate_eval, edit, imlbench, make_set, photo, write_image


@pytest.fixture
def root(tmp_path):
    return make_set(tmp_path / "set", 3)


@pytest.fixture
def results(tmp_path):
    return tmp_path / "results"


def opened(results, adapter="pixdiff-10", **options):
    """Reader, pictures and the newest run of an adapter."""
    reader = ResultReader(results)
    stored = max((one for one in reader.runs() if one.run.adapter == adapter), key=lambda one: one.recorded)
    return reader, Pictures(reader, **options), stored


def counted(reader, stored, sample_id):
    """Counts of a sample as stored."""
    statement = "SELECT tp, fp, fn, tn FROM counts WHERE run_id = ? AND sample_id = ?"
    return reader.query(statement, stored.run_id, sample_id)[0]


def counts_of(scores, mask, run):
    """Counts of a map, counted anew."""
    counts = Truth(mask, None).count(scores, run.threshold)
    return counts.tp, counts.fp, counts.fn, counts.tn


def map_path(pictures, stored, sample_id):
    return pictures.maps.path(stored.run, sample_id)


@pytest.mark.parametrize("adapter", ["pixdiff-10", "pixdiff-otsu", "ssim", "meandiff"])
def test_map_computed_anew_is_the_one_that_was_counted(root, results, adapter):
    assert annotate_eval(root, results, annotator=adapter).code == 0
    reader, pictures, stored = opened(results, adapter)
    with reader:
        for sample_id in ("00", "01", "02"):
            loaded = pictures.load(stored, sample_id)
            scores = pictures.score_map(stored, loaded)
            assert counts_of(scores, loaded.mask, stored.run) == counted(reader, stored, sample_id)


@pytest.mark.parametrize("adapter", ["pixdiff-10", "pixdiff-otsu", "ssim"])
def test_kept_map_is_read_back(root, results, adapter):
    annotate_eval(root, results, "--save-maps", annotator=adapter)
    reader, pictures, stored = opened(results, adapter, recompute=False)
    with reader:
        loaded = pictures.load(stored, "01")
        scores = pictures.score_map(stored, loaded)
        assert scores.dtype == (np.uint8 if stored.run.soft else np.bool_)
        assert counts_of(scores, loaded.mask, stored.run) == counted(reader, stored, "01")


def test_map_that_was_not_kept_says_what_to_do(root, results):
    annotate_eval(root, results)
    reader, pictures, stored = opened(results, recompute=False)
    with reader, pytest.raises(SampleError, match="--save-maps --overwrite always` to keep its maps") as caught:
        pictures.score_map(stored, pictures.load(stored, "00"))
    assert caught.value.reason == Reason.ADAPTER_ERROR


@pytest.mark.parametrize("damage", ["truncated", "empty", "text", "another size", "another map"])
def test_kept_map_that_was_not_counted_is_not_shown(root, results, damage):
    annotate_eval(root, results, "--save-maps")
    reader, pictures, stored = opened(results, recompute=False)
    path = map_path(pictures, stored, "00")
    data = path.read_bytes()
    wrong = {"truncated": data[: len(data) // 2], "empty": b"", "text": b"hello"}
    if damage in wrong:
        path.write_bytes(wrong[damage])
    else:
        shape = (3, 4) if damage == "another size" else (16, 24)
        write_image(path, np.full(shape, 9, np.uint8))
    with reader:
        loaded = pictures.load(stored, "00")
        with pytest.raises(SampleError, match="no map was kept"):
            pictures.score_map(stored, loaded)
        again = Pictures(reader).score_map(stored, loaded)
        assert counts_of(again, loaded.mask, stored.run) == counted(reader, stored, "00")


def test_kept_map_of_files_that_were_replaced_since_is_not_shown(root, results):
    annotate_eval(root, results, "--save-maps")
    write_image(root / "edited" / "00.png", edit(photo(0), 7))
    annotate_eval(root, results)
    reader, pictures, stored = opened(results)
    with reader:
        loaded = pictures.load(stored, "00")
        scores = pictures.score_map(stored, loaded)
        assert counts_of(scores, loaded.mask, stored.run) == counted(reader, stored, "00")


def test_changed_file_is_noticed(root, results):
    annotate_eval(root, results)
    write_image(root / "edited" / "00.png", edit(photo(0), 7))
    reader, pictures, stored = opened(results)
    with reader:
        with pytest.raises(SampleError, match="00: its files have changed since it was scored"):
            pictures.load(stored, "00")
        assert pictures.load(stored, "01").sample.id == "01"


def test_sample_that_is_gone_is_named(root, results):
    annotate_eval(root, results)
    for part in ("original", "edited", "mask"):
        (root / part / "02.png").unlink()
    reader, pictures, stored = opened(results)
    with reader, pytest.raises(SampleError, match="02: no longer in folder"):
        pictures.load(stored, "02")


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "a\0b", "x" * 5000, "00/../01", "%s' OR 1"])
def test_hostile_ids_find_nothing(root, results, name):
    annotate_eval(root, results)
    reader, pictures, stored = opened(results)
    with reader, pytest.raises(SampleError, match="no longer in"):
        pictures.load(stored, name)


def test_missing_root_is_one_clear_error_each_time(root, results, monkeypatch):
    monkeypatch.delenv("IMLBENCH_DATA_ROOT", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(results))
    annotate_eval(root, results)
    shutil.rmtree(root)
    reader, pictures, stored = opened(results)
    with reader:
        for _ in range(2):
            with pytest.raises(UserError, match="folder: no data root; give --data-root DIR"):
                pictures.load(stored, "00")


@pytest.mark.parametrize("name", ["folder", "folder:set"])
def test_root_that_is_given_comes_first(root, results, tmp_path, name):
    annotate_eval(root, results)
    moved = tmp_path / "moved"
    shutil.move(root, moved)
    reader, pictures, stored = opened(results, roots={name: moved})
    with reader:
        assert str(pictures.locate(stored).dataset.root) == str(moved)
        assert pictures.load(stored, "00").mask[BOX].all()


def test_root_of_the_newest_command_is_taken(root, results, tmp_path):
    annotate_eval(root, results, "--sample-id", "00")
    copied = shutil.copytree(root, tmp_path / "copy")
    annotate_eval(copied, results)
    reader, pictures, stored = opened(results)
    with reader:
        assert str(pictures.locate(stored).dataset.root) == str(copied)


@pytest.mark.parametrize("target", ["edited", "both"])
def test_perturbed_run_gives_the_map_that_was_counted(root, results, target):
    chosen = ("--dataset", "folder", "--data-root", root, "--annotator", "pixdiff-10", "--out", results, "--seed", 5)
    noise = ("--perturb", "noise", "--severity", 25, "--target", target)
    assert imlbench("robustness", *chosen, *noise, "--save-maps").code == 0
    reader = ResultReader(results)
    with reader:
        (stored,) = [one for one in reader.runs() if one.run.perturbation == "noise"]
        pictures = Pictures(reader)
        loaded = pictures.load(stored, "01")
        kept = pictures.score_map(stored, loaded)
        assert map_path(pictures, stored, "01").is_file()
        map_path(pictures, stored, "01").unlink()
        np.testing.assert_array_equal(pictures.score_map(stored, loaded), kept)
        assert counts_of(kept, loaded.mask, stored.run) == counted(reader, stored, "01")
        pair = pictures.pair(stored, loaded)
        assert not np.array_equal(pair.edited, loaded.edited)
        assert np.array_equal(pair.original, loaded.original) == (target == "edited")


def test_pair_is_computed_once_for_runs_of_one_condition(root, results):
    annotate_eval(root, results, annotator="pixdiff-*")
    reader, pictures, stored = opened(results)
    with reader:
        loaded = pictures.load(stored, "00")
        other = next(one for one in reader.runs() if one.run.adapter == "pixdiff-20")
        assert pictures.pair(stored, loaded) is pictures.pair(other, loaded)


def test_perturbation_that_is_gone_is_named(root, results):
    annotate_eval(root, results)
    reader, pictures, stored = opened(results)
    gone = replace(stored, run=replace(stored.run, perturbation="jpegg", severity=50.0))
    with reader:
        loaded = pictures.load(stored, "00")
        with pytest.raises(UserError, match="unknown perturbation 'jpegg': did you mean jpeg"):
            pictures.pair(gone, loaded)
        with pytest.raises(SampleError, match="unknown perturbation"):
            pictures.score_map(gone, loaded)
    with pytest.raises(UserError, match="jpeg: severity is a whole quality"):
        condition_of(replace(gone.run, perturbation="jpeg", severity=0.5))


def test_other_version_of_the_adapter_is_refused(root, results):
    annotate_eval(root, results)
    reader, pictures, stored = opened(results)
    card = json.dumps({**json.loads(stored.run.card), "version": "0"})
    with reader, pytest.raises(SampleError, match="pixdiff-10 is another version than the one that scored"):
        pictures.score_map(replace(stored, run=replace(stored.run, card=card)), pictures.load(stored, "00"))


def test_unknown_adapter_is_refused(root, results):
    annotate_eval(root, results)
    reader, pictures, stored = opened(results)
    with reader, pytest.raises(SampleError, match="unknown annotator 'pixdif-11': did you mean"):
        pictures.score_map(replace(stored, run=replace(stored.run, adapter="pixdif-11")), pictures.load(stored, "00"))


class Broken:
    """An annotator of the same card that cannot be built."""

    card = None

    def __init__(self, **_):
        raise RuntimeError("no\nmemory")


def test_adapter_that_cannot_be_built_is_a_reason(root, results, monkeypatch):
    annotate_eval(root, results)
    reader, pictures, stored = opened(results)
    Broken.card = registry.resolve("annotators", "pixdiff-10").load().card
    with reader:
        loaded = pictures.load(stored, "00")
        monkeypatch.setattr(registry.Entry, "load", lambda entry: Broken)
        for _ in range(2):
            with pytest.raises(SampleError) as caught:
                pictures.score_map(stored, loaded)
            assert caught.value.message == "pixdiff-10 cannot be built: RuntimeError: no memory"


def test_unreadable_image_is_the_samples_failure(root, results):
    annotate_eval(root, results)
    (root / "edited" / "00.png").write_bytes(b"")
    reader, pictures, stored = opened(results)
    with reader, pytest.raises(SampleError, match="empty"):
        pictures.load(stored, "00")


def test_decision_and_certainty_of_every_kind_of_map(root, results):
    annotate_eval(root, results)
    reader, _, stored = opened(results)
    reader.close()
    levels = np.array([[9, 10, 255]], np.uint8)
    assert decision(levels, stored.run).tolist() == [[False, True, True]]
    assert certainty(levels)[0].tolist() == pytest.approx([9 / 255, 10 / 255, 1.0])
    hard = np.array([[True, False]])
    assert decision(hard, stored.run).tolist() == [[True, False]]
    assert certainty(hard).tolist() == [[1.0, 0.0]]
    assert certainty(np.array([[0.5]], np.float32)).tolist() == [[0.5]]


def test_kept_maps_lie_in_the_maps_folder(root, results):
    annotate_eval(root, results, "--save-maps")
    reader, pictures, stored = opened(results)
    reader.close()
    path = map_path(pictures, stored, "00")
    assert path.parent.parent == results / "maps"
    with Image.open(path) as image:
        assert image.size == (24, 16)


def detected(root, results, command="detect-eval", *arguments):
    chosen = ("--dataset", "folder", "--data-root", root, "--detector", "ela", "--out", results)
    assert imlbench(command, *chosen, *arguments).code == 0


def test_a_detectors_map_computed_anew_is_the_one_that_was_counted(root, results):
    detected(root, results, "detect-eval", "--authentic", "originals")
    reader, pictures, stored = opened(results, "ela")
    with reader:
        for sample_id in ("01", "original:01"):
            loaded = pictures.load(stored, sample_id)
            scores = pictures.score_map(stored, loaded)
            assert counts_of(scores, loaded.mask, stored.run) == counted(reader, stored, sample_id)
        with pytest.raises(SampleError, match="original:9: no longer in folder"):
            pictures.load(stored, "original:9")


def test_a_detectors_map_of_a_perturbed_image_is_the_one_that_was_counted(root, results):
    jpeg = ("--perturb", "jpeg", "--severity", 50, "--no-clean", "--save-maps")
    detected(root, results, "robustness", *jpeg)
    reader, pictures, stored = opened(results, "ela")
    with reader:
        loaded = pictures.load(stored, "00")
        kept = pictures.score_map(stored, loaded)
        map_path(pictures, stored, "00").unlink()
        scores = pictures.score_map(stored, loaded)
        assert not np.array_equal(pictures.picture(stored, loaded).pixels, loaded.edited)
        assert counts_of(scores, loaded.mask, stored.run) == counts_of(kept, loaded.mask, stored.run)


def test_other_weights_of_a_detector_are_refused(root, results):
    detected(root, results)
    reader, pictures, stored = opened(results, "ela")
    card = json.dumps({**json.loads(stored.run.card), "weights": [{"name": "w", "sha256": "ab" * 32}]})
    with (
        reader,
        pytest.raises(SampleError, match="ela has other weights than those that scored; run `imlbench detect-"),
    ):
        pictures.score_map(replace(stored, run=replace(stored.run, card=card)), pictures.load(stored, "00"))
