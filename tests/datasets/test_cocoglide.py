import os
from pathlib import Path

import numpy as np
import pytest
from making import by_id, edited, expected_mask, mask, photo, strays, write

from imlbench.datasets.cocoglide import CoCoGlide
from imlbench.errors import Reason, SampleError, UserError
from imlbench.loading import load

# Sorted by name, the classes and the ids run in opposite orders, so that pairing by sorted listings mispairs all.
ITEMS = (("zebra", 100), ("dining table", 200), ("apple", 300))


def make(root: Path, items=ITEMS, extra_rows: str = "") -> Path:
    rows = ["real,fake,mask,prompt"]
    for name, number in items:
        write(root / f"real/{name}_{number}.png", photo(number))
        write(root / f"fake/glide_inpainting_val2017_{number}_up.png", edited(number))
        write(root / f"mask/{name}_{number}_mask.png", mask())
        rows.append(
            f"real/{name}_{number}.png,fake/glide_inpainting_val2017_{number}_up.png,mask/{name}_{number}_mask.png,{name}"
        )
    (root / "table.csv").write_text("\n".join(rows) + "\n" + extra_rows, encoding="utf-8-sig")
    (root / "licenses.json").write_text("{}")
    return root


def test_table_with_byte_order_mark_joins_what_sorted_listings_would_mispair(tmp_path):
    samples = by_id(CoCoGlide(make(tmp_path)))
    assert list(samples) == [f"glide_inpainting_val2017_{number}_up" for _, number in ITEMS]
    for (name, number), sample in zip(ITEMS, samples.values(), strict=True):
        loaded = load(sample)
        np.testing.assert_array_equal(loaded.original, photo(number))
        np.testing.assert_array_equal(loaded.mask, expected_mask())
        assert loaded.outside_difference() == 0
        assert (sample.caption, sample.instruction, sample.tags["class"]) == (name, None, name)


def test_enclosing_folder_is_found(tmp_path):
    make(tmp_path / "CocoGlide" / "CocoGlide")
    (tmp_path / "__MACOSX").mkdir()
    assert len(CoCoGlide(tmp_path)) == 3


def test_two_copies_below_the_root_are_not_guessed_between(tmp_path):
    make(tmp_path / "a")
    make(tmp_path / "b")
    with pytest.raises(UserError, match=r"2 copies of the set below .*: a, b"):
        CoCoGlide(tmp_path)


def test_file_outside_the_table_is_an_orphan(tmp_path):
    make(tmp_path)
    write(tmp_path / "fake" / "extra.png", photo())
    assert list(strays(CoCoGlide(tmp_path))) == ["fake/extra.png"]


def test_missing_and_hostile_partners_fail_their_sample_only(tmp_path):
    outside = write(tmp_path / "outside.png", photo())
    root = make(tmp_path / "set", extra_rows="../outside.png,fake/x.png,mask/x.png,x\n,fake/y.png,,\n")
    (root / "real" / "zebra_100.png").unlink()
    os.symlink(outside, root / "real" / "zebra_100.png")
    (root / "mask" / "apple_300_mask.png").unlink()
    write(root / "fake" / "x.png", photo())
    write(root / "fake" / "y.png", photo())
    samples = by_id(CoCoGlide(root))
    reasons = {}
    for name, sample in samples.items():
        try:
            load(sample)
        except SampleError as error:
            reasons[name.removeprefix("glide_inpainting_val2017_")] = error.reason
    assert reasons == {
        "100_up": Reason.OUTSIDE_ROOT,
        "300_up": Reason.MISSING_FILE,
        "x": Reason.OUTSIDE_ROOT,
        "y": Reason.MISSING_PARTNER,
    }


def test_image_listed_twice_is_a_double_match(tmp_path):
    row = "real/zebra_100.png,fake/glide_inpainting_val2017_100_up.png,mask/apple_300_mask.png,zebra\n"
    sample = by_id(CoCoGlide(make(tmp_path, extra_rows=row)))["glide_inpainting_val2017_100_up"]
    with pytest.raises(SampleError, match="lists this image 2 times") as raised:
        load(sample)
    assert raised.value.reason == Reason.DOUBLE_MATCH


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (b"real,fake,prompt\n", "lacks the column mask"),
        (b"real,fake,mask,prompt\n", "lists no images"),
        (b"", "lacks the column fake, mask, prompt, real"),
        (b"real,fake,mask,prompt\n\xff\xfe\xff,b,c,d\n", "cannot be read"),
        (b"real,fake,mask,prompt\n" + b"x" * 200_000 + b",b,c,d\n", "field larger than field limit"),
    ],
)
def test_broken_table_is_one_line_of_user_error(tmp_path, table, message):
    (tmp_path / "table.csv").write_bytes(table)
    with pytest.raises(UserError, match=message) as raised:
        CoCoGlide(tmp_path)
    assert "\n" not in str(raised.value)


def test_foreign_root_says_what_was_expected_and_found(tmp_path):
    (tmp_path / "holiday").mkdir()
    with pytest.raises(UserError, match=r"expected table\.csv, .* found holiday"):
        CoCoGlide(tmp_path)
    with pytest.raises(UserError, match="no such folder"):
        CoCoGlide(tmp_path / "nowhere")
