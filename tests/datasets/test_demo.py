import json
import os
import socket
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from imlbench.datasets.demo import INDEX, Demo
from imlbench.demo import generate as generating
from imlbench.demo.generate import generate
from imlbench.demo.photos import PHOTOGRAPHS
from imlbench.demo.plan import PLAN
from imlbench.differencing import grey_difference
from imlbench.errors import Reason, UserError
from imlbench.loading import load

EDIT_TYPES = ("paste", "removal", "recolour", "retexture")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("demo") / "new" / "set"


@pytest.fixture(scope="module")
def demo(root):
    return Demo(root)


@pytest.fixture(scope="module")
def loaded(demo):
    return [load(sample) for sample in demo.samples()]


@pytest.fixture
def one_photo(tmp_path):
    generate(tmp_path / "one", ["flower"])
    return tmp_path / "one"


def files(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def edit_index(root, **changes):
    index = json.loads((root / INDEX).read_text())
    (root / INDEX).write_text(json.dumps(index | changes))


def test_set_is_made_where_there_is_none_and_has_the_published_count(demo):
    samples = list(demo.samples())
    assert len(demo) == len(samples) == demo.card.published[""] == len(PLAN) * 8
    assert len({sample.id for sample in samples}) == len(samples)
    assert list(demo.orphans()) == []


def test_each_photograph_has_each_edit_in_both_encodings(demo):
    tags = Counter((s.tags["photo"], s.tags["edit_type"], s.tags["encoding"]) for s in demo.samples())
    expected = {(p, e, c) for p in PHOTOGRAPHS for e in EDIT_TYPES for c in ("composited", "reencoded")}
    assert set(tags) == expected
    assert set(tags.values()) == {1}


def test_both_encodings_of_an_edit_share_instruction_and_mask(demo):
    by_edit = {}
    for sample in demo.samples():
        by_edit.setdefault(sample.id.rsplit("-", 1)[0], set()).add((sample.instruction, sample.mask.name))
    assert all(len(found) == 1 for found in by_edit.values())
    instructions = [sample.instruction for sample in demo.samples()]
    assert len(set(instructions)) == len(by_edit)
    assert all(len(text.split()) >= 4 and text[0].islower() for text in instructions)


def test_composited_edits_leave_everything_outside_the_mask_and_change_nearly_all_inside(loaded):
    for item in loaded:
        if item.sample.tags["encoding"] == "composited":
            changed = (item.edited != item.original).any(axis=2)
            assert not changed[~item.mask].any(), item.sample.id
            assert changed[item.mask].mean() > 0.95, item.sample.id
            assert item.outside_difference() == 0


def test_reencoded_edits_change_most_pixels_outside_by_a_few_levels(loaded):
    for item in loaded:
        if item.sample.tags["encoding"] == "reencoded":
            outside = grey_difference(item.pair())[~item.mask]
            assert (outside > 0).mean() > 0.7, item.sample.id
            assert 1 <= np.median(outside) <= 8, item.sample.id
            assert item.sample.edited.name.endswith(".jpg")


def test_masks_cover_from_two_to_forty_per_cent_and_files_need_no_conversion(loaded):
    areas = [item.mask.mean() for item in loaded]
    assert 0.015 < min(areas) < 0.03
    assert 0.25 < max(areas) < 0.4
    assert all(item.notes == () for item in loaded)
    assert all(256 <= side <= 512 for item in loaded for side in item.edited.shape[:2])


def test_small_thresholds_solve_composited_edits_and_flood_on_reencoded_ones(loaded):
    scores = {}
    for item in loaded:
        marked = grey_difference(item.pair()) > 0
        f1 = 2 * (marked & item.mask).sum() / (marked.sum() + item.mask.sum())
        scores.setdefault(item.sample.tags["encoding"], []).append(f1)
    assert np.mean(scores["composited"]) > 0.98
    assert np.mean(scores["reencoded"]) < 0.4


def test_second_run_gives_the_same_bytes(root, demo, tmp_path):
    generate(tmp_path / "again")
    assert files(tmp_path / "again") == files(root)


def test_existing_set_is_used_as_it_is(one_photo):
    before = files(one_photo)
    assert len(Demo(one_photo)) == 8
    assert files(one_photo) == before


def test_empty_folder_is_filled_and_nothing_else_is_left_beside_it(tmp_path):
    (tmp_path / "set").mkdir()
    generate(tmp_path / "set", ["chelsea"])
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    assert sorted(path.name for path in (tmp_path / "set").iterdir()) == [
        "README.txt", "edited", "mask", "original", INDEX,
    ]  # fmt: skip


def test_foreign_files_are_never_touched(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match="is not empty and holds no demo set"):
        Demo(tmp_path)
    with pytest.raises(UserError, match="cannot be written"):
        generate(tmp_path, ["chelsea"])
    assert files(tmp_path) == {"thesis.txt": b"mine"}


def test_set_of_another_version_asks_for_removal(one_photo):
    edit_index(one_photo, generator={"name": "imlbench-demo", "version": "0"})
    with pytest.raises(UserError, match=r"version 0 of the generator.*remove the folder"):
        Demo(one_photo)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "\ud83d", "[" * 100_000, '{"generator": 1}', '{"generator": {"name": "other"}}']
)
def test_index_that_is_not_ours_is_refused(tmp_path, text):
    (tmp_path / INDEX).write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(UserError, match="name a new folder"):
        Demo(tmp_path)


@pytest.mark.parametrize(
    "samples", [None, ["x"], [{"id": "a"}], [dict.fromkeys(("id", "original", "edited", "mask", "instruction"), "a")]]
)
def test_damaged_entries_are_refused(one_photo, samples):
    edit_index(one_photo, samples=samples)
    with pytest.raises(UserError, match="damaged"):
        Demo(one_photo)


def test_entry_that_leads_out_of_the_root_fails_as_a_sample(one_photo):
    index = json.loads((one_photo / INDEX).read_text())
    index["samples"][0]["edited"] = "../../etc/hostname"
    edit_index(one_photo, samples=index["samples"])
    with pytest.raises(Exception, match="leads out") as caught:
        load(next(Demo(one_photo).samples()))
    assert caught.value.reason == Reason.OUTSIDE_ROOT


def test_file_that_is_not_in_the_index_is_an_orphan(one_photo):
    (one_photo / "mask" / "stray.png").write_bytes(b"")
    assert [problem.name for problem in Demo(one_photo).orphans()] == ["mask/stray.png"]


def test_root_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="not a folder"):
        Demo(tmp_path / "file")


@pytest.mark.parametrize("name", ["file/set", "a\0b"])
def test_root_that_cannot_be_written_is_one_line(tmp_path, name):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError) as caught:
        Demo(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_failure_in_the_middle_leaves_nothing(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(generating, "readme", full)
    with pytest.raises(UserError, match="No space left on device"):
        generate(tmp_path / "set", ["chelsea"])
    assert list(tmp_path.iterdir()) == []


def test_set_that_another_process_made_meanwhile_is_used(tmp_path, monkeypatch):
    original = generating.move_into_place

    def late(folder, target):
        monkeypatch.setattr(generating, "move_into_place", original)
        generate(target, ["flower"])
        original(folder, target)

    monkeypatch.setattr(generating, "move_into_place", late)
    assert len(Demo(tmp_path / "set")) == 8
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_missing_scikit_learn_names_the_extra_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(UserError, match=r"scikit-learn.*pip install 'imlbench\[demo\]'"):
        Demo(tmp_path / "set")
    assert list(tmp_path.iterdir()) == []


def test_unknown_photograph_and_variant_leave_nothing(tmp_path):
    with pytest.raises(UserError, match="no photograph 'lena'; photographs: astronaut"):
        generate(tmp_path / "set", ["lena"])
    with pytest.raises(UserError, match="no variant"):
        Demo(tmp_path / "set", "large")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_fetched_from_a_network(tmp_path, monkeypatch):
    def refused(*arguments, **options):
        raise AssertionError("a network connection was asked for")

    monkeypatch.setattr(socket, "socket", refused)
    generate(tmp_path / "set", ["rocket"])
    assert len(Demo(tmp_path / "set")) == 8


def test_readme_credits_every_photograph(root, demo):
    text = (root / "README.txt").read_text(encoding="utf-8")
    assert all(f"  {name}: {photograph.credit}\n" in text for name, photograph in PHOTOGRAPHS.items())


def test_listing_imports_nothing_heavy():
    code = (
        "import sys, imlbench.datasets.demo;"
        "print([m for m in ('skimage', 'sklearn', 'scipy', 'torch', 'imlbench.demo') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert done.stdout.strip() == "[]"
