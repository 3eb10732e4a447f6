from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from imlbench.errors import UserError
from imlbench.synthesis.folder import locked
from imlbench.synthesis.pairs import compose
from imlbench.synthesis.photographs import Look, difference_hash, find_photographs, look_at
from imlbench.synthesis.reading import read_pairs
from imlbench.synthesis.recipe import Recipe
from imlbench.synthesis.running import Order, PairMaker, make_plan, synthesise
from tests.synthesis.making_photographs import make_photographs, scenery


def order(tmp_path: Path, count: int = 6, **changes: object) -> Order:
    photos = tmp_path / "photos"
    if not photos.exists():
        make_photographs(photos, 4, tmp_path / "labels")
    made = Order([photos], tmp_path / "set", count, side=(128, 128), polygons=tmp_path / "labels")
    return replace(made, **changes)


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def test_a_set_is_made_and_read_back(tmp_path: Path):
    outcome = synthesise(order(tmp_path, 12))
    pairs = read_pairs(tmp_path / "set")
    assert outcome.made == len(pairs) == 12
    assert [pair.id for pair in pairs] == [f"{number:06d}" for number in range(12)]
    for pair in pairs:
        original, edited = (cv2.imread(str(path)) for path in (pair.original, pair.edited))
        mask = cv2.imread(str(pair.mask), cv2.IMREAD_GRAYSCALE)
        assert original.shape == edited.shape == (pair.height, pair.width, 3)
        assert mask.shape == (pair.height, pair.width)
        assert set(np.unique(mask)) <= {0, 255}
        assert pair.zero_edit == (not mask.any())
        assert pair.zero_edit == (pair.kind == "none")
        assert pair.source.startswith("photos/")
    facts = json.loads((tmp_path / "set/set.json").read_bytes())
    assert facts["recipe"] == Recipe().facts()
    assert facts["photographs_used"] == {"usable": 4, "skipped": {}, "label_problems": []}
    assert str(tmp_path) not in (tmp_path / "set/set.json").read_text()
    assert str(tmp_path) not in (tmp_path / "set/pairs.jsonl").read_text()


def test_before_encoding_all_changes_lie_at_the_mask_and_zero_edits_change_nothing(tmp_path: Path):
    asked = order(tmp_path, recipe=Recipe(zero=0.3))
    photographs = find_photographs(asked.photos, asked.polygons)
    plan, _ = make_plan(asked, photographs, [look_at(one) for one in photographs])
    made = [compose(plan, number)[0] for number in range(20)]
    for one in made:
        changed = (one.original != one.edited).any(axis=2)
        if one.words["kind"] == "none":
            assert not changed.any()
            assert not one.mask.any()
        else:
            assert changed[one.mask].mean() > 0.4
            # A feather's faint outer half is all that may change beyond the mask.
            assert changed[~one.mask].sum() <= 0.5 * one.mask.size
            assert np.abs(one.original.astype(int) - one.edited)[~one.mask].mean() < 12
    assert {one.words["kind"] == "none" for one in made} == {True, False}


def test_the_number_of_workers_changes_nothing(tmp_path: Path):
    synthesise(order(tmp_path))
    synthesise(order(tmp_path, out=tmp_path / "other", workers=2))
    assert content(tmp_path / "set") == content(tmp_path / "other")


def test_another_seed_makes_other_pairs(tmp_path: Path):
    synthesise(order(tmp_path, 2))
    synthesise(order(tmp_path, 2, out=tmp_path / "other", seed=1))
    assert content(tmp_path / "set")["pairs.jsonl"] != content(tmp_path / "other")["pairs.jsonl"]


def test_a_finished_set_computes_nothing_and_grows_to_what_it_would_have_been(tmp_path: Path):
    synthesise(order(tmp_path, 3))
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "set").rglob("*.png")}
    assert synthesise(order(tmp_path, 3)).made == 0
    assert synthesise(order(tmp_path, 5)).made == 2
    assert all(path.stat().st_mtime_ns == time_then for path, time_then in before.items())
    synthesise(order(tmp_path, 5, out=tmp_path / "other"))
    assert content(tmp_path / "set") == content(tmp_path / "other")
    with pytest.raises(UserError, match="holds 5 pairs already"):
        synthesise(order(tmp_path, 4))


def test_a_set_killed_outright_is_continued_to_the_same_bytes(tmp_path: Path):
    asked = order(tmp_path, 40)
    code = "from imlbench.cli.main import main; main()"
    options = ["--photos", asked.photos[0], "--polygons", asked.polygons, "-o", asked.out, "--side", "128"]
    command = [sys.executable, "-c", code, "synth", *map(str, options), "--count", "40"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    records = asked.out / "records"
    while process.poll() is None and (not records.is_dir() or len(list(records.glob("*.json"))) < 3):
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    there = len(list(records.glob("[0-9]*.json")))
    assert 3 <= there < 40
    with pytest.raises(UserError, match="not a finished set"):
        read_pairs(asked.out)
    assert synthesise(asked).made == 40 - there
    synthesise(replace(asked, out=tmp_path / "other"))
    assert content(asked.out) == content(tmp_path / "other")


def test_other_options_are_refused(tmp_path: Path):
    synthesise(order(tmp_path, 2))
    with pytest.raises(UserError, match=r"other options \(seed\)"):
        synthesise(order(tmp_path, 2, seed=5))
    Image.fromarray(scenery(50)).save(tmp_path / "photos/new.png")
    with pytest.raises(UserError, match=r"other options \(photographs\)"):
        synthesise(order(tmp_path, 2))


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set/thesis.tex").write_text("x")
    with pytest.raises(UserError, match="not empty"):
        synthesise(order(tmp_path))
    assert (tmp_path / "set/thesis.tex").read_text() == "x"


def test_photographs_that_cannot_serve_are_named_and_counted(tmp_path: Path):
    photos = make_photographs(tmp_path / "photos", 2)
    whole = (photos / "0.png").read_bytes()
    (photos / "truncated.png").write_bytes(whole[: len(whole) // 2])
    (photos / "copy.png").write_bytes(whole)
    (photos / "text.jpg").write_text("not an image")
    (photos / "empty.jpg").touch()
    Image.new("RGB", (1, 1)).save(photos / "dot.png")
    Image.new("1", (9000, 9000)).save(photos / "huge.png")
    Image.fromarray(scenery(7)).convert("CMYK").save(photos / "cmyk.jpg")
    frames = [Image.fromarray(scenery(seed)) for seed in (8, 9)]
    frames[0].save(photos / "moving.gif", save_all=True, append_images=frames[1:])
    os.mkfifo(photos / "pipe.jpg")
    outcome = synthesise(Order([photos], tmp_path / "set", 4, side=(128, 128)))
    skipped = outcome.facts["photographs_used"]["skipped"]
    bad = {"copy.png", "truncated.png", "text.jpg", "empty.jpg", "dot.png", "huge.png", "pipe.jpg"}
    # Of two files alike, the first by name serves.
    assert set(skipped) == {f"photos/{name}" for name in bad - {"copy.png"}} | {"photos/copy.png"}
    assert outcome.facts["photographs_used"]["usable"] == 4
    assert all("\n" not in line for line in outcome.skipped)
    assert {pair.source for pair in read_pairs(tmp_path / "set")} == {
        "photos/0.png", "photos/1.png", "photos/cmyk.jpg", "photos/moving.gif",
    }  # fmt: skip


def test_where_nothing_can_serve_one_line_says_why(tmp_path: Path):
    (tmp_path / "photos").mkdir()
    with pytest.raises(UserError, match="no image file"):
        synthesise(Order([tmp_path / "photos"], tmp_path / "set", 1))
    (tmp_path / "photos/a.jpg").write_text("no")
    with pytest.raises(UserError, match="none of 1 image files can serve"):
        synthesise(Order([tmp_path / "photos"], tmp_path / "set", 1))


def test_excluded_images_do_not_serve_whatever_was_done_to_their_files(tmp_path: Path):
    photos = make_photographs(tmp_path / "photos", 3)
    excluded = tmp_path / "evaluation"
    excluded.mkdir()
    shutil.copy(photos / "0.png", excluded / "same.png")
    Image.fromarray(scenery(1)).resize((320, 240)).save(excluded / "larger.jpg", quality=60)
    outcome = synthesise(Order([photos], tmp_path / "set", 2, side=(128, 128), exclude=[excluded]))
    assert set(outcome.facts["photographs_used"]["skipped"]) == {"photos/0.png", "photos/1.png"}
    assert {pair.source for pair in read_pairs(tmp_path / "set")} == {"photos/2.png"}


def test_the_roots_of_evaluation_sets_are_refused(tmp_path: Path):
    root = tmp_path / "CocoGlide"
    for name in ("real", "fake", "mask"):
        make_photographs(root / name, 1)
    (root / "table.csv").write_text("real,fake,mask,prompt\nreal/0.png,fake/0.png,mask/0.png,cat\n")
    for folder in (root, root / "real"):
        with pytest.raises(UserError, match="evaluation set cocoglide"):
            synthesise(Order([folder], tmp_path / "set", 1))
    deal = tmp_path / "deal"
    make_photographs(deal / "images", 1)
    make_photographs(deal / "labels", 1)
    os.rename(deal / "labels/0.png", deal / "labels/0_qwen120.png")
    Image.fromarray(scenery(3)).save(deal / "images/0_qwen120.jpg")
    with pytest.raises(UserError, match="evaluation set deal300k"):
        synthesise(Order([deal], tmp_path / "set", 1))
    assert not (tmp_path / "set").exists()


def test_all_pairs_of_a_photograph_and_their_donors_are_on_one_side(tmp_path: Path):
    asked = order(tmp_path, recipe=Recipe(validation=0.5))
    photographs = find_photographs(make_and_list(tmp_path / "many", 30), None)
    plan, _ = make_plan(asked, photographs, [Look(str(number)) for number in range(30)])
    assert 5 < plan.splits.count("validation") < 25
    for index, split in enumerate(plan.splits):
        assert {plan.splits[other] for other in plan.siblings(index)} == {split}
    assert sorted(plan.source(number) for number in range(30)) == list(range(30))
    assert [plan.source(number) for number in range(30)] != [plan.source(number) for number in range(30, 60)]


def make_and_list(folder: Path, count: int) -> list[Path]:
    folder.mkdir()
    for number in range(count):
        (folder / f"{number}.png").touch()
    return [folder]


def test_a_picture_without_detail_has_no_perceptual_hash():
    assert difference_hash(np.full((64, 64, 3), 90, np.uint8)) == ""
    assert len(difference_hash(scenery(0))) == 64


def test_lines_of_labels_that_are_no_polygons_are_named(tmp_path: Path):
    asked = order(tmp_path, 2)
    (tmp_path / "labels/1.txt").write_text("16 0.5 0.5 0.1 0.1\n")
    outcome = synthesise(asked)
    (line,) = outcome.facts["photographs_used"]["label_problems"]
    assert line.startswith("1.txt, line 1:")
    assert outcome.skipped == (line,)


def test_a_photograph_that_goes_away_is_told_in_one_line_and_the_run_can_go_on(tmp_path: Path):
    asked = order(tmp_path, 4)
    photographs = find_photographs(asked.photos, asked.polygons)
    plan, _ = make_plan(asked, photographs, [look_at(one) for one in photographs])
    os.rename(tmp_path / "photos", tmp_path / "moved")
    with pytest.raises(UserError, match=r"pair 0: .* run the command again"):
        PairMaker(plan, tmp_path / "set")(0)


def test_a_set_within_its_own_photographs_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match="lies in"):
        synthesise(order(tmp_path, out=tmp_path / "photos/set"))


def test_a_second_run_at_the_same_time_is_refused(tmp_path: Path):
    with locked(tmp_path / "set"), pytest.raises(UserError, match="another run"):
        synthesise(order(tmp_path))


def test_folders_within_one_another_are_refused(tmp_path: Path):
    photos = make_photographs(tmp_path / "photos/inner", 1)
    with pytest.raises(UserError, match="same files"):
        synthesise(Order([photos.parent, photos], tmp_path / "set", 1))
