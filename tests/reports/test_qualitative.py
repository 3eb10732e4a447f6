"""Grids of pictures: which samples, which columns, what is drawn, and what stands where a picture is missing."""

import shutil
import warnings

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from imlbench.cli.main import app
from imlbench.errors import UserError
from imlbench.evaluation import evaluate
from imlbench.perturb import Condition
from imlbench.pictures import Pictures
from imlbench.registry import resolve
from imlbench.results.reading import ResultReader
from reports.figures import image_bytes
from reports.qualitative import qualitative_figure
from reports.qualitative_data import Choice
from reports.qualitative_figure import TILE, draw, drawable, text_width, wrapped
from reports.qualitative_tiles import (
    FALSE_ALARM,
    LONGEST_SIDE,
    MISSED,
    RIGHT,
    PictureGrid,
    PictureRow,
    Tile,
    error_picture,
    make_pictures,
    shrunk,
)
from tests.making_sets import BOX, ListDataset, edit, make_set, memory_sample, photo, write_image

ANNOTATORS = ["pixdiff-0", "pixdiff-10", "pixdiff-40", "pixdiff-otsu"]


@pytest.fixture
def root(tmp_path):
    return make_set(tmp_path / "set", 6)


@pytest.fixture
def results(tmp_path, root):
    evaluate("folder", ANNOTATORS, data_root=root, out=tmp_path / "results", workers=1)
    return tmp_path / "results"


def made(results, roots=None, **choice):
    with ResultReader(results) as reader:
        return make_pictures(reader, Pictures(reader, roots), Choice(**choice))


def run_command(*arguments):
    return CliRunner().invoke(app, ["report", "qualitative", *map(str, arguments)])


def values(results, adapter="pixdiff-40", metric="f1"):
    """Value of each sample by id."""
    with ResultReader(results) as reader:
        (stored,) = [one for one in reader.runs() if one.run.adapter == adapter]
        found = reader.sample_values(stored.run_id, [metric])
    return dict(zip(found.ids, found.values[:, 0].tolist(), strict=True))


def ids(grid):
    return [row.sample_id for row in grid.rows]


def test_columns_are_the_images_and_the_annotators_in_natural_order(results):
    grid = made(results)
    titles = ["PixDiff-Fixed(0)", "PixDiff-Fixed(10)", "PixDiff-Fixed(40)", "PixDiff-Otsu"]
    assert list(grid.columns) == ["original", "edited", "truth", *titles]
    assert all(len(row.tiles) == len(grid.columns) for row in grid.rows)
    assert ids(made(results, rows=50)) == ids(grid)
    assert len(grid.rows) == 6


def test_columns_stand_in_the_order_asked_for(results):
    grid = made(results, annotators=["pixdiff-otsu", "pixdiff-?0", "pixdiff-0"])
    assert list(grid.columns[3:]) == ["PixDiff-Otsu", "PixDiff-Fixed(10)", "PixDiff-Fixed(40)", "PixDiff-Fixed(0)"]


def test_worst_and_best_follow_the_annotator_asked_for(results):
    known = values(results)
    ranked = sorted(known, key=lambda name: (known[name], name))
    assert ids(made(results, pick="worst", rows=3, of="pixdiff-40")) == ranked[:3]
    assert ids(made(results, pick="best", rows=2, of="pixdiff-40")) == ranked[::-1][:2]
    spread = ids(made(results, pick="spread", rows=3, of="pixdiff-40"))
    assert (spread[0], spread[-1]) == (ranked[0], ranked[-1])
    assert spread[1] == ranked[2]


def test_ranking_is_by_the_best_annotator_and_says_so(results):
    means = {name: np.mean(list(values(results, name).values())) for name in ANNOTATORS}
    best = max(means, key=means.get)
    grid = made(results, pick="worst", rows=2)
    assert ids(grid) == ids(made(results, pick="worst", rows=2, of=best))
    title = dict(zip(ANNOTATORS, grid.columns[3:], strict=True))[best]
    assert grid.notes[0] == f"set, clean images. The 2 worst of 6 samples by F1 of {title}."


def test_random_choice_is_the_seeds_and_in_the_order_of_the_ids(results):
    first = ids(made(results, pick="random", rows=3, seed=1))
    assert first == ids(made(results, pick="random", rows=3, seed=1)) == sorted(first)
    others = {tuple(ids(made(results, pick="random", rows=3, seed=seed))) for seed in range(6)}
    assert len(others) > 1
    assert "drawn at random with seed 1" in made(results, pick="random", rows=3, seed=1).notes[0]


def test_samples_by_id_come_in_the_order_asked_for_and_once(results):
    assert ids(made(results, sample_ids=["04", "01", "04"])) == ["04", "01"]


def test_values_below_the_predictions_are_the_stored_ones(results):
    known = values(results, metric="iou")
    for row in made(results, by="iou").rows:
        assert row.tiles[5].caption == f"IoU {100 * known[row.sample_id]:.1f}"


def test_decision_is_white_where_the_score_reaches_the_threshold(results):
    (row,) = made(results, sample_ids=["02"], annotators=["pixdiff-0", "pixdiff-40"]).rows
    original, edited, truth, everything, strict = (tile.pixels for tile in row.tiles)
    np.testing.assert_array_equal(original, photo(2))
    np.testing.assert_array_equal(edited, edit(photo(2), 2))
    assert truth[BOX].min() == 255
    assert truth.mean() == pytest.approx(255 * 72 / (16 * 24))
    assert everything.min() == 255
    assert set(np.unique(strict)) == {0, 255}
    assert strict[: BOX[0].start].max() == 0


def test_scores_are_drawn_as_their_square_root(results):
    (row,) = made(results, sample_ids=["02"], annotators=["pixdiff-10"], show="score").rows
    with ResultReader(results) as reader:
        pictures = Pictures(reader)
        stored = next(one for one in reader.runs() if one.run.adapter == "pixdiff-10")
        levels = pictures.score_map(stored, pictures.load(stored, "02"))
    np.testing.assert_array_equal(row.tiles[3].pixels[:, :, 0], np.rint(255 * np.sqrt(levels / 255)))


def test_errors_have_a_colour_each_and_four_levels_of_grey():
    truth = np.array([[True, True, False, False]])
    picture = error_picture(np.array([[True, False, True, False]]), truth)
    assert picture[0].tolist() == [list(RIGHT), list(MISSED), list(FALSE_ALARM), [0, 0, 0]]
    levels = sorted(np.asarray(Image.fromarray(picture).convert("L"))[0].tolist())
    assert min(np.diff(levels)) > 60


def test_perturbed_runs_show_the_edited_image_as_it_was_seen(results, root):
    jpeg = resolve("perturbations", "jpeg").load()()
    conditions = [Condition(jpeg, 50), Condition(jpeg, 90)]
    evaluate("folder", ANNOTATORS[:2], data_root=root, out=results, conditions=conditions, workers=1)
    (row,) = made(results, sample_ids=["00"], perturbation="jpeg", severity=50).rows
    np.testing.assert_array_equal(row.tiles[0].pixels, photo(0))
    generator = np.random.default_rng()
    np.testing.assert_array_equal(row.tiles[1].pixels, jpeg.apply(edit(photo(0), 0), 50, generator))
    grid = made(results, perturbation="jpeg", severity=50, rows=1)
    assert grid.notes[0].startswith("set, jpeg at severity 50 on the edited image. 1 of 6 samples")
    with pytest.raises(UserError, match="jpeg: choose a --severity; the results hold jpeg 50, jpeg 90"):
        made(results, perturbation="jpeg")
    with pytest.raises(UserError, match="no run under jpeg 70 on target edited; the results hold jpeg 50, jpeg 90"):
        made(results, perturbation="jpeg", severity=70)


def test_changed_and_missing_files_become_tiles_that_say_why(results, root):
    write_image(root / "edited" / "00.png", edit(photo(0), 9))
    for part in ("original", "edited", "mask"):
        (root / part / "01.png").unlink()
    grid = made(results)
    rows = {row.sample_id: row for row in grid.rows}
    assert {tile.reason for tile in rows["00"].tiles} == {"00: its files have changed since it was scored"}
    assert all("no longer in folder" in tile.reason for tile in rows["01"].tiles)
    assert not any(tile.reason for tile in rows["02"].tiles)
    assert image_bytes(draw(grid), "png").startswith(b"\x89PNG")


def test_a_run_that_scored_other_files_than_the_others_says_so(results, root):
    write_image(root / "edited" / "00.png", edit(photo(0), 9))
    evaluate("folder", ["pixdiff-10"], data_root=root, out=results, workers=1)
    (row,) = made(results, sample_ids=["00"]).rows
    assert row.tiles[4].pixels is not None
    assert row.tiles[3].reason == "scored on other files than those that are there now"
    assert row.tiles[3].caption.startswith("F1 ")


def test_failed_and_unscored_samples_say_why(tmp_path, root):
    write_image(root / "original" / "03.png", photo(3, (16, 40)))
    out = tmp_path / "out"
    evaluate("folder", ["pixdiff-10"], data_root=root, out=out, workers=1)
    evaluate("folder", ["pixdiff-40"], data_root=root, out=out, workers=1, sample_ids=["00"])
    rows = {row.sample_id: row for row in made(out, sample_ids=["03", "05"]).rows}
    assert "aspect ratios differ" in rows["03"].tiles[3].reason
    assert rows["05"].tiles[4].reason == "not scored by pixdiff-40"


def test_adapter_that_cannot_be_run_again_says_how_to_keep_its_maps(results):
    with ResultReader(results) as reader:
        grid = make_pictures(reader, Pictures(reader, recompute=False), Choice(rows=1))
    assert "--save-maps" in grid.rows[0].tiles[3].reason
    assert grid.rows[0].tiles[3].caption.startswith("F1 ")


def test_sample_without_an_original_has_a_tile_that_says_so(tmp_path):
    folder = make_set(tmp_path / "set", 2)
    shutil.rmtree(folder / "original")
    evaluate("folder", ["pixdiff-10"], data_root=folder, out=tmp_path / "out", workers=1)
    (row,) = made(tmp_path / "out", sample_ids=["00"]).rows
    assert "ships no original" in row.tiles[0].reason
    assert row.tiles[1].pixels is not None
    assert "ships no original" in row.tiles[3].reason


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"dataset": "nowhere"}, "no run on the dataset 'nowhere'; the results hold folder:set"),
        ({"annotators": ["sigma"]}, "no run of sigma; the results hold pixdiff-0, pixdiff-10"),
        ({"annotators": ["pixdiff-*", "sigma"]}, "no run of sigma"),
        ({"of": "sigma"}, "--of sigma: not among the annotators shown: pixdiff-0"),
        (
            {"sample_ids": ["../x\n"]},
            r"--sample-id \.\./x: no such sample on folder:set; the results hold 6 such as 00",
        ),
        ({"by": "f2"}, "unknown metric 'f2'"),
        ({"rows": 0}, "holds 1 to 50 samples, 0 were asked for"),
        ({"rows": 51}, "holds 1 to 50 samples, 51 were asked for"),
        ({"severity": 7.0}, "--severity: name the perturbation too"),
        ({"perturbation": "jpeg"}, "no run under jpeg on target edited; the results hold clean runs only"),
        ({"by": "boundary_f1"}, "no sample with a local edit has a value of boundary_f1"),
        ({"by": "boundary_f1", "of": "pixdiff-0"}, r"PixDiff-Fixed\(0\): no sample with a local edit has a value"),
    ],
)
def test_what_does_not_fit_is_named(results, choice, message):
    with pytest.raises(UserError, match=message):
        made(results, **choice)


def test_several_datasets_need_a_choice(tmp_path, results):
    other = make_set(tmp_path / "second", 2)
    evaluate("folder", ["pixdiff-10"], data_root=other, out=results, workers=1)
    with pytest.raises(UserError, match="several datasets: choose one with --dataset: folder:second, folder:set"):
        made(results)
    assert len(made(results, dataset="folder:second").rows) == 2


def test_missing_root_is_one_clear_error(results, root, monkeypatch, tmp_path):
    monkeypatch.delenv("IMLBENCH_DATA_ROOT", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    moved = shutil.move(root, tmp_path / "moved")
    output = tmp_path / "q.png"
    refused = run_command("--results", results, "-o", output)
    assert isinstance(refused.exception, UserError)
    assert "no data root; give --data-root DIR" in str(refused.exception)
    assert not output.exists()
    for given in (moved, f"folder={moved}", f"folder:set={moved}"):
        output.unlink(missing_ok=True)
        assert run_command("--results", results, "-o", output, "--rows", 1, "--data-root", given).exit_code == 0
        assert output.exists()


def test_roots_of_other_datasets_are_left_aside(results, root, tmp_path):
    other = make_set(tmp_path / "second", 2)
    evaluate("folder", ["pixdiff-10"], data_root=other, out=results, workers=1)
    roots = ("--data-root", f"folder:set={root}", "--data-root", f"folder:second={other}")
    for name in ("folder:set", "folder:second"):
        done = run_command("--results", results, "-o", tmp_path / "q.png", "--rows", 1, "--dataset", name, *roots)
        assert done.exit_code == 0, done.exception


@pytest.mark.parametrize(("option", "value"), [("--pick", "good"), ("--show", "all"), ("--target", "mask")])
def test_unknown_words_are_refused_with_those_that_exist(results, tmp_path, option, value):
    refused = run_command("--results", results, "-o", tmp_path / "q.png", option, value)
    assert isinstance(refused.exception, UserError)
    assert str(refused.exception).startswith(f"{option}: expected one of ")


def test_unknown_suffix_is_refused_before_anything_is_computed(tmp_path):
    refused = run_command("--results", tmp_path / "none", "-o", tmp_path / "q.jpg")
    assert isinstance(refused.exception, UserError)
    assert "expected a name ending in .png, .svg, .pdf" in str(refused.exception)


@pytest.mark.parametrize(("name", "start"), [("q.png", b"\x89PNG"), ("q.svg", b"<?xml"), ("q.pdf", b"%PDF")])
def test_same_input_gives_the_same_bytes(results, tmp_path, name, start):
    written = []
    for _ in range(2):
        done = run_command("--results", results, "-o", tmp_path / name, "--rows", 2, "--show", "errors")
        assert done.output == f"written: {tmp_path / name}\n"
        written.append((tmp_path / name).read_bytes())
    assert written[0].startswith(start)
    assert written[0] == written[1]


def test_picture_shows_white_predictions_on_black(results, tmp_path):
    run_command("--results", results, "-o", tmp_path / "q.png", "--rows", 2, "--annotator", "pixdiff-40")
    with Image.open(tmp_path / "q.png") as image:
        pixels = np.asarray(image.convert("RGB"))
    assert pixels.shape[1] > pixels.shape[0] > 300
    assert (pixels == 0).all(axis=2).mean() > 0.05


HOSTILE = ["$\\frac{1$", "_x_", "a\nb\tc\x00", "x" * 3000, "日本語 " * 50, "<b>&amp;", "\\$ $x$ \\", "\ud800", ""]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_drawn_as_they_are(text):
    pixels = np.zeros((4, 6, 3), np.uint8)
    row = PictureRow(text, text, (Tile(pixels, caption=text), Tile(reason=text)))
    figure = draw(PictureGrid((text, text), (row, row), True, (text,)))
    with warnings.catch_warnings():
        # A character that the font lacks would be warned of.
        warnings.simplefilter("error")
        assert image_bytes(figure, "svg").startswith(b"<?xml")
    shown = [one.get_text() for one in figure.texts]
    assert not any("\n" in one for one in shown)
    assert all(text_width(drawable(one.replace("\\$", "$")), 8) < 8 for one in shown)


def test_texts_are_wrapped_at_spaces_and_clipped_with_dots():
    lines = wrapped("replace the small dog at the left by a very large cat that looks away " * 3, 7.5, TILE, 3)
    assert len(lines) == 3
    assert lines[0] == "replace the small dog at"
    assert lines[-1].endswith("...")
    assert all(text_width(line, 7.5) <= TILE for line in lines)
    assert wrapped("", 7.5, TILE, 2) == []
    assert wrapped("short", 7.5, TILE, 2) == ["short"]
    assert drawable("a日b") == "a?b"


@pytest.mark.parametrize("shape", [(1, 1), (1, 4000), (4000, 1), (2000, 30), (720, 720)])
def test_pictures_of_any_shape_fit_their_tile(shape):
    small = shrunk(np.zeros((*shape, 3), np.uint8))
    assert max(small.shape[:2]) <= LONGEST_SIDE
    figure = draw(PictureGrid(("a",), (PictureRow("id", "", (Tile(small),)),), False, ()))
    (axes,) = figure.axes
    box = axes.get_position()
    assert 0 <= box.x0 < box.x1 <= 1
    assert 0 <= box.y0 < box.y1 <= 1


def test_instruction_or_else_the_caption_stands_above_the_row(tmp_path):
    first = memory_sample("a", instruction="make it blue")
    second = memory_sample("b", 1, caption="a boat")
    listed = ListDataset(tmp_path, [first, second])
    evaluate(listed, ["pixdiff-10"], out=tmp_path / "out", workers=1)
    with ResultReader(tmp_path / "out") as reader:
        pictures = Pictures(reader)
        stored = reader.runs()[0]
        from imlbench.pictures import Located

        pictures._located[stored.run.dataset] = Located(listed, {sample.id: sample for sample in listed.samples()})
        grid = make_pictures(reader, pictures, Choice(sample_ids=["a", "b"]))
    assert [row.text for row in grid.rows] == ["make it blue", "caption: a boat"]


def test_figure_can_be_made_from_python(results):
    with ResultReader(results) as reader:
        figure = qualitative_figure(reader, Choice(rows=2, annotators=["pixdiff-10"]))
    assert len(figure.axes) == 2 * 4
