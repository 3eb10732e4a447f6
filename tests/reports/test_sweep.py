import csv
import io

import numpy as np
import pytest
from making_results import PAPER, five_datasets, hard, make_run, scored, soft, write
from PIL import Image
from typer.testing import CliRunner

from imlbench.cli.main import app
from imlbench.errors import UserError
from imlbench.results.reading import ResultReader
from reports.curves import make_curves
from reports.figures import image_bytes
from reports.grid import clean_runs
from reports.sweep import FigureFormat, figure_format
from reports.sweep_figure import COMPOSITED, SOLID, draw, line_style


def curves(folder, *patterns, empty="one"):
    with ResultReader(folder) as reader:
        return make_curves(reader, clean_runs(reader), patterns, empty)


def one_run(folder, counts, **changes):
    run = make_run(**changes)
    return write(folder, (run, scored(run, counts)))


def run_command(*arguments):
    return CliRunner().invoke(app, ["report", "sweep", *arguments])


def test_curve_follows_from_the_histograms(tmp_path):
    # Edited pixels score 30, the others 5: all marked up to 5, exactly the edited ones up to 30, none above.
    (curve,) = curves(one_run(tmp_path, [soft(30, 5)]))
    everything = 2 * 40 / (2 * 40 + 60)
    np.testing.assert_allclose(curve.mean[:6], everything)
    np.testing.assert_allclose(curve.mean[6:31], 1)
    np.testing.assert_allclose(curve.mean[31:], 0)
    assert curve.mean.shape == (256,)
    assert curve.oracle == 6


def test_curve_agrees_with_the_stored_counts_at_the_runs_threshold(tmp_path):
    (curve,) = curves(one_run(tmp_path, [soft(30, 15), soft(30, 5), soft(9, 5)]))
    assert curve.mean[10] == pytest.approx((2 * 40 / (2 * 40 + 60) + 1 + 0) / 3)


def test_standard_error_is_that_of_the_mean_over_samples(tmp_path):
    samples = [soft(30, 15), soft(30, 5), soft(9, 5)]
    (curve,) = curves(one_run(tmp_path, samples))
    values = np.array([2 * 40 / (2 * 40 + 60), 1, 0])
    assert curve.stderr[10] == pytest.approx(values.std(ddof=1) / np.sqrt(3))


def test_curve_of_more_samples_than_a_chunk_is_the_same(tmp_path):
    samples = [soft(30, 5), soft(20, 5)] * 300
    (curve,) = curves(one_run(tmp_path, samples))
    assert curve.samples == 600
    assert curve.mean[25] == pytest.approx(0.5)


def test_one_sample_has_no_standard_error(tmp_path):
    (curve,) = curves(one_run(tmp_path, [soft(30, 5)]))
    assert np.isnan(curve.stderr).all()
    assert image_bytes(draw([curve], 100, ""), "png").startswith(b"\x89PNG")


def test_skipped_empty_samples_do_not_pull_the_curve_down(tmp_path):
    folder = one_run(tmp_path, [soft(30, 5), soft(30, 5, edited=0, unedited=100)])
    (skipping,) = curves(folder, empty="skip")
    (zero,) = curves(folder, empty="zero")
    assert (skipping.mean[20], zero.mean[20]) == (1.0, 0.5)


def test_fixed_rows_of_pixdiff_share_one_curve_from_the_run_with_most_samples(tmp_path):
    small = make_run("pixdiff-0", "PixDiff-Fixed(0)", threshold=0.0)
    large = make_run("pixdiff-20", "PixDiff-Fixed(20)", threshold=20 / 255)
    newest = make_run("pixdiff-40", "PixDiff-Fixed(40)", threshold=40 / 255)
    batches = [(small, 1), (large, 3), (newest, 2)]
    folder = write(tmp_path, *((run, scored(run, [soft(30, 5)] * n)) for run, n in batches))
    (curve,) = curves(folder)
    assert (curve.run_id, curve.samples, curve.annotator) == (large.run_id, 3, "PixDiff-Fixed")


def test_curves_stand_in_the_papers_order_with_its_numbers(tmp_path):
    folder = five_datasets(tmp_path, lambda index: [soft(30, 5)])
    own = make_run(dataset="aaa")
    found = curves(write(folder, (own, scored(own, [soft(30, 5)]))))
    assert [curve.dataset for curve in found] == [*PAPER.values(), "aaa"]
    assert found[0].paper == pytest.approx({0: 0.3546, 10: 0.9226, 20: 0.8201, 30: 0.7227, 40: 0.6334})
    assert found[5].paper == {}


def test_other_annotators_are_swept_on_request(tmp_path):
    folder = one_run(tmp_path, [soft(30, 5)])
    other = make_run("ssim", "SSIM")
    write(folder, (other, scored(other, [soft(30, 5)])))
    assert [curve.annotator for curve in curves(folder)] == ["PixDiff-Fixed"]
    assert [curve.annotator for curve in curves(folder, "ssim")] == ["SSIM"]
    assert [curve.annotator for curve in curves(folder, "*")] == ["PixDiff-Fixed", "SSIM"]
    assert curves(folder, "ssim")[0].paper == {}


def test_missing_runs_are_named(tmp_path):
    folder = one_run(tmp_path, [soft(30, 5)], adapter="ssim", title="SSIM")
    with pytest.raises(UserError, match=r"no run of pixdiff-0 or another .* hold ssim: run `imlbench annotate-eval"):
        curves(folder)
    with pytest.raises(UserError, match="no run of sigma; the results hold ssim"):
        curves(folder, "sigma")


def test_hard_decisions_and_unscored_runs_are_refused(tmp_path):
    otsu = make_run("pixdiff-otsu", "PixDiff-Otsu", soft=False)
    whole = make_run()
    folder = write(
        tmp_path,
        (otsu, scored(otsu, [hard(30, 10, 10, 50)])),
        (whole, scored(whole, [soft(30, 5)], scope="whole-image")),
    )
    with pytest.raises(UserError, match="pixdiff-otsu: hard decisions"):
        curves(folder, "pixdiff-otsu")
    with pytest.raises(UserError, match="scored no sample with a local edit"):
        curves(folder, "pixdiff-10")


def test_composited_sets_are_named_and_drawn_in_a_style_of_their_own(tmp_path):
    first, second = make_run(), make_run(dataset="autosplice")
    folder = write(
        tmp_path,
        (first, scored(first, [soft(30, 5)] * 2, outside_difference=0)),
        (second, scored(second, [soft(30, 5)] * 2)),
    )
    found = curves(folder)
    figure = draw(found, 100, "")
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts[0].startswith("CoCoGlide (n = 2, composited)")
    assert texts[1].startswith("AutoSplice (n = 2)")
    assert texts[0].endswith("oracle 100.00 at 6")
    lines = [line for line in figure.axes[0].get_lines() if len(line.get_xdata()) == 101]
    assert line_style(found[0], 0) in COMPOSITED
    assert line_style(found[1], 1) in SOLID
    assert lines[0].get_color() != lines[1].get_color()


@pytest.mark.parametrize("highest", [1, 5, 255])
def test_any_range_can_be_drawn(tmp_path, highest):
    figure = draw(curves(one_run(tmp_path, [soft(30, 5)] * 2)), highest, "")
    assert figure.axes[0].get_xlim()[1] == highest
    assert image_bytes(figure, "png").startswith(b"\x89PNG")


def test_hostile_titles_are_drawn_as_they_are(tmp_path):
    title = "_$\\frac{1$ <b>\n"
    folder = one_run(tmp_path, [soft(30, 5)] * 2, dataset="evil", dataset_title=title)
    figure = draw(curves(folder), 100, title)
    assert image_bytes(figure, "svg").startswith(b"<?xml")
    assert "<b>" in figure.legends[0].get_texts()[0].get_text()


@pytest.mark.parametrize(("name", "start"), [("s.png", b"\x89PNG"), ("s.svg", b"<?xml"), ("s.PDF", b"%PDF")])
def test_figure_is_written_by_suffix_and_twice_the_same(tmp_path, name, start):
    folder = one_run(tmp_path / "results", [soft(30, 5), soft(40, 12)])
    written = []
    for _ in range(2):
        result = run_command("--results", str(folder), "-o", str(tmp_path / name))
        assert result.output == f"written: {tmp_path / name}\n"
        written.append((tmp_path / name).read_bytes())
    assert written[0].startswith(start)
    assert written[0] == written[1]


def test_png_is_not_blank(tmp_path):
    folder = one_run(tmp_path / "results", [soft(30, 5), soft(40, 12)])
    run_command("--results", str(folder), "-o", str(tmp_path / "s.png"))
    with Image.open(tmp_path / "s.png") as image:
        assert image.width > image.height > 400
        assert len(image.convert("RGB").getcolors(1 << 20)) > 50


def test_csv_holds_every_threshold(tmp_path):
    folder = one_run(tmp_path / "results", [soft(30, 5), soft(30, 5)], dataset_title="=1+1")
    run_command("--results", str(folder), "-o", str(tmp_path / "s.csv"))
    lines = list(csv.DictReader(io.StringIO((tmp_path / "s.csv").read_text())))
    assert [int(line["threshold"]) for line in lines] == list(range(256))
    assert {line["dataset"] for line in lines} == {"'=1+1"}
    assert [line["threshold"] for line in lines if line["oracle"] == "1"] == ["6"]
    assert (lines[10]["f1"], lines[10]["stderr"], lines[10]["paper"]) == ("100.0", "0.0", "92.26")
    assert lines[11]["paper"] == ""


def test_unknown_suffix_is_refused():
    from pathlib import Path

    with pytest.raises(UserError, match=r"expected a name ending in \.png, \.svg, \.pdf, \.csv, or --format"):
        figure_format(Path("s.jpg"), None)
    assert figure_format(Path("s.jpg"), FigureFormat.PNG) == FigureFormat.PNG
