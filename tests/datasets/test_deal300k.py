from pathlib import Path

import numpy as np
import pytest
from making import by_id, edited, expected_mask, mask, photo, strays, write, write_json, write_text

from imlbench.datasets.deal300k import DEAL300K
from imlbench.errors import Reason, SampleError, UserError
from imlbench.loading import load

ID = "000000000139"


def make(root: Path, images: str = "train", labels: str = "label") -> Path:
    """One photograph, edited under both checkpoints."""
    write(root / images / f"{ID}.jpg", photo())
    for checkpoint in (120, 180):
        write(root / images / f"{ID}_qwen{checkpoint}.jpg", edited())
        write(root / labels / f"{ID}_qwen{checkpoint}.png", mask())
    return root


def instructions(root: Path, checkpoint: int, split: str, *entries: object) -> Path:
    return write_json(root / f"instructions/checkpoint-{checkpoint}_{split}_results.json", list(entries))


def entry(text: str, name: str = f"{ID}.jpg") -> dict[str, str]:
    return {"image_name": name, "generated_text": text}


@pytest.mark.parametrize(
    ("images", "labels"),
    [("train", "label"), ("zips/images/a", "zips/labels/a"), ("set/val", "set/GT_masks"), ("", "")],
)
def test_triples_are_found_by_stem_in_any_folders(tmp_path, images, labels):
    dataset = DEAL300K(make(tmp_path, images, labels))
    samples = by_id(dataset)
    assert list(samples) == [f"{ID}_qwen120", f"{ID}_qwen180"]
    for sample in samples.values():
        loaded = load(sample)
        assert loaded.original is not None
        assert sample.edited.name.endswith(".jpg")
        np.testing.assert_array_equal(loaded.mask, expected_mask())
    assert samples[f"{ID}_qwen180"].tags == {"editor": "InstructPix2Pix", "checkpoint": "180"}
    assert strays(dataset) == {}


def test_order_does_not_depend_on_the_folders(tmp_path):
    for number, folder in (("2", "a"), ("1", "b")):
        write(tmp_path / folder / f"{number}_qwen120.jpg", photo())
    assert list(by_id(DEAL300K(tmp_path))) == ["1_qwen120", "2_qwen120"]


def test_png_edits_are_told_from_masks_by_the_folder(tmp_path):
    write(tmp_path / "images/7.png", photo())
    write(tmp_path / "images/7_qwen120.png", edited())
    write(tmp_path / "labels/7_qwen120.png", mask())
    loaded = load(by_id(DEAL300K(tmp_path))["7_qwen120"])
    np.testing.assert_array_equal(loaded.edited, edited())
    np.testing.assert_array_equal(loaded.mask, expected_mask())


def test_instructions_are_joined_on_stem_and_checkpoint(tmp_path):
    make(tmp_path)
    instructions(tmp_path, 120, "dev", entry("add a  cow"), entry("unused", "000000000999.jpg"))
    instructions(tmp_path, 180, "train", entry("remove the cow"))
    samples = by_id(DEAL300K(tmp_path))
    assert samples[f"{ID}_qwen120"].instruction == "add a cow"
    assert samples[f"{ID}_qwen180"].instruction == "remove the cow"


def test_instruction_files_that_disagree_give_no_instruction(tmp_path):
    make(tmp_path)
    instructions(tmp_path, 120, "dev", entry("add a cow"))
    instructions(tmp_path, 120, "train", entry("add a dog"), entry("add a pig"))
    dataset = DEAL300K(tmp_path)
    assert by_id(dataset)[f"{ID}_qwen120"].instruction is None
    assert "disagree" in strays(dataset)[f"{ID}_qwen120"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[{", "not JSON"),
        ("{}", "expected a list of objects, found dict"),
        ('[{"image_name": "1.jpg"}]', "entry 0: expected an object with the texts"),
        ("[3]", "entry 0: expected an object with the texts"),
        ('[{"image_name": "1.jpg", "generated_text": null}]', "entry 0"),
    ],
)
def test_broken_instruction_file_is_one_line_of_user_error(tmp_path, text, message):
    make(tmp_path)
    write_text(tmp_path / "checkpoint-120_dev_results.json", text)
    with pytest.raises(UserError, match="checkpoint-120_dev_results") as raised:
        DEAL300K(tmp_path)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_missing_and_double_partners_fail_their_samples_only(tmp_path):
    make(tmp_path)
    (tmp_path / f"label/{ID}_qwen120.png").unlink()
    write(tmp_path / f"label/copy/{ID}_qwen180.png", mask())
    samples = by_id(DEAL300K(tmp_path))
    with pytest.raises(SampleError, match="no such file in the labels") as missing:
        load(samples[f"{ID}_qwen120"])
    with pytest.raises(SampleError, match="2 matches in the labels") as double:
        load(samples[f"{ID}_qwen180"])
    assert (missing.value.reason, double.value.reason) == (Reason.MISSING_PARTNER, Reason.DOUBLE_MATCH)


def test_missing_original_is_a_missing_partner(tmp_path):
    make(tmp_path)
    (tmp_path / f"train/{ID}.jpg").unlink()
    with pytest.raises(SampleError, match=f"{ID}: no such file in the images"):
        load(by_id(DEAL300K(tmp_path))[f"{ID}_qwen120"])


def test_unknown_names_and_lone_files_are_orphans(tmp_path):
    make(tmp_path)
    write(tmp_path / "train/000000000777.jpg", photo())
    write(tmp_path / f"train/{ID}_qwen60.jpg", photo())
    write(tmp_path / "train/figure.webp", photo())
    write(tmp_path / "label/000000000777_qwen120.png", mask())
    write(tmp_path / "label/000000000777.png", mask())
    assert set(strays(DEAL300K(tmp_path))) == {
        "train/000000000777.jpg",
        f"train/{ID}_qwen60.jpg",
        "train/figure.webp",
        "label/000000000777_qwen120.png",
        "label/000000000777.png",
    }


def test_foreign_root_is_a_user_error(tmp_path):
    write(tmp_path / "cat.jpg", photo())
    with pytest.raises(UserError, match=r"expected <digits>\.jpg, .* found cat\.jpg"):
        DEAL300K(tmp_path)
