import csv
import io
import json
from dataclasses import replace

import pytest
from making_results import hard, make_run, scored, unscored, write
from typer.testing import CliRunner

from imlbench.cli.main import app
from imlbench.errors import UserError
from imlbench.metrics import Conventions
from imlbench.results.reading import ResultReader
from reports.robustness_data import area_weights, make_curves
from reports.robustness_runs import Filters, severity_text, strength


def condition_run(perturbation="", severity=None, target="edited", seed=None, version="1", **changes):
    """A run whose identity holds its condition, as those of `imlbench robustness` do."""
    run = make_run(perturbation=perturbation, severity=severity, target=target, **changes)
    facts = [run.adapter, run.dataset, perturbation, severity, target]
    identity = {"facts": facts, "seed": seed, "adapter_version": version, "metric_version": "1"}
    return replace(run, identity=json.dumps(identity))


def found(*parts):
    """Counts of samples in which so many of 40 edited pixels are found and nothing else is marked."""
    return [hard(tp, 0, 40 - tp, 60) for tp in parts]


def batch(run, *parts):
    return run, scored(run, found(*parts))


def jpeg_sweep(folder, clean=(40, 40), weak=(40, 20), strong=(20, 20), **changes):
    """Clean, quality 90 and quality 50; the strong one is written first, so that order is not given by age."""
    conditions = (("jpeg", 50.0, strong), ("jpeg", 90.0, weak), ("", None, clean))
    return write(folder, *(batch(condition_run(name, severity, **changes), *tp) for name, severity, tp in conditions))


def curves_of(folder, *metrics, **options):
    with ResultReader(folder) as reader:
        return make_curves(reader, metrics or ("recall",), **options)


def run_command(folder, *arguments):
    return CliRunner().invoke(app, ["report", "table-robustness", "--results", str(folder), *arguments])


def test_values_drops_and_area_follow_from_the_samples(tmp_path):
    (curves,) = curves_of(jpeg_sweep(tmp_path))
    (series,) = curves.series
    estimates = series.estimates["recall"]
    assert curves.severities == (90.0, 50.0)
    assert estimates.clean.mean == 1.0
    assert [value.mean for value in estimates.values] == [0.75, 0.5]
    assert [drop.mean for drop in estimates.drops] == [-0.25, -0.5]
    assert estimates.mean_drop.mean == -0.375
    # Two trapezoids of equal width: (1 + 0.75) / 2 and (0.75 + 0.5) / 2, divided by two.
    assert estimates.area.mean == pytest.approx(0.75)
    assert {summary.n for summary in (estimates.clean, *estimates.drops, estimates.area)} == {2}


def test_drop_has_a_paired_interval(tmp_path):
    # Samples differ widely, but each loses the same: the drop is certain where the values are not.
    folder = jpeg_sweep(tmp_path, clean=(40, 30, 20, 10), weak=(36, 26, 16, 6), strong=(36, 26, 16, 6))
    estimates = curves_of(folder)[0].series[0].estimates["recall"]
    assert estimates.values[0].high - estimates.values[0].low > 0.2
    assert estimates.drops[0].high - estimates.drops[0].low < 1e-9
    assert estimates.drops[0].low == pytest.approx(-0.1)


@pytest.mark.parametrize("points", [2, 3, 8])
def test_area_of_a_level_curve_is_its_height(points):
    weights = area_weights(points)
    assert weights.sum() == pytest.approx(1)
    assert weights[0] == weights[-1] == pytest.approx(weights[1] / (1 if points == 2 else 2))


def test_only_samples_scored_under_every_condition_count(tmp_path):
    clean, weak = condition_run(), condition_run("jpeg", 90.0)
    failed = unscored(weak, "s1", "failed", "adapter-error")
    other = scored(weak, found(30, 30, 30))[::2]
    folder = write(tmp_path, batch(clean, 40, 0, 20), (weak, [*other, failed]))
    (curves,) = curves_of(folder)
    (series,) = curves.series
    assert (series.ids, series.scored) == (("s0", "s2"), 3)
    assert series.estimates["recall"].clean.mean == 0.75
    text = run_command(folder, "--format", "markdown").output
    assert "failed: adapter-error (PixDiff-Fixed(10) at 90 1)" in text
    assert "2 of up to 3 samples were scored, with the same content, under every condition" in text


def test_samples_of_other_content_are_not_paired(tmp_path):
    clean, weak = condition_run(), condition_run("jpeg", 90.0)
    changed = (weak, scored(weak, found(40), content="another image"))
    (curves,) = curves_of(write(tmp_path, batch(clean, 40), changed))
    assert curves.series[0].ids == ()
    assert curves.series[0].estimates["recall"].clean.n == 0
    assert "| 0 | - | - | - | - |" in run_command(tmp_path, "--format", "markdown").output


def test_sample_without_a_value_in_one_condition_counts_in_none(tmp_path):
    clean, weak = condition_run(), condition_run("jpeg", 90.0)
    empty, marked = hard(0, 0, 0, 100), hard(0, 10, 0, 90)
    batches = [(clean, scored(clean, [empty, *found(40)])), (weak, scored(weak, [marked, *found(20)]))]
    folder = write(tmp_path, *batches)
    estimates = curves_of(folder, "f1", conventions=Conventions(empty="skip"))[0].series[0].estimates["f1"]
    assert (estimates.clean.n, estimates.values[0].n) == (1, 1)
    assert estimates.clean.mean == 1.0


def test_newest_version_is_shown_with_its_own_clean_run(tmp_path):
    conditions = (("", None), ("jpeg", 90.0), ("jpeg", 70.0))
    old = [condition_run(*condition, version="0") for condition in conditions]
    new = [condition_run("jpeg", 90.0), condition_run()]
    folder = write(tmp_path, *(batch(run, 10) for run in old), *(batch(run, 40) for run in new))
    (curves,) = curves_of(folder)
    (series,) = curves.series
    assert (curves.severities, series.sweep.passed_over) == ((90.0,), 2)
    assert (series.sweep.clean.run_id, series.estimates["recall"].clean.mean) == (new[1].run_id, 1.0)
    assert "the newest run of each severity is shown; 2 other runs are not" in run_command(folder).output


def test_clean_run_of_another_version_gives_no_drop(tmp_path):
    folder = write(tmp_path, batch(condition_run(version="0"), 40), batch(condition_run("jpeg", 90.0), 20))
    result = run_command(folder, "--metric", "recall")
    assert "| PixDiff-Fixed(10) | 1 | - | 50.00 | - | - |" in result.output
    assert "no clean run of the same version" in result.output


def test_severities_run_from_mild_to_strong():
    assert sorted((50.0, 100.0, 75.0), key=strength("jpeg")) == [100, 75, 50]
    assert sorted((25.0, 5.0, 100.0), key=strength("noise")) == [5, 25, 100]
    assert sorted((3.0, 1.0, 2.0), key=strength("not-installed")) == [1, 2, 3]
    assert [severity_text(severity) for severity in (50.0, 0.75, 1234567.5)] == ["50", "0.75", "1234567.5"]


def test_unregistered_perturbation_is_shown_by_its_name(tmp_path):
    folder = write(tmp_path, batch(condition_run(), 40), batch(condition_run("rain", 2.0), 20))
    (curves,) = curves_of(folder)
    assert (curves.perturbation, curves.definition) == ("rain", "")


def test_sheets_stand_by_dataset_then_in_the_protocols_order(tmp_path):
    conditions = [("zap", 1.0, "edited"), ("blur", 3.0, "edited"), ("jpeg", 90.0, "both"), ("jpeg", 90.0, "edited")]
    runs = [condition_run(*one, dataset=name) for name in ("autosplice", "cocoglide") for one in conditions]
    folder = write(tmp_path, *(batch(run, 40) for run in runs))
    axes = [tuple(curves.axis) for curves in curves_of(folder)]
    assert axes[:4] == [
        ("cocoglide", "jpeg", "edited"),
        ("cocoglide", "jpeg", "both"),
        ("cocoglide", "blur", "edited"),
        ("cocoglide", "zap", "edited"),
    ]
    assert {axis[0] for axis in axes[4:]} == {"autosplice"}


def test_annotators_and_datasets_of_one_title_are_told_apart(tmp_path):
    for name in ("one", "two"):
        jpeg_sweep(tmp_path, dataset=name, dataset_title="Set", adapter=name, title="Tool")
    found = curves_of(tmp_path)
    assert [curves.dataset for curves in found] == ["Set [one]", "Set [two]"]
    assert [curves.series[0].sweep.annotator for curves in found] == ["Tool [one]", "Tool [two]"]


def test_globs_choose_and_what_is_missing_is_named(tmp_path):
    folder = jpeg_sweep(tmp_path)
    jpeg_sweep(tmp_path, adapter="ssim", title="SSIM", dataset="autosplice")
    (curves,) = curves_of(folder, filters=Filters(annotators=["ss*"]))
    assert curves.axis.dataset == "autosplice"
    with pytest.raises(UserError, match="no runs of blur; the results hold perturbations jpeg; annotators pixdiff-10"):
        curves_of(folder, filters=Filters(perturbations=["blur"]))


def test_results_without_perturbed_images_are_refused(tmp_path):
    folder = write(tmp_path / "clean", batch(condition_run(), 40))
    result = run_command(folder)
    assert result.exit_code != 0
    assert "no runs on perturbed images: `imlbench robustness --out DIR` makes some" in str(result.exception)
    whole = condition_run("jpeg", 90.0)
    folder = write(tmp_path / "whole", (whole, scored(whole, found(40), scope="whole-image")))
    with pytest.raises(UserError, match="scored no sample with a local edit"):
        curves_of(folder)


def test_severity_that_scored_nothing_is_left_out_and_told(tmp_path):
    folder = jpeg_sweep(tmp_path)
    broken = condition_run("jpeg", 10.0)
    write(folder, (broken, [unscored(broken, "s0", "failed", "adapter-error")]))
    assert curves_of(folder)[0].severities == (90.0, 50.0)
    assert "no sample with a local edit was scored at 10; left out" in run_command(folder).output


def test_pooled_counts_are_refused(tmp_path):
    result = run_command(jpeg_sweep(tmp_path), "--average", "pixel")
    assert isinstance(result.exception, UserError)
    assert "average=pixel: drops are paired by sample" in str(result.exception)


def test_markdown_shows_value_drop_mean_drop_and_area(tmp_path):
    text = run_command(jpeg_sweep(tmp_path), "--metric", "recall").output
    assert "### CoCoGlide, JPEG (edited): Recall (%)" in text
    assert "| Annotator | n | clean | 90 | 50 | Mean drop | Area |" in text
    assert "| PixDiff-Fixed(10) | 2 | 100.00 | 75.00 (-25.00) | 50.00 (-50.00) | -37.50 | 75.00 |" in text
    assert "negative = worse" in text
    assert "trapezoid rule" in text
    assert "±" not in text


def test_intervals_are_shown_on_request(tmp_path):
    folder = jpeg_sweep(tmp_path, clean=(40, 40), weak=(20, 20), strong=(20, 20))
    text = run_command(folder, "--metric", "recall", "--ci").output
    assert "50.00 ± 0.00 [50.0, 50.0] (-50.00 [-50.00, -50.00])" in text
    assert "± standard error of the mean over samples" in text


def test_row_with_fewer_severities_or_other_samples_is_marked(tmp_path):
    folder = jpeg_sweep(tmp_path)
    runs = [condition_run(adapter="ssim", title="SSIM"), condition_run("jpeg", 90.0, adapter="ssim", title="SSIM")]
    write(folder, *(batch(run, 40, 40, 40) for run in runs))
    text = run_command(folder, "--metric", "recall").output
    assert "| SSIM | 3 | 100.00 | 100.00 (+0.00) | - | +0.00† | 100.00† |" in text
    assert "fewer severities than other rows" in text
    assert "stand on different samples and are not comparable" in text


def test_csv_holds_every_quantity_and_no_formula(tmp_path):
    folder = jpeg_sweep(tmp_path / "results", dataset_title="=1+1", dataset="evil")
    run_command(folder, "--metric", "recall", "-o", str(tmp_path / "t.csv"))
    lines = list(csv.DictReader(io.StringIO((tmp_path / "t.csv").read_text())))
    assert [(line["quantity"], line["severity"], line["mean"]) for line in lines] == [
        ("value", "clean", "100.0"),
        ("value", "90.0", "75.0"),
        ("value", "50.0", "50.0"),
        ("drop", "90.0", "-25.0"),
        ("drop", "50.0", "-50.0"),
        ("mean-drop", "", "-37.5"),
        ("area", "", "75.0"),
    ]
    assert {(line["dataset"], line["n"]) for line in lines} == {("'=1+1", "2")}
    assert all(line["stderr"] and line["low"] and line["high"] for line in lines)


def test_latex_escapes_titles_and_stacks_the_drop(tmp_path):
    folder = jpeg_sweep(tmp_path / "results", title="50%_\\of", adapter="evil")
    result = run_command(folder, "-o", str(tmp_path / "t.tex"))
    text = (tmp_path / "t.tex").read_text()
    assert result.output == f"written: {tmp_path / 't.tex'}\n"
    assert r"50\%\_\textbackslash{}of & 2 & 100.00 &" in text
    assert "{\\tiny (-33.33)}" in text


def test_composited_sets_and_seeds_are_told(tmp_path):
    runs = [condition_run(), condition_run("noise", 5.0, seed=7)]
    folder = write(tmp_path, *((run, scored(run, found(40), outside_difference=0)) for run in runs))
    text = run_command(folder).output
    assert "Composited (CoCoGlide): pixels outside the mask are identical" in text
    assert "Perturbations that draw numbers: seed 7." in text
