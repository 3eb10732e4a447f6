"""Reading results: frames, means, failures and fingerprints, against direct computation."""

from __future__ import annotations

import json
import sqlite3
import threading
from dataclasses import astuple

import numpy as np
import pytest
from sklearn.metrics import f1_score, jaccard_score, roc_auc_score

from imlbench import evaluate
from imlbench.differencing import grey_difference
from imlbench.errors import UserError
from imlbench.metrics import METRICS, Conventions
from imlbench.results.reading import ResultReader
from imlbench.results.store import ResultStore
from imlbench.samples import Pair
from tests.making_sets import BOX, ListDataset, Toy, edit, make_set, mask, memory_sample, photo, png, write_triple


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Two annotators on seven samples, of which one is unreadable and one a whole image; and their samples."""
    folder = tmp_path_factory.mktemp("reading")
    samples = [memory_sample(f"{number}", number, tags={"kind": "ab"[number % 2]}) for number in range(6)]
    samples[3].edited.data = b"no image"
    samples.append(memory_sample("whole", 9, scope="whole-image"))
    evaluate(ListDataset(folder, samples), ["pixdiff-10", "pixdiff-otsu"], out=folder / "results")
    return folder / "results"


@pytest.fixture
def reader(results):
    with ResultReader(results) as opened:
        yield opened


def run_id(reader, adapter="pixdiff-10"):
    return next(one.run_id for one in reader.runs() if one.run.adapter == adapter)


def difference(seed):
    original = photo(seed)
    return grey_difference(Pair("", original, edit(original, seed)))


class TestFrame:
    def test_equals_direct_computation(self, reader):
        frame = reader.frame([run_id(reader)], scope="local").set_index("sample_id")
        assert list(frame.index) == ["0", "1", "2", "4", "5"]
        truth = mask().ravel() > 0
        for name, row in frame.iterrows():
            levels = difference(int(name)).ravel()
            marked = levels >= 10
            assert (row.tp, row.fp) == ((marked & truth).sum(), (marked & ~truth).sum())
            assert (row.fn, row.tn) == ((~marked & truth).sum(), (~marked & ~truth).sum())
            assert row["f1"] == pytest.approx(f1_score(truth, marked))
            assert row["iou"] == pytest.approx(jaccard_score(truth, marked))
            assert row["auc"] == pytest.approx(roc_auc_score(truth, levels))
            assert row["mask_area"] == pytest.approx(72 / 384)
            assert row["tag:kind"] == "ab"[int(name) % 2]
            assert row["outside_difference"] == 14

    def test_all_runs_and_chosen_metrics(self, reader):
        frame = reader.frame(metrics=["iou"])
        assert len(frame) == 2 * 6
        assert "f1" not in frame.columns
        assert set(frame["adapter"]) == {"pixdiff-10", "pixdiff-otsu"}
        assert frame["severity"].isna().all()

    def test_nothing_gives_the_columns(self, reader):
        frame = reader.frame(["no such run"])
        assert len(frame) == 0
        assert set(METRICS) < set(frame.columns)

    def test_chunks_are_bounded_and_complete(self, reader):
        for size in (1, 2, 5, 100):
            chunks = list(reader.chunks(run_id(reader), scope=None, size=size))
            assert [fact["sample_id"] for chunk in chunks for fact in chunk.facts] == ["0", "1", "2", "4", "5", "whole"]
            assert max(len(chunk.table) for chunk in chunks) <= size


class TestSummaries:
    @pytest.mark.parametrize("adapter", ["pixdiff-10", "pixdiff-otsu"])
    def test_means_and_errors_equal_direct_computation(self, reader, adapter):
        one = run_id(reader, adapter)
        frame = reader.frame([one], scope="local")
        for name in ("f1", "iou", "precision", "recall", "mcc", "auc", "ap"):
            summary = reader.summarise(one, [name])[name]
            assert summary.n == 5
            assert summary.mean == pytest.approx(frame[name].mean())
            assert summary.stderr == pytest.approx(frame[name].std(ddof=1) / np.sqrt(5))
            assert summary.low <= summary.mean <= summary.high
            assert astuple(reader.stored_summaries(one)[name]) == pytest.approx(astuple(summary), abs=1e-12)

    def test_pooled_counts(self, reader):
        one = run_id(reader)
        frame = reader.frame([one], scope="local")
        pooled = reader.summarise(one, ["f1"], Conventions(average="pixel"))["f1"].mean
        assert pooled == pytest.approx(2 * frame.tp.sum() / (2 * frame.tp + frame.fp + frame.fn).sum())

    def test_runs_together_equal_runs_alone(self, reader):
        both = [one.run_id for one in reader.runs()]
        together = reader.summarise_runs(both, ["f1", "auc"])
        assert together == {one: reader.summarise(one, ["f1", "auc"]) for one in both}

    def test_another_scope_and_none(self, reader):
        one = run_id(reader)
        assert reader.summarise(one, ["f1"], scope="whole-image")["f1"].n == 1
        assert reader.summarise(one, ["f1"], scope=None)["f1"].n == 6
        nothing = reader.summarise("no such run", ["f1"])["f1"]
        assert (nothing.n, np.isnan(nothing.mean)) == (0, True)

    def test_an_unknown_metric_is_refused(self, reader):
        with pytest.raises(UserError, match="f2"):
            reader.summarise(run_id(reader), ["f2"])

    def test_none_are_stored_for_other_conventions(self, reader):
        assert reader.stored_summaries(run_id(reader), Conventions(empty="zero")) == {}


def test_runs_tell_how_far_they_got(reader):
    first = reader.runs()[0]
    assert first.statuses == {("ok", ""): 6, ("failed", "unreadable"): 1}
    assert (first.scopes, first.total("ok"), first.total("failed"), first.total("skipped")) == (
        {"local": 5, "whole-image": 1}, 6, 1, 0
    )  # fmt: skip
    assert first.recorded == 1
    assert reader.runs("detector") == []
    assert len(reader.runs("annotator")) == 2


def test_failures_have_reason_and_message(reader):
    message = "3-edited: not an image (JPEG, PNG, WebP, TIFF, BMP, GIF or PPM expected)"
    assert reader.failures(run_id(reader)) == [("3", "failed", "unreadable", message)]


def test_provenance_says_what_ran(reader):
    (record,) = reader.provenance(run_id(reader))
    assert record["dataset"] == "listed"
    assert record["devices"] == {"pixdiff-10": "cpu", "pixdiff-otsu": "cpu"}
    assert {"imlbench", "metric_version", "protocol_version", "packages", "decoders", "seed", "batch_size"} < set(
        record
    )
    assert record["started"].endswith("+00:00")
    json.dumps(record)


class TestComposited:
    def composited(self, tmp_path, edits):
        samples = []
        for number, outside in enumerate(edits):
            sample = memory_sample(str(number), number)
            original = photo(number)
            edited = original + np.uint8(outside)
            edited[BOX] = 255
            sample.edited.data = png(edited)
            samples.append(sample)
        evaluate(ListDataset(tmp_path, samples), "pixdiff-10", out=tmp_path / "out")
        with ResultReader(tmp_path / "out") as reader:
            return reader.composited(run_id(reader))

    def test_identical_outside_up_to_one_level(self, tmp_path):
        found = self.composited(tmp_path, [0, 1, 0])
        assert (found.composited, found.known, found.whole) == (3, 3, True)

    def test_some_are_not(self, tmp_path):
        found = self.composited(tmp_path, [0, 2, 1])
        assert (found.composited, found.known, found.whole) == (2, 3, False)

    def test_nothing_is_known_of_whole_images(self, tmp_path):
        samples = [memory_sample("w", scope="whole-image")]
        evaluate(ListDataset(tmp_path, samples), "pixdiff-10", out=tmp_path / "out")
        with ResultReader(tmp_path / "out") as reader:
            found = reader.composited(run_id(reader))
        assert (found.composited, found.known, found.whole) == (0, 0, False)


class TestFingerprint:
    def fingerprint(self, out):
        with ResultReader(out) as reader:
            return reader.fingerprint(reader.runs()[0].run_id)

    def test_does_not_depend_on_the_order_of_insertion(self, tmp_path):
        root = make_set(tmp_path / "set", 5)
        evaluate("folder", Toy(), data_root=root, out=tmp_path / "one")
        for name in ("03", "00", "04"):
            evaluate("folder", Toy(), data_root=root, out=tmp_path / "two", sample_ids=[name])
        partial = self.fingerprint(tmp_path / "two")
        evaluate("folder", Toy(), data_root=root, out=tmp_path / "two")
        assert self.fingerprint(tmp_path / "one") == self.fingerprint(tmp_path / "two") != partial

    def test_changes_with_the_content_of_any_file(self, tmp_path):
        root = make_set(tmp_path / "set", 3)
        evaluate("folder", Toy(), data_root=root, out=tmp_path / "out")
        seen = {self.fingerprint(tmp_path / "out")}
        for folder in ("original", "edited", "mask"):
            write_triple(tmp_path / "other", "01", 55)
            content = (tmp_path / "other" / "mask" / "01.png").read_bytes() + b"trailing"
            if folder != "mask":
                content = (tmp_path / "other" / folder / "01.png").read_bytes()
            (root / folder / "01.png").write_bytes(content)
            evaluate("folder", Toy(), data_root=root, out=tmp_path / "out")
            seen.add(self.fingerprint(tmp_path / "out"))
        assert len(seen) == 4

    def test_changes_with_the_ids(self, tmp_path):
        prints = set()
        for name in ("a", "b"):
            evaluate(ListDataset(tmp_path, [memory_sample(name)]), Toy(), out=tmp_path / name)
            prints.add(self.fingerprint(tmp_path / name))
        assert len(prints) == 2


def test_reading_goes_on_while_another_writes(tmp_path):
    root = make_set(tmp_path / "set", 30)
    out = tmp_path / "out"
    evaluate("folder", "pixdiff-0", data_root=root, out=out, limit=1)
    problems, sizes = [], []
    done = threading.Event()

    def read():
        while not done.is_set():
            try:
                with ResultReader(out) as reader:
                    sizes.append(len(reader.frame(metrics=["f1"])))
            except Exception as error:
                problems.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    for limit in (5, 10, 20, 30):
        evaluate("folder", ["pixdiff-0", "pixdiff-10"], data_root=root, out=out, limit=limit)
    done.set()
    thread.join()
    assert problems == []
    assert sizes == sorted(sizes)
    assert len(sizes) > 1


def test_a_reader_cannot_write(results):
    with ResultReader(results) as reader, pytest.raises(UserError, match="readonly"):
        list(reader.query("DELETE FROM counts"))


def test_a_damaged_histogram_is_one_line(tmp_path):
    evaluate(ListDataset(tmp_path, [memory_sample("a")]), "pixdiff-10", out=tmp_path / "out")
    ResultStore(tmp_path / "out").close()
    connection = sqlite3.connect(tmp_path / "out" / "results.db")
    connection.execute("UPDATE counts SET histogram = x'00112233'")
    connection.commit()
    connection.close()
    with (
        ResultReader(tmp_path / "out") as reader,
        pytest.raises(UserError, match=r"a histogram in the results file is damaged: .*--overwrite always"),
    ):
        reader.frame()
