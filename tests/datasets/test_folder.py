import os
from pathlib import Path

import numpy as np
import pytest
from making import by_id, edited, expected_mask, mask, photo, strays, write, write_json, write_text

from imlbench.datasets.folder import Folder
from imlbench.errors import Reason, SampleError, UserError
from imlbench.loading import load

NAMES = ("boat", "day 1/cliff", "day 2/cliff")


def make(root: Path, original: str = "original", edits: str = "edited", masks: str = "mask", mark: str = "") -> Path:
    for number, name in enumerate(NAMES):
        write(root / f"{original}/{name}.png", photo(number))
        write(root / f"{edits}/{name}.png", edited(number))
        write(root / f"{masks}/{name}{mark}.png", mask())
    return root


@pytest.mark.parametrize(
    ("original", "edits", "masks", "mark"),
    [("original", "edited", "mask", ""), ("Originals", "TAMPERED", "Masks", "_gt"), ("source", "Tp", "Gt", "_mask")],
)
def test_pairs_by_relative_path_under_any_documented_name(tmp_path, original, edits, masks, mark):
    dataset = Folder(make(tmp_path, original, edits, masks, mark))
    samples = by_id(dataset)
    assert list(samples) == list(NAMES)
    for number, sample in enumerate(samples.values()):
        loaded = load(sample)
        np.testing.assert_array_equal(loaded.original, photo(number))
        np.testing.assert_array_equal(loaded.mask, expected_mask())
    assert strays(dataset) == {}


def test_coloured_mask_is_read_by_its_brightest_channel(tmp_path):
    make(tmp_path)
    coloured = np.zeros((*mask().shape, 3), np.uint8)
    coloured[..., 2] = mask()
    write(tmp_path / "mask/boat.png", coloured)
    np.testing.assert_array_equal(load(by_id(Folder(tmp_path))["boat"]).mask, expected_mask())


def test_without_originals_samples_have_none(tmp_path):
    for name in NAMES:
        write(tmp_path / f"edited/{name}.png", edited())
        write(tmp_path / f"mask/{name}.png", mask())
    for sample in Folder(tmp_path).samples():
        assert load(sample).original is None


def test_an_extra_file_does_not_shift_the_pairs(tmp_path):
    make(tmp_path)
    write(tmp_path / "original/aaa.png", photo(9))
    write(tmp_path / "mask/aaa.png", mask())
    dataset = Folder(tmp_path)
    np.testing.assert_array_equal(load(by_id(dataset)["boat"]).original, photo(0))
    assert set(strays(dataset)) == {"original/aaa.png", "mask/aaa.png"}


def test_missing_double_and_escaping_partners_fail_their_samples_only(tmp_path):
    outside = write(tmp_path / "outside.png", photo())
    root = make(tmp_path / "set")
    write(root / "mask/boat_mask.png", mask())
    (root / "original/day 1/cliff.png").unlink()
    (root / "original/day 2/cliff.png").unlink()
    os.symlink(outside, root / "original/day 2/cliff.png")
    reasons = []
    for sample in by_id(Folder(root)).values():
        with pytest.raises(SampleError) as raised:
            load(sample)
        reasons.append(raised.value.reason)
    assert reasons == [Reason.DOUBLE_MATCH, Reason.MISSING_PARTNER, Reason.OUTSIDE_ROOT]


def test_instructions_from_csv_with_byte_order_mark(tmp_path):
    make(tmp_path)
    text = '\ufeffname,instruction\nboat.png,"remove the boat,  now"\nday 2/cliff,paint it\nghost,boo\n'
    write_text(tmp_path / "instructions.csv", text)
    dataset = Folder(tmp_path)
    assert [sample.instruction for sample in dataset.samples()] == ["remove the boat, now", None, "paint it"]
    assert "no such edited image" in strays(dataset)["ghost"]


def test_instructions_from_json(tmp_path):
    write_json(make(tmp_path) / "instructions.json", {"day 1/cliff": "add a gull"})
    assert by_id(Folder(tmp_path))["day 1/cliff"].instruction == "add a gull"


def test_contradicting_instructions_are_not_believed(tmp_path):
    write_json(make(tmp_path) / "instructions.json", {"boat": "remove", "boat.png": "add"})
    dataset = Folder(tmp_path)
    assert by_id(dataset)["boat"].instruction is None
    assert "none is used" in strays(dataset)["boat"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("instructions.json", "[]", "expected an object"),
        ("instructions.json", '{"boat": 3}', "expected an object"),
        ("instructions.json", "{", "not JSON"),
        ("instructions.csv", "file,text\nboat,x\n", "expected the columns name and instruction"),
        ("instructions.csv", "name,instruction\n" + "x" * 200_000, "field larger"),
    ],
)
def test_broken_instructions_are_one_line_of_user_error(tmp_path, name, text, message):
    write_text(make(tmp_path) / name, text)
    with pytest.raises(UserError, match=message) as raised:
        Folder(tmp_path)
    assert name in str(raised.value)
    assert "\n" not in str(raised.value)


def test_two_files_of_instructions_are_refused(tmp_path):
    make(tmp_path)
    write_text(tmp_path / "instructions.csv", "name,instruction\n")
    write_text(tmp_path / "instructions.json", "{}")
    with pytest.raises(UserError, match="keep one of them"):
        Folder(tmp_path)


def test_two_folders_for_one_role_are_refused(tmp_path):
    make(tmp_path)
    (tmp_path / "masks").mkdir()
    with pytest.raises(UserError, match=r"mask and masks in .* mean the same"):
        Folder(tmp_path)


def test_foreign_and_empty_roots_are_user_errors(tmp_path):
    write(tmp_path / "pictures/a.png", photo())
    with pytest.raises(UserError, match=r"expected edited/ and mask/.* found pictures"):
        Folder(tmp_path)
    (tmp_path / "edited").mkdir()
    (tmp_path / "mask").mkdir()
    with pytest.raises(UserError, match=r"no images in .*edited"):
        Folder(tmp_path)


def test_unprintable_file_name_gives_a_printable_id(tmp_path):
    for folder, pixels in (("original", photo()), ("edited", edited()), ("mask", mask())):
        write(tmp_path / folder / "two\nlines.png", pixels)
    sample = by_id(Folder(tmp_path))["two\\nlines"]
    np.testing.assert_array_equal(load(sample).mask, expected_mask())
