import csv
import io
import math

import pytest
from making_results import PAPER, five_datasets, hard, make_run, scored, soft, unscored, write
from rich.console import Console
from typer.testing import CliRunner

from imlbench.cli.main import app
from imlbench.errors import UserError
from imlbench.metrics import Conventions
from imlbench.results.reading import ResultReader
from reports import options
from reports.options import TextFormat
from reports.table1 import CSV_HEADER, build, render, sheets
from reports.terminal import print_sheets


def table(folder, *arguments, **keywords):
    with ResultReader(folder) as reader:
        return build(reader, *arguments, **keywords)


def cell(built, row, column, metric="f1"):
    found = [
        value
        for (line, head, name), value in built.cells.items()
        if (line.label, head.label, name) == (row, column, metric)
    ]
    assert len(found) == 1
    return found[0]


def notes(built):
    return "\n".join(built.notes)


def one_dataset(folder, counts=None, **changes):
    run = make_run(**changes)
    return write(folder, (run, scored(run, counts or [hard(30, 10, 10, 50)])))


def run_command(*arguments):
    return CliRunner().invoke(app, ["report", *arguments])


def test_rows_and_columns_stand_in_the_papers_order_with_others_behind(tmp_path):
    runs = [make_run("zeta", "Zeta"), make_run("pixdiff-0", "PixDiff-Fixed(0)"), make_run("own-10", "Own 10", "mine")]
    runs.append(make_run("own-9", "Own 9", "autosplice:75", dataset_title="AutoSplice (75)"))
    built = table(write(tmp_path, *((run, scored(run, [hard(1, 0, 0, 1)])) for run in runs)))
    rows, columns = [line.label for line in built.rows], [line.label for line in built.columns]
    assert rows[:2] == ["PixDiff-Fixed(0)", "PixDiff-Fixed(10)"]
    assert rows[-4:] == ["SIGMA", "Own 9", "Own 10", "Zeta"]
    assert columns == [*PAPER.values(), "Average", "AutoSplice (75)", "mine"]


def test_cell_shows_ours_the_papers_and_the_signed_difference(tmp_path):
    built = table(one_dataset(tmp_path))
    assert cell(built, "PixDiff-Fixed(10)", "CoCoGlide").parts(False) == ("75.00", "(92.26, -17.26)")
    assert cell(built, "PixDiff-Fixed(10)", "CoCoGlide", "iou").parts(False) == ("60.00", "(86.22, -26.22)")


def test_difference_that_rounds_to_nothing_is_plus_zero(tmp_path):
    # 2 * 46129 / (2 * 46129 + 7742) = 0.92258: less than the printed 92.26, by less than can be printed.
    built = table(one_dataset(tmp_path, [hard(46129, 3871, 3871, 1)]))
    assert cell(built, "PixDiff-Fixed(10)", "CoCoGlide").parts(False) == ("92.26", "(92.26, +0.00)")


def test_cell_never_run_is_a_dash_beside_the_papers_number(tmp_path):
    built = table(one_dataset(tmp_path))
    assert cell(built, "SIGMA", "OpenSDI").parts(False) == ("-", "(91.37)")
    assert "- (91.37)" in render(built, TextFormat.MARKDOWN)


def test_cell_unknown_to_the_paper_shows_ours_alone(tmp_path):
    built = table(one_dataset(tmp_path, dataset="mine"), ["auc"])
    assert cell(built, "PixDiff-Fixed(10)", "CoCoGlide", "auc").parts(False) == ("-",)
    assert cell(built, "PixDiff-Fixed(10)", "mine", "auc").parts(False) == ("79.17",)


def test_average_is_the_plain_mean_of_five_datasets(tmp_path):
    # Dataset i has i + 1 samples, all alike, so that a mean over samples would differ.
    folder = five_datasets(tmp_path, lambda index: [hard(10, 0, index, 0)] * (index + 1))
    average = cell(table(folder), "PixDiff-Fixed(10)", "Average")
    expected = sum(20 / (20 + index) for index in range(5)) / 5
    assert average.ours == pytest.approx(100 * expected)
    assert average.paper == 71.10


def test_average_is_a_dash_while_a_dataset_is_missing(tmp_path):
    runs = [make_run(dataset=name) for name in list(PAPER)[:4]]
    built = table(write(tmp_path, *((run, scored(run, [hard(1, 0, 0, 1)])) for run in runs)))
    assert cell(built, "PixDiff-Fixed(10)", "Average").parts(False) == ("-", "(71.10)")


def test_average_is_a_dash_where_two_datasets_claim_one_column(tmp_path):
    folder = five_datasets(tmp_path, lambda index: [hard(1, 0, 0, 1)])
    twin = make_run(dataset="twin", paper_dataset="CoCoGlide")
    built = table(write(folder, (twin, scored(twin, [hard(1, 1, 0, 1)]))))
    assert [line.label for line in built.columns[:2]] == ["CoCoGlide [cocoglide]", "CoCoGlide [twin]"]
    assert cell(built, "PixDiff-Fixed(10)", "Average").ours is None


def test_standard_error_of_the_average_takes_datasets_as_independent(tmp_path):
    folder = five_datasets(tmp_path, lambda index: [hard(10, 0, index, 0), hard(10, 5, 0, 0)])
    built = table(folder, intervals=True)
    errors = [cell(built, "PixDiff-Fixed(10)", name).summary.stderr for name in PAPER.values()]
    average = cell(built, "PixDiff-Fixed(10)", "Average")
    assert average.summary.stderr == pytest.approx(math.sqrt(sum(error**2 for error in errors)) / 5)
    assert average.parts(True)[1] == ""


def test_interval_stands_in_the_cell_on_request(tmp_path):
    built = table(one_dataset(tmp_path, [hard(30, 10, 10, 50), hard(40, 0, 0, 60)]), intervals=True)
    parts = cell(built, "PixDiff-Fixed(10)", "CoCoGlide").parts(True)
    assert parts == ("87.50 ± 12.50", "[75.0, 100.0]", "(92.26, -4.76)")
    assert "95 % percentile bootstrap" in notes(built)


def test_uncertainty_of_one_sample_is_a_dash_not_a_zero(tmp_path):
    built = table(one_dataset(tmp_path), intervals=True)
    assert cell(built, "PixDiff-Fixed(10)", "CoCoGlide").parts(True)[0] == "75.00 ± -"


def test_perturbed_runs_and_detectors_stay_out(tmp_path):
    clean = make_run()
    noisy = make_run(perturbation="jpeg", severity=50.0)
    detector = make_run("det", "PixDiff-Fixed(20)", kind="detector")
    batches = [(clean, hard(30, 10, 10, 50)), (noisy, hard(0, 1, 40, 59)), (detector, hard(40, 0, 0, 60))]
    built = table(write(tmp_path, *((run, scored(run, [count])) for run, count in batches)))
    assert cell(built, "PixDiff-Fixed(10)", "CoCoGlide").ours == 75
    assert cell(built, "PixDiff-Fixed(20)", "CoCoGlide").ours is None


def test_newest_of_several_runs_is_shown_and_the_footer_says_so(tmp_path):
    old, new = make_run(version="1"), make_run(version="2")
    batches = [(new, []), (old, scored(old, [hard(1, 0, 0, 1)])), (new, scored(new, [hard(30, 10, 10, 50)]))]
    built = table(write(tmp_path, *batches))
    assert cell(built, "PixDiff-Fixed(10)", "CoCoGlide").ours == 75
    assert (
        f"PixDiff-Fixed(10) on CoCoGlide: 2 runs of different versions or settings; the newest is shown ({new.run_id})"
        in notes(built)
    )


def test_adapters_that_share_a_title_get_rows_of_their_own(tmp_path):
    runs = [make_run("sigma", "SIGMA"), make_run("sigma-fork", "SIGMA")]
    built = table(write(tmp_path, *((run, scored(run, [hard(i + 1, 1, 0, 1)])) for i, run in enumerate(runs))))
    first, second = cell(built, "SIGMA [sigma]", "CoCoGlide"), cell(built, "SIGMA [sigma-fork]", "CoCoGlide")
    assert (first.ours, second.ours) == (pytest.approx(200 / 3), 80)
    assert first.paper == second.paper == 95.62


def test_run_that_scored_nothing_is_a_dash_with_a_footer_line(tmp_path):
    run = make_run()
    built = table(write(tmp_path, (run, [unscored(run, "s0", "failed", "unreadable")])))
    assert cell(built, "PixDiff-Fixed(10)", "CoCoGlide").parts(True)[0] == "-"
    assert f"the run {run.run_id} scored no sample with a local edit" in notes(built)
    assert "CoCoGlide: 0 samples scored (512 published); skipped: none; failed: unreadable 1." in notes(built)


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        ("autosplice:75", "1 samples scored (3621 published);"),
        ("autosplice", "1 samples scored (3621 published);"),
        ("mine", "1 samples scored;"),
    ],
)
def test_footer_names_the_published_number_of_samples(tmp_path, dataset, expected):
    assert expected in notes(table(one_dataset(tmp_path, dataset=dataset)))


def test_footer_counts_what_failed_and_whose_it_is(tmp_path):
    first, second = make_run(), make_run("ssim", "SSIM")
    counts = [hard(30, 10, 10, 50)] * 3
    batch = [
        (first, [*scored(first, counts), unscored(first, "x", "failed", "unreadable")]),
        (
            second,
            [
                *scored(second, counts),
                unscored(second, "x", "failed", "unreadable"),
                unscored(second, "y", "skipped", "no-instruction"),
            ],
        ),
    ]
    text = notes(table(write(tmp_path, *batch)))
    assert (
        "CoCoGlide: 3 samples scored (512 published); skipped: no-instruction (SSIM 1); failed: unreadable 1." in text
    )


def test_whole_image_and_authentic_samples_are_counted_apart_and_not_averaged(tmp_path):
    run = make_run()
    rows = [
        *scored(run, [hard(30, 10, 10, 50)]),
        *(outcome for index, outcome in enumerate(scored(run, [hard(0, 0, 100, 0)] * 3, scope="whole-image")) if index),
    ]
    built = table(write(tmp_path, (run, rows)))
    assert cell(built, "PixDiff-Fixed(10)", "CoCoGlide").ours == 75
    assert "1 samples scored (512 published); skipped: none; failed: none; whole-image, counted apart: 2." in notes(
        built
    )


def test_rows_on_different_samples_raise_a_warning(tmp_path):
    first, second = make_run(), make_run("ssim", "SSIM")
    same = [hard(30, 10, 10, 50)] * 2
    folder = write(tmp_path, (first, scored(first, same)), (second, scored(second, same[:1])))
    text = notes(table(folder))
    assert "CoCoGlide: 1-2 samples scored" in text
    assert "Warning: the rows of CoCoGlide were computed on different samples" in text


def test_rows_on_the_same_samples_raise_none(tmp_path):
    first, second = make_run(), make_run("ssim", "SSIM")
    same = [hard(30, 10, 10, 50)] * 2
    folder = write(tmp_path, (first, scored(first, same)), (second, scored(second, same)))
    assert "Warning" not in notes(table(folder))


@pytest.mark.parametrize(("difference", "marked"), [(0, True), (1, True), (2, False), (None, False)])
def test_composited_datasets_are_marked(tmp_path, difference, marked):
    run = make_run()
    built = table(write(tmp_path, (run, scored(run, [hard(1, 0, 0, 1)] * 2, outside_difference=difference))))
    assert ("CoCoGlide†" in sheets(built)[0].header) == marked
    assert ("† composited (CoCoGlide)" in notes(built)) == marked


def test_conventions_change_the_numbers_and_are_named(tmp_path):
    folder = one_dataset(tmp_path, [hard(0, 0, 0, 100), hard(30, 10, 10, 50)])
    values = {
        empty: cell(table(folder, ["f1"], Conventions(empty=empty)), "PixDiff-Fixed(10)", "CoCoGlide").ours
        for empty in ("one", "zero", "skip")
    }
    assert values == {"one": 87.5, "zero": 37.5, "skip": 75.0}
    text = notes(table(folder, ["f1"], Conventions("zero", "pixel", "best")))
    assert "empty=zero" in text
    assert "average=pixel" in text
    assert "invert=best" in text
    assert "Warning: the paper's numbers stand for empty=one, average=image, invert=never" in text


def test_metric_notes_source_and_versions_are_in_the_footer(tmp_path):
    text = notes(table(one_dataset(tmp_path), ["f1", "f1_oracle"]))
    assert "arXiv 2605.27924, Table 1" in text
    assert "F1 (oracle): best threshold per sample" in text
    assert "Counted by imlbench 0.0.9 (metric version 1)" in text
    assert "higher is better" in text


def test_csv_is_long_and_leaves_unknown_fields_empty(tmp_path):
    run = make_run("evil", "=HYPERLINK(1)")
    rows = [*scored(run, [hard(30, 10, 10, 50)] * 2), unscored(run, "x", "failed", "unreadable")]
    built = table(write(tmp_path, (run, rows)), ["f1"], intervals=True)
    lines = list(csv.DictReader(io.StringIO(render(built, TextFormat.CSV))))
    assert tuple(lines[0]) == CSV_HEADER
    by_cell = {(line["annotator"], line["dataset"]): line for line in lines}
    ours = by_cell["'=HYPERLINK(1)", "CoCoGlide"]
    assert {name: ours[name] for name in ("ours", "stderr", "low", "high", "n", "failed", "skipped", "paper")} == {
        "ours": "75.0", "stderr": "0.0", "low": "75.0", "high": "75.0",
        "n": "2", "failed": "1", "skipped": "0", "paper": "",
    }  # fmt: skip
    assert by_cell["SIGMA", "OpenSDI"]["paper"] == "91.37"
    assert {by_cell["SIGMA", "OpenSDI"][name] for name in CSV_HEADER[3:10]} == {""}


def test_hostile_titles_stay_inside_their_cells(tmp_path):
    run = make_run("evil", "a|b\n<b>`c`</b> & \\input{x} 50% [0]", "e|v", dataset_title="$x$ | _y_")
    built = table(write(tmp_path, (run, scored(run, [hard(1, 0, 0, 1)]))), ["f1"])
    lines = [line for line in render(built, TextFormat.MARKDOWN).splitlines() if line.startswith("|")]
    assert {line.replace(r"\|", "").count("|") for line in lines} == {len(built.columns) + 2}
    tex = render(built, TextFormat.LATEX)
    assert r"\textbackslash{}input\{x\} 50\% {[}0{]}" in tex
    assert r"\input{" not in tex


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("intervals", [False, True])
def test_no_number_is_cut_on_a_terminal(tmp_path, width, intervals):
    folder = five_datasets(tmp_path, lambda index: [hard(30, 10, 10, 50 + index), hard(20, 10, 10, 50)])
    built = table(folder, ["f1"], intervals=intervals)
    console = Console(width=width, file=io.StringIO(), force_terminal=False)
    print_sheets(sheets(built), built.notes, console)
    text = console.file.getvalue()
    assert max(len(line) for line in text.splitlines()) <= width
    assert "…" not in text
    for row in built.rows:
        for column in built.columns:
            parts = built.cells[row, column, "f1"].parts(intervals)
            assert all(part in text for part in parts)


def test_narrow_terminal_leaves_out_columns_without_our_numbers_and_says_so(tmp_path):
    built = table(one_dataset(tmp_path), ["f1"])
    console = Console(width=80, file=io.StringIO())
    print_sheets(sheets(built), built.notes, console)
    shown, *_ = console.file.getvalue().partition("Left out")
    assert "CoCoGlide" in shown
    assert "AutoSplice" not in shown
    assert "AutoSplice, MagicBrush, DEAL-300K, OpenSDI, Average" in " ".join(console.file.getvalue().split())


def test_results_without_a_clean_run_are_refused(tmp_path):
    noisy = make_run(perturbation="jpeg", severity=50.0)
    write(tmp_path / "empty")
    write(tmp_path / "noisy", (noisy, scored(noisy, [hard(1, 0, 0, 1)])))
    with pytest.raises(UserError, match="no runs of annotators"):
        table(tmp_path / "empty")
    with pytest.raises(UserError, match="1 runs of annotators, all on perturbed images"):
        table(tmp_path / "noisy")


def test_unknown_metric_is_refused(tmp_path):
    with pytest.raises(UserError, match="unknown metric 'f2'; metrics: f1"):
        table(one_dataset(tmp_path), ["f2"])


@pytest.mark.parametrize(("name", "start"), [("t.md", "### F1"), ("t.tex", "% Needs"), ("t.CSV", "annotator,dataset")])
def test_file_format_follows_the_suffix(tmp_path, name, start):
    folder = one_dataset(tmp_path / "results")
    result = run_command("table1", "--results", str(folder), "-o", str(tmp_path / name))
    assert result.exit_code == 0
    assert result.output == f"written: {tmp_path / name}\n"
    assert (tmp_path / name).read_text().startswith(start)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results", name]


def test_unknown_suffix_is_refused_before_anything_is_computed(tmp_path):
    result = run_command("table1", "--results", str(tmp_path / "none"), "-o", "t.docx")
    assert isinstance(result.exception, UserError)
    assert "expected a name ending in .md" in str(result.exception)


def test_pipe_gets_markdown_and_the_options_reach_the_table(tmp_path):
    folder = one_dataset(tmp_path, [hard(0, 0, 0, 100), hard(30, 10, 10, 50)])
    result = run_command("table1", "--results", str(folder), "--metric", "f1", "--empty", "skip", "--ci")
    assert result.output.startswith("### F1")
    assert "75.00 ± - [75.0, 75.0]" in result.output
    assert "IoU" not in result.output


def test_csv_on_standard_output_has_intervals_unasked(tmp_path):
    result = run_command("table1", "--results", str(one_dataset(tmp_path)), "--format", "csv")
    assert "PixDiff-Fixed(10),CoCoGlide,f1,75.0,,75.0,75.0,1,0,0,92.26,-17.26,\n" in result.output


def test_option_words_are_the_conventions_words():
    from typing import get_args

    from imlbench import metrics

    pairs = [("Empty", options.EmptyOption), ("Average", options.AverageOption), ("Invert", options.InvertOption)]
    for name, words in pairs:
        assert list(words) == list(get_args(getattr(metrics, name)))


def test_same_results_give_the_same_table(tmp_path):
    folder = one_dataset(tmp_path, [soft(30, 5), soft(9, 12)])
    first, second = (render(table(folder, intervals=True, seed=3), TextFormat.CSV) for _ in range(2))
    assert first == second


def ablated(folder):
    """Results of an annotator, of two variants of an ablation, and of somebody's annotator named like one."""
    runs = [
        make_run("pixdiff-10", "PixDiff-Fixed(10)"),
        make_run("sigma-ablation-msdb", "SIGMA +msdb"),
        make_run("sigma-ablation-full", "SIGMA full"),
        make_run("sigma-ablation-of-mine", "Mine"),
    ]
    return write(folder, *((run, scored(run, [hard(30, 10, 10, 50)])) for run in runs))


def filled(built):
    return {row.label for (row, _, _), value in built.cells.items() if value.run}


def test_variants_of_an_ablation_are_no_rows_and_the_footer_says_so(tmp_path):
    built = table(ablated(tmp_path))
    assert filled(built) == {"PixDiff-Fixed(10)", "Mine"}
    assert not any("msdb" in row.label for row in built.rows)
    assert "Left out: variants of an ablation (2), see table3." in notes(built)
    assert "ablation" not in notes(table(one_dataset(tmp_path / "without")))


def test_rows_asked_for_are_shown_variants_too(tmp_path):
    folder = ablated(tmp_path)
    built = table(folder, annotators=["sigma-ablation-m*", "pixdiff-10"])
    assert filled(built) == {"PixDiff-Fixed(10)", "SIGMA +msdb"}
    assert "Left out" not in notes(built)
    done = run_command("table1", "--results", str(folder), "--annotator", "sigma-ablation-full")
    assert done.exit_code == 0
    assert "| SIGMA full | 75.00 " in done.stdout
    with pytest.raises(UserError, match="no run of none; the results hold pixdiff-10, "):
        table(folder, annotators=["none"])


def test_results_of_an_ablation_alone_name_the_table_that_shows_them(tmp_path):
    folder = one_dataset(tmp_path, adapter="sigma-ablation-msdb", title="+msdb")
    with pytest.raises(UserError, match="only runs of an ablation: `imlbench report table3` shows them"):
        table(folder)
