import csv
import io
import re

import pytest
from making_results import facts, hard, make_run, scored, unscored, write
from typer.testing import CliRunner

from imlbench.cli.main import app
from imlbench.errors import UserError
from imlbench.metrics import Conventions
from imlbench.results.reading import ResultReader
from imlbench.results.records import Outcome
from reports.grid import clean_runs_of
from reports.slices import build, newest
from reports.slicing import slice_value

GOOD, POOR, BAD = hard(40, 0, 0, 60), hard(30, 10, 10, 50), hard(0, 10, 40, 50)


def outcome(run, sample_id, counts, **changes):
    return Outcome(run.run_id, facts(run.dataset, sample_id, **changes), "", "ok", counts=counts)


def tagged(folder, **changes):
    """Edits of three kinds: added (1.0 and 0.75), removed (0), and one without a tag (1.0)."""
    run = make_run(**changes)
    rows = [
        outcome(run, "a", GOOD, tags={"edit_type": "add", "editor": "x"}),
        outcome(run, "b", POOR, tags={"edit_type": "add"}),
        outcome(run, "c", BAD, tags={"edit_type": "remove"}),
        outcome(run, "d", GOOD),
        unscored(run, "e", "failed", "unreadable"),
    ]
    return write(folder, (run, rows))


def slices(folder, by, annotators=(), detectors=(), **keywords):
    with ResultReader(folder) as reader:
        runs = newest(clean_runs_of(reader, annotators, detectors), annotators or detectors)
        return build(reader, runs, by, **keywords)


def run_command(*arguments):
    return CliRunner().invoke(app, ["report", "slices", *arguments])


def test_samples_are_grouped_by_the_tags_value(tmp_path):
    found = slices(tagged(tmp_path), "edit_type")
    assert [(one.value, one.samples, one.summaries["f1"].mean) for one in found] == [
        ("add", 2, 0.875),
        ("remove", 1, 0.0),
        ("(none)", 1, 1.0),
    ]
    assert found[0].summaries["f1"].stderr == pytest.approx(0.125)


def test_detectors_are_shown_apart_and_alone_need_not_be_named(tmp_path):
    tagged(tmp_path, kind="detector", adapter="ela", title="ELA")
    assert {one.run.run.adapter for one in slices(tmp_path, "edit_type")} == {"ela"}
    tagged(tmp_path)
    assert {one.run.run.adapter for one in slices(tmp_path, "edit_type")} == {"pixdiff-10"}
    assert {one.run.run.adapter for one in slices(tmp_path, "edit_type", detectors=["e*"])} == {"ela"}
    printed = run_command("--by", "edit_type", "--results", str(tmp_path), "--detector", "ela", "--format", "markdown")
    assert printed.exit_code == 0
    assert "| Dataset | Detector | edit" in printed.output
    refused = run_command("--by", "k", "--results", str(tmp_path), "--detector", "ela", "--annotator", "ssim")
    assert isinstance(refused.exception, UserError)


def test_pooled_counts_are_pooled_within_a_slice(tmp_path):
    found = slices(tagged(tmp_path), "edit_type", conventions=Conventions(average="pixel"))
    assert found[0].summaries["f1"].mean == pytest.approx(2 * 70 / (2 * 70 + 10 + 10))
    assert [one.samples for one in found] == [2, 1, 1]


@pytest.mark.parametrize(
    ("edited", "expected"),
    [
        (0, "< 1 %"),
        (99, "< 1 %"),
        (100, "1-5 %"),
        (499, "1-5 %"),
        (500, "5-10 %"),
        (1000, "10-25 %"),
        (2500, "25-50 %"),
        (4999, "25-50 %"),
        (5000, ">= 50 %"),
        (10000, ">= 50 %"),
    ],
)
def test_mask_area_bins_hold_their_lower_end(edited, expected):
    assert slice_value({"width": 100, "height": 100, "edited_pixels": edited}, "mask-area") == expected


def test_mask_areas_stand_from_small_to_large(tmp_path):
    run = make_run()
    areas = (60, 0, 30, 10, 2)
    rows = [outcome(run, f"s{area}", GOOD, edited_pixels=area) for area in areas]
    found = slices(write(tmp_path, (run, rows)), "mask-area")
    assert [one.value for one in found] == ["< 1 %", "1-5 %", "10-25 %", "25-50 %", ">= 50 %"]


def test_samples_of_several_chunks_join_in_one_slice(tmp_path):
    run = make_run()
    rows = [outcome(run, f"s{index}", GOOD if index % 2 else BAD, tags={"k": str(index % 2)}) for index in range(1100)]
    found = slices(write(tmp_path, (run, rows)), "k")
    assert [(one.value, one.samples, one.summaries["f1"].mean) for one in found] == [("0", 550, 0.0), ("1", 550, 1.0)]


def test_unknown_tag_is_refused_and_the_known_ones_are_named(tmp_path):
    with pytest.raises(UserError, match="no sample has the tag 'colour'; slices exist by mask-area, edit_type, editor"):
        slices(tagged(tmp_path), "colour")


def test_annotators_are_chosen_by_glob_and_a_miss_names_what_there_is(tmp_path):
    tagged(tmp_path)
    tagged(tmp_path, adapter="ssim", title="SSIM")
    everything = slices(tmp_path, "edit_type")
    assert [one.run.run.adapter for one in everything] == ["pixdiff-10"] * 3 + ["ssim"] * 3
    assert {one.run.run.adapter for one in slices(tmp_path, "edit_type", ["s*"])} == {"ssim"}
    with pytest.raises(UserError, match="no run of sigma; the results hold pixdiff-10, ssim"):
        slices(tmp_path, "edit_type", ["sigma"])


def test_newest_run_and_local_edits_alone_are_sliced(tmp_path):
    old, new = make_run(version="1"), make_run(version="2")
    rows = [outcome(new, "a", POOR, tags={"k": "v"}), outcome(new, "b", BAD, tags={"k": "v"}, scope="whole-image")]
    folder = write(tmp_path, (old, [outcome(old, "a", GOOD, tags={"k": "v"})]), (new, rows))
    (one,) = slices(folder, "k")
    assert (one.run.run_id, one.samples, one.summaries["f1"].mean) == (new.run_id, 1, 0.75)


def test_unknown_metric_is_refused(tmp_path):
    with pytest.raises(UserError, match="unknown metric"):
        slices(tagged(tmp_path), "edit_type", metrics=["f2"])


def test_markdown_has_a_row_per_slice_and_a_footer(tmp_path):
    result = run_command("--results", str(tagged(tmp_path)), "--by", "edit_type", "--metric", "iou", "--metric", "f1")
    assert result.exit_code == 0
    assert result.output.index("### IoU by edit\\_type (%)") < result.output.index("### F1 by edit\\_type (%)")
    assert "| CoCoGlide | PixDiff-Fixed(10) | add | 2 | 87.50 | 12.50 | [75.0, 100.0] |" in result.output
    assert "| CoCoGlide | PixDiff-Fixed(10) | remove | 1 | 0.00 | - | [0.0, 0.0] |" in result.output
    assert "(none): samples without this tag" in result.output
    assert "PixDiff-Fixed(10) on CoCoGlide: 1 failed, in no slice." in result.output


def test_slice_without_a_value_is_a_dash(tmp_path):
    run = make_run()
    folder = write(tmp_path, (run, [outcome(run, "a", hard(0, 0, 0, 100), tags={"k": "v"})]))
    result = run_command("--results", str(folder), "--by", "k", "--empty", "skip")
    assert "| v | 0 | - | - | - |" in result.output


def test_hostile_tags_stay_inside_their_cells(tmp_path):
    run = make_run()
    name, value = "=a|b", "=1+1|`x`\n<b>"
    folder = write(tmp_path / "results", (run, [outcome(run, "a", GOOD, tags={name: value})]))
    arguments = ("--results", str(folder), "--by", name)
    lines = [line for line in run_command(*arguments).output.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {8}
    run_command(*arguments, "-o", str(tmp_path / "s.csv"))
    (row,) = csv.DictReader(io.StringIO((tmp_path / "s.csv").read_text(), newline=""))
    assert (row["by"], row["value"], row["mean"]) == (f"'{name}", f"'{value}", "100.0")
    run_command(*arguments, "-o", str(tmp_path / "s.tex"))
    assert "=1+1\\textbar{}\\textasciigrave{}x" in (tmp_path / "s.tex").read_text()


def test_slices_add_up_to_the_samples_scored(tmp_path):
    run = make_run()
    rows = scored(run, [GOOD, POOR, BAD])
    found = slices(write(tmp_path, (run, rows)), "mask-area")
    assert [(one.value, one.samples) for one in found] == [("25-50 %", 3)]
