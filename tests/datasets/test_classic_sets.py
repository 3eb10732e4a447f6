"""Columbia, COVERAGE, DSO-1, IMD2020, MIML, and what all sets that are told by file names share."""

from pathlib import Path

import numpy as np
import pytest
from making import by_id, edited, expected_mask, mask, photo, strays, write
from PIL import Image

from imlbench.authentic import WithOriginals
from imlbench.datasets.columbia import GREEN, Columbia
from imlbench.datasets.coverage import Coverage
from imlbench.datasets.dso1 import Dso1
from imlbench.datasets.imd2020 import Imd2020
from imlbench.datasets.miml import Miml
from imlbench.errors import Reason, SampleError, UserError
from imlbench.loading import load, load_alone
from imlbench.masks import decode_mask
from imlbench.verification import Finding
from imlbench.verify import verify

BRIGHT_RED, RED, BRIGHT_GREEN, DARK_GREEN = (255, 0, 0), (200, 0, 0), (0, 255, 0), (0, 200, 0)


def edge_mask() -> np.ndarray:
    """A mask in Columbia's four colours: 64 x 96, the left half from the first camera, bright beside the seam."""
    pixels = np.zeros((64, 96, 3), np.uint8)
    for start, colour in ((0, RED), (32, BRIGHT_RED), (48, BRIGHT_GREEN), (64, DARK_GREEN)):
        pixels[:, start:] = colour
    return pixels


def make_columbia(root: Path) -> Path:
    """Doubled folders, as some archives unpack; masks of both kinds, and masks of authentic images."""
    large = np.zeros((64, 96, 3), np.uint8)
    write(root / "4cam_splc/4cam_splc/canong3_canonxt_sub_01.tif", large + 50)
    write(root / "4cam_splc/4cam_splc/nikond70_canonxt_sub_02.bmp", large + 60)
    write(root / "4cam_auth/4cam_auth/canong3_02_sub_01.tif", large + 70)
    for name in ("canong3_canonxt_sub_01", "nikond70_canonxt_sub_02"):
        write(root / f"4cam_splc/4cam_splc/edgemask/{name}_edgemask.jpg", edge_mask())
        write(root / f"4cam_splc/4cam_splc/edgemask/{name}_edgemask_3.jpg", large)
    write(root / "4cam_auth/4cam_auth/edgemask/canong3_02_sub_01_edgemask.jpg", edge_mask())
    return root


def test_columbia_has_splices_with_colour_masks_and_authentic_images(tmp_path):
    dataset = Columbia(make_columbia(tmp_path))
    samples = by_id(dataset)
    assert list(samples) == ["canong3_canonxt_sub_01", "nikond70_canonxt_sub_02", "canong3_02_sub_01"]
    assert [sample.scope for sample in samples.values()] == ["local", "local", "authentic"]
    found = load(samples["canong3_canonxt_sub_01"]).mask
    # JPEG blurs the seam by a few pixels; beside it all is exact.
    assert not found[:, :44].any()
    assert found[:, 52:].all()
    assert not load(samples["canong3_02_sub_01"]).mask.any()
    assert strays(dataset) == {}


@pytest.mark.parametrize("options", [{"quality": 95, "subsampling": 0}, {"quality": 75, "subsampling": 2}])
def test_columbia_rule_is_the_green_channel_above_120_away_from_the_seam(tmp_path, options):
    Image.fromarray(edge_mask()).save(tmp_path / "mask.jpg", **options)
    found = decode_mask((tmp_path / "mask.jpg").read_bytes(), "mask.jpg", GREEN)
    decoded = np.asarray(Image.open(tmp_path / "mask.jpg").convert("RGB"))
    away = np.r_[0:40, 56:96]
    np.testing.assert_array_equal(found[:, away], (decoded[..., 1] > 120)[:, away])
    np.testing.assert_array_equal(found[:, away], (decoded[..., 0] < 100)[:, away])


def make_coverage(root: Path) -> Path:
    for number in (1, 10, 41):
        write(root / f"image/{number}.tif", photo(number))
        write(root / f"image/{number}t.tif", edited(number))
        write(root / f"mask/{number}forged.tif", mask())
        write(root / f"mask/{number}copy.tif", np.roll(mask(), 12, axis=0))
        write(root / f"mask/{number}paste.tif", 255 - mask())
    return root


def test_coverage_pairs_a_forgery_with_its_original_and_the_mask_called_forged(tmp_path):
    dataset = Coverage(make_coverage(tmp_path / "COVERAGE"))
    samples = by_id(dataset)
    assert list(samples) == ["1", "10", "41"]
    loaded = load(samples["10"])
    np.testing.assert_array_equal(loaded.mask, expected_mask())
    np.testing.assert_array_equal(loaded.original, photo(10))
    assert loaded.outside_difference() == 0
    assert strays(dataset) == {}


def test_coverage_originals_can_be_judged_as_authentic_images(tmp_path):
    originals = list(WithOriginals(Coverage(make_coverage(tmp_path))).originals())
    assert [(sample.edited.name, sample.scope) for sample in originals] == [
        ("image/1.tif", "authentic"),
        ("image/10.tif", "authentic"),
        ("image/41.tif", "authentic"),
    ]


def test_coverage_masks_of_another_size_are_tagged_and_named_by_verify(tmp_path):
    make_coverage(tmp_path)
    write(tmp_path / "mask/41forged.tif", np.ascontiguousarray(mask()[:, :24]))
    samples = by_id(Coverage(tmp_path))
    assert samples["41"].tags == {"fault": "mask of another size"}
    assert samples["10"].tags == {}
    found = verify(Coverage(tmp_path), workers=1)
    assert [(problem.reason, problem.name) for problem in found.defects] == [(Reason.SIZE_MISMATCH, "41")]
    assert found.count_text() == "subset: 3 of 100 published samples"


def make_dso1(root: Path) -> Path:
    for number in ("01", "02"):
        write(root / f"DSO-1/splicing-{number}.png", edited(int(number)))
        write(root / f"DSO-1/normal-{number}.png", photo(int(number)))
        write(root / f"DSO-1-Fake-Images-Masks/splicing-{number}.png", 255 - mask())
    write(root / "DSI-1/splicing-01.jpg", photo())
    return root


def test_dso1_masks_are_black_where_edited_and_equal_numbers_are_no_pair(tmp_path):
    dataset = Dso1(make_dso1(tmp_path / "tifs-database"))
    samples = by_id(dataset)
    assert list(samples) == ["splicing-01", "splicing-02", "normal-01", "normal-02"]
    np.testing.assert_array_equal(load(samples["splicing-02"]).mask, expected_mask())
    assert samples["splicing-02"].original is None
    assert samples["normal-01"].scope == "authentic"
    assert strays(dataset) == {}


def make_imd2020(root: Path) -> Path:
    """Two threads of forgeries, one folder of the second kind of names, whose mask has another size."""
    for folder, names in (("1bl55t", ("c97qv4m_0.jpg", "c9813uk_0.png")), ("z14", ("00030_fake.jpg",))):
        write(root / f"{folder}/{folder}_orig.jpg", photo(1))
        for name in names:
            write(root / folder / name, edited(1))
            write(root / folder / f"{name[:-4]}_mask.png", mask())
    write(root / "z14/00030_fake_mask.png", np.full((30, 30), 255, np.uint8))
    return root


def test_imd2020_forgeries_share_the_original_of_their_folder(tmp_path):
    dataset = Imd2020(make_imd2020(tmp_path / "IMD2020"))
    samples = by_id(dataset)
    assert list(samples) == ["1bl55t/c97qv4m_0", "1bl55t/c9813uk_0", "z14/00030_fake"]
    assert samples["1bl55t/c9813uk_0"].original == samples["1bl55t/c97qv4m_0"].original
    assert samples["z14/00030_fake"].original.name == "z14/z14_orig.jpg"
    np.testing.assert_array_equal(load(samples["1bl55t/c9813uk_0"]).mask, expected_mask())
    assert samples["z14/00030_fake"].tags["fault"] == "mask of another size"
    with pytest.raises(SampleError, match="aspect ratios differ"):
        load(samples["z14/00030_fake"])
    assert strays(dataset) == {}


def test_imd2020_original_of_another_shape_is_no_matter_to_a_detector(tmp_path):
    make_imd2020(tmp_path)
    write(tmp_path / "1bl55t/1bl55t_orig.jpg", np.zeros((40, 24, 3), np.uint8))
    sample = by_id(Imd2020(tmp_path))["1bl55t/c9813uk_0"]
    np.testing.assert_array_equal(load_alone(sample).mask, expected_mask())
    with pytest.raises(SampleError, match="original is 24 x 40"):
        load(sample)


def test_miml_numbers_are_told_apart_by_part_and_dark_masks_count(tmp_path):
    for part, value in (("Part1", 1), ("Part2", 0)):
        write(tmp_path / f"MIML_{part}/imgs/7.jpg", edited())
        write(tmp_path / f"MIML_{part}/masks/7.png", mask(value))
    dataset = Miml(tmp_path)
    samples = by_id(dataset)
    assert list(samples) == ["Part1/7", "Part2/7"]
    assert samples["Part2/7"].tags == {"part": "Part2"}
    np.testing.assert_array_equal(load(samples["Part1/7"]).mask, expected_mask())
    found = verify(dataset, workers=1)
    assert [(problem.reason, problem.name) for problem in found.warnings] == [(Finding.EMPTY_MASK, "Part2/7")]


@pytest.mark.parametrize("kind", [Columbia, Coverage, Dso1, Imd2020, Miml])
def test_a_folder_without_the_set_is_refused_with_what_was_expected(tmp_path, kind):
    write(tmp_path / "edited/cat.png", edited())
    write(tmp_path / "mask/cat.png", mask())
    with pytest.raises(UserError, match=rf"^{kind.card.name}: expected .* found edited, mask"):
        kind(tmp_path)


def test_images_without_any_mask_or_original_are_refused(tmp_path):
    write(tmp_path / "image/1t.tif", edited())
    with pytest.raises(UserError, match="coverage: 1 tampered images and no mask or original of theirs"):
        Coverage(tmp_path)
    write(tmp_path / "image/1.tif", photo())
    write(tmp_path / "mask/2forged.tif", mask())
    with pytest.raises(UserError, match=r"1 tampered images and no mask of theirs .* expected image/<n>t.tif"):
        Coverage(tmp_path)


def test_folders_of_another_set_are_not_taken_for_imd2020(tmp_path):
    write(tmp_path / "Tp/a_1.png", edited())
    write(tmp_path / "Gt/a_1_mask.png", mask())
    write(tmp_path / "Au/a_orig.png", photo())
    with pytest.raises(UserError, match="no mask of theirs"):
        Imd2020(tmp_path)


def test_partners_missing_or_double_fail_their_sample_and_misnamed_files_are_named(tmp_path):
    make_coverage(tmp_path)
    (tmp_path / "mask/1forged.tif").rename(tmp_path / "mask/1frged.tif")
    (tmp_path / "image/41t.tif").rename(tmp_path / "image/41tampered.tif")
    write(tmp_path / "mask/more/mask/10forged.png", mask())
    write(tmp_path / "notes/cover.png", photo())
    dataset = Coverage(tmp_path)
    samples = by_id(dataset)
    with pytest.raises(SampleError, match="1: no such file in the mask files") as missing:
        load(samples["1"])
    with pytest.raises(SampleError, match="10: 2 matches in the mask files") as double:
        load(samples["10"])
    assert (missing.value.reason, double.value.reason) == (Reason.MISSING_PARTNER, Reason.DOUBLE_MATCH)
    assert strays(dataset) == {
        "mask/41forged.tif": "mask/41forged.tif: a mask without a tampered image",
        "image/41.tif": "image/41.tif: an original without a tampered image",
        "mask/1frged.tif": "mask/1frged.tif: the name is none of this set's",
        "image/41tampered.tif": "image/41tampered.tif: the name is none of this set's",
    }


def test_order_is_that_of_the_keys_wherever_the_files_lie(tmp_path):
    make_dso1(tmp_path / "one")
    for number, folder in (("01", "z"), ("02", "a")):
        for name in (f"DSO-1/splicing-{number}.png", f"DSO-1-Fake-Images-Masks/splicing-{number}.png"):
            write(tmp_path / "two" / folder / name, photo())
    assert list(by_id(Dso1(tmp_path / "two"))) == list(by_id(Dso1(tmp_path / "one")))[:2]
