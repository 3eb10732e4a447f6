from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from imlbench.errors import UserError
from imlbench.exporting.choosing import Gates
from imlbench.exporting.encoding import Codec, read_codec
from imlbench.exporting.formats import WRITERS
from imlbench.exporting.formats.base import Writer
from imlbench.exporting.order import Order
from imlbench.exporting.place import locked
from imlbench.exporting.running import export
from tests.exporting.making_annotations import (
    BOX,
    Pair,
    edited,
    file_bytes,
    make_both,
    mask,
    photo,
    plain_pair,
    plain_pairs,
    read_image,
    tree,
    write_annotation,
    write_corpus,
    write_manifest,
)


def quiet(what, done, total):
    """Tell nobody."""


def order_of(made, out, **options) -> Order:
    options = {"layout": "folder", "validation": 0.2, **options}
    return Order(annotations=[made.annotation], out=out, roots=[made.corpus], **options)


def run(made, out, **options):
    return export(order_of(made, out, **options), quiet)


def samples_of(out):
    return [json.loads(line) for line in (out / "samples.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_both(tmp_path_factory.mktemp("made"), plain_pairs(10))


@pytest.mark.parametrize("layout", list(WRITERS))
def test_the_same_order_writes_the_same_bytes_whatever_the_workers(made, tmp_path, layout):
    run(made, tmp_path / "one", layout=layout, authentic=0.5)
    run(made, tmp_path / "two", layout=layout, authentic=0.5, workers=3)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_both_sides_come_in_the_same_container(made, tmp_path):
    out = tmp_path / "out"
    run(made, out, codec=Codec(80))
    tables = set()
    for path in sorted(out.rglob("*.jpg")):
        with Image.open(path) as image:
            assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
            assert not image.getexif()
            tables.add((str(image.quantization), str(image.layer), path.read_bytes()[:20]))
    assert len(tables) == 1


def test_png_keeps_every_pixel(made, tmp_path):
    out = tmp_path / "out"
    run(made, out, codec=Codec(None), validation=0.0)
    for number, path in enumerate(sorted((out / "train" / "edited").rglob("*.png"))):
        assert np.array_equal(read_image(path), edited(photo(number)))


def test_a_second_call_finds_the_set_and_other_options_are_refused(made, tmp_path):
    out = tmp_path / "out"
    assert run(made, out).new
    before = tree(out)
    again = run(made, out)
    assert not again.new
    assert again.facts == json.loads((out / "export.json").read_text())
    with pytest.raises(UserError, match=r"other options \(quality, seed\)"):
        run(made, out, codec=Codec(50), seed=3)
    assert tree(out) == before


def test_a_folder_with_something_else_is_left_alone(made, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match="no export"):
        run(made, tmp_path / "out")
    assert tree(tmp_path / "out") == {"thesis.txt": b"mine"}


def test_an_empty_folder_and_a_link_to_one_will_do(made, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert run(made, tmp_path / "link").new
    assert (tmp_path / "real" / "README.md").is_file()
    assert (tmp_path / "link").is_symlink()


def test_a_full_disk_leaves_nothing_behind_and_is_told(made, tmp_path, monkeypatch):
    calls = []

    def write(self, path, data):
        calls.append(path)
        if len(calls) > 7:
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(self, path, data)

    original = Writer.write
    monkeypatch.setattr(Writer, "write", write)
    with pytest.raises(UserError, match="No space left"):
        run(made, tmp_path / "out")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("layout", ["hf", "webdataset", "coco"])
def test_a_failure_in_the_middle_leaves_nothing_behind(made, tmp_path, monkeypatch, layout):
    kind = WRITERS[layout]
    original = kind.add

    def add(self, example):
        if example.number == 3:
            raise OSError(errno.EDQUOT, "Disk quota exceeded")
        return original(self, example)

    monkeypatch.setattr(kind, "add", add)
    with pytest.raises(UserError, match="quota"):
        run(made, tmp_path / "out", layout=layout)
    assert os.listdir(tmp_path) == []


def test_an_export_that_was_killed_is_begun_anew(made, tmp_path):
    run(made, tmp_path / "whole", workers=2)
    code = (
        "import time; from pathlib import Path; from imlbench.exporting import order, running\n"
        "slow = running.make\n"
        "def make(*a, **k):\n    time.sleep(1); return slow(*a, **k)\n"
        "running.make = make\n"
        f"order = order.Order(annotations=[Path({str(made.annotation)!r})], out=Path({str(tmp_path / 'out')!r}),"
        f" roots=[Path({str(made.corpus)!r})], layout='folder', validation=0.2)\n"
        "running.export(order, lambda *a: None)"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    partial = tmp_path / ".out.exporting" / "train" / "edited" / "0000"
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and not (partial.is_dir() and len(os.listdir(partial)) > 1):
        assert process.poll() is None
        time.sleep(0.02)
    with pytest.raises(UserError, match="another export"):
        run(made, tmp_path / "out")
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert partial.is_dir()
    assert not (tmp_path / "out").exists()
    assert run(made, tmp_path / "out").new
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")
    assert sorted(os.listdir(tmp_path)) == ["out", "whole"]


def test_two_exports_to_one_place_do_not_mix(made, tmp_path):
    folder = tmp_path / ".out.exporting"
    folder.mkdir()
    with locked(folder, tmp_path / "out"), pytest.raises(UserError, match="another export"):
        run(made, tmp_path / "out")


def test_authentic_examples_keep_the_ratio_and_serve_once(made, tmp_path):
    for ratio, number in ((0.0, 0), (0.25, 2), (0.5, 5), (1.0, 10), (3.0, 10)):
        out = tmp_path / f"{ratio}"
        run(made, out, authentic=ratio, validation=0.0)
        taken = [sample["original_sha256"] for sample in samples_of(out) if sample["authentic"]]
        assert abs(len(taken) - number) <= (1 if ratio == 0.25 else 0)
        assert len(set(taken)) == len(taken)


def test_an_original_of_another_size_is_fitted_and_never_serves_as_authentic(tmp_path):
    large = photo(3, (96, 128))
    small = np.asarray(Image.fromarray(large).resize((64, 48)))
    pairs = [Pair(file_bytes(large), file_bytes(edited(small))), *plain_pairs(3)]
    made = make_both(tmp_path / "made", pairs)
    outcome = run(made, tmp_path / "out", authentic=1.0, validation=0.0)
    assert outcome.facts["counts"]["originals_resized"] == 1
    assert outcome.facts["counts"]["authentic"] == 3
    assert {read_image(path).shape for path in (tmp_path / "out").rglob("*.jpg")} == {(48, 64, 3)}


def test_authentic_examples_are_in_the_split_of_their_source(tmp_path):
    first = plain_pair(0)
    pairs = [Pair(first.original, file_bytes(edited(photo(0)) // (1 + number))) for number in range(4)]
    made = make_both(tmp_path / "made", pairs + plain_pairs(8)[1:])
    run(made, tmp_path / "out", authentic=1.0, validation=0.3)
    splits = {}
    for sample in samples_of(tmp_path / "out"):
        splits.setdefault(sample["original_sha256"], set()).add(sample["split"])
    assert len(splits) == 8
    assert all(len(found) == 1 for found in splits.values())
    assert {"train", "validation"} == set().union(*splits.values())


def test_a_recompressed_copy_of_an_original_stays_with_it(tmp_path):
    pairs = plain_pairs(12)
    pairs += [
        Pair(file_bytes(photo(seed), "JPEG", quality=60), file_bytes(edited(photo(seed)) // 2)) for seed in range(12)
    ]
    made = make_both(tmp_path / "made", pairs)
    outcome = run(made, tmp_path / "out", validation=0.25)
    assert outcome.facts["counts"]["sources"] == 12
    rows = {}
    for sample in samples_of(tmp_path / "out"):
        rows.setdefault(int(sample["source_id"].strip("./")) % 12, set()).add(sample["split"])
    assert all(len(found) == 1 for found in rows.values())
    assert sum(found == {"validation"} for found in rows.values()) == 3


def test_only_kept_pairs_are_taken_and_the_rest_is_counted(tmp_path):
    pairs = plain_pairs(8)
    pairs[1].columns = {"status": "rejected", "reason": "low-qes"}
    pairs[4].columns = {"status": "failed", "reason": "unreadable", "mask": None, "phash": None, "height": None}
    pairs[5].columns = {"qes": 0.55}
    pairs[6].columns = {"edit_type": "style"}
    made = make_both(tmp_path / "made", pairs)
    outcome = run(made, tmp_path / "out", gates=Gates(min_qes=0.6, types=("replacement",)))
    assert sorted(sample["source_id"] for sample in samples_of(tmp_path / "out")) == [
        f"../{number}" for number in (0, 2, 3, 7)
    ]
    assert outcome.facts["counts"]["left_out"] == {"low-qes": 1, "type": 1}
    card = (tmp_path / "out" / "README.md").read_text()
    assert "| annotation | rejected | low-qes | 1 |" in card
    assert "| annotation | failed | unreadable | 1 |" in card
    assert "| export | left out | QES not above the gate | 1 |" in card


def test_a_limit_and_its_seed(made, tmp_path):
    outcome = run(made, tmp_path / "out", limit=4)
    assert outcome.facts["counts"]["edited"] == 4
    assert outcome.facts["counts"]["left_out"] == {"limit": 6}
    run(made, tmp_path / "other", limit=4, seed=1)
    assert samples_of(tmp_path / "other") != samples_of(tmp_path / "out")


def test_two_annotations_become_one_set_split_by_source_across_both(tmp_path):
    first = make_both(tmp_path / "first", plain_pairs(6))
    others = [Pair(pair.original, file_bytes(edited(photo(seed)) // 2)) for seed, pair in enumerate(plain_pairs(6))]
    second = make_both(tmp_path / "second", others)
    order = replace(
        order_of(first, tmp_path / "out", validation=0.34),
        annotations=[first.annotation, second.annotation],
        roots=[first.corpus, second.corpus],
    )
    counts = export(order, quiet).facts["counts"]
    assert (counts["edited"], counts["sources"]) == (12, 6)
    splits = {}
    for sample in samples_of(tmp_path / "out"):
        splits.setdefault(sample["original_sha256"], []).append(sample["split"])
    assert all(len(found) == 2 and len(set(found)) == 1 for found in splits.values())


def test_hostile_texts_name_no_file_and_break_no_line(tmp_path):
    pairs = plain_pairs(4)
    pairs[0].instruction = '../../x", "y": "\u2028 \U0001f600 | <script>'
    pairs[0].edit_type = "| [x](http://example.org) `"
    pairs[0].columns = {"source_id": "/etc/passwd", "edit_type": "replace|ment<b>"}
    made = make_both(tmp_path / "made", pairs)
    for layout in WRITERS:
        out = tmp_path / "sets" / layout
        run(made, out, layout=layout, validation=0.0)
        assert not [path for path in tree(out) if "passwd" in path or "script" in path or ".." in path]
        assert len((out / "samples.jsonl").read_text().splitlines()) == 4
        card = (out / "README.md").read_text()
        assert "<b>" not in card
        assert "example.org" not in card
    assert samples_of(tmp_path / "sets" / "folder")[0]["instruction"] == pairs[0].instruction
    texts = json.loads((tmp_path / "sets" / "folder" / "train" / "instructions.json").read_text())
    assert texts["0000/00000000"] == pairs[0].instruction
    assert sorted(os.listdir(tmp_path)) == ["made", "sets"]


def test_soft_masks_are_those_that_were_kept(tmp_path):
    scores = np.random.default_rng(0).integers(0, 256, (48, 64), dtype=np.uint8)
    pairs = [plain_pair(seed, soft=file_bytes(scores)) for seed in range(3)]
    made = make_both(tmp_path / "made", pairs)
    run(made, tmp_path / "out", soft=True, validation=0.0)
    path = tmp_path / "out" / "train" / "mask" / "0000" / "00000000.png"
    assert np.array_equal(read_image(path), scores)
    with pytest.raises(UserError, match="hard masks only"):
        run(made, tmp_path / "other", soft=True, layout="coco")


def test_soft_masks_that_were_not_kept_are_asked_for_in_vain(made, tmp_path):
    with pytest.raises(UserError, match="--keep-soft"):
        run(made, tmp_path / "out", soft=True)
    assert os.listdir(tmp_path) == []


def test_masks_that_do_not_fit_are_left_out_and_counted(tmp_path):
    pairs = plain_pairs(5)
    pairs[0].columns = {"mask": b"00000"}
    pairs[1].columns = {"height": 40}
    pairs[2].columns = {"mask": None}
    made = make_both(tmp_path / "made", pairs)
    outcome = run(made, tmp_path / "out", validation=0.0)
    assert outcome.facts["counts"]["left_out"] == {"bad-map": 2, "unreadable": 1}
    assert outcome.facts["counts"]["edited"] == 2


def test_an_unfinished_annotation_is_refused_unless_a_part_is_wanted(tmp_path):
    made = make_both(tmp_path / "made", plain_pairs(8))
    (made.annotation / "shards" / "000001.json").unlink()
    with pytest.raises(UserError, match="3 of 4 shards are done"):
        run(made, tmp_path / "out")
    outcome = run(made, tmp_path / "out", partial=True)
    assert outcome.facts["counts"]["edited"] == 7
    assert "1 shards were missing" in (tmp_path / "out" / "README.md").read_text()


def test_a_shard_that_was_changed_is_refused(tmp_path):
    made = make_both(tmp_path / "made", plain_pairs(4))
    path = made.annotation / "shards" / "000000.parquet"
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(UserError, match="manifest"):
        run(made, tmp_path / "out")
    path.write_bytes(b"no Parquet at all")
    write_manifest(path)
    with pytest.raises(UserError, match="cannot be read as Parquet"):
        run(made, tmp_path / "out")


def test_a_shard_of_another_plan_is_refused(tmp_path):
    made = make_both(tmp_path / "made", plain_pairs(4))
    path = made.annotation / "shards" / "000000.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"plan": "0" * 64}))
    with pytest.raises(UserError, match="another plan"):
        run(made, tmp_path / "out")


def test_the_corpus_is_looked_for_where_it_was_annotated(tmp_path):
    made = make_both(tmp_path / "made", plain_pairs(4))
    with pytest.raises(UserError, match="no data root"):
        export(replace(order_of(made, tmp_path / "out"), roots=[None]), quiet)
    run(made, tmp_path / "there")
    plan = json.loads((made.annotation / "plan.json").read_text())
    (made.annotation / "plan.json").write_text(json.dumps(plan | {"root": str(made.corpus)}))
    export(replace(order_of(made, tmp_path / "out"), roots=[None]), quiet)
    assert tree(tmp_path / "out") == tree(tmp_path / "there")


@pytest.mark.parametrize("column", ["phash", "original_sha256"])
def test_a_kept_pair_without_hashes_is_refused(tmp_path, column):
    made = make_both(tmp_path / "made", [plain_pair(0), plain_pair(1, **{column: "zz"})])
    with pytest.raises(UserError, match=column):
        run(made, tmp_path / "out")


@pytest.mark.parametrize("content", ["", "[]", '{"corpus": 3, "shards": []}', "[" * 100000])
def test_a_folder_that_is_no_annotation_is_refused(tmp_path, content):
    made = make_both(tmp_path / "made", plain_pairs(2))
    (made.annotation / "plan.json").write_text(content)
    with pytest.raises(UserError, match="plan"):
        run(made, tmp_path / "out")


def test_another_corpus_than_the_annotated_one_is_refused(tmp_path):
    pairs = plain_pairs(4)
    made = make_both(tmp_path / "made", pairs)
    others = write_corpus(tmp_path / "others", pairs[1:] + pairs[:1])
    with pytest.raises(UserError, match="not the image that was annotated"):
        export(replace(order_of(made, tmp_path / "out"), roots=[others]), quiet)
    shorter = write_corpus(tmp_path / "shorter", pairs[:2])
    with pytest.raises(UserError, match="annotated"):
        export(replace(order_of(made, tmp_path / "out"), roots=[shorter]), quiet)
    renamed = write_corpus(tmp_path / "renamed", pairs, per_file=2)
    with pytest.raises(UserError, match="was annotated and is not below"):
        export(replace(order_of(made, tmp_path / "out"), roots=[renamed]), quiet)
    assert not (tmp_path / "out").exists()


def test_nothing_left_is_told_with_the_reasons(made, tmp_path):
    with pytest.raises(UserError, match="low-qes 10"):
        run(made, tmp_path / "out", gates=Gates(min_qes=0.95))


def test_the_card_names_what_the_set_rests_on(made, tmp_path):
    run(made, tmp_path / "out", authentic=0.5, codec=Codec(90))
    card = (tmp_path / "out" / "README.md").read_text()
    for text in (
        "10 edited and 5 authentic images from 10 sources",
        "| train | anyedit | Object replaced | 8 |",
        "MIT on the card",
        '"name": "pixdiff-morph"',
        "ab" * 32,
        "JPEG, quality 90, chroma 4:2:0",
        "Compared with evaluation sets: none was configured",
        "Known limits",
    ):
        assert text in card
    assert str(tmp_path) not in card


def test_no_place_of_this_machine_is_written(made, tmp_path):
    for layout in WRITERS:
        run(made, tmp_path / layout, layout=layout)
        assert not [name for name, data in tree(tmp_path / layout).items() if str(tmp_path).encode() in data]


@pytest.mark.parametrize("text", ["0", "101", "-5", "9.5", "webp", "", "1000"])
def test_a_quality_that_is_none_is_refused(text):
    with pytest.raises(UserError, match="--quality"):
        read_codec(text)


def test_qualities():
    assert (read_codec("100"), read_codec("1"), read_codec("PNG")) == (Codec(100), Codec(1), Codec(None))


@pytest.mark.parametrize(
    "wrong",
    [
        {"authentic": -1.0},
        {"authentic": float("nan")},
        {"validation": 1.0},
        {"limit": 0},
        {"workers": 0},
        {"distance": 40},
        {"layout": "zip"},
    ],
)
def test_options_that_mean_nothing_are_refused(made, tmp_path, wrong):
    with pytest.raises(UserError, match="--"):
        run(made, tmp_path / "out", **wrong)
    assert os.listdir(tmp_path) == []


def test_the_mask_is_the_box(made, tmp_path):
    run(made, tmp_path / "out", validation=0.0)
    values = read_image(tmp_path / "out" / "train" / "mask" / "0000" / "00000003.png")
    assert values.dtype == np.uint8
    assert np.array_equal(values, mask() * np.uint8(255))
    assert (values[BOX] == 255).all()


def test_many_pairs_of_an_annotation_in_one_shard_or_in_several_make_the_same_examples(tmp_path):
    pairs = plain_pairs(7)
    corpus = write_corpus(tmp_path / "corpus", pairs)
    found = []
    for number, per_shard in enumerate((1, 4)):
        annotation = write_annotation(tmp_path / f"annotated{number}", pairs, per_shard=per_shard)
        out = tmp_path / f"out{number}"
        export(Order(annotations=[annotation], out=out, layout="folder", roots=[corpus], validation=0.3), quiet)
        found.append(tree(out / "train") | {"samples": (out / "samples.jsonl").read_bytes()})
    assert found[0] == found[1]


def test_an_image_too_long_for_jpeg_is_left_out(tmp_path):
    long = np.zeros((1, 65501, 3), np.uint8)
    row = {"height": 1, "width": 65501}
    pairs = [Pair(file_bytes(long), file_bytes(long + 9), columns={"phash": "0" * 16, **row}), *plain_pairs(2)]
    made = make_both(tmp_path / "made", pairs)
    outcome = run(made, tmp_path / "out", validation=0.0)
    assert outcome.facts["counts"]["left_out"] == {"too-large": 1}
    assert run(made, tmp_path / "png", validation=0.0, codec=Codec(None)).facts["counts"]["left_out"] == {}
