"""Export and import: round trips in all formats, and files that anybody may have written."""

from __future__ import annotations

import base64
import csv
import json
import shutil
import signal
import sys
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from imlbench.errors import UserError
from imlbench.results.exchange import export_results, import_results
from imlbench.results.reading import ResultReader
from imlbench.results.row_writing import FileFormat, file_format
from imlbench.results.rows import FORMAT_VERSION, NAMES
from imlbench.results.verdicts import Verdict
from tests.making_sets import finish, start
from tests.results.hostile_results import (
    CLEAN,
    HOSTILE,
    JPEG,
    add,
    all_bins,
    change,
    content,
    half,
    hostile_results,
    one,
)
from tests.results.test_database import open_folder, without_privileges  # noqa: F401

FORMATS = ("parquet", "csv", "json")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return hostile_results(tmp_path_factory.mktemp("exchange"))


@pytest.fixture(scope="module")
def exported(results, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    for form in FORMATS:
        export_results(results, folder / f"results.{form}")
    return folder


@pytest.fixture
def out(tmp_path):
    return tmp_path / "imported"


def refusal(*arguments, **options) -> str:
    with pytest.raises(UserError) as caught:
        import_results(*arguments, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


def json_rows(path):
    return json.loads(path.read_text(encoding="utf-8"))


def written(path, rows):
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path


@pytest.fixture
def rows(exported):
    return json_rows(exported / "results.json")


class TestRoundTrip:
    @pytest.mark.parametrize("form", FORMATS)
    def test_everything_comes_back(self, results, exported, out, form):
        joined, rejected = import_results([exported / f"results.{form}"], out)
        assert (joined.verdicts[Verdict.ADDED], rejected.count) == (len(HOSTILE) + 5, 0)
        assert content(out) == content(results)
        with ResultReader(results) as before, ResultReader(out) as after:
            assert after.runs() == before.runs()
            assert [after.fingerprint(one.run_id) for one in after.runs()] == [
                before.fingerprint(one.run_id) for one in before.runs()
            ]

    @pytest.mark.parametrize("form", FORMATS)
    def test_again_changes_nothing(self, exported, out, form):
        import_results([exported / f"results.{form}"], out)
        before = content(out)
        joined, _ = import_results([exported / f"results.{form}"], out)
        assert joined.verdicts[Verdict.ADDED] == 0
        assert joined.verdicts[Verdict.KNOWN] == len(HOSTILE) + 5
        assert content(out) == before

    @pytest.mark.parametrize("form", FORMATS)
    def test_an_export_of_the_import_is_the_same_file(self, exported, out, form):
        import_results([exported / f"results.{form}"], out)
        export_results(out, out / f"again.{form}")
        assert (out / f"again.{form}").read_bytes() == (exported / f"results.{form}").read_bytes()

    @pytest.mark.parametrize("form", FORMATS)
    @pytest.mark.parametrize("seed", range(5))
    def test_random_texts(self, tmp_path, out, form, seed):
        generator = np.random.default_rng(seed)
        alphabet = "'\"=+-@,;|\\\n\r\t\0 aé日\u2028\ufeff\U0001f600"
        texts = ["".join(generator.choice(list(alphabet), generator.integers(0, 8))) for _ in range(40)]
        outcomes = [
            one(CLEAN, f"{index}{text}", all_bins(), instruction=text, tags={text: text})
            for index, text in enumerate(texts)
        ]
        add(tmp_path / "results", CLEAN, outcomes)
        export_results(tmp_path / "results", tmp_path / "file", FileFormat(form))
        import_results([tmp_path / "file"], out, FileFormat(form))
        assert content(out) == content(tmp_path / "results")

    def test_several_files_at_once_and_one_by_one(self, results, tmp_path, out):
        for adapter in ("pixdiff-10", "pixdiff-20"):
            export_results(results, tmp_path / f"{adapter}.parquet", annotators=[adapter])
        import_results([tmp_path / "pixdiff-10.parquet", tmp_path / "pixdiff-20.parquet"], out)
        assert content(out) == content(results)
        import_results([tmp_path / "pixdiff-20.parquet"], out.with_name("other"))
        import_results([tmp_path / "pixdiff-10.parquet"], out.with_name("other"))
        assert content(out.with_name("other"))["counts"] == content(results)["counts"]

    def test_more_rows_than_are_in_memory_at_once(self, tmp_path, out, monkeypatch):
        monkeypatch.setattr("imlbench.results.row_writing.ROWS_AT_ONCE", 3)
        monkeypatch.setattr("imlbench.results.json_arrays.READ_AT_ONCE", 50)
        add(tmp_path / "results", CLEAN, [one(CLEAN, f"{index:03}", half(index % 40)) for index in range(50)])
        for form in FORMATS:
            export_results(tmp_path / "results", tmp_path / f"all.{form}")
            import_results([tmp_path / f"all.{form}"], out / form)
            assert content(out / form) == content(tmp_path / "results")
        assert pq.ParquetFile(tmp_path / "all.parquet").num_row_groups == 17


class TestExport:
    def test_parquet_and_json_are_what_other_programs_read(self, exported):
        table = pq.read_table(exported / "results.parquet")
        assert table.column_names == list(NAMES)
        frame = table.to_pandas()
        assert frame["tp"].dropna().between(0, 40).all()
        assert frame["histogram"].dropna().map(lambda data: len(zlib.decompress(data)) == 2048).all()
        assert [row["sample_id"] for row in json_rows(exported / "results.json")] == list(frame["sample_id"])

    def test_no_field_of_csv_is_a_formula(self, exported):
        with (exported / "results.csv").open(encoding="utf-8", newline="") as file:
            fields = [field for row in csv.reader(file) for field in row]
        assert not [field for field in fields if field.strip().startswith(("=", "+", "@"))]
        assert not [field for field in fields if field.startswith(("-", "\t", "\r"))]

    def test_filters(self, results, tmp_path):
        path = tmp_path / "some.json"
        assert export_results(results, path, annotators=["pixdiff-2*"]) == 5
        assert {row["adapter"] for row in json_rows(path)} == {"pixdiff-20"}
        assert export_results(results, path, run_ids=[CLEAN.run_id[:6].upper()]) == len(HOSTILE)
        assert export_results(results, path, datasets=["coco*"]) == len(HOSTILE) + 5
        assert export_results(results, path, annotators=["pixdiff-10", "pixdiff-20"]) == len(HOSTILE) + 5

    @pytest.mark.parametrize(
        ("filters", "message"),
        [
            ({"annotators": ["ssim"]}, "no annotator 'ssim'; the results hold pixdiff-10, pixdiff-20"),
            ({"annotators": ["pixdiff-10", "x\ny"]}, "no annotator 'x y'"),
            ({"datasets": ["autosplice"]}, "no dataset 'autosplice'; the results hold cocoglide"),
            ({"run_ids": ["zzzzzz"]}, "no run 'zzzzzz*'"),
        ],
    )
    def test_a_filter_that_lets_nothing_pass(self, results, tmp_path, filters, message):
        with pytest.raises(UserError) as caught:
            export_results(results, tmp_path / "some.csv", **filters)
        assert message in str(caught.value)
        assert not list(tmp_path.iterdir())

    def test_nothing_to_export(self, tmp_path):
        add(tmp_path, CLEAN, [])
        with pytest.raises(UserError, match="nothing to export"):
            export_results(tmp_path, tmp_path / "all.csv")

    @pytest.mark.parametrize("name", ["results.db", "results.db-wal", "results.db-shm"])
    def test_the_results_file_is_not_overwritten(self, tmp_path, name):
        add(tmp_path, CLEAN, [one(CLEAN, "a", half(1))])
        with pytest.raises(UserError, match="is the results file itself"):
            export_results(tmp_path, tmp_path / name, FileFormat.CSV)
        link = tmp_path / "all.csv"
        link.symlink_to(tmp_path / "results.db")
        with pytest.raises(UserError, match="is the results file itself"):
            export_results(tmp_path, link)
        assert content(tmp_path)["counts"]

    def test_formats_by_suffix(self):
        assert file_format(Path("a.PARQUET")) == "parquet"
        assert file_format(Path("a.txt"), FileFormat.CSV) == "csv"
        with pytest.raises(UserError, match=r"expected a name ending in \.parquet, \.csv, \.json, or --format"):
            file_format(Path("results.db"))

    def test_a_damaged_file_leaves_the_older_export(self, tmp_path):
        add(tmp_path, CLEAN, [one(CLEAN, "a", half(1)), one(CLEAN, "b", half(1))])
        export_results(tmp_path, tmp_path / "all.csv")
        before = (tmp_path / "all.csv").read_bytes()
        change(tmp_path, "UPDATE counts SET message = CAST(X'FF' AS TEXT) WHERE sample_id = 'b'")
        with pytest.raises(UserError, match="not a usable results file"):
            export_results(tmp_path, tmp_path / "all.csv")
        assert (tmp_path / "all.csv").read_bytes() == before
        assert sorted(path.name for path in tmp_path.iterdir()) == ["all.csv", "results.db"]

    def test_a_read_only_folder(self, results, open_folder):  # noqa: F811
        shutil.copy(results / "results.db", open_folder)
        open_folder.chmod(0o555)
        with without_privileges(), pytest.raises(UserError, match=r"all\.csv: cannot be written \(Permission denied\)"):
            export_results(open_folder, open_folder / "all.csv")


class TestDamagedFiles:
    """Nothing is imported, and no results file is left behind."""

    @pytest.fixture(autouse=True)
    def _nothing_is_left(self, tmp_path, out):
        yield
        assert not out.exists()

    @pytest.mark.parametrize("form", FORMATS)
    def test_cut_off_anywhere(self, exported, tmp_path, out, form):
        data = (exported / f"results.{form}").read_bytes()
        for length in (*range(0, len(data) - 3, len(data) // 23), len(data) - 3):
            path = tmp_path / f"cut.{form}"
            path.write_bytes(data[:length])
            assert f"cut.{form}" in refusal([path], out), length

    def test_csv_cut_off_between_two_rows(self, exported, tmp_path, out):
        lines = (exported / "results.csv").read_bytes().split(b"\r\n")
        path = tmp_path / "cut.csv"
        for keep, found in ((-2, "found 24"), (1, "expected at least one row, found 0")):
            path.write_bytes(b"\r\n".join(lines[:keep]) + b"\r\n")
            assert found in (message := refusal([path], out))
            assert message.endswith("the file is damaged or was cut off: export it anew")

    @pytest.mark.parametrize("form", FORMATS)
    @pytest.mark.parametrize(
        "data", [b"", b"\0" * 100, b"\xff\xfe\xfd", b"PAR1PAR1", b"[" * 100_000, b'{"a": 1}', b"[1]"]
    )
    def test_something_else(self, tmp_path, out, form, data):
        path = tmp_path / f"other.{form}"
        path.write_bytes(data)
        assert str(path) in refusal([path], out)

    @pytest.mark.parametrize(
        "text", ["[NaN]", '[{"format_version": NaN}]', "[{}", "[{},]", "[{} {}]", "[] []", "[{}] x"]
    )
    def test_no_json(self, tmp_path, out, text):
        path = tmp_path / "other.json"
        path.write_text(text)
        assert str(path) in refusal([path], out)

    def test_a_number_of_a_million_digits(self, rows, tmp_path, out):
        path = written(tmp_path / "rows.json", rows)
        path.write_text(path.read_text().replace('"tp": ', f'"tp": {"9" * 1_000_000}', 1))
        assert "not readable as json" in refusal([path], out)

    @pytest.mark.parametrize("form", FORMATS)
    def test_a_newer_format(self, exported, tmp_path, out, form, monkeypatch, results):
        monkeypatch.setattr("imlbench.results.row_writing.FORMAT_VERSION", FORMAT_VERSION + 1)
        export_results(results, tmp_path / f"new.{form}")
        message = refusal([tmp_path / f"new.{form}"], out)
        newer = f"written with exchange format {FORMAT_VERSION + 1}, this imlbench reads up to {FORMAT_VERSION}"
        assert message.endswith(f"{newer}: upgrade imlbench")

    def test_a_newer_format_with_more_columns(self, rows, tmp_path, out):
        path = written(tmp_path / "rows.json", [{**row, "format_version": 7, "more": 1} for row in rows])
        assert "upgrade imlbench" in refusal([path], out)

    def test_unknown_and_missing_columns(self, rows, tmp_path, out):
        path = written(tmp_path / "rows.json", [{**row, "=more": 1} for row in rows])
        assert "unknown columns: =more; expected the columns of `imlbench results export`" in refusal([path], out)
        path = written(tmp_path / "rows.json", [{"format_version": 1, "tp": 1}])
        assert "missing columns: run_id, kind, adapter, adapter_title, dataset, ...;" in refusal([path], out)

    def test_csv_with_two_columns_of_one_name(self, exported, tmp_path, out):
        text = (exported / "results.csv").read_text(encoding="utf-8").replace("fp,fn", "fp,fp", 1)
        (tmp_path / "two.csv").write_text(text, encoding="utf-8", newline="")
        assert "two columns of one name" in refusal([tmp_path / "two.csv"], out)

    def test_parquet_columns_of_another_type(self, exported, tmp_path, out):
        table = pq.read_table(exported / "results.parquet")
        at = table.column_names.index("tp")
        table = table.set_column(at, "tp", pa.array(["1"] * len(table)))
        pq.write_table(table, tmp_path / "types.parquet")
        assert "column tp: expected int64, found string" in refusal([tmp_path / "types.parquet"], out)

    def test_no_file_and_no_format(self, tmp_path, out):
        assert "no such file" in refusal([tmp_path / "nowhere.csv"], out)
        assert "no such file" in refusal([tmp_path], out, FileFormat.CSV)
        assert "expected a name ending in" in refusal([tmp_path / "results.db"], out)

    def test_one_bad_file_of_two(self, exported, tmp_path, out):
        (tmp_path / "bad.csv").write_text("x")
        assert "bad.csv" in refusal([exported / "results.csv", tmp_path / "bad.csv"], out)


def test_parquet_that_went_through_pandas_is_taken(exported, results, tmp_path, out):
    table = pq.read_table(exported / "results.parquet")
    wide = [pa.large_string() if pa.types.is_string(field.type) else field.type for field in table.schema]
    wide = [
        pa.int32() if name in ("width", "soft") else kind for name, kind in zip(table.column_names, wide, strict=True)
    ]
    schema = pa.schema(list(zip(table.column_names, wide, strict=True)))
    pq.write_table(table.cast(schema), tmp_path / "wide.parquet")
    import_results([tmp_path / "wide.parquet"], out)
    assert content(out) == content(results)


def test_reformatted_json_is_taken(rows, results, tmp_path, out):
    (tmp_path / "pretty.json").write_text(json.dumps(rows, indent=4, sort_keys=True), encoding="utf-8")
    import_results([tmp_path / "pretty.json"], out)
    assert content(out) == content(results)


SPOILT = [
    ({"tp": -1}, "tp: expected a number from 0 up to 2^63 - 1, found -1"),
    ({"tp": 1 << 63}, "tp: expected a number from 0"),
    ({"tp": "1"}, "tp: expected integer, found '1'"),
    ({"tp": 1.0}, "tp: expected integer, found 1.0"),
    ({"tp": True}, "tp: expected integer, found True"),
    ({"tp": None}, "tp: expected numbers for a scored sample, found nothing"),
    ({"tn": 0}, "tp + fp + fn + tn is "),
    ({"edited_pixels": 41}, "tp + fn is 40, the mask has 41 pixels"),
    ({"width": None}, "width: expected numbers for a scored sample"),
    ({"histogram": "no base64"}, "histogram: expected base64"),
    ({"histogram": 7}, "histogram: expected base64"),
    ({"histogram": "AAAA"}, "histogram: cannot be unpacked"),
    ({"boundary_tolerance": 1, "boundary_true": None}, "boundary columns: expected all of them or none"),
    ({"severity": 10**400}, "severity: expected a finite number"),
    ({"perturbation": "jpeg"}, "perturbation: the run's identity says otherwise, found 'jpeg'"),
    ({"kind": "oracle"}, "kind: expected one of annotator, detector, found 'oracle'"),
    ({"soft": 2}, "soft: expected one of 0, 1, found 2"),
    ({"scope": ""}, "scope: expected one of local, whole-image, authentic, found ''"),
    ({"status": "failed"}, "reason: expected one for a sample that is failed"),
    ({"status": "failed", "reason": "x"}, "tp, fp, fn, tn"),
    ({"reason": "x"}, "reason: expected none for a scored sample"),
    ({"run_id": "0" * 16}, "run_id: its identity gives "),
    ({"identity": "{}"}, "run_id: its identity gives "),
    ({"identity": "[]"}, "identity: expected a JSON object"),
    ({"card": "=1"}, "card: expected a JSON object"),
    ({"provenance": "[" * 100_000}, "provenance: expected a JSON object"),
    ({"tags": '{"a": 1}'}, "tags: expected texts only"),
    ({"notes": "{}"}, "notes: expected a JSON array"),
    ({"started": "yesterday"}, "started: expected a time such as"),
    ({"created": "2026-01-01"}, "created: expected a time such as"),
    ({"sample_id": ""}, "sample_id: expected one, found nothing"),
    ({"sample_id": None}, "sample_id: expected text, found nothing"),
    ({"instruction": "\ud800"}, "instruction: expected text, found half characters"),
    ({"outside_difference": 256}, "outside_difference: expected 0 to 255, found 256"),
    ({"seconds": -1}, "seconds: expected 0 or more, found -1.0"),
    ({"rows_in_file": 7}, "rows_in_file: expected 25, found 7"),
    ({"format_version": 0}, f"format_version: expected {FORMAT_VERSION}, found 0"),
    ({"adapter_title": "other"}, "adapter_title: other than in an earlier row of run "),
    ({"finished": None, "started": "2027-01-01T00:00:00+00:00"}, "invocation_id: 1 has another provenance"),
]


class TestInvalidRows:
    @pytest.mark.parametrize(("changes", "message"), SPOILT)
    def test_are_refused_by_name_and_nothing_is_imported(self, rows, tmp_path, out, changes, message):
        rows[2] = {**rows[2], **changes}
        path = written(tmp_path / "rows.json", rows)
        found = refusal([path], out)
        assert found.startswith(f"1 row is invalid: {path}, row 3: {message}")
        assert found.endswith("nothing was imported; --skip-invalid imports the others")
        assert not out.exists()

    def test_are_counted_where_the_others_are_wanted(self, rows, results, tmp_path, out):
        rows[1] = {**rows[1], "tp": -1}
        rows[3] = {**rows[3], "more": 1}
        joined, rejected = import_results([written(tmp_path / "rows.json", rows)], out, skip_invalid=True)
        assert (rejected.count, joined.verdicts[Verdict.ADDED]) == (2, 23)
        assert "row 2: tp: expected" in rejected.first[0]
        assert "row 4: other columns than the first row" in rejected.first[1]
        assert len(content(out)["counts"]) == 23

    def test_of_csv(self, exported, tmp_path, out):
        with (exported / "results.csv").open(encoding="utf-8", newline="") as file:
            lines = list(csv.reader(file))
        for number, (name, text) in enumerate(
            (("tp", "1_0"), ("threshold", "inf"), ("histogram", "?"), ("tp", "=1")), 2
        ):
            lines[number][NAMES.index(name)] = text
        with (tmp_path / "bad.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(lines)
        message = refusal([tmp_path / "bad.csv"], out)
        assert message.startswith("4 rows are invalid: ")
        assert "row 2: tp: expected integer, found '1_0'" in message
        assert "row 3: threshold: expected real, found 'inf'" in message
        assert "row 4: histogram: expected base64, found '?'" in message

    def test_with_a_histogram_of_other_sums_or_of_another_size(self, rows, tmp_path, out):
        index = next(index for index, row in enumerate(rows) if row["histogram"])
        bomb = zlib.compress(b"\0" * 50_000_000)
        for data, message in (
            (zlib.compress(b"\0" * 2048), "histogram: expected sums of 60 and 40, found 0 and 0"),
            (zlib.compress(b"\0" * 2047), "histogram: expected exactly 2048 packed bytes"),
            (zlib.compress(b"\0" * 2048) + b"x", "histogram: expected exactly 2048 packed bytes"),
            (bomb, "histogram: expected exactly 2048 packed bytes"),
        ):
            rows[index] = {**rows[index], "histogram": base64.b64encode(data).decode()}
            assert message in refusal([written(tmp_path / "rows.json", rows)], out)


class TestExistingResults:
    @pytest.fixture
    def there(self, tmp_path):
        return add(tmp_path / "there", CLEAN, [one(CLEAN, "a", half(10)), one(CLEAN, "b", half(10))])

    def test_new_samples_join_and_old_means_go(self, there, tmp_path):
        change(
            there,
            "INSERT INTO summaries VALUES (?, 'f1', 'one', 'image', 'never', 2, 0.5, 0.1, 0.4, 0.6, 1000, 0)",
            CLEAN.run_id,
        )
        add(tmp_path / "more", CLEAN, [one(CLEAN, "c", half(10))], "2026-01-02T00:00:00+00:00")
        export_results(tmp_path / "more", tmp_path / "more.csv")
        joined, _ = import_results([tmp_path / "more.csv"], there)
        assert joined.verdicts[Verdict.ADDED] == 1
        with ResultReader(there) as reader:
            assert reader.runs()[0].total("ok") == 3
            assert reader.stored_summaries(CLEAN.run_id) == {}
            assert [said["command"] for said in reader.provenance(CLEAN.run_id)] == [
                ["2026-01-01T00:00:00+00:00"],
                ["2026-01-02T00:00:00+00:00"],
            ]

    def test_a_conflict_leaves_them_as_they_were(self, there, tmp_path):
        add(
            tmp_path / "more", CLEAN, [one(CLEAN, "0", half(1)), one(CLEAN, "a", half(11))], "2026-01-02T00:00:00+00:00"
        )
        export_results(tmp_path / "more", tmp_path / "more.csv")
        before = content(there)
        message = refusal([tmp_path / "more.csv"], there)
        assert f"different counts in run pixdiff-10 on cocoglide [{CLEAN.run_id[:12]}]: 1 sample (a)" in message
        assert content(there) == before
        import_results([tmp_path / "more.csv"], there, keep="newest")
        assert len(content(there)["counts"]) == 3

    def test_an_invalid_row_leaves_them_as_they_were(self, there, rows, tmp_path):
        before = content(there)
        rows[-1] = {**rows[-1], "message": None}
        refusal([written(tmp_path / "rows.json", rows)], there)
        assert content(there) == before

    def test_a_read_only_file(self, exported, there, open_folder):  # noqa: F811
        shutil.copy(there / "results.db", open_folder)
        shutil.copy(exported / "results.csv", open_folder)
        (open_folder / "results.db").chmod(0o444)
        open_folder.chmod(0o555)
        with without_privileges():
            message = refusal([open_folder / "results.csv"], open_folder)
        assert "choose a writable folder" in message
        assert len(content(open_folder)["counts"]) == 2

    def test_a_writer_may_go_on_afterwards(self, there, exported):
        import_results([exported / "results.csv"], there)
        add(there, JPEG, [one(JPEG, "z", half(3))], "2099-03-01T00:00:00+00:00")
        with ResultReader(there) as reader:
            assert max(reader.runs(), key=lambda stored: stored.recorded).run == JPEG

    def test_kill_9_in_the_middle_leaves_them_as_they_were(self, there, tmp_path):
        add(tmp_path / "many", CLEAN, [one(CLEAN, f"n{index:05}", all_bins()) for index in range(3000)])
        export_results(tmp_path / "many", tmp_path / "many.parquet")
        before = content(there)
        slow = (
            "import sys, time; import imlbench.results.exchange as exchange; check = exchange.check_row; "
            "exchange.check_row = lambda row: (print('row', flush=True), time.sleep(0.01), check(row)); "
            "exchange.import_results([sys.argv[1]], sys.argv[2])"
        )
        for target in (there, tmp_path / "new"):
            process = start(tmp_path / "many.parquet", target, code=(sys.executable, "-c", slow))
            for _ in range(20):
                assert process.stdout.readline() == "row\n"
            process.send_signal(signal.SIGKILL)
            finish(process)
        assert content(there) == before
        assert not (tmp_path / "new" / "results.db").exists()
        import_results([tmp_path / "many.parquet"], there)
        assert len(content(there)["counts"]) == 3002
