"""Exported folders as training data for detectors."""

from __future__ import annotations

import json

import pytest

from imlbench.errors import UserError
from imlbench.training.exported import is_exported, read_image_set
from tests.training.making_exports import make_export
from tests.training.making_pairs import make_set


def test_the_exports_split_and_sources_are_kept(tmp_path):
    read, places = read_image_set([str(make_export(tmp_path / "set"))], 0.5)
    assert [image.sample.id for image in read.train] == [f"0000/{number:08}" for number in range(6)]
    assert [image.source for image in read.train] == ["0", "0", "1", "1", "2", "2"]
    assert len(read.validation) == 2
    assert all(image.validation for image in read.validation)
    assert [place.root.name for place in places] == ["train", "validation"]
    assert read.names == ("set",)


def test_the_identity_changes_with_the_options_and_not_with_the_place(tmp_path):
    one, other = make_export(tmp_path / "a"), make_export(tmp_path / "b")
    assert read_image_set([str(one)], 0.1)[0].sha256 == read_image_set([str(other)], 0.1)[0].sha256
    facts = json.loads((other / "export.json").read_text())
    facts["options"]["annotations"] = ["another"]
    (other / "export.json").write_text(json.dumps(facts))
    assert read_image_set([str(one)], 0.1)[0].sha256 != read_image_set([str(other)], 0.1)[0].sha256


def test_synthesised_sets_and_datasets_without_originals_serve_too(tmp_path):
    assert not is_exported(make_set(tmp_path / "pairs"))
    export = make_export(tmp_path / "set", train=12)
    bare = tmp_path / "bare"
    (export / "train").rename(bare)
    for path in sorted((bare / "original").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (bare / "original").rmdir()
    read, _ = read_image_set([str(tmp_path / "pairs"), f"folder={bare}"], 0.0)
    assert len(read.train) == 4 + 12
    assert len(read.validation) == 2


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda root: (root / "export.json").write_text("{"), "export the set again"),
        (lambda root: (root / "export.json").write_text('{"options": {"format": "coco"}}'), "--format folder"),
        (lambda root: (root / "samples.jsonl").write_text(""), "was changed"),
        (lambda root: (root / "samples.jsonl").unlink(), "cannot be read"),
        (lambda root: (root / "train/edited/0000/00000000.jpg").unlink(), "found 7"),
        (
            lambda root: (root / "train/edited/0000/00000000.jpg").rename(root / "train/edited/0000/x.jpg"),
            "is not in samples.jsonl",
        ),
    ],
)
def test_a_set_that_was_changed_is_refused(tmp_path, harm, told):
    root = make_export(tmp_path / "set")
    harm(root)
    with pytest.raises(UserError, match=told):
        read_image_set([str(root)], 0.1)


def test_a_set_without_training_images_is_refused(tmp_path):
    with pytest.raises(UserError, match="no image to train on in set"):
        read_image_set([str(make_export(tmp_path / "set", train=0))], 0.1)
