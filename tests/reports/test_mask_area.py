import csv
import io

import numpy as np
import pytest
from making_results import PAPER, facts, hard, make_run, scored, write
from PIL import Image
from typer.testing import CliRunner

from imlbench.cli.main import app
from imlbench.errors import UserError
from imlbench.metrics import Conventions
from imlbench.results.reading import ResultReader
from imlbench.results.records import Outcome
from reports.grid import clean_runs
from reports.mask_area_data import equal_edges, make_panels
from reports.mask_area_figure import TICKS, area_limits, draw
from reports.slices import newest


def run_command(*arguments):
    return CliRunner().invoke(app, ["report", "mask-area", *map(str, arguments)])


def outcome(run, index, edited, f1_parts=(30, 10, 10, 50), **changes):
    """A sample of which `edited` of 100 x 100 pixels are edited."""
    sample = facts(run.dataset, f"s{index:03}", width=100, height=100, edited_pixels=edited, **changes)
    return Outcome(run.run_id, sample, "", "ok", counts=hard(*f1_parts))


def growing(folder, count=20, **changes):
    """A run whose F1 is 0 on the smaller half of the areas and 1 on the larger one."""
    run = make_run(**changes)
    parts = [(0, 10, 10, 80) if index < count / 2 else (10, 0, 0, 90) for index in range(count)]
    return write(folder, (run, [outcome(run, index, 100 * (index + 1), parts[index]) for index in range(count)]))


def panels(folder, name="f1", bins=4, **conventions):
    with ResultReader(folder) as reader:
        return make_panels(reader, newest(clean_runs(reader), []), name, bins, Conventions(**conventions), 0)


def test_bins_hold_equal_numbers_and_their_own_mean(tmp_path):
    (panel,) = panels(growing(tmp_path))
    (curve,) = panel.curves
    assert [one.summary.n for one in curve.bins] == [5, 5, 5, 5]
    assert [one.summary.mean for one in curve.bins] == [0, 0, 1, 1]
    assert [(one.low, one.high) for one in curve.bins] == [(0.01, 0.05), (0.06, 0.1), (0.11, 0.15), (0.16, 0.2)]
    assert curve.bins[0].centre == pytest.approx(np.prod([0.01, 0.02, 0.03, 0.04, 0.05]) ** 0.2)


def test_interval_is_a_bootstrap_over_the_bins_samples(tmp_path):
    (panel,) = panels(growing(tmp_path), bins=1)
    summary = panel.curves[0].bins[0].summary
    assert summary.mean == 0.5
    assert 0.2 < summary.low < 0.4
    assert 0.6 < summary.high < 0.8


@pytest.mark.parametrize(("count", "bins", "expected"), [(4, 6, 1), (10, 6, 2), (29, 6, 5), (30, 6, 6), (300, 1, 1)])
def test_no_bin_holds_fewer_than_five(count, bins, expected):
    areas = np.arange(1, count + 1) / count
    edges = equal_edges(areas, bins)
    assert len(edges) == expected
    sizes = np.bincount(np.searchsorted(edges, areas, side="right") - 1)
    assert sizes.max() - sizes.min() <= 1


def test_equal_areas_stay_in_one_bin():
    assert equal_edges(np.full(50, 0.25), 6).tolist() == [0.0, 0.25]
    areas = np.array([0.1] * 30 + [0.2] * 5)
    edges = equal_edges(areas, 6)
    for area in (0.1, 0.2):
        assert len(set(np.searchsorted(edges, areas[areas == area], side="right"))) == 1


def test_samples_without_an_edited_area_are_left_out_and_counted(tmp_path):
    run = make_run()
    blank = [outcome(run, 90, 0), outcome(run, 91, 50, scope="whole-image"), outcome(run, 92, None)]
    folder = write(tmp_path, (run, [outcome(run, index, 100) for index in range(6)] + blank))
    (panel,) = panels(folder)
    assert (panel.samples, panel.left_out) == (6, 2)
    assert sum(one.summary.n for one in panel.curves[0].bins) == 6
    run_command("--results", folder, "-o", tmp_path / "m.md")
    assert "CoCoGlide: 2 samples without an edited pixel" in (tmp_path / "m.md").read_text()


def test_annotators_of_a_dataset_share_their_bins(tmp_path):
    growing(tmp_path)
    run = make_run("ssim", "SSIM")
    write(tmp_path, (run, [outcome(run, index, 100 * (index + 1)) for index in range(10, 20)]))
    (panel,) = panels(tmp_path)
    fixed, ssim = panel.curves
    assert [(one.low, one.high) for one in ssim.bins] == [(one.low, one.high) for one in fixed.bins[2:]]


def test_conventions_and_metric_are_obeyed(tmp_path):
    run = make_run()
    empty = [outcome(run, index, 100, (0, 0, 0, 100)) for index in range(5)]
    folder = write(tmp_path, (run, [*empty, outcome(run, 9, 100, (30, 10, 10, 50))]))
    means = {}
    for name in ("one", "zero", "skip"):
        summary = panels(folder, empty=name)[0].curves[0].bins[0].summary
        means[name] = summary.mean, summary.n
    assert means["one"] == (pytest.approx(5.75 / 6), 6)
    assert means["zero"] == (pytest.approx(0.125), 6)
    assert means["skip"] == (pytest.approx(0.75), 1)
    pooled = panels(folder, "iou", average="pixel")[0].curves[0].bins[0].summary
    assert pooled.mean == pytest.approx(30 / 50)


def test_metric_without_a_value_has_no_curve(tmp_path):
    folder = growing(tmp_path)
    refused = run_command("--results", folder, "-o", tmp_path / "m.png", "--metric", "boundary_f1")
    assert isinstance(refused.exception, UserError)
    assert "boundary_f1" in str(refused.exception)
    assert not (tmp_path / "m.png").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--metric", "f2"], "unknown metric 'f2'"),
        (["--annotator", "sigma"], "no run of sigma; the results hold pixdiff-10"),
        (["--dataset", "nowhere"], "no run on the dataset 'nowhere'; the results hold cocoglide"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, options, message):
    refused = run_command("--results", growing(tmp_path), "-o", tmp_path / "m.png", *options)
    assert isinstance(refused.exception, UserError)
    assert message in str(refused.exception)


def test_results_without_any_edited_area_are_refused(tmp_path):
    run = make_run()
    folder = write(tmp_path, (run, [outcome(run, 0, 0)]))
    with pytest.raises(UserError, match="scored no sample with a local edit, an edited area and a value of f1"):
        panels(folder)


def test_unknown_suffix_is_refused(tmp_path):
    refused = run_command("--results", tmp_path, "-o", tmp_path / "m.jpg")
    assert isinstance(refused.exception, UserError)
    assert "expected a name ending in .png, .svg, .pdf, .md" in str(refused.exception)


def test_datasets_can_be_chosen_by_name_and_glob(tmp_path):
    for name in ("cocoglide", "autosplice", "autosplice:75"):
        growing(tmp_path, dataset=name, dataset_title=name)
    found = {}
    for pattern in ("autosplice", "auto*", "cocoglide"):
        run_command("--results", tmp_path, "-o", tmp_path / "m.csv", "--dataset", pattern)
        rows = csv.DictReader(io.StringIO((tmp_path / "m.csv").read_text()))
        found[pattern] = {row["dataset"] for row in rows}
    both = {"autosplice", "autosplice:75"}
    assert found == {"autosplice": {"autosplice"}, "auto*": both, "cocoglide": {"cocoglide"}}


def test_csv_holds_every_bin(tmp_path):
    folder = growing(tmp_path, adapter_title="=1+1")
    run_command("--results", folder, "-o", tmp_path / "m.csv", "--bins", 2)
    first, second = csv.DictReader(io.StringIO((tmp_path / "m.csv").read_text()))
    assert first["annotator"] == "'=1+1"
    assert (first["area_low"], first["area_high"], first["mean"], first["n"]) == ("1.0", "10.0", "0.0", "10")
    assert (second["mean"], second["low"], second["high"]) == ("100.0", "100.0", "100.0")


def test_tables_are_written_for_eyes_too(tmp_path):
    folder = growing(tmp_path, adapter_title="a|b_{c}")
    for name, part in (("m.md", r"a\|b\_{c}"), ("m.tex", r"a\textbar{}b\_\{c\}")):
        assert run_command("--results", folder, "-o", tmp_path / name).exit_code == 0
        assert part in (tmp_path / name).read_text()


@pytest.mark.parametrize(("name", "start"), [("m.png", b"\x89PNG"), ("m.svg", b"<?xml"), ("m.pdf", b"%PDF")])
def test_same_input_gives_the_same_bytes(tmp_path, name, start):
    folder = growing(tmp_path / "results")
    written = []
    for _ in range(2):
        done = run_command("--results", folder, "-o", tmp_path / name)
        assert done.output == f"written: {tmp_path / name}\n"
        written.append((tmp_path / name).read_bytes())
    assert written[0].startswith(start)
    assert written[0] == written[1]


def test_png_is_not_blank(tmp_path):
    run_command("--results", growing(tmp_path / "results"), "-o", tmp_path / "m.png")
    with Image.open(tmp_path / "m.png") as image:
        assert image.width > 600
        assert len(image.convert("RGB").getcolors(1 << 20)) > 50


def test_every_dataset_has_a_panel_and_every_annotator_one_look(tmp_path):
    for name in PAPER:
        for number in range(9):
            growing(tmp_path, adapter=f"a{number}", adapter_title=f"A{number}", dataset=name)
    figure = draw(panels(tmp_path), "f1", [])
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert sorted(titles) == sorted(f"{title} (n = 20)" for title in PAPER.values())
    looks = [[look(line) for line in axes.get_lines()] for axes in figure.axes]
    assert len(set(looks[0])) == 9
    assert all(one == looks[0] for one in looks)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [f"A{number}" for number in range(9)]


def look(line):
    """What tells a curve from others."""
    return line.get_color(), str(line.get_linestyle()), line.get_marker(), line.get_markerfacecolor()


def test_composited_sets_are_named(tmp_path):
    run = make_run()
    folder = write(tmp_path, (run, scored(run, [hard(1, 0, 0, 9)] * 6, outside_difference=1)))
    (panel,) = panels(folder)
    assert panel.composited
    assert draw([panel], "f1", []).axes[0].get_title(loc="left") == "CoCoGlide (n = 6, composited)"


@pytest.mark.parametrize("edited", [1, 30, 4000, 9999, 10_000])
def test_axis_holds_two_ticks_at_any_area(tmp_path, edited):
    run = make_run()
    folder = write(tmp_path, (run, [outcome(run, index, edited) for index in range(5)]))
    low, high = area_limits(panels(folder)[0])
    assert low < edited / 10_000 < high
    assert sum(low <= tick <= high for tick in TICKS) >= 2


def test_hostile_titles_are_drawn_as_they_are(tmp_path):
    title = "_$\\frac{1$ <b>\n"
    folder = growing(tmp_path, adapter_title=title, dataset_title=title)
    for name in ("m.svg", "m.md", "m.tex", "m.csv"):
        assert run_command("--results", folder, "-o", tmp_path / name).exit_code == 0
    assert "<b>" in draw(panels(folder), "f1", [title]).axes[0].get_title(loc="left")
