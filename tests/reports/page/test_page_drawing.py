"""The gallery's pictures: what they show, that each sample is decoded once, and what is said where one is missing."""

from __future__ import annotations

import shutil
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from imlbench import pictures
from imlbench.account import Quiet
from imlbench.errors import UserError
from imlbench.metrics import Conventions
from imlbench.results.reading import ResultReader
from imlbench.results.store import ResultStore
from reports.page.drawing import NO_ORIGINAL, Artist, missing
from reports.page.samples import make_gallery
from reports.page.selection import select_runs
from reports.page.writing import Inlined
from tests.making_sets import BOX, SHAPE, annotate_eval, edit, imlbench, make_set, mask, photo, write_image
from tests.reports.page.page_results import picture, scored_set


def draw(results, roots=None, place=None):
    """Selection and gallery, drawn."""
    with ResultReader(results) as reader:
        selection = select_runs(reader)
        gallery = make_gallery(reader, selection, ("f1",), Conventions())
        Artist(reader.path, selection, gallery, roots or {}, place or Inlined(), Quiet()).draw()
    return selection, gallery


def entries(drawn, adapter):
    """The entries of an adapter's run."""
    selection, gallery = drawn
    return next(found for run, found in gallery.results.items() if selection.listed[run].run.adapter == adapter)


def lines(drawn):
    return [str(line) for line in missing(*drawn)]


def alpha(src):
    return np.asarray(picture(src).convert("RGBA"))[..., 3]


def test_a_sample_has_its_images_its_truth_and_the_map_of_each_run(tmp_path):
    drawn = draw(scored_set(tmp_path, 2, "pixdiff-[24]0"))
    _, gallery = drawn
    assert lines(drawn) == []
    assert len({shown.edited for shown in gallery.samples}) == 2
    shown = gallery.samples[1]
    original, edited = (np.asarray(picture(src).convert("RGB")).astype(int) for src in (shown.original, shown.edited))
    assert original.shape == edited.shape == (*SHAPE, 3)
    assert edited[BOX].mean() - original[BOX].mean() > 25
    assert np.array_equal(alpha(shown.mask), mask())
    difference = edit(photo(1), 1).astype(int) - photo(1)
    grey = (difference @ [0.299, 0.587, 0.114]).round()
    for level in (20, 40):
        opaque = alpha(entries(drawn, f"pixdiff-{level}")[1].map) > 128
        clear = np.abs(grey - level) > 1
        assert np.array_equal(opaque[clear], (grey >= level)[clear])


def test_each_sample_is_decoded_once_however_many_runs_there_are(tmp_path, monkeypatch):
    results = scored_set(tmp_path, 5, "pixdiff-*")
    decoded = Counter()
    load = pictures.load

    def counting(sample):
        decoded[sample.id] += 1
        return load(sample)

    monkeypatch.setattr(pictures, "load", counting)
    selection, _ = draw(results)
    assert len(selection.gallery) == 8
    assert decoded == {f"{number:02}": 1 for number in range(5)}


def test_kept_maps_of_an_adapter_that_is_not_here_are_shown(tmp_path):
    results = scored_set(tmp_path, 2, "pixdiff-20", "--save-maps")
    rename_adapter(results, "elsewhere")
    renamed = next((results / "maps").iterdir())
    renamed.rename(renamed.with_name(renamed.name.replace("pixdiff-20-", "elsewhere-")))
    drawn = draw(results)
    assert all(entry.map and not entry.problem for entry in entries(drawn, "elsewhere"))


def rename_adapter(results, name):
    with ResultStore(results) as store:
        store._connection.execute("UPDATE runs SET adapter = ?, adapter_title = ?", (name, name.title()))


def test_maps_that_were_not_kept_and_cannot_be_made_say_so_once(tmp_path):
    results = scored_set(tmp_path, 3, "pixdiff-20")
    rename_adapter(results, "elsewhere")
    drawn = draw(results)
    assert all(entry.map is None and "elsewhere" in entry.problem for entry in entries(drawn, "elsewhere"))
    assert all(shown.edited and not shown.problem for shown in drawn[1].samples)
    (line,) = lines(drawn)
    assert line.startswith("Elsewhere on set, score maps missing: 3 (adapter-error; first: unknown annotator")


def test_a_dataset_that_is_gone_is_told_once_and_found_again_by_its_root(tmp_path):
    results = scored_set(tmp_path, 3, "pixdiff-[24]0")
    shutil.move(tmp_path / "set", tmp_path / "moved")
    gone = draw(results)
    assert all(shown.problem and shown.edited is None for shown in gone[1].samples)
    (line,) = lines(gone)
    assert line.startswith("set, samples without pictures: 3 (")
    found = draw(results, {"folder": tmp_path / "moved"})
    assert lines(found) == []
    assert all(shown.edited for shown in found[1].samples)


def test_changed_and_broken_files_are_told_apart_and_the_others_are_drawn(tmp_path):
    results = scored_set(tmp_path, 4, "pixdiff-20")
    write_image(tmp_path / "set" / "edited" / "01.png", photo(77))
    (tmp_path / "set" / "edited" / "02.png").write_bytes(b"no image")
    drawn = draw(results)
    problems = [shown.problem for shown in drawn[1].samples]
    assert ("changed since" in problems[1], "02" in problems[2]) == (True, True)
    assert (problems[0], problems[3]) == ("", "")
    assert sum(entry.map is not None for entry in entries(drawn, "pixdiff-20")) == 2
    assert len(lines(drawn)) == 1


def test_a_run_that_scored_other_files_gets_no_map_over_these(tmp_path):
    results = scored_set(tmp_path, 2, "pixdiff-20")
    write_image(tmp_path / "set" / "edited" / "01.png", edit(photo(1), 55))
    annotate_eval(tmp_path / "set", results, annotator="pixdiff-40")
    drawn = draw(results)
    older, newer = entries(drawn, "pixdiff-20"), entries(drawn, "pixdiff-40")
    assert [entry.map is not None for entry in older] == [True, False]
    assert "other files" in older[1].problem
    assert all(entry.map for entry in newer)
    assert lines(drawn) == [
        "PixDiff-Fixed(20) on set, score maps missing: 1 (other-content; first: this run scored other files than "
        "those that are shown)"
    ]


def test_a_failed_sample_has_no_map_and_its_reason_is_the_results_own(tmp_path):
    root = make_set(tmp_path / "set", 2)
    (root / "edited" / "01.png").write_bytes(b"no image")
    annotate_eval(root, tmp_path / "out", annotator="pixdiff-20")
    drawn = draw(tmp_path / "out")
    failed = entries(drawn, "pixdiff-20")[1]
    assert (failed.row.status, failed.row.reason, failed.map, failed.problem) == ("failed", "unreadable", None, "")
    assert "01" in failed.row.message
    assert lines(drawn)[0].startswith("set, samples without pictures: 1 (unreadable; first: ")


def test_a_set_without_originals_shows_what_it_has(tmp_path):
    write_image(tmp_path / "set" / "Tp" / "a.png", edit(photo(0), 0))
    write_image(tmp_path / "set" / "Gt" / "a.png", mask())
    options = ("--dataset", "imdlbenco", "--data-root", tmp_path / "set", "--annotator", "pixdiff-20")
    imlbench("annotate-eval", *options, "--out", tmp_path / "out")
    drawn = draw(tmp_path / "out")
    (shown,) = drawn[1].samples
    assert (shown.original, shown.problem) == (None, NO_ORIGINAL)
    assert shown.edited
    assert np.array_equal(alpha(shown.mask), mask())
    assert lines(drawn) == [f"set, originals missing: 1 (no-original; first: {NO_ORIGINAL})"]


def test_large_images_are_reduced_all_alike(tmp_path):
    for role, pixels in (("original", photo(0)), ("edited", edit(photo(0))), ("mask", mask())):
        big = Image.fromarray(pixels).resize((700, 400), Image.Resampling.NEAREST)
        write_image(tmp_path / "set" / role / "big.png", np.asarray(big))
    annotate_eval(tmp_path / "set", tmp_path / "out", annotator="pixdiff-20")
    drawn = draw(tmp_path / "out")
    (shown,), (entry,) = drawn[1].samples, entries(drawn, "pixdiff-20")
    sizes = {picture(src).size for src in (shown.original, shown.edited, shown.mask, entry.map)}
    assert sizes == {(320, 183)}


def test_a_perturbed_runs_map_is_of_the_perturbed_pair(tmp_path):
    root = make_set(tmp_path / "set", 1)
    write_image(root / "original" / "00.png", np.zeros((*SHAPE, 3), np.uint8) + 100)
    write_image(root / "edited" / "00.png", np.zeros((*SHAPE, 3), np.uint8) + 100)
    annotate_eval(root, tmp_path / "out", annotator="pixdiff-10")
    options = ("--dataset", "folder", "--data-root", root, "--annotator", "pixdiff-10", "--out", tmp_path / "out")
    assert imlbench("robustness", *options, "--perturb", "noise", "--severity", "2000").code == 0
    with ResultReader(tmp_path / "out") as reader:
        asked = next(stored.run_id for stored in reader.runs() if stored.run.perturbation)
        selection = select_runs(reader, extra=[asked])
        gallery = make_gallery(reader, selection, ("f1",), Conventions())
        Artist(reader.path, selection, gallery, {}, Inlined(), Quiet()).draw()
    clean, noisy = (alpha(found[0].map) for _, found in sorted(gallery.results.items()))
    assert clean.max() == 0
    assert (noisy > 128).mean() > 0.3


class FullDisk:
    """A place that refuses the second picture."""

    side = 320

    def __init__(self):
        self.kept = 0

    def keep(self, name, data):
        self.kept += 1
        if self.kept > 1:
            raise UserError("disk full")
        return name


def test_a_full_disk_stops_the_drawing(tmp_path):
    place = FullDisk()
    with pytest.raises(UserError, match="disk full"):
        draw(scored_set(tmp_path, 12), place=place)
    assert place.kept < 8
