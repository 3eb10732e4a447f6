from pathlib import Path

import numpy as np
import pytest
from making import by_id, edited, expected_mask, mask, photo, strays, write, write_json, write_text

from imlbench.datasets.autosplice import AutoSplice
from imlbench.errors import Reason, SampleError, UserError
from imlbench.loading import load


def make(root: Path) -> Path:
    """Two sources; the first was forged twice, in all qualities."""
    for quality in (100, 90, 75):
        for name in ("100_0", "100_2", "9_1"):
            write(root / f"Forged_JPEG{quality}/{name}.jpg", edited(int(name.split("_")[0])))
    for source in (100, 9):
        write(root / f"Authentic/{source}.jpg", photo(source))
        # Dark grey: a threshold in the middle would find nothing.
        write(root / f"Mask/{source}_mask.png", mask(value=3))
    caption = {"id": 100, "ori_caption": "A dog in  a park", "oriCaptionTerm": "dog", "userInputTerm": ["cat"]}
    write_json(root / "Caption/some name.json", caption)
    write_json(root / "Caption/9.json", {"oriCaptionTerm": ["man", "hat"], "userInputTerm": ["boy", "cap"]})
    return root


def test_forgeries_share_original_mask_and_caption_of_their_source(tmp_path):
    samples = by_id(AutoSplice(make(tmp_path)))
    assert list(samples) == ["100_0", "100_2", "9_1"]
    first, second = samples["100_0"], samples["100_2"]
    assert (first.original, first.mask) == (second.original, second.mask)
    assert first.edited.name == "Forged_JPEG100/100_0.jpg"
    assert first.instruction == "replace dog by cat"
    assert first.caption == "A dog in a park"
    assert samples["9_1"].instruction == "replace man by boy, hat by cap"
    assert samples["9_1"].caption is None
    assert strays(AutoSplice(tmp_path)) == {}


def test_mask_with_dark_values_marks_every_nonzero_pixel(tmp_path):
    loaded = load(by_id(AutoSplice(make(tmp_path)))["100_0"])
    np.testing.assert_array_equal(loaded.mask, expected_mask())


def test_qualities_are_variants_with_the_same_ids(tmp_path):
    make(tmp_path)
    default, lowest = AutoSplice(tmp_path), AutoSplice(tmp_path, "75")
    assert list(by_id(default)) == list(by_id(lowest))
    assert by_id(lowest)["9_1"].edited.name == "Forged_JPEG75/9_1.jpg"
    assert (default.label, lowest.label) == ("autosplice", "autosplice:75")
    with pytest.raises(UserError, match="variants: 100, 90, 75"):
        AutoSplice(tmp_path, "80")


def test_enclosing_folder_is_found(tmp_path):
    make(tmp_path / "AutoSplice")
    assert len(AutoSplice(tmp_path)) == 3


def test_missing_and_double_partners_fail_their_samples_only(tmp_path):
    make(tmp_path)
    (tmp_path / "Authentic/9.jpg").unlink()
    write(tmp_path / "Mask/more/100_mask.png", mask())
    samples = by_id(AutoSplice(tmp_path))
    with pytest.raises(SampleError, match="9: no such file in Authentic") as missing:
        load(samples["9_1"])
    with pytest.raises(SampleError, match="2 matches in Mask") as double:
        load(samples["100_2"])
    assert (missing.value.reason, double.value.reason) == (Reason.MISSING_PARTNER, Reason.DOUBLE_MATCH)


def test_files_without_partner_are_orphans(tmp_path):
    make(tmp_path)
    write(tmp_path / "Authentic/77.jpg", photo())
    write(tmp_path / "Mask/77_mask.png", mask())
    write(tmp_path / "Forged_JPEG100/cover.jpg", photo())
    assert set(strays(AutoSplice(tmp_path))) == {
        "Authentic/77.jpg",
        "Mask/77_mask.png",
        "Forged_JPEG100/cover.jpg",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{broken", "not JSON"),
        ("[1, 2]", "expected a JSON object, found list"),
        ('{"id": "9", "oriCaptionTerm": 5}', "oriCaptionTerm should be text or a list of texts"),
        ('{"id": "9", "ori_caption": "' + "x" * (1 << 20) + '"}', "bytes, at most 1048576 expected"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_broken_caption_costs_the_instruction_only_and_is_named(tmp_path, text, message):
    make(tmp_path)
    (tmp_path / "Caption/9.json").unlink()
    write_text(tmp_path / "Caption/9.json", text)
    dataset = AutoSplice(tmp_path)
    sample = by_id(dataset)["9_1"]
    assert sample.instruction is None
    assert load(sample).mask.any()
    assert message in strays(dataset)["Caption/9.json"]


def test_caption_files_that_disagree_are_not_believed(tmp_path):
    make(tmp_path)
    write_json(tmp_path / "Caption/zz.json", {"id": "9", "oriCaptionTerm": "sun", "userInputTerm": "moon"})
    dataset = AutoSplice(tmp_path)
    assert by_id(dataset)["9_1"].instruction is None
    assert "says something else" in strays(dataset)["Caption/zz.json"]


def test_unequal_numbers_of_terms_and_missing_terms(tmp_path):
    make(tmp_path)
    write_json(tmp_path / "Caption/9.json", {"id": "9", "oriCaptionTerm": ["sun", "sea"], "userInputTerm": "moon"})
    assert by_id(AutoSplice(tmp_path))["9_1"].instruction == "replace sun and sea by moon"
    write_json(tmp_path / "Caption/9.json", {"id": "9", "oriCaptionTerm": ["  "], "userInputTerm": "moon"})
    assert by_id(AutoSplice(tmp_path))["9_1"].instruction is None


def test_foreign_root_and_empty_quality_are_user_errors(tmp_path):
    write(tmp_path / "Authentic/1.jpg", photo())
    with pytest.raises(UserError, match=r"expected Authentic/, Forged_JPEG100/ .* found Authentic"):
        AutoSplice(tmp_path)
    (tmp_path / "Forged_JPEG100").mkdir()
    with pytest.raises(UserError, match="found Authentic, Forged_JPEG100"):
        AutoSplice(tmp_path)
