import csv
import hashlib
import io
import json
import re
import shutil

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from typer.testing import CliRunner

from imlbench.annotating.driver import annotate_corpus
from imlbench.annotating.engine import Crew
from imlbench.annotating.local_engine import LocalEngine
from imlbench.annotating.plan import Options, make_plan
from imlbench.annotating.rows import Row, parquet_bytes, table_of
from imlbench.cli.main import app
from imlbench.corpora.anyedit import AnyEdit
from imlbench.errors import UserError
from reports.corpus_counting import AREA_EDGES, BEYOND, MOST_REASONS, Counts, Histogram
from reports.corpus_figures import draw_distributions
from reports.corpus_page import card
from reports.corpus_reading import batches, read_counts
from reports.corpus_samples import Shown, choose
from reports.figures import FORMS

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
SIDE = 48
HOSTILE = "<script>alert(1)</script> $x_y$"


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def photo(seed, side=SIDE):
    noise = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 1.5), None, 0, 200, cv2.NORM_MINMAX)


def edit(pixels):
    edited = pixels.copy()
    edited[8:24, 8:24] = 255 - edited[8:24, 8:24] // 2
    return edited


def corpus_rows():
    """Six pairs to be kept, and one for each of four other ends."""
    good = [(png(photo(seed)), png(edit(photo(seed))), "remove") for seed in range(6)]
    same = (png(photo(6)), png(photo(6)), "remove")
    mismatch = (png(photo(7)), png(photo(7)[:20]), "add")
    broken = (png(photo(8)), b"no image", "add")
    excluded = (png(photo(9)), png(edit(photo(9))), "rotation_change")
    return [*good, same, mismatch, broken, excluded]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A corpus and its annotation by the real driver."""
    root = tmp_path_factory.mktemp("made")
    schema = pa.schema(
        [
            *(("edit_instruction", pa.string()), ("edit_type", pa.string()), ("image_id", pa.string())),
            *(("image_file", IMAGE), ("edited_file", IMAGE)),
        ]
    )
    rows = [
        {
            "edit_instruction": HOSTILE,
            "edit_type": kind,
            "image_id": str(number),
            "image_file": {"bytes": original, "path": None},
            "edited_file": {"bytes": edited, "path": None},
        }
        for number, (original, edited, kind) in enumerate(corpus_rows())
    ]
    (root / "corpus" / "data").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows, schema), root / "corpus" / "data" / "train-00000-of-00001.parquet")
    plan = make_plan(AnyEdit(root / "corpus"), "pixdiff-morph", Options(shard_size=4))
    annotate_corpus(plan, root / "annotated", LocalEngine(Crew(1)), False, None)
    return root


def run(*arguments):
    return CliRunner().invoke(app, ["report", "corpus", *map(str, arguments)])


def failure(*arguments):
    result = run(*arguments)
    assert isinstance(result.exception, UserError)
    return str(result.exception)


def rewrite(annotated, number, rows):
    """Other rows for a shard, under a manifest that fits."""
    path = annotated / "shards" / f"{number:06d}.parquet"
    data = parquet_bytes(table_of(rows))
    path.write_bytes(data)
    facts = json.loads(path.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps({**facts, "parquet_sha256": hashlib.sha256(data).hexdigest()}))


def drawn_ids(html, heading):
    section = html.partition(f"<h2>{heading}</h2>")[2].partition("<h2>")[0]
    return re.findall(r"anyedit \| data/(train-00000-of-00001\.parquet#\d+)", section)


def test_writes_figures_in_every_form_tables_and_a_page_the_same_bytes_each_time(made, tmp_path):
    result = run(made / "annotated", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    figures = {f"{stem}.{form}" for stem in ("counts", "distributions", "reasons") for form in FORMS}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*figures, "summary.md", "summary.csv", "index.html"}
    assert "10 pairs, 6 kept" in result.output
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    run(made / "annotated", "-o", tmp_path / "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_table_counts_every_pair_by_type_and_end(made, tmp_path):
    run(made / "annotated", "-o", tmp_path, "--samples", "0")
    rows = {row["edit_type"]: row for row in csv.DictReader(io.StringIO((tmp_path / "summary.csv").read_text()))}
    ends = ("pairs", "kept", "rejected", "failed", "excluded")
    assert {word: [int(row[end]) for end in ends] for word, row in rows.items()} == {
        "addition": [2, 0, 1, 1, 0],
        "removal": [7, 6, 1, 0, 0],
        "rotation": [1, 0, 0, 0, 1],
        "all": [10, 6, 2, 1, 1],
    }
    assert float(rows["all"]["kept_share"]) == pytest.approx(6 / 9, abs=1e-5)
    # A square of 16 x 16 pixels; morphology may round its corners.
    assert float(rows["removal"]["area_median"]) == pytest.approx(16**2 / SIDE**2, rel=0.25)
    told = (tmp_path / "summary.md").read_text()
    for reason in ("unchanged", "size-mismatch", "unreadable", "type"):
        assert f"| {reason} | 1 |" in told


def test_page_shows_samples_with_pictures_and_reasons_and_runs_nothing(made, tmp_path):
    run(made / "annotated", "-o", tmp_path)
    html = (tmp_path / "index.html").read_text()
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "default-src 'none'" in html
    assert not re.search(r"(src|href)=\"(?!data:)", html)
    assert len(drawn_ids(html, "Random kept samples")) == 6
    assert len(drawn_ids(html, "Random rejected samples")) == 2
    assert "rejected: unchanged" in html
    # Three pictures of each kept pair, two of each rejected one, which no annotator has seen.
    assert html.count("data:image/webp") == 6 * 3 + 2 * 2
    assert html.count("not annotated") == 2


def test_same_seed_draws_the_same_samples_and_another_one_others(made):
    def drawn(seed):
        chosen = choose([read_counts(made / "annotated", 3, seed)], "kept", 3)
        return [(one.shard.stem, one.place) for _, one in chosen]

    seeds = [drawn(seed) for seed in range(4)]
    assert [len(set(places)) for places in seeds] == [3, 3, 3, 3]
    assert len({tuple(sorted(places)) for places in seeds}) > 1
    assert drawn(0) == seeds[0]


def test_unfinished_annotation_is_reported_as_far_as_it_is(made, tmp_path):
    shutil.copytree(made / "annotated", tmp_path / "part")
    (tmp_path / "part" / "shards" / "000001.json").unlink()
    result = run(tmp_path / "part", "-o", tmp_path / "out")
    assert "6 pairs" in result.output
    assert "2 of 3 shards are done" in (tmp_path / "out" / "index.html").read_text()


def test_files_that_could_not_be_read_are_named(made, tmp_path):
    shutil.copytree(made / "corpus", tmp_path / "corpus")
    (tmp_path / "corpus" / "data" / "train-00001-of-<b>.parquet").write_bytes(b"no table")
    plan = make_plan(AnyEdit(tmp_path / "corpus"), "pixdiff-morph", Options())
    annotate_corpus(plan, tmp_path / "annotated", LocalEngine(Crew(1)))
    assert run(tmp_path / "annotated", "-o", tmp_path / "out").exit_code == 0
    note = "anyedit: files that could not be read (1) are not counted: data/train-00001-of-"
    assert f"{note}&lt;b&gt;.parquet." in (tmp_path / "out" / "index.html").read_text()
    assert run(made / "annotated", "-o", tmp_path / "whole").exit_code == 0
    assert "could not be read" not in (tmp_path / "whole" / "summary.md").read_text()


def test_two_annotations_of_one_corpus_are_told_apart(made, tmp_path):
    shutil.copytree(made / "annotated", tmp_path / "again")
    result = run(made / "annotated", tmp_path / "again", "-o", tmp_path / "out", "--samples", "2")
    assert result.exit_code == 0, result.output
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out" / "summary.csv").read_text())))
    totals = {row["corpus"]: row["pairs"] for row in rows if row["edit_type"] == "all"}
    assert list(totals.values()) == ["10", "10"]


def test_corpus_that_moved_is_asked_for_and_found_by_root(made, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("IMLBENCH_DATA_ROOT", raising=False)
    monkeypatch.delenv("IMLBENCH_DATA_ROOT_ANYEDIT", raising=False)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(made / "annotated", tmp_path / "moved")
    plan = json.loads((tmp_path / "moved" / "plan.json").read_text())
    (tmp_path / "moved" / "plan.json").write_text(json.dumps({**plan, "root": str(tmp_path / "nowhere")}))
    assert "--root DIR, or --samples 0" in failure(tmp_path / "moved", "-o", tmp_path / "out")
    assert run(tmp_path / "moved", "-o", tmp_path / "out", "--root", made / "corpus").exit_code == 0


def test_image_that_changed_since_is_not_shown(made, tmp_path):
    shutil.copytree(made / "annotated", tmp_path / "changed")
    rows = [Row(**row) for row in pq.read_table(tmp_path / "changed" / "shards" / "000000.parquet").to_pylist()]
    rows[0].edited_sha256 = "0" * 64
    rewrite(tmp_path / "changed", 0, rows)
    run(tmp_path / "changed", "-o", tmp_path / "out")
    assert (tmp_path / "out" / "index.html").read_text().count("not the image that was annotated") == 1


def test_damaged_shard_is_one_clear_line(made, tmp_path):
    shutil.copytree(made / "annotated", tmp_path / "damaged")
    path = tmp_path / "damaged" / "shards" / "000001.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    assert "000001.parquet: not the file that its manifest speaks of" in failure(tmp_path / "damaged", "-o", tmp_path)


def test_strange_status_and_strange_columns_are_refused(tmp_path):
    strange = tmp_path / "strange.parquet"
    strange.write_bytes(parquet_bytes(table_of([Row("p#0", "", "p", 0, "c", "add", "addition", status="perhaps")])))
    with pytest.raises(UserError, match="found 'perhaps'"):
        list(batches(strange))
    pq.write_table(pa.table({"status": ["kept"]}), strange)
    with pytest.raises(UserError, match="expected the columns of an annotated shard"):
        list(batches(strange))


def test_places_that_cannot_be_written_or_would_count_twice_are_refused(made, tmp_path):
    assert "is an annotation itself" in failure(made / "annotated", "-o", made / "annotated")
    assert "named twice" in failure(made / "annotated", made / "annotated", "-o", tmp_path)
    (tmp_path / "file").write_text("")
    assert "found a file" in failure(made / "annotated", "-o", tmp_path / "file")
    assert "no folder of `imlbench annotate-corpus`" in failure(tmp_path, "-o", tmp_path / "out")


def test_rare_reason_takes_its_turn_among_the_rejected(made, tmp_path):
    shutil.copytree(made / "annotated", tmp_path / "many")
    rows = [Row(f"p#{n}", "", "p", n, "c", "add", "addition", status="rejected", reason="area") for n in range(300)]
    rows[123].reason = "unaligned"
    rewrite(tmp_path / "many", 0, rows)
    read = read_counts(tmp_path / "many", 4, 0)
    assert len(read.drawn["rejected", "area"]) == 4
    places = {one.place for _, one in choose([read], "rejected", 4) if one.shard.stem == "000000"}
    assert 123 in places


def test_median_is_that_of_the_values_to_a_bin():
    values = np.random.default_rng(0).uniform(0.001, 0.9, 1001)
    found = Histogram.on(AREA_EDGES)
    found.add(np.array([*values, np.nan]))
    assert found.total == 1001
    assert found.median() == pytest.approx(np.median(values), rel=0.02)
    assert Histogram.on(AREA_EDGES).median() is None


def test_number_of_reasons_that_are_told_apart_is_bounded():
    counts = Counts("c")
    for number in range(MOST_REASONS + 10):
        counts._count_reason(("rejected", f"reason {number}"), 1)
    assert len(counts.reasons) == MOST_REASONS + 1
    assert counts.reasons["rejected", BEYOND] == 10


def test_card_escapes_every_text_of_the_corpus(made):
    rows = pq.read_table(made / "annotated" / "shards" / "000000.parquet").to_pylist()
    texts = dict.fromkeys(("id", "source_type", "instruction", "message", "reason"), '<img src="x" onerror=1>')
    html = card(Shown("<b>corpus</b>", {**rows[0], **texts}, problems=dict.fromkeys(("original", "mask"), "<i>no</i>")))
    assert not re.search(r"<(img|b|i)\b", html)


def test_unknown_edit_type_counts_as_other(made):
    rows = next(iter(batches(made / "annotated" / "shards" / "000000.parquet")))
    counts = Counts("c")
    counts.add(rows.assign(edit_type="never heard of"))
    assert counts.words() == ["other"]


def test_masks_left_of_the_axis_are_counted_in_the_legend(made):
    counts = Counts("c")
    rows = next(iter(batches(made / "annotated" / "shards" / "000000.parquet")))
    counts.add(rows.assign(area=[0.0, 0.0, 0.05, 0.06]))
    area, _ = draw_distributions([counts], {"area": [0.002, 0.9], "min_qes": 0.5}).axes
    labels = [text.get_text() for text in area.get_legend().get_texts()]
    assert "kept (n = 4; 2 of them smaller)" in labels
    assert area.get_xlim() == pytest.approx((0.001, 1))
