from pathlib import Path

import numpy as np
import pytest
from making import by_id, edited, expected_mask, mask, photo, strays, write

from imlbench.datasets.br_gen import BRGen
from imlbench.errors import Reason, SampleError, UserError
from imlbench.loading import load

METHODS = ("BrushNet", "LaMa")


def make_full(root: Path, masks: str = "Mask", suffix: str = "") -> Path:
    """Two methods x two regions of one COCO image, and one Places image whose stem is the same."""
    for method in METHODS:
        write(root / f"Forged/{method}/Background/COCO/000034_background.png", edited())
        write(root / f"Forged/{method}/Stuff/COCO/000034_stuff.png", edited())
    write(root / "Forged/LaMa/Stuff/Places/000034_stuff.png", edited(1))
    write(root / f"{masks}/Background/COCO/000034_background{suffix}.png", mask())
    write(root / f"{masks}/Stuff/COCO/000034_stuff{suffix}.png", mask())
    write(root / f"{masks}/Stuff/Places/000034_stuff{suffix}.png", mask())
    (root / "RealImage/COCO").mkdir(parents=True)
    (root / "RealImage/COCO/COCO_image_list.txt").write_text("000034.jpg\n")
    return root


def make_small(root: Path) -> Path:
    # Sorted by name, Au and Tp run in different orders and lengths.
    for number in ("520", "999"):
        write(root / f"Au/COCO_{number}.png", photo(int(number)))
    for name in ("MAT_Stuff_COCO_520", "LaMa_Stuff_COCO_999", "MAT_Stuff_COCO_999"):
        write(root / f"Tp/{name}.png", edited(int(name[-3:])))
        write(root / f"Gt/{name}_mask.png", mask())
    return root


@pytest.mark.parametrize(("masks", "suffix"), [("Mask", ""), ("Masked", "_mask")])
def test_one_mask_serves_all_methods_of_its_region_and_source(tmp_path, masks, suffix):
    dataset = BRGen(make_full(tmp_path / "BR-Gen", masks, suffix).parent)
    samples = by_id(dataset)
    assert list(samples) == [
        "BrushNet/Background/COCO/000034_background",
        "BrushNet/Stuff/COCO/000034_stuff",
        "LaMa/Background/COCO/000034_background",
        "LaMa/Stuff/COCO/000034_stuff",
        "LaMa/Stuff/Places/000034_stuff",
    ]
    shared = [samples[f"{method}/Stuff/COCO/000034_stuff"].mask for method in METHODS]
    assert shared[0] == shared[1] != samples["LaMa/Stuff/Places/000034_stuff"].mask
    for sample in samples.values():
        loaded = load(sample)
        np.testing.assert_array_equal(loaded.mask, expected_mask())
        assert loaded.original is None
    assert samples["LaMa/Stuff/Places/000034_stuff"].tags == {"method": "LaMa", "region": "stuff", "source": "Places"}
    assert strays(dataset) == {}


def test_originals_that_the_user_has_are_found_by_stem_within_their_source(tmp_path):
    make_full(tmp_path)
    write(tmp_path / "RealImage/COCO/train2017/000034.jpg", photo())
    samples = by_id(BRGen(tmp_path))
    assert samples["LaMa/Stuff/COCO/000034_stuff"].original.name == "RealImage/COCO/train2017/000034.jpg"
    assert samples["LaMa/Background/COCO/000034_background"].original is not None
    assert samples["LaMa/Stuff/Places/000034_stuff"].original is None
    write(tmp_path / "RealImage/COCO/again/000034.png", photo())
    with pytest.raises(SampleError, match="2 matches in RealImage") as raised:
        load(by_id(BRGen(tmp_path))["LaMa/Stuff/COCO/000034_stuff"])
    assert raised.value.reason == Reason.DOUBLE_MATCH


def test_regions_are_variants(tmp_path):
    make_full(tmp_path)
    stuff, background = BRGen(tmp_path, "stuff"), BRGen(tmp_path, "background")
    assert (len(BRGen(tmp_path)), len(stuff), len(background)) == (5, 3, 2)
    assert {sample.tags["region"] for sample in stuff.samples()} == {"stuff"}
    assert (BRGen(tmp_path).label, stuff.label) == ("br-gen", "br-gen:stuff")
    with pytest.raises(UserError, match="variants: stuff, background"):
        BRGen(tmp_path, "sky")


def test_missing_mask_and_unknown_layout_are_named(tmp_path):
    make_full(tmp_path)
    (tmp_path / "Mask/Background/COCO/000034_background.png").unlink()
    write(tmp_path / "Mask/Stuff/COCO/000099_stuff.png", mask())
    write(tmp_path / "Forged/LaMa/Sky/COCO/000034.png", edited())
    dataset = BRGen(tmp_path)
    with pytest.raises(SampleError, match="background/COCO/000034_background: no such file in Mask") as raised:
        load(by_id(dataset)["LaMa/Background/COCO/000034_background"])
    assert raised.value.reason == Reason.MISSING_PARTNER
    assert set(strays(dataset)) == {"Mask/Stuff/COCO/000099_stuff.png", "Forged/LaMa/Sky/COCO/000034.png"}


def test_forged_image_in_two_formats_is_one_sample_with_a_double_match(tmp_path):
    make_full(tmp_path)
    write(tmp_path / "Forged/LaMa/Stuff/COCO/000034_stuff.jpg", edited())
    with pytest.raises(SampleError, match="2 matches in Forged"):
        load(by_id(BRGen(tmp_path))["LaMa/Stuff/COCO/000034_stuff"])


def test_small_set_joins_by_name(tmp_path):
    dataset = BRGen(make_small(tmp_path / "BRGen-Stuff-Val"))
    samples = by_id(dataset)
    assert list(samples) == ["LaMa_Stuff_COCO_999", "MAT_Stuff_COCO_520", "MAT_Stuff_COCO_999"]
    for name, sample in samples.items():
        loaded = load(sample)
        np.testing.assert_array_equal(loaded.original, photo(int(name[-3:])))
        assert loaded.outside_difference() == 0
    assert samples["MAT_Stuff_COCO_520"].tags == {"method": "MAT", "region": "stuff", "source": "COCO"}
    assert strays(dataset) == {}
    assert len(BRGen(tmp_path, "stuff")) == 3
    with pytest.raises(UserError, match="no images of the region background"):
        BRGen(tmp_path, "background")


def test_small_set_names_a_missing_original_and_odd_names(tmp_path):
    make_small(tmp_path)
    (tmp_path / "Au/COCO_520.png").unlink()
    write(tmp_path / "Tp/holiday.png", photo())
    dataset = BRGen(tmp_path)
    with pytest.raises(SampleError, match="COCO_520: no such file in Au"):
        load(by_id(dataset)["MAT_Stuff_COCO_520"])
    assert list(strays(dataset)) == ["Tp/holiday.png"]


def test_foreign_and_empty_roots_are_user_errors(tmp_path):
    with pytest.raises(UserError, match=r"expected Forged/<method>/.* found nothing"):
        BRGen(tmp_path)
    (tmp_path / "Forged").mkdir()
    with pytest.raises(UserError, match="found Forged"):
        BRGen(tmp_path)
