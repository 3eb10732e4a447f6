"""Every layout, read back.

The layouts were also read by the programs that they are for, none of which is needed here: IMDL-BenCo 0.2.9
(`JsonDataset` on both lists: images, masks, labels of edited and authentic entries; `ManiDataset` on a split's
folder), `datasets` 5.2 (`load_dataset` of the folder, streamed and not, images as images), `webdataset` 1.0,
pycocotools 2.0 and torchvision's `CocoDetection`. The tests below hold the output to what those programs ask for.
"""

from __future__ import annotations

import io
import json
import os
import tarfile

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from imlbench.datasets.folder import Folder
from imlbench.datasets.imdlbenco import ImdlBenCo
from imlbench.exporting.encoding import Codec
from imlbench.exporting.formats import WRITERS, hf, webdataset
from imlbench.exporting.order import Order
from imlbench.exporting.running import export
from imlbench.loading import load
from imlbench.rle import decode
from tests.exporting.making_annotations import make_both, mask, plain_pairs, read_image

EDITED = 10
AUTHENTIC = 5


def quiet(what, done, total):
    """Tell nobody."""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_both(tmp_path_factory.mktemp("made"), plain_pairs(EDITED))


def exported(made, out, layout, **options):
    options = {"validation": 0.2, "authentic": 0.5, **options}
    export(Order(annotations=[made.annotation], out=out, layout=layout, roots=[made.corpus], **options), quiet)
    return out


def samples_of(out):
    return [json.loads(line) for line in (out / "samples.jsonl").read_text().splitlines()]


def test_every_layout_is_named_at_the_command_line():
    from imlbench.cli.export import LayoutOption

    assert [option.value for option in LayoutOption] == list(WRITERS)


def test_folder_is_read_by_the_dataset_folder(made, tmp_path):
    out = exported(made, tmp_path / "out", "folder")
    found = 0
    for split in ("train", "validation"):
        dataset = Folder(out / split)
        assert list(dataset.orphans()) == []
        facts = [sample for sample in samples_of(out) if sample["split"] == split]
        for sample, fact in zip(dataset.samples(), facts, strict=True):
            loaded = load(sample)
            assert fact["path"] == f"{split}/edited/{sample.id}.jpg"
            assert sample.instruction == (None if fact["authentic"] else "invert the box")
            assert np.array_equal(loaded.mask, mask() & (not fact["authentic"]))
            outside = np.abs(loaded.original.astype(int) - loaded.edited)[~loaded.mask]
            assert outside.mean() < 4
            found += 1
    assert found == EDITED + AUTHENTIC


def test_imdlbenco_is_read_by_the_dataset_imdlbenco(made, tmp_path):
    out = exported(made, tmp_path / "out", "imdlbenco")
    scopes = []
    for split in ("train", "validation"):
        for sample in ImdlBenCo(out / f"{split}.json").samples():
            scopes.append(sample.scope)
            assert np.array_equal(load(sample).mask, mask() & (sample.scope == "local"))
    assert (scopes.count("local"), scopes.count("authentic")) == (EDITED, AUTHENTIC)


def test_imdlbenco_lists_are_what_its_own_loader_asks_for(made, tmp_path, monkeypatch):
    out = exported(made, tmp_path / "out", "imdlbenco")
    # It looks for the first path from the working folder, opens both as RGB, and demands equal sizes.
    monkeypatch.chdir(out)
    for split in ("train", "validation"):
        entries = json.loads((out / f"{split}.json").read_text())
        assert os.path.isfile(entries[0][0])
        for image, truth in entries:
            with Image.open(image) as opened:
                size = opened.size
            if truth != "Negative":
                values = read_image(out / truth)
                assert values.shape[1::-1] == size
                assert np.array_equal(np.stack([values] * 3).mean(axis=0) > 127.5, mask())
        # Its other loader pairs by sorted order.
        names = [[name.split(".")[0] for name in sorted(os.listdir(f"{split}/{role}"))] for role in ("Tp", "Gt")]
        assert names[0] == names[1]


def test_imdlbenco_lists_with_a_prefix(made, tmp_path):
    out = exported(made, tmp_path / "out", "imdlbenco", list_prefix=f"{tmp_path}/out/")
    entries = json.loads((out / "train.json").read_text())
    assert all(path == "Negative" or os.path.isfile(path) for entry in entries for path in entry)
    assert all(os.path.isabs(entry[0]) for entry in entries)
    assert next(ImdlBenCo(out / "train.json").samples()).id == "train/Tp/00000000"


def test_hf_tells_its_readers_which_columns_are_images(made, tmp_path):
    out = exported(made, tmp_path / "out", "hf")
    file = pq.ParquetFile(out / "data" / "train-00000-of-00001.parquet")
    features = json.loads(file.schema_arrow.metadata[b"huggingface"])["info"]["features"]
    assert list(features) == file.schema_arrow.names
    assert [name for name, kind in features.items() if kind == {"_type": "Image"}] == ["edited", "original", "mask"]
    assert features["instruction"] == {"dtype": "string", "_type": "Value"}
    rows = file.read().to_pylist()
    assert [row["number"] for row in rows] == list(range(len(rows)))
    for row in rows:
        assert set(row["edited"]) == {"bytes", "path"}
        values = np.asarray(Image.open(io.BytesIO(row["mask"]["bytes"])))
        assert np.array_equal(values == 255, mask() & (not row["authentic"]))
        assert (row["edited"]["bytes"] == row["original"]["bytes"]) == row["authentic"]
        assert row["instruction"] == (None if row["authentic"] else "invert the box")
    head = (out / "README.md").read_text().split("---\n")[1]
    assert "  - split: train\n    path: data/train-*.parquet\n" in head
    assert "  - split: validation\n    path: data/validation-*.parquet\n" in head


def test_hf_begins_new_files_and_names_tell_their_number(made, tmp_path, monkeypatch):
    monkeypatch.setattr(hf, "ROWS_PER_GROUP", 3)
    monkeypatch.setattr(hf, "MAX_BYTES", 1)
    out = exported(made, tmp_path / "out", "hf")
    names = sorted(name for name in os.listdir(out / "data") if name.startswith("train"))
    assert names == [f"train-{number:05d}-of-00004.parquet" for number in range(4)]
    numbers = [pq.read_table(out / "data" / name, columns=["number"])["number"].to_pylist() for name in names]
    assert [number for found in numbers for number in found] == list(range(12))


def test_webdataset_members_belong_together_by_number(made, tmp_path, monkeypatch):
    monkeypatch.setattr(webdataset, "MAX_EXAMPLES", 5)
    out = exported(made, tmp_path / "out", "webdataset", codec=Codec(None))
    names = sorted(name for name in os.listdir(out) if name.endswith(".tar"))
    assert names == ["train-000000.tar", "train-000001.tar", "train-000002.tar", "validation-000000.tar"]
    keys = []
    for name in names[:3]:
        with tarfile.open(out / name) as archive:
            members = {member.name: archive.extractfile(member).read() for member in archive}
            assert all(member.mtime == member.uid == member.gid == 0 for member in archive)
        found = list(dict.fromkeys(member.split(".", 1)[0] for member in members))
        keys += found
        for key in found:
            facts = json.loads(members[f"{key}.json"])
            values = np.asarray(Image.open(io.BytesIO(members[f"{key}.mask.png"])))
            assert np.array_equal(values == 255, mask() & (not facts["authentic"]))
            assert (members[f"{key}.edited.png"] == members[f"{key}.original.png"]) == facts["authentic"]
            assert facts["instruction"] == (None if facts["authentic"] else "invert the box")
    assert keys == [f"{number:08d}" for number in range(12)]


def test_coco_masks_are_run_lengths_of_the_named_images(made, tmp_path):
    out = exported(made, tmp_path / "out", "coco")
    edited = 0
    for split in ("train", "validation"):
        content = json.loads((out / "annotations" / f"{split}.json").read_text())
        assert sorted(os.listdir(out / split)) == [image["file_name"] for image in content["images"]]
        images = {image["id"]: image for image in content["images"]}
        assert min(images) == 1
        for annotation in content["annotations"]:
            image = images[annotation["image_id"]]
            segmentation = annotation["segmentation"]
            assert segmentation["size"] == [image["height"], image["width"]] == [48, 64]
            marked = decode(segmentation["counts"].encode(), tuple(segmentation["size"]))
            assert np.array_equal(marked, mask())
            assert (annotation["area"], annotation["bbox"]) == (512, [16, 8, 32, 16])
        edited += len(content["annotations"])
        authentic = sum(sample["authentic"] for sample in samples_of(out) if sample["split"] == split)
        assert len(images) == len(content["annotations"]) + authentic
    assert edited == EDITED
    assert sorted(os.listdir(out / "annotations")) == ["train.json", "validation.json"]


@pytest.mark.parametrize("layout", list(WRITERS))
def test_without_validation_there_is_no_trace_of_it(made, tmp_path, layout):
    out = exported(made, tmp_path / "out", layout, validation=0.0)
    assert not [path for path in out.rglob("*") if "validation" in path.name]
