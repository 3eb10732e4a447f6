"""What the page says of runs: numbers, paper, provenance, notes, comparisons, figures."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest

from imlbench.errors import UserError
from imlbench.metrics import Conventions
from imlbench.results.reading import ResultReader
from reports.page.comparisons import compare_newest
from reports.page.data import SUMMARISED, metric_names, page_data, run_entries
from reports.page.figures import page_figures
from reports.page.lines import provenance_lines
from reports.page.notes import table_notes
from reports.page.samples import make_gallery
from reports.page.selection import select_runs
from tests.reports.making_results import hard, make_run, scored, soft, unscored, write
from tests.reports.page.page_results import LONG, outcome

GOOD, POOR, BAD = hard(40, 0, 0, 60), hard(30, 10, 10, 50), hard(0, 10, 40, 50)
DEFAULT = Conventions()


class Opened:
    """Reader, selection, gallery and run entries of a results folder."""

    def __init__(self, folder, conventions=DEFAULT, **options):
        self.reader = ResultReader(folder)
        self.conventions = conventions
        self.selection = select_runs(self.reader)
        self.gallery = make_gallery(self.reader, self.selection, ("f1", "iou"), conventions, **options)
        self.runs = run_entries(self.reader, self.selection, SUMMARISED, conventions, 0)

    def compared(self):
        return compare_newest(self.reader, self.selection, self.runs, self.gallery, self.conventions, 0)

    def notes(self):
        return list(table_notes(self.reader, self.selection, ("f1",), self.conventions, 0))

    def figures(self):
        return page_figures(self.reader, self.selection, self.conventions, 0)


@pytest.fixture
def opened():
    """Opens results, and closes them after the test."""
    readers = []

    def open_results(*arguments, **options):
        found = Opened(*arguments, **options)
        readers.append(found.reader)
        return found

    yield open_results
    for reader in readers:
        reader.close()


def test_metrics_of_the_tables_and_of_the_samples():
    assert metric_names([]) == (SUMMARISED, ("f1", "iou"))
    summarised, per_sample = metric_names(["boundary_f1", "mcc", "mcc"])
    assert set(summarised) == {*SUMMARISED, "boundary_f1"}
    assert (summarised[0], per_sample) == ("f1", ("f1", "boundary_f1", "mcc"))
    with pytest.raises(UserError, match="unknown metric"):
        metric_names(["</script>"])


def test_a_run_has_its_numbers_counts_and_the_papers(tmp_path, opened):
    run = make_run()
    rows = [*scored(run, [GOOD, POOR], outside_difference=1), unscored(run, "x", "failed", "unreadable")]
    (entry,) = opened(write(tmp_path, (run, [*rows, unscored(run, "y", "skipped", "no-original")]))).runs
    assert (entry["scored"], entry["failed"], entry["skipped"], entry["composited"]) == (2, 1, 1, True)
    assert (entry["summary"]["f1"]["mean"], entry["summary"]["f1"]["n"]) == (0.875, 2)
    assert entry["summary"]["iou"]["mean"] == 0.8
    assert entry["paper"] == {"f1": 92.26, "iou": 86.22}
    assert (entry["run_id"], entry["severity"], entry["threshold"]) == (run.run_id, None, 0.039215686)


def test_a_perturbed_run_has_no_published_numbers(tmp_path, opened):
    run = make_run(perturbation="jpeg", severity=50.0, version="50")
    (entry,) = opened(write(tmp_path, (run, scored(run, [GOOD])))).runs
    assert (entry["paper"], entry["perturbation"], entry["severity"]) == ({}, "jpeg", 50)


def test_what_has_no_value_is_null_and_never_nan(tmp_path, opened):
    run = make_run()
    found = opened(write(tmp_path, (run, [unscored(run, "x", "failed", "unreadable")])))
    assert set(found.runs[0]["summary"].values()) == {None}
    one = make_run(dataset="autosplice")
    found = opened(write(tmp_path / "one", (one, scored(one, [hard(0, 0, 0, 100)]))))
    assert found.runs[0]["summary"]["f1"]["stderr"] is None
    assert found.runs[0]["summary"]["auc"] is None
    data = page_data("t", [], SUMMARISED, found.runs, [], [], found.gallery)
    assert json.loads(json.dumps(data, allow_nan=False))["format"] == 1


def test_provenance_says_what_by_whom_on_what_and_with_what(tmp_path, opened):
    card = {"version": "3", "licence": "GPL", "citation": "A paper", "weights": [{"name": "w.pt", "sha256": "ab" * 32}]}
    run = make_run(card=json.dumps(card), perturbation="jpeg", severity=70.0)
    provenance = {
        "imlbench": "0.0.9",
        "python": "3.12.1",
        "command": ["imlbench", "annotate-eval", "--dataset", "a b"],
        "packages": {"numpy": "2.0"},
        "decoders": {"pillow zlib": "1.3"},
        "devices": {"pixdiff-10": "cuda:0", "other": "cpu"},
        "root": "/data/set",
        "seed": 7,
        "boundary": "None",
        "limit": "None",
    }
    found = opened(write(tmp_path, (run, scored(run, [GOOD])), provenance=provenance))
    text = "\n".join(found.runs[0]["provenance"])
    for part in (
        f"run {run.run_id}: annotator pixdiff-10, version 3",
        "licence: GPL",
        "citation: A paper",
        f"w.pt, SHA-256 {'ab' * 32}",
        "jpeg, severity 70, of the edited image",
        "metric version 1",
        found.reader.fingerprint(run.run_id),
        "command: imlbench annotate-eval --dataset 'a b'",
        "imlbench 0.0.9, Python 3.12.1",
        "packages: numpy 2.0",
        "decoders: pillow zlib 1.3",
        "device: cuda:0",
        "root: /data/set",
        "seed: 7",
        "TruFor",
    ):
        assert part in text
    assert "boundary" not in text


def test_provenance_of_a_run_that_was_often_resumed_is_cut_and_says_so(tmp_path, opened):
    run = make_run()
    batches = [(run, [outcome(run, f"s{number}", GOOD)]) for number in range(8)]
    found = opened(write(tmp_path, *batches, provenance={"imlbench": "0.0.9", "command": ["x", LONG, "\x1b[31m\n"]}))
    lines = provenance_lines(found.reader, found.selection.listed[0])
    assert "computed by 8 commands, of which the newest 5 follow" in lines
    assert sum(line.startswith("command:") for line in lines) == 5
    assert max(map(len, lines)) <= 1000
    assert all(line.isprintable() for line in lines)


def test_notes_name_conventions_samples_and_versions(tmp_path, opened):
    old, new = make_run(), make_run(version="2")
    rows = [*scored(new, [GOOD], outside_difference=0), unscored(new, "x", "failed", "unreadable")]
    text = "\n".join(opened(write(tmp_path, (old, scored(old, [GOOD])), (new, rows))).notes())
    for part in ("empty=one", "failed: unreadable 1", "Composited (CoCoGlide)", "imlbench 0.0.9", "2 clean runs"):
        assert part in text
    assert new.run_id in text
    assert "Warning" not in text


def test_notes_warn_of_other_conventions_and_of_rows_on_different_samples(tmp_path, opened):
    one, two = make_run(), make_run("ssim", "SSIM")
    folder = write(tmp_path, (one, scored(one, [GOOD])), (two, scored(two, [GOOD, POOR])))
    text = "\n".join(opened(folder, Conventions(empty="zero")).notes())
    assert text.count("Warning") == 2


def test_comparisons_pair_the_newest_clean_runs_and_name_what_changed_most(tmp_path, opened):
    runs = [make_run(), make_run("ssim", "SSIM")]
    folder = write(
        tmp_path, (runs[0], scored(runs[0], [GOOD, POOR, BAD])), (runs[1], scored(runs[1], [GOOD, BAD, BAD]))
    )
    found, notes = opened(folder).compared()
    (one,) = found
    assert (one["a"], one["b"], one["n"], notes) == (0, 1, 3, [])
    assert one["metrics"]["f1"]["difference"] == -0.25
    assert one["metrics"]["f1"]["low"] <= -0.25 <= one["metrics"]["f1"]["high"]
    assert set(one["metrics"]) == {"f1", "iou"}
    assert one["changed"] == [{"sample": 1, "a": 0.75, "b": 0.0}]


def test_changed_samples_are_those_that_the_gallery_shows(tmp_path, opened):
    runs = [make_run(), make_run("ssim", "SSIM")]
    folder = write(tmp_path, (runs[0], scored(runs[0], [GOOD, POOR, BAD])), (runs[1], scored(runs[1], [BAD, BAD, BAD])))
    everything = opened(folder).compared()[0][0]["changed"]
    assert [one["sample"] for one in everything] == [0, 1]
    limited = opened(folder, limit=2)
    (one,) = limited.compared()[0]
    assert [limited.gallery.samples[changed["sample"]].facts.sample_id for changed in one["changed"]] == ["s1"]


def test_at_most_ten_runs_of_a_dataset_are_compared_the_best_ones(tmp_path, opened):
    runs = [make_run(f"a{number:02}", f"A{number:02}") for number in range(12)]
    counts = [hard(40 - number, number, number, 60 - number) for number in range(12)]
    folder = write(tmp_path, *((run, scored(run, [count])) for run, count in zip(runs, counts, strict=True)))
    found, notes = opened(folder).compared()
    assert len(found) == 45
    assert {one["a"] for one in found} | {one["b"] for one in found} == set(range(10))
    assert notes == ["CoCoGlide: the 10 runs with the highest F1 are compared, of 12."]


def test_what_cannot_be_compared_is_noted(tmp_path, opened):
    one, two = make_run(), make_run("ssim", "SSIM")
    folder = write(tmp_path, (one, [outcome(one, "a", GOOD)]), (two, [outcome(two, "b", GOOD)]))
    found, notes = opened(folder).compared()
    assert found == []
    assert notes[0].startswith("PixDiff-Fixed(10) and SSIM on CoCoGlide: not compared: no sample that both have scored")
    pooled = opened(folder, Conventions(average="pixel")).compared()
    assert (pooled[0], len(pooled[1])) == ([], 1)


def test_runs_of_two_datasets_are_not_paired(tmp_path, opened):
    runs = [make_run(), make_run(dataset="autosplice")]
    folder = write(tmp_path, *((run, scored(run, [GOOD, POOR])) for run in runs))
    assert opened(folder).compared() == ([], [])


def test_soft_runs_have_one_figure_of_the_threshold(tmp_path, opened):
    runs = [make_run(), make_run("model<b>&", "Model <b>&$x$", version="2"), make_run("hard", "Hard", soft=False)]
    found = opened(write(tmp_path, *((run, scored(run, [soft(90, 10), soft(60, 20)])) for run in runs)))
    (figure,), notes = found.figures()
    assert figure.svg.lstrip().startswith(b"<?xml")
    assert b"<b>" not in figure.svg
    assert (notes, found.figures()[0][0].svg) == ([], figure.svg)
    (entry,) = page_data("t", [], SUMMARISED, found.runs, [figure], [], found.gallery)["figures"]
    assert base64.b64decode(entry["src"].removeprefix("data:image/svg+xml;base64,")) == figure.svg


def test_more_curves_than_colours_are_named_instead_of_drawn(tmp_path, opened):
    runs = [make_run(f"m{number}", f"M{number}") for number in range(9)]
    (figure,), _ = opened(write(tmp_path, *((run, scored(run, [soft(90, 10)])) for run in runs))).figures()
    assert "Not drawn: M7, M8;" in figure.caption


def test_hard_runs_have_no_figure(tmp_path, opened):
    run = replace(make_run(), soft=False)
    assert opened(write(tmp_path, (run, scored(run, [GOOD])))).figures() == ([], [])


def test_perturbed_runs_have_their_curves_of_the_listed_runs_only(tmp_path, opened):
    runs = [make_run(soft=False), make_run("ssim", "SSIM", soft=False)]
    runs += [replace(run, perturbation="jpeg", severity=float(q), identity=f'{{"q": {q}, "a": "{run.adapter}"}}')
             for run in runs for q in (90, 50)]  # fmt: skip
    found = opened(write(tmp_path, *((run, scored(run, [GOOD, POOR])) for run in runs)))
    (panel,), notes = found.figures()
    assert panel.svg.lstrip().startswith(b"<?xml")
    assert notes == []
    found.selection = select_runs(found.reader, annotators=["pixdiff-*"])
    (narrow,), _ = found.figures()
    assert narrow.svg != panel.svg
    assert len(narrow.svg) < len(panel.svg)
