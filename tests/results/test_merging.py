"""Merging results files: what is one, what is refused, what stays linked."""

from __future__ import annotations

import json
import shutil
import zlib
from dataclasses import replace

import pytest

from imlbench import evaluate
from imlbench.boundaries import Boundary
from imlbench.errors import UserError
from imlbench.results import merging
from imlbench.results.merging import merge_results
from imlbench.results.reading import ResultReader
from imlbench.results.verdicts import Verdict
from tests.making_sets import ListDataset, memory_sample
from tests.reports.making_results import make_run, soft, unscored
from tests.results.hostile_results import CLEAN, JPEG, add, all_bins, change, content, half, hostile_results, one
from tests.results.test_exchange import open_folder, without_privileges  # noqa: F401

LATER = "2026-01-02T00:00:00+00:00"


@pytest.fixture
def a(tmp_path):
    return add(tmp_path / "a", CLEAN, [one(CLEAN, "both", half(10)), one(CLEAN, "only a", half(20))])


@pytest.fixture
def b(tmp_path):
    return add(tmp_path / "b", CLEAN, [one(CLEAN, "both", half(10)), one(CLEAN, "only b", half(30))], LATER)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def refusal(*arguments, **options) -> str:
    with pytest.raises(UserError) as caught:
        merge_results(*arguments, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


def refused_both_ways(a, b, out) -> str:
    """The message; nothing may be left, nor anything changed."""
    before = content(a), content(b)
    messages = [refusal(folders, out) for folders in ([b, a], [a, b])]
    assert not out.exists()
    assert (content(a), content(b)) == before
    return messages[1]


class TestJoining:
    def test_equal_results_become_one_and_the_others_join(self, a, b, out):
        before = content(a), content(b)
        joined = merge_results([a, b], out)
        assert (joined.verdicts[Verdict.ADDED], joined.verdicts[Verdict.KNOWN]) == (3, 1)
        assert [row[1] for row in content(out)["counts"]] == ["both", "only a", "only b"]
        assert len(content(out)["runs"]) == 1
        assert (content(a), content(b)) == before

    def test_one_file_is_copied_whole(self, tmp_path, out):
        results = hostile_results(tmp_path / "hostile")
        merge_results([results], out)
        assert content(out) == content(results)
        merge_results([results, results], tmp_path / "twice")
        assert content(tmp_path / "twice") == content(results)

    def test_again_changes_nothing(self, a, b, out):
        merge_results([a, b], out)
        before = content(out)
        joined = merge_results([b, a], out)
        assert joined.verdicts[Verdict.KNOWN] == 4
        assert content(out) == before

    def test_into_a_folder_that_holds_results(self, a, b, tmp_path, out):
        add(out, JPEG, [one(JPEG, "x", half(1))], "2026-01-03T00:00:00+00:00")
        merge_results([a, b], out)
        with ResultReader(out) as reader:
            totals = {stored.run.adapter: stored.total("ok") for stored in reader.runs()}
        assert totals == {"pixdiff-10": 3, "pixdiff-20": 1}

    def test_provenance_of_both_stays_linked(self, a, b, out):
        merge_results([b, a], out)
        with ResultReader(out) as reader:
            assert [said["started"] for said in reader.provenance(CLEAN.run_id)] == ["2026-01-01T00:00:00+00:00", LATER]
            statement = "SELECT started FROM counts JOIN invocations USING (invocation_id) WHERE sample_id = ?"
            assert reader.query(statement, "only a") == [("2026-01-01T00:00:00+00:00",)]
            assert reader.query(statement, "only b") == [(LATER,)]

    def test_the_newest_run_is_the_one_that_was_made_last_whatever_the_order(self, tmp_path):
        old = make_run("pixdiff-10", version="1")
        new = make_run("pixdiff-10", version="2")
        a = add(tmp_path / "a", new, [one(new, "x", half(1))], LATER)
        b = add(tmp_path / "b", old, [one(old, "x", half(2))])
        for index, folders in enumerate(([a, b], [b, a])):
            merge_results(folders, tmp_path / f"{index}")
            with ResultReader(tmp_path / f"{index}") as reader:
                assert max(reader.runs(), key=lambda stored: stored.recorded).run == new

    def test_invocations_of_one_second_stay_apart(self, tmp_path, out):
        for run in (CLEAN, JPEG):
            add(tmp_path / "a", run, [one(run, "x", half(1))])
        merge_results([tmp_path / "a", tmp_path / "a"], out)
        merge_results([tmp_path / "a"], out)
        assert content(out) == content(tmp_path / "a")

    def test_an_invocation_that_has_ended_meanwhile_is_the_same(self, a, tmp_path, out):
        shutil.copytree(a, tmp_path / "early")
        change(tmp_path / "early", "UPDATE invocations SET finished = NULL")
        merge_results([tmp_path / "early", a], out)
        assert content(out) == content(a)

    def test_runs_without_samples_are_kept(self, a, tmp_path, out):
        add(tmp_path / "empty", JPEG, [])
        merge_results([a, tmp_path / "empty"], out)
        assert [row[2] for row in content(out)["runs"]] == ["pixdiff-10", "pixdiff-20"]

    def test_means_of_runs_that_gained_results_are_dropped(self, a, b, out):
        summary = "INSERT INTO summaries VALUES (?, 'f1', 'one', 'image', 'never', 2, 0.5, 0.1, 0.4, 0.6, 1000, 0)"
        merge_results([a], out)
        change(out, summary, CLEAN.run_id)
        merge_results([a], out)
        with ResultReader(out) as reader:
            assert reader.stored_summaries(CLEAN.run_id)
        merge_results([b], out)
        with ResultReader(out) as reader:
            assert not reader.stored_summaries(CLEAN.run_id)

    def test_two_machines_halves_are_the_whole_and_nothing_is_computed_again(self, tmp_path, out):
        samples = [memory_sample(f"{number}", number) for number in range(8)]
        halves = {"a": samples[:5], "b": samples[3:]}
        for name, half_set in halves.items():
            evaluate(ListDataset(tmp_path, half_set), ["pixdiff-10", "pixdiff-otsu"], out=tmp_path / name)
        whole = tmp_path / "whole"
        evaluate(ListDataset(tmp_path, samples), ["pixdiff-10", "pixdiff-otsu"], out=whole)
        merge_results([tmp_path / "a", tmp_path / "b"], out)
        with ResultReader(out) as merged, ResultReader(whole) as reader:
            for stored in reader.runs():
                assert merged.fingerprint(stored.run_id) == reader.fingerprint(stored.run_id)
                assert merged.summarise(stored.run_id, ["f1"]) == reader.summarise(stored.run_id, ["f1"])
        before = content(out)["counts"]
        evaluate(ListDataset(tmp_path, samples), ["pixdiff-10", "pixdiff-otsu"], out=out)
        assert content(out)["counts"] == before


class TestFailures:
    @pytest.mark.parametrize("order", [1, -1])
    def test_a_score_wins_over_a_failure(self, tmp_path, out, order):
        a = add(tmp_path / "a", CLEAN, [unscored(CLEAN, "x", "failed", "unreadable")], LATER)
        b = add(tmp_path / "b", CLEAN, [one(CLEAN, "x", half(10))])
        merge_results([a, b][::order], out)
        assert [row[5] for row in content(out)["counts"]] == [""]
        with ResultReader(out) as reader:
            assert reader.runs()[0].total("ok") == 1

    @pytest.mark.parametrize("order", [1, -1])
    def test_of_two_failures_the_newest_stays(self, tmp_path, out, order):
        a = add(tmp_path / "a", CLEAN, [unscored(CLEAN, "x", "failed", "too-large")], LATER)
        b = add(tmp_path / "b", CLEAN, [unscored(CLEAN, "x", "failed", "unreadable")])
        merge_results([a, b][::order], out)
        with ResultReader(out) as reader:
            assert reader.failures(CLEAN.run_id)[0][2] == "too-large"

    @pytest.mark.parametrize("order", [1, -1])
    def test_boundaries_that_one_side_looked_at_are_kept(self, tmp_path, out, order):
        a = add(tmp_path / "a", CLEAN, [one(CLEAN, "x", replace(half(10), boundary=Boundary(2, 9, 8, 7, 6)))])
        b = add(tmp_path / "b", CLEAN, [one(CLEAN, "x", half(10))], LATER)
        merge_results([a, b][::order], out)
        assert content(out)["counts"][0][-6:] == (2, 9, 8, 7, 6, None)


class TestConflicts:
    def test_of_counts(self, a, tmp_path, out):
        c = add(tmp_path / "c", CLEAN, [one(CLEAN, "both", half(11)), one(CLEAN, "c", half(1))], LATER)
        message = refused_both_ways(a, c, out)
        run = f"pixdiff-10 on cocoglide [{CLEAN.run_id[:12]}]"
        expected = f"different counts in run {run}: 1 sample (both): compute one of them anew; or keep the newest"
        assert message == f"{c}/results.db against {a}/results.db: {expected} with --keep newest"

    def test_of_counts_where_the_newest_is_wanted(self, a, tmp_path):
        c = add(tmp_path / "c", CLEAN, [one(CLEAN, "both", half(11))], LATER)
        for index, folders in enumerate(([a, c], [c, a])):
            merge_results(folders, tmp_path / f"{index}", keep="newest")
            with ResultReader(tmp_path / f"{index}") as reader:
                assert reader.table(CLEAN.run_id).tp.tolist() == [11, 20]

    def test_of_histograms_alone(self, tmp_path, out):
        first, second = soft(200, 5), soft(201, 5)
        a = add(tmp_path / "a", CLEAN, [one(CLEAN, "x", first)])
        b = add(tmp_path / "b", CLEAN, [one(CLEAN, "x", second)])
        assert "different counts" in refused_both_ways(a, b, out)

    def test_another_packing_of_one_histogram_is_none(self, tmp_path, out):
        a = add(tmp_path / "a", CLEAN, [one(CLEAN, "x", all_bins())])
        b = add(tmp_path / "b", CLEAN, [one(CLEAN, "x", all_bins())])
        with ResultReader(b) as reader:
            ((packed,),) = reader.query("SELECT histogram FROM counts")
        other = zlib.compress(zlib.decompress(packed), 9)
        assert other != packed
        change(b, "UPDATE counts SET histogram = ?", other)
        assert merge_results([a, b], out).verdicts[Verdict.KNOWN] == 1

    def test_of_images_also_in_other_runs_and_without_a_way_out(self, a, tmp_path, out):
        samples = [one(JPEG, name, half(1), content="another set") for name in ("both", "only a", "new")]
        c = add(tmp_path / "c", JPEG, samples, LATER)
        message = refused_both_ways(a, c, out)
        assert "dataset cocoglide has other images or masks: 2 samples (both, only a): use the same copy" in message
        assert "has other images" in refusal([a, c], out, keep="newest")

    def test_many_samples_are_named_briefly(self, tmp_path, out):
        a = add(tmp_path / "a", CLEAN, [one(CLEAN, f"x{index}", half(1)) for index in range(9)])
        b = add(tmp_path / "b", CLEAN, [one(CLEAN, f"x{index}", half(2)) for index in range(9)])
        assert "9 samples (x0, x1, x2, x3, x4, ...)" in refused_both_ways(a, b, out)

    def test_another_dataset_may_have_the_same_ids(self, a, tmp_path, out):
        other = make_run("pixdiff-10", dataset="autosplice")
        c = add(tmp_path / "c", other, [one(other, "both", half(3), content="x")])
        assert merge_results([a, c], out).verdicts[Verdict.ADDED] == 3

    def test_of_metric_versions(self, a, tmp_path, out):
        newer = replace(CLEAN, identity=json.dumps({**json.loads(CLEAN.identity), "metric_version": "2"}))
        c = add(tmp_path / "c", newer, [one(newer, "c", half(1))], LATER)
        message = refused_both_ways(a, c, out)
        assert (
            "pixdiff-10 on cocoglide has metric version 2, protocol version unknown against metric version 1" in message
        )
        # Once both have the newer one, the older run beside it is no obstacle.
        add(a, newer, [one(newer, "d", half(1))], LATER)
        assert merge_results([a, c], out).verdicts[Verdict.ADDED] == 4

    def test_metric_versions_of_another_condition_do_not_matter(self, a, tmp_path, out):
        newer = replace(JPEG, adapter="pixdiff-10")
        newer = replace(newer, identity=json.dumps({"adapter": "pixdiff-10", "metric_version": "2"}))
        c = add(tmp_path / "c", newer, [one(newer, "c", half(1))])
        assert merge_results([a, c], out).verdicts[Verdict.ADDED] == 3

    def test_of_the_third_file_leaves_nothing_of_the_first_two(self, a, b, tmp_path, out):
        c = add(tmp_path / "c", CLEAN, [one(CLEAN, "only b", half(11))], LATER)
        message = refusal([a, b, c], out)
        assert message.startswith(f"{c}/results.db against {a}/results.db and {b}/results.db: different counts")
        assert not out.exists()
        merge_results([a], out)
        before = content(out)
        refusal([b, c], out)
        assert content(out) == before


class TestFiles:
    def test_an_input_is_never_the_output(self, a, b, tmp_path):
        before = content(a)
        assert f"{a}/results.db: is an input and the output" in refusal([a, b], a)
        (tmp_path / "link").symlink_to(a)
        assert "is an input and the output" in refusal([b, tmp_path / "link"], a / "results.db")
        assert content(a) == before

    def test_missing_and_foreign_inputs(self, a, tmp_path, out):
        assert "no results file" in refusal([a, tmp_path / "nowhere"], out)
        (tmp_path / "foreign.db").write_bytes(b"no database" * 100)
        assert "not a usable results file" in refusal([a, tmp_path / "foreign.db"], out)
        assert not out.exists()

    def test_a_file_that_holds_what_nobody_counted(self, a, b, out):
        change(b, "UPDATE counts SET tp = -5 WHERE sample_id = 'only b'")
        message = refusal([a, b], out)
        assert f"{b}/results.db: run {CLEAN.run_id}, sample only b: tp: expected a number from 0" in message
        assert not out.exists()

    def test_inputs_that_cannot_be_written_are_read(self, a, open_folder, out):  # noqa: F811
        shutil.copy(a / "results.db", open_folder)
        (open_folder / "results.db").chmod(0o444)
        before = (open_folder / "results.db").read_bytes()
        merge_results([open_folder], out)
        assert (open_folder / "results.db").read_bytes() == before
        assert [path.name for path in open_folder.iterdir()] == ["results.db"]

    def test_an_output_that_cannot_be_written(self, a, open_folder):  # noqa: F811
        shutil.copytree(a, open_folder / "a")
        open_folder.chmod(0o555)
        with without_privileges():
            message = refusal([open_folder / "a"], open_folder / "out")
        assert "choose a writable folder with --out" in message

    def test_nothing_but_the_results_file_is_left(self, a, b, out):
        merge_results([a, b], out / "deep" / "er")
        assert [path.name for path in out.rglob("*")] == ["deep", "er", "results.db"]

    def test_another_process_may_have_made_the_file_meanwhile(self, a, out, monkeypatch):
        def meanwhile(*arguments):
            out.mkdir(exist_ok=True)
            (out / "results.db").write_text("theirs")
            return original(*arguments)

        original = merging.join_reader
        monkeypatch.setattr(merging, "join_reader", meanwhile)
        assert "another process has made this file meanwhile" in refusal([a], out)
        assert (out / "results.db").read_text() == "theirs"
        assert [path.name for path in out.iterdir()] == ["results.db"]
