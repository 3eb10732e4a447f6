import csv
import io

import numpy as np
import pytest
from making_results import PAPER, hard, make_run, scored, soft, write
from PIL import Image
from typer.testing import CliRunner

from imlbench.cli.main import app
from imlbench.counting import SampleCounts
from imlbench.errors import UserError
from imlbench.results.reading import ResultReader
from reports.calibration_data import CENTRES, make_calibrations, soft_runs
from reports.calibration_figure import draw
from reports.grid import clean_runs


def run_command(*arguments):
    return CliRunner().invoke(app, ["report", "calibration", *map(str, arguments)])


def from_histogram(histogram):
    """Counts with a given 2 x 256 histogram."""
    fp, tp = histogram[:, 128:].sum(axis=1).tolist()
    tn, fn = histogram[:, :128].sum(axis=1).tolist()
    return SampleCounts(tp, fp, fn, tn, histogram)


def calibrated(pixels=25_600):
    """A sample whose bin b is edited in (b + 0.5) / 256 of its pixels."""
    edited = np.rint(pixels * CENTRES).astype(np.int64)
    return from_histogram(np.stack([pixels - edited, edited]))


def one_run(folder, counts, **changes):
    run = make_run(**{"adapter": "toy", "title": "Toy", **changes})
    return write(folder, (run, scored(run, counts)))


def found(folder, bins=16, seed=0):
    with ResultReader(folder) as reader:
        return make_calibrations(reader, soft_runs(clean_runs(reader))[0], bins, seed)


def reference(histogram, bins):
    """Expected calibration error, bin by bin."""
    error, total = 0.0, histogram.sum()
    for index in range(bins):
        levels = range(index * 256 // bins, (index + 1) * 256 // bins)
        pixels = sum(int(histogram[:, level].sum()) for level in levels)
        if pixels:
            edited = sum(int(histogram[1, level]) for level in levels)
            score = sum(int(histogram[:, level].sum()) * (level + 0.5) / 256 for level in levels)
            error += pixels / total * abs(edited / pixels - score / pixels)
    return error


@pytest.mark.parametrize("bins", [2, 16, 256])
def test_perfect_calibration_lies_on_the_diagonal(tmp_path, bins):
    (one,) = found(one_run(tmp_path, [calibrated()] * 3), bins)
    assert one.ece < 1e-4
    np.testing.assert_allclose(one.observed, one.score, atol=1e-4)
    assert len(one.score) == bins


def test_bins_are_equal_and_empty_ones_have_no_value(tmp_path):
    # Edited pixels score 200 / 256, the others 20 / 256.
    (one,) = found(one_run(tmp_path, [soft(200, 20)] * 2))
    known = np.flatnonzero(np.isfinite(one.observed))
    assert known.tolist() == [1, 12]
    assert one.observed[known].tolist() == [0.0, 1.0]
    assert one.score[known].tolist() == [20.5 / 256, 200.5 / 256]
    assert one.counts[:, 1].tolist() == [120, 0]
    assert one.counts.sum() == 200
    assert one.ece == pytest.approx(0.6 * 20.5 / 256 + 0.4 * 55.5 / 256)
    assert np.isnan(one.low[0])
    assert np.isnan(one.high[0])


@pytest.mark.parametrize("bins", [2, 8, 64, 256])
def test_error_is_the_definition_on_random_histograms(tmp_path, bins):
    rng = np.random.default_rng(3)
    histograms = [rng.integers(0, 1000, (2, 256)) * (rng.random((2, 256)) < 0.2) for _ in range(4)]
    (one,) = found(one_run(tmp_path, [from_histogram(histogram) for histogram in histograms]), bins)
    assert one.ece == pytest.approx(reference(sum(histograms), bins))


def test_scores_of_grey_levels_are_within_half_a_bin():
    assert np.abs(np.arange(256) / 255 - CENTRES).max() <= 1 / 512


def test_interval_is_over_samples_and_holds_the_value(tmp_path):
    samples = [soft(200, 20), soft(200, 20, edited=80, unedited=20), soft(150, 90)] * 5
    (one,) = found(one_run(tmp_path, samples))
    low, high = one.ece_interval
    assert low < one.ece < high
    assert found(tmp_path)[0].ece_interval == one.ece_interval
    assert found(tmp_path, seed=1)[0].ece_interval != one.ece_interval
    known = np.isfinite(one.observed)
    assert (one.low[known] <= one.observed[known] + 1e-12).all()
    assert (one.high[known] >= one.observed[known] - 1e-12).all()


def test_more_samples_than_a_chunk_are_pooled(tmp_path):
    (one,) = found(one_run(tmp_path, [soft(200, 20)] * 600))
    assert (one.samples, one.counts.sum()) == (600, 60_000)


def test_fixed_rows_of_pixdiff_share_one_curve(tmp_path):
    runs = [make_run("pixdiff-0", "PixDiff-Fixed(0)"), make_run("pixdiff-40", "PixDiff-Fixed(40)")]
    write(tmp_path, *((run, scored(run, [soft(30, 5)])) for run in runs))
    assert [one.annotator for one in found(tmp_path)] == ["PixDiff-Fixed"]


def test_hard_annotators_are_left_out_by_name(tmp_path):
    otsu = make_run("pixdiff-otsu", "PixDiff-Otsu", soft=False)
    one_run(tmp_path, [soft(200, 20)])
    write(tmp_path, (otsu, scored(otsu, [hard(30, 10, 10, 50)])))
    run_command("--results", tmp_path, "-o", tmp_path / "c.md")
    text = (tmp_path / "c.md").read_text()
    assert "Left out, since they make hard decisions without scores: PixDiff-Otsu." in text
    assert "| CoCoGlide | Toy |" in text
    refused = run_command("--results", tmp_path, "-o", tmp_path / "c.png", "--annotator", "pixdiff-otsu")
    assert str(refused.exception).startswith("PixDiff-Otsu: hard decisions without scores")


def test_caption_says_that_scores_are_taken_as_probabilities(tmp_path):
    run_command("--results", one_run(tmp_path, [soft(200, 20)]), "-o", tmp_path / "c.md")
    assert "A score is taken as a probability here" in (tmp_path / "c.md").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--bins", 15], "--bins: expected 2, 4, 8, 16, 32, 64, 128 or 256, found 15"),
        (["--bins", 0], "--bins: expected 2"),
        (["--bins", 512], "--bins: expected 2"),
        (["--annotator", "sigma"], "no run of sigma; the results hold toy"),
        (["--dataset", "nowhere"], "no run on the dataset 'nowhere'"),
        (["-o", "c.jpg"], "c.jpg: expected a name ending in .png"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, options, message):
    folder = one_run(tmp_path, [soft(200, 20)])
    refused = run_command("--results", folder, "-o", tmp_path / "c.png", *options)
    assert isinstance(refused.exception, UserError)
    assert message in str(refused.exception)


def test_runs_that_scored_nothing_local_are_refused(tmp_path):
    run = make_run()
    write(tmp_path, (run, scored(run, [soft(30, 5)], scope="whole-image")))
    with pytest.raises(UserError, match="the soft runs that fit scored no sample with a local edit"):
        found(tmp_path)


def test_csv_holds_every_bin(tmp_path):
    folder = one_run(tmp_path, [soft(200, 20)] * 2, title="=1+1")
    run_command("--results", folder, "-o", tmp_path / "c.csv", "--bins", 4)
    lines = list(csv.DictReader(io.StringIO((tmp_path / "c.csv").read_text())))
    assert [line["score_low"] for line in lines] == ["0.0", "0.25", "0.5", "0.75"]
    assert {line["annotator"] for line in lines} == {"'=1+1"}
    assert [line["edited_share"] for line in lines] == ["0.0", "", "", "100.0"]
    assert [line["pixels"] for line in lines] == ["120", "0", "0", "80"]
    assert lines[1]["score_mean"] == ""


@pytest.mark.parametrize(("name", "start"), [("c.png", b"\x89PNG"), ("c.svg", b"<?xml"), ("c.pdf", b"%PDF")])
def test_same_input_gives_the_same_bytes(tmp_path, name, start):
    folder = one_run(tmp_path / "results", [calibrated(), soft(200, 20)])
    written = []
    for _ in range(2):
        done = run_command("--results", folder, "-o", tmp_path / name)
        assert done.output == f"written: {tmp_path / name}\n"
        written.append((tmp_path / name).read_bytes())
    assert written[0].startswith(start)
    assert written[0] == written[1]


def test_png_is_not_blank(tmp_path):
    run_command("--results", one_run(tmp_path, [calibrated()] * 2), "-o", tmp_path / "c.png")
    with Image.open(tmp_path / "c.png") as image:
        assert image.height > 600
        assert len(image.convert("RGB").getcolors(1 << 20)) > 50


def test_every_dataset_has_a_diagram_and_a_histogram(tmp_path):
    for name in [*list(PAPER)[:4]]:
        one_run(tmp_path, [calibrated(), soft(200, 20)], dataset=name)
    figure = draw(found(tmp_path), [])
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert sorted(title for title in titles if title) == sorted(list(PAPER.values())[:4])
    assert len(figure.axes) == 8
    (text,) = figure.legends[0].get_texts()
    assert text.get_text().count("ECE") == 4


def test_hostile_titles_are_drawn_as_they_are(tmp_path):
    title = "_$\\frac{1$ <b>\n"
    folder = one_run(tmp_path, [soft(200, 20)], title=title, dataset_title=title)
    for name in ("c.svg", "c.md", "c.tex", "c.csv"):
        assert run_command("--results", folder, "-o", tmp_path / name).exit_code == 0
    assert "<b>" in draw(found(folder), [title]).legends[0].get_texts()[0].get_text()
