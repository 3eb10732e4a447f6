import os
from pathlib import Path

import numpy as np
import pytest
from making import by_id, edited, expected_mask, mask, photo, strays, write, write_json, write_text

from imlbench.datasets.imdlbenco import ImdlBenCo
from imlbench.errors import Reason, SampleError, UserError
from imlbench.loading import load


def make_images(root: Path) -> Path:
    write(root / "Tp/a b.png", edited(1))
    write(root / "Tp/c.png", edited(2))
    write(root / "Au/a b.png", photo(1))
    write(root / "Gt/a b_gt.png", mask())
    write(root / "Gt/c_gt.png", mask())
    return root


def make_list(root: Path, *entries: object) -> Path:
    make_images(root)
    return write_json(root / "CASIA test.json", list(entries))


def test_list_with_masks_negatives_and_originals(tmp_path):
    path = make_list(
        tmp_path,
        ["Tp/a b.png", "Gt/a b_gt.png", "Au/a b.png"],
        ["./Tp/c.png", "Gt/c_gt.png", None],
        ["Au/a b.png", "Negative"],
    )
    dataset = ImdlBenCo(path)
    samples = by_id(dataset)
    assert list(samples) == ["Tp/a b", "Tp/c", "Au/a b"]
    loaded = load(samples["Tp/a b"])
    np.testing.assert_array_equal(loaded.original, photo(1))
    np.testing.assert_array_equal(loaded.mask, expected_mask())
    assert samples["Tp/c"].original is None
    authentic = samples["Au/a b"]
    assert (authentic.scope, authentic.mask) == ("authentic", None)
    assert not load(authentic).mask.any()
    assert strays(dataset) == {}


def test_list_may_start_with_a_byte_order_mark(tmp_path):
    make_images(tmp_path)
    write_text(tmp_path / "list.json", '\ufeff[["Tp/c.png", "Gt/c_gt.png"]]')
    assert len(ImdlBenCo(tmp_path / "list.json")) == 1


def test_mask_is_the_mean_of_the_channels(tmp_path):
    path = make_list(tmp_path, ["Tp/c.png", "Gt/c_gt.png"])
    colours = np.zeros((*mask().shape, 3), np.uint8)
    colours[..., 0] = 255
    colours[..., 1][mask() > 0] = 255
    write(tmp_path / "Gt/c_gt.png", colours)
    # One bright channel of three is below the middle, two are above.
    np.testing.assert_array_equal(load(by_id(ImdlBenCo(path))["Tp/c"]).mask, expected_mask())


def test_paths_out_of_the_folder_are_recorded_failures(tmp_path):
    outside = write(tmp_path / "secret.png", photo())
    root = tmp_path / "set"
    path = make_list(
        root,
        ["../secret.png", "Gt/c_gt.png"],
        [str(outside), "Gt/c_gt.png"],
        ["Tp/link.png", "Gt/c_gt.png"],
        ["Tp/c.png", "../secret.png"],
        ["Tp/\0.png", "Gt/c_gt.png"],
    )
    os.symlink(outside, root / "Tp/link.png")
    reasons = []
    for sample in by_id(ImdlBenCo(path)).values():
        with pytest.raises(SampleError) as raised:
            load(sample)
        reasons.append(raised.value.reason)
    assert reasons == [Reason.OUTSIDE_ROOT] * 4 + [Reason.MISSING_FILE]


def test_absolute_path_inside_the_folder_gives_the_same_id_everywhere(tmp_path):
    path = make_list(tmp_path, [str(tmp_path.resolve() / "Tp/c.png"), "Gt/c_gt.png"])
    sample = by_id(ImdlBenCo(path))["Tp/c"]
    assert load(sample).mask.any()


def test_repeated_entry_is_left_out_and_reported(tmp_path):
    path = make_list(tmp_path, ["Tp/c.png", "Gt/c_gt.png"], ["Tp/../Tp/c.png", "Gt/c_gt.png"])
    dataset = ImdlBenCo(path)
    assert list(by_id(dataset)) == ["Tp/c"]
    assert "entry 1 of CASIA test.json repeats an earlier one" in strays(dataset)["Tp/c.png"]


@pytest.mark.parametrize("second", ["Negative", "Gt/a b_gt.png"])
def test_image_with_two_masks_is_a_double_match(tmp_path, second):
    path = make_list(tmp_path, ["Tp/c.png", second], ["Tp/c.png", "Gt/c_gt.png"])
    with pytest.raises(SampleError, match="with different partners") as raised:
        load(by_id(ImdlBenCo(path))["Tp/c"])
    assert raised.value.reason == Reason.DOUBLE_MATCH


def test_images_that_differ_in_the_suffix_only_keep_it_in_their_ids(tmp_path):
    path = make_list(tmp_path, ["Tp/c.png", "Gt/c_gt.png"], ["Tp/c.jpg", "Gt/c_gt.png"])
    write(tmp_path / "Tp/c.jpg", edited())
    assert list(by_id(ImdlBenCo(path))) == ["Tp/c.png", "Tp/c.jpg"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"CASIAv1": "lists/casia.json"}', "found dict"),
        ("[]", "found an empty list"),
        ('[["ManiDataset", "sets/CASIAv2"]]', "a list of datasets"),
        ('[["Tp/c.png"]]', "entry 0: expected"),
        ('[["a.png", "b.png"], {"path": "Tp/c.png", "mask": "x"}]', "entry 1: expected"),
        ('[["Tp/c.png", 3]]', "entry 0: expected"),
        ('[["", "Gt/c_gt.png"]]', "entry 0: expected"),
        ("Tp/c.png,Gt/c_gt.png", "not JSON"),
        ("", "not JSON"),
    ],
)
def test_other_files_are_one_line_of_user_error(tmp_path, text, message):
    path = write_text(tmp_path / "list.json", text)
    with pytest.raises(UserError, match=message) as raised:
        ImdlBenCo(path)
    assert "list.json" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_folder_is_paired_by_name_where_sorted_order_would_shift(tmp_path):
    for number, name in enumerate(("a", "b", "c")):
        write(tmp_path / f"Tp/{name}.png", edited(number))
    full = np.full(mask().shape, 255, np.uint8)
    write(tmp_path / "Gt/a0.png", full)
    write(tmp_path / "Gt/a_mask.png", mask())
    write(tmp_path / "Gt/b.png", mask())
    dataset = ImdlBenCo(tmp_path)
    samples = by_id(dataset)
    for name in ("a", "b"):
        np.testing.assert_array_equal(load(samples[name]).mask, expected_mask())
    with pytest.raises(SampleError, match="c: no such file in Gt"):
        load(samples["c"])
    assert list(strays(dataset)) == ["Gt/a0.png"]


def test_set_is_named_by_the_user_or_by_its_file(tmp_path):
    path = make_list(tmp_path / "some set", ["Tp/c.png", "Gt/c_gt.png"])
    assert (ImdlBenCo(path).label, ImdlBenCo(path).title) == ("imdlbenco:CASIA test", "CASIA test")
    assert ImdlBenCo(path, "CASIAv1").label == "imdlbenco:CASIAv1"
    assert ImdlBenCo(path.parent).label == "imdlbenco:some set"


def test_foreign_and_empty_folders_are_user_errors(tmp_path):
    with pytest.raises(UserError, match=r"expected a JSON list .* found nothing"):
        ImdlBenCo(tmp_path)
    (tmp_path / "Tp").mkdir()
    (tmp_path / "Gt").mkdir()
    with pytest.raises(UserError, match=r"no images in .*Tp"):
        ImdlBenCo(tmp_path)
