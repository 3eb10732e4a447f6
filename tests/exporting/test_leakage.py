from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from imlbench.annotating.perceptual_hash import perceptual_hash
from imlbench.datasets.magicbrush import MagicBrush
from imlbench.errors import UserError
from imlbench.exporting import leakage
from imlbench.exporting.leakage import images_of, look
from imlbench.exporting.order import Order
from imlbench.exporting.running import export
from tests.exporting.making_annotations import Pair, edited, file_bytes, make_both, photo, plain_pairs
from tests.making_sets import write_image


def quiet(what, done, total):
    """Tell nobody."""


def run(made, out, **options):
    order = Order(annotations=[made.annotation], out=out, layout="folder", roots=[made.corpus], **options)
    return export(order, quiet).facts


def test_an_original_of_a_configured_evaluation_set_is_left_out(tmp_path, monkeypatch):
    pairs = plain_pairs(8)
    (tmp_path / "benchmark").mkdir()
    (tmp_path / "benchmark" / "same-file.jpg").write_bytes(pairs[2].original)
    write_image(tmp_path / "benchmark" / "deep" / "same-picture.webp", np.asarray(Image.fromarray(photo(5))))
    monkeypatch.setenv("IMLBENCH_DATA_ROOT_COCOGLIDE", str(tmp_path / "benchmark"))
    made = make_both(tmp_path / "made", pairs)
    facts = run(made, tmp_path / "out")
    assert facts["counts"]["left_out"] == {"evaluation-image": 2}
    assert facts["compared_with"] == {"images": {"cocoglide": 2}, "unreadable": 0}
    taken = (tmp_path / "out" / "samples.jsonl").read_text()
    assert '"../2"' not in taken
    assert '"../5"' not in taken
    assert "Compared with evaluation sets: cocoglide (2 images)" in (tmp_path / "out" / "README.md").read_text()


def test_an_edited_image_of_an_evaluation_set_takes_its_source_along(tmp_path):
    first = plain_pairs(1)[0]
    pairs = [first, Pair(first.original, file_bytes(edited(photo(0)) // 2)), *plain_pairs(6)[1:]]
    (tmp_path / "judged").mkdir()
    (tmp_path / "judged" / "edited.png").write_bytes(pairs[1].edited)
    made = make_both(tmp_path / "made", pairs)
    facts = run(made, tmp_path / "out", keep_out=[tmp_path / "judged"])
    assert facts["counts"]["left_out"] == {"evaluation-image": 2}
    assert facts["options"]["compared_with"] == ["judged"]


def test_nothing_but_evaluation_images_makes_no_set(tmp_path):
    pairs = plain_pairs(3)
    (tmp_path / "judged").mkdir()
    for number, pair in enumerate(pairs):
        (tmp_path / "judged" / f"{number}.jpg").write_bytes(pair.original)
    made = make_both(tmp_path / "made", pairs)
    with pytest.raises(UserError, match="evaluation-image 3"):
        run(made, tmp_path / "out", keep_out=[tmp_path / "judged"])


def test_images_of_a_set_kept_in_tables_are_seen(tmp_path):
    rows = [
        {
            "img_id": "1",
            "turn_index": 1,
            "source_img": {"bytes": file_bytes(photo(1)), "path": "1.png"},
            "mask_img": {"bytes": file_bytes(np.zeros((48, 64, 4), np.uint8)), "path": "1m.png"},
            "instruction": "x",
            "target_img": {"bytes": file_bytes(edited(photo(1))), "path": "1t.png"},
        }
    ]
    (tmp_path / "brush" / "data").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "brush" / "data" / "dev-00000-of-00001.parquet")
    assert len(MagicBrush(tmp_path / "brush", "dev")) == 1
    found = [source.read() for source in images_of("magicbrush", tmp_path / "brush")]
    assert found == [rows[0]["source_img"]["bytes"], rows[0]["target_img"]["bytes"]]


def test_broken_images_of_an_evaluation_set_are_counted(tmp_path):
    (tmp_path / "judged").mkdir()
    (tmp_path / "judged" / "broken.png").write_bytes(b"no image")
    known = look({"judged": tmp_path / "judged"}, lambda done: None)
    assert known.unreadable == 1
    assert len(known.digests) == 1
    assert known.hashes.size == 0


def test_the_hash_of_a_copy_is_near(tmp_path):
    for seed in range(20):
        buffer = io.BytesIO()
        Image.fromarray(photo(seed)).resize((40, 30)).save(buffer, "JPEG", quality=50)
        copy = np.asarray(Image.open(buffer))
        bits = int(perceptual_hash(photo(seed)), 16) ^ int(perceptual_hash(copy), 16)
        assert bits.bit_count() <= 10
    assert leakage.as_hashes([perceptual_hash(photo(0))]).size == 1
