import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from making_results import hard, make_run, scored, write
from PIL import Image
from test_table_robustness import batch, condition_run, found, jpeg_sweep
from typer.testing import CliRunner

from imlbench.cli.main import app
from imlbench.errors import UserError
from imlbench.results.reading import ResultReader
from reports.figures import image_bytes, save_figure
from reports.robustness import robustness_panels
from reports.robustness_data import make_curves
from reports.robustness_figure import draw, look


def figure_of(folder, metric="recall", note=""):
    with ResultReader(folder) as reader:
        return draw(make_curves(reader, [metric]), metric, note)


def shown(figure):
    return [axes for axes in figure.axes if axes.get_visible()]


def panels_of(folder, **options):
    with ResultReader(folder) as reader:
        return robustness_panels(reader, **options)


def run_command(folder, *arguments):
    return CliRunner().invoke(app, ["report", "robustness", "--results", str(folder), *arguments])


def test_line_starts_clean_and_goes_from_mild_to_strong(tmp_path):
    (axes,) = shown(figure_of(jpeg_sweep(tmp_path)))
    marks = [line for line in axes.get_lines() if line.get_linestyle() == "None"]
    np.testing.assert_allclose(marks[0].get_xydata(), [(0, 100), (1, 75), (2, 50)])
    assert [text.get_text() for text in axes.get_xticklabels()] == ["clean", "90", "50"]
    assert axes.get_title(loc="left") == "CoCoGlide\nJPEG, edited image, n = 2"


def test_band_is_the_bootstrap_interval(tmp_path):
    folder = jpeg_sweep(tmp_path, clean=(40, 30, 20, 10), weak=(30, 20, 10, 0), strong=(20, 20, 20, 20))
    (axes,) = shown(figure_of(folder))
    (band,) = axes.collections
    (curves,) = curves_at(folder)
    clean = curves.series[0].estimates["recall"].clean
    heights = band.get_paths()[0].vertices
    at_clean = heights[heights[:, 0] == 0, 1]
    assert (at_clean.min(), at_clean.max()) == pytest.approx((100 * clean.low, 100 * clean.high))


def curves_at(folder):
    with ResultReader(folder) as reader:
        return make_curves(reader, ["recall"])


def test_missing_severity_is_bridged_by_a_dotted_line(tmp_path):
    folder = jpeg_sweep(tmp_path)
    runs = [condition_run(adapter="ssim", title="SSIM"), condition_run("jpeg", 50.0, adapter="ssim", title="SSIM")]
    write(folder, *(batch(run, 40, 40) for run in runs))
    (axes,) = shown(figure_of(folder))
    dotted = [line for line in axes.get_lines() if line.get_linestyle() == ":"]
    assert [line.get_xdata().tolist() for line in dotted] == [[0, 2]]


def test_panels_stand_by_dataset_and_perturbation(tmp_path):
    conditions = [("jpeg", 90.0, "cocoglide"), ("blur", 3.0, "cocoglide"), ("blur", 3.0, "autosplice")]
    runs = [condition_run(name, severity, dataset=dataset) for name, severity, dataset in conditions]
    figure = figure_of(write(tmp_path, *(batch(run, 40, 20) for run in runs)))
    titles = [axes.get_title(loc="left").split(",")[0] for axes in shown(figure)]
    assert titles == ["CoCoGlide\nJPEG", "CoCoGlide\nBlur", "AutoSplice\nBlur"]
    assert len(figure.axes) == 4
    assert len({axes.get_ylim() for axes in shown(figure)}) == 1


def test_annotator_keeps_its_look_in_every_panel_and_no_two_look_alike(tmp_path):
    looks = [look(index) for index in range(21)]
    assert len({(one["color"], one["marker"]) for one in looks}) == 21
    # In grey, markers and line styles are left.
    assert len({(one["marker"], str(one["linestyle"]), one["markerfacecolor"] == "white") for one in looks[:10]}) == 10
    first, second = (condition_run("jpeg", 90.0, adapter=name, title=name) for name in ("aa", "bb"))
    alone = condition_run("blur", 3.0, adapter="bb", title="bb")
    figure = figure_of(write(tmp_path, *(batch(run, 40, 20) for run in (first, second, alone))))
    colours = [[line.get_color() for line in axes.get_lines()] for axes in shown(figure)]
    assert set(colours[1]) == {look(1)["color"]}
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["aa", "bb", "95 % interval"]


@pytest.mark.parametrize("severities", [1, 40])
def test_any_number_of_severities_can_be_drawn(tmp_path, severities):
    runs = [condition_run("zap", float(index)) for index in range(severities)]
    (axes,) = shown(figure_of(write(tmp_path, *(batch(run, 40, 20) for run in runs))))
    assert 1 <= len(axes.get_xticks()) <= 12
    assert axes.get_xticklabels()[0].get_text() == "0"


def test_hostile_titles_are_clipped_and_drawn_as_they_are(tmp_path):
    title = "_$\\frac{1$ <b>\n" * 9
    changes = {"dataset": "evil", "dataset_title": title, "adapter": "evil", "title": title}
    folder = jpeg_sweep(tmp_path, **changes)
    write(folder, batch(condition_run("_$x$", 1.0, **changes), 20, 20))
    figure = figure_of(folder, note=title * 99)
    assert ElementTree.fromstring(image_bytes(figure, "svg")).tag.endswith("svg")
    lines = [line for axes in shown(figure) for line in axes.get_title(loc="left").replace("\\$", "$").split("\n")]
    assert max(map(len, lines)) <= 60
    assert "<b>" in figure.legends[0].get_texts()[0].get_text()


def test_no_text_is_cut_off_or_overlaps(tmp_path):
    title = "A rather long title of a thing"
    runs = [
        condition_run(
            name, severity, dataset=dataset, dataset_title=title, adapter=f"a{index}", title=f"{title} {index}"
        )
        for dataset in ("one", "two")
        for index in range(10)
        for name, severity in (("", None), ("jpeg", 90.0), ("noise", 5.0), ("blur", 3.0))
    ]
    figure = figure_of(write(tmp_path, *(batch(run, 40, 20) for run in runs)))
    image_bytes(figure, "png")
    width, height = figure.bbox.size
    boxes = [axes.get_tightbbox() for axes in shown(figure)] + [figure.legends[0].get_window_extent()]
    for index, box in enumerate(boxes):
        assert min(box.x0, box.y0, width - box.x1, height - box.y1) >= 0
        assert not any(box.overlaps(other) for other in boxes[index + 1 :])


def test_metric_below_zero_fits_on_the_axis(tmp_path):
    run = condition_run("jpeg", 90.0)
    folder = write(tmp_path, (run, scored(run, [hard(0, 60, 40, 0)] * 2)))
    (axes,) = shown(figure_of(folder, "mcc"))
    assert axes.get_ylim()[0] < -100


@pytest.mark.parametrize(("name", "start"), [("r.png", b"\x89PNG"), ("r.svg", b"<?xml"), ("r.PDF", b"%PDF")])
def test_figure_is_written_by_suffix_and_twice_the_same(tmp_path, name, start):
    folder = jpeg_sweep(tmp_path / "results")
    written = []
    for _ in range(2):
        assert run_command(folder, "-o", str(tmp_path / name)).output == f"written: {tmp_path / name}\n"
        written.append((tmp_path / name).read_bytes())
    assert written[0].startswith(start)
    assert written[0] == written[1]


def test_folder_gets_all_three_forms_and_the_png_is_not_blank(tmp_path):
    run_command(jpeg_sweep(tmp_path / "results"), "-o", str(tmp_path / "figures"), "--metric", "iou")
    names = sorted(path.name for path in (tmp_path / "figures").iterdir())
    assert names == ["robustness.pdf", "robustness.png", "robustness.svg"]
    with Image.open(tmp_path / "figures" / "robustness.png") as image:
        assert image.width > image.height > 400
        assert len(image.convert("RGB").getcolors(1 << 20)) > 50


def test_too_many_annotators_are_told(tmp_path):
    runs = [condition_run("jpeg", 90.0, adapter=f"a{index}", title=f"A{index}") for index in range(11)]
    folder = write(tmp_path / "results", *(batch(run, 40) for run in runs))
    result = run_command(folder, "-o", str(tmp_path / "r.svg"))
    assert "11 annotators are hard to tell apart: --annotator chooses some" in result.stderr
    assert result.exit_code == 0
    result = run_command(folder, "-o", str(tmp_path / "r.svg"), "--annotator", "a1*")
    assert result.stderr == ""


def test_unknown_suffix_and_metric_are_refused(tmp_path):
    folder = jpeg_sweep(tmp_path)
    result = run_command(folder, "-o", str(tmp_path / "r.jpg"))
    assert isinstance(result.exception, UserError)
    assert "expected a name ending in .png, .svg, .pdf" in str(result.exception)
    result = run_command(folder, "-o", str(tmp_path / "r.png"), "--metric", "f2")
    assert "unknown metric 'f2'" in str(result.exception)
    with pytest.raises(UserError, match="expected a name ending in"):
        save_figure(figure_of(folder), tmp_path / "r.bmp")


def test_page_gets_one_panel_per_dataset_and_perturbation(tmp_path):
    folder = jpeg_sweep(tmp_path)
    write(folder, batch(condition_run("noise", 5.0, "both", seed=0), 40, 20))
    panels = panels_of(folder, metric="recall")
    titles = [panel.title for panel in panels]
    assert titles == ["CoCoGlide: JPEG, edited image", "CoCoGlide: Noise, both images"]
    assert "95 % bootstrap intervals (1000 resamples, seed 0). n = 2 samples" in panels[0].caption
    assert "Target edited" in panels[0].caption
    assert "empty=one, average=image, invert=never" in panels[0].caption
    assert all(ElementTree.fromstring(panel.svg).tag.endswith("svg") for panel in panels)
    assert panels == panels_of(folder, metric="recall")


def test_page_gets_nothing_where_nothing_was_perturbed(tmp_path):
    run = make_run()
    assert panels_of(write(tmp_path, (run, scored(run, found(40))))) == []
