"""Comparing runs: pairing by id and content, the paired bootstrap, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from imlbench.comparison import Changed, Tally, compare_runs, condition_label, metric_version
from imlbench.errors import UserError
from imlbench.metrics import Conventions
from imlbench.results.reading import CHUNK, ResultReader
from imlbench.results.records import Outcome
from imlbench.statistics import resampling_weights
from tests.reports.making_results import facts, hard, make_run, scored, soft, unscored, write

A = make_run("pixdiff-10")
B = make_run("pixdiff-20", "PixDiff-Fixed(20)")


def compare(folder, *arguments, **options):
    with ResultReader(folder) as reader:
        by_adapter = {one.run.adapter: one for one in reader.runs()}
        names = [options.pop(side, default) for side, default in (("a", "pixdiff-10"), ("b", "pixdiff-20"))]
        return compare_runs(reader, *(by_adapter[name] for name in names), *arguments, **options)


def one(run, name, counts, **changes):
    return Outcome(run.run_id, facts(run.dataset, name, **changes), "", "ok", counts=counts)


def half(tp):
    """F1 = 2 tp / (2 tp + 40 - tp)."""
    return hard(tp, 0, 40 - tp, 60)


def f1(tp):
    return 2 * tp / (2 * tp + 40 - tp)


class TestDifferences:
    def test_are_b_minus_a_over_the_paired_samples(self, tmp_path):
        before, after = [10, 20, 30, 40], [20, 20, 20, 40]
        write(tmp_path, (A, scored(A, [half(tp) for tp in before])), (B, scored(B, [half(tp) for tp in after])))
        found = compare(tmp_path)
        differences = [f1(tp) - f1(was) for was, tp in zip(before, after, strict=True)]
        assert (found.n, found.only_a, found.only_b, found.other_content) == (4, 0, 0, 0)
        assert found.differences["f1"].n == 4
        assert found.differences["f1"].mean == pytest.approx(np.mean(differences))
        assert found.differences["f1"].stderr == pytest.approx(np.std(differences, ddof=1) / 2)
        assert found.differences["iou"].mean == pytest.approx(np.mean([0.25, 0, -0.25, 0]))
        assert found.means["iou"] == (pytest.approx(0.625), pytest.approx(0.625))
        assert found.tallies == {"f1": Tally(1, 2, 1), "iou": Tally(1, 2, 1)}

    def test_have_the_paired_bootstraps_interval(self, tmp_path):
        generator = np.random.default_rng(0)
        before, after = generator.integers(1, 41, (2, 30)).tolist()
        write(tmp_path, (A, scored(A, [half(tp) for tp in before])), (B, scored(B, [half(tp) for tp in after])))
        # In the order of the ids as text, as the file returns them.
        order = sorted(range(30), key=lambda index: f"s{index}")
        differences = np.array([f1(after[index]) - f1(before[index]) for index in order])
        drawn = np.concatenate([weights @ differences / 30 for weights in resampling_weights(30, 1000, 7)])
        found = compare(tmp_path, seed=7).differences["f1"]
        assert (found.low, found.high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])))
        assert compare(tmp_path, seed=8).differences["f1"].low != found.low

    def test_of_a_run_with_itself_are_nothing(self, tmp_path):
        write(tmp_path, (A, scored(A, [half(10), half(20)])))
        found = compare(tmp_path, b="pixdiff-10")
        assert (found.differences["f1"].mean, found.differences["f1"].low, found.differences["f1"].high) == (0, 0, 0)
        assert found.changed == ()
        assert found.tallies["f1"] == Tally(0, 2, 0)

    def test_leave_out_samples_without_a_value(self, tmp_path):
        blank, marked = hard(0, 0, 0, 100), hard(0, 100, 0, 0)
        write(tmp_path, (A, scored(A, [blank, half(20)])), (B, scored(B, [marked, half(40)])))
        found = compare(tmp_path, conventions=Conventions(empty="skip"))
        assert (found.n, found.differences["f1"].n) == (2, 1)
        assert found.means["f1"] == (pytest.approx(f1(20)), pytest.approx(1))
        assert found.changed == (Changed("s1", pytest.approx(f1(20)), 1.0),)
        assert compare(tmp_path).differences["f1"].n == 2

    def test_of_a_metric_that_nobody_computed_do_not_exist(self, tmp_path):
        write(tmp_path, (A, scored(A, [half(10)])), (B, scored(B, [half(20)])))
        found = compare(tmp_path, ["boundary_f1"]).differences["boundary_f1"]
        assert found.n == 0
        assert math.isnan(found.mean)

    def test_of_a_soft_metric_come_from_the_histograms(self, tmp_path):
        write(tmp_path, (A, scored(A, [soft(50, 50)])), (B, scored(B, [soft(200, 5)])))
        found = compare(tmp_path, ["auc"])
        assert set(found.differences) == {"auc"}
        assert found.differences["auc"].mean == 0.5

    def test_of_more_samples_than_a_chunk_holds(self, tmp_path):
        n = CHUNK + 3
        write(tmp_path, (A, scored(A, [half(20)] * n)), (B, scored(B, [half(40)] * n)))
        assert compare(tmp_path).tallies["f1"] == Tally(n, 0, 0)


class TestPairing:
    def test_only_shared_samples_take_part(self, tmp_path):
        a = [one(A, "x", half(10)), one(A, "y", half(10)), unscored(A, "z", "failed", "unreadable")]
        b = [one(B, "y", half(40)), one(B, "z", half(40)), one(B, "w", half(40))]
        write(tmp_path, (A, a), (B, b))
        found = compare(tmp_path)
        assert (found.n, found.only_a, found.only_b) == (1, 1, 2)
        assert [changed.sample_id for changed in found.changed] == ["y"]

    def test_a_sample_whose_content_differs_is_not_shared(self, tmp_path):
        a = [one(A, "x", half(10)), one(A, "y", half(10))]
        b = [one(B, "x", half(40), content="redrawn"), one(B, "y", half(10))]
        write(tmp_path, (A, a), (B, b))
        found = compare(tmp_path)
        assert (found.n, found.only_a, found.only_b, found.other_content) == (1, 1, 1, 1)
        assert found.differences["f1"].mean == 0

    def test_whole_images_take_no_part(self, tmp_path):
        a = [one(A, "x", half(10)), one(A, "whole", half(40), scope="whole-image")]
        b = [one(B, "x", half(10)), one(B, "whole", half(1), scope="whole-image")]
        write(tmp_path, (A, a), (B, b))
        assert compare(tmp_path).n == 1

    def test_across_two_results_files(self, tmp_path):
        write(tmp_path / "a", (A, scored(A, [half(10), half(20)])))
        write(tmp_path / "b", (A, scored(A, [half(10), half(40)])))
        with ResultReader(tmp_path / "a") as first, ResultReader(tmp_path / "b") as second:
            found = compare_runs(first, first.runs()[0], second.runs()[0], other=second)
        assert found.changed == (Changed("s1", pytest.approx(f1(20)), 1.0),)


class TestChanged:
    def test_largest_first_ties_by_id_and_as_many_as_asked_for(self, tmp_path):
        a = [one(A, name, half(20)) for name in ("d", "c", "b", "a")]
        b = [one(B, "d", half(20)), one(B, "c", half(0)), one(B, "b", half(30)), one(B, "a", half(30))]
        write(tmp_path, (A, a), (B, b))
        assert [changed.sample_id for changed in compare(tmp_path).changed] == ["c", "a", "b"]
        assert [changed.sample_id for changed in compare(tmp_path, changed=2).changed] == ["c", "a"]
        assert compare(tmp_path, changed=0).changed == ()

    def test_is_in_f1_whatever_the_metrics(self, tmp_path):
        write(tmp_path, (A, scored(A, [half(20)])), (B, scored(B, [half(30)])))
        found = compare(tmp_path, ["iou"])
        assert found.changed == (Changed("s0", pytest.approx(f1(20)), pytest.approx(f1(30))),)
        assert set(found.differences) == {"iou"}


class TestRefusals:
    def refused(self, folder, *arguments, **options):
        with pytest.raises(UserError) as caught:
            compare(folder, *arguments, **options)
        return str(caught.value)

    def test_two_datasets(self, tmp_path):
        other = make_run("pixdiff-20", dataset="autosplice")
        write(tmp_path, (A, scored(A, [half(1)])), (other, scored(other, [half(1)])))
        message = self.refused(tmp_path)
        assert "expected two runs on one dataset: pixdiff-10 [" in message
        assert "on autosplice" in message

    def test_no_shared_sample(self, tmp_path):
        write(tmp_path, (A, [one(A, "x", half(1))]), (B, [one(B, "y", half(1)), one(B, "z", half(1))]))
        assert "no sample that both have scored with the same content: 1 scored in pixdiff-10" in self.refused(tmp_path)

    def test_two_metric_versions(self, tmp_path):
        write(tmp_path, (A, scored(A, [half(1)])), (B, scored(B, [half(1)])))
        with ResultReader(tmp_path) as reader:
            a, b = reader.runs()
            object.__setattr__(b.run, "identity", '{"metric_version": "2"}')
            with pytest.raises(UserError, match=r"one metric version: .* has 1, .* has 2"):
                compare_runs(reader, a, b)

    def test_pooled_pixels_and_unknown_metrics(self, tmp_path):
        write(tmp_path, (A, scored(A, [half(1)])), (B, scored(B, [half(1)])))
        assert "compare with average=image" in self.refused(tmp_path, conventions=Conventions(average="pixel"))
        assert "unknown metric 'dice'" in self.refused(tmp_path, ["dice"])


@pytest.mark.parametrize("identity", ["", "no JSON", "[]", "7", "[" * 100_000])
def test_an_identity_that_says_nothing_has_no_version(identity):
    assert metric_version(identity) is None


def test_labels_name_the_condition(tmp_path):
    runs = [
        make_run(),
        make_run(perturbation="jpeg", severity=70.0),
        make_run(perturbation="noise", severity=2.5, target="both"),
    ]
    write(tmp_path, *((run, []) for run in runs))
    with ResultReader(tmp_path) as reader:
        labels = [condition_label(stored) for stored in reader.runs()]
    assert labels == ["pixdiff-10", "pixdiff-10@jpeg:70", "pixdiff-10@noise:2.5:both"]
