"""Table 3: seven rows whatever was run, numbers by hand, and notes out of cards that anyone may have written."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict

import pytest
from making_results import PAPER, hard, make_run, scored, unscored, write
from rich.console import Console
from typer.testing import CliRunner

from imlbench.cards import AdapterCard
from imlbench.cli.main import app
from imlbench.errors import UserError
from imlbench.results.reading import ResultReader
from reports.ablation_runs import PREFIX, ROWS, parsed, training_of
from reports.options import TextFormat
from reports.paper_numbers import ablation_table
from reports.table3 import CSV_HEADER, build, render, sheets
from reports.terminal import print_sheets

TOLD = {
    "base": "b" * 64,
    "checkpoint": "c" * 64,
    "preset": "sigma-lite",
    "backbone": "efficientnet-lite0",
    "image_size": 512,
    "grounder": "",
    "data": ["photographs"],
    "pairs": 2000,
    "steps": [2600],
    "seed": 3,
    "evaluation_data": False,
}


def card(**changes) -> str:
    base = AdapterCard(name="x", title="X", version="1", summary="-", licence="-", citation="-")
    return json.dumps({**asdict(base), "ablation": {**TOLD, **changes}})


def variant(name, dataset="cocoglide", told=None, **changes):
    """A variant's run."""
    text = card(**(told or {}))
    return make_run(f"{PREFIX}{name}", f"SIGMA ablation: {ROWS[name]}", dataset, **{"card": text, **changes})


def table(folder, *arguments, **keywords):
    with ResultReader(folder) as reader:
        return build(reader, *arguments, **keywords)


def cell(built, row, column, metric="f1"):
    return next(
        value
        for (line, head, name), value in built.cells.items()
        if (line.label, head.label, name) == (row, column, metric)
    )


def notes(built) -> str:
    return "\n".join(built.notes)


def batch(*runs, counts=None):
    return [(run, scored(run, counts or [hard(30, 10, 10, 50)])) for run in runs]


def run_command(*arguments):
    return CliRunner().invoke(app, ["report", *map(str, arguments)])


def test_all_seven_rows_stand_there_whatever_was_run(tmp_path):
    built = table(write(tmp_path, *batch(variant("msdb-4drb"), variant("msdb", "mine"))))
    assert [row.label for row in built.rows] == list(ROWS.values()) == list(ablation_table().rows)
    assert [column.label for column in built.columns] == [*PAPER.values(), "Average", "mine"]
    assert cell(built, "baseline", "CoCoGlide").parts(False) == ("-", "(93.80)")
    assert cell(built, "baseline", "mine").parts(False) == ("-",)


def test_cells_by_hand(tmp_path):
    counts = [hard(30, 10, 10, 50), hard(0, 20, 40, 40)]
    built = table(write(tmp_path, *batch(variant("msdb-2drb"), counts=counts)))
    # F1 75 and 0, IoU 60 and 0; the paper has 95.60 and 91.81.
    assert cell(built, "+msdb+2DRBs", "CoCoGlide").parts(False) == ("37.50", "(95.60, -58.10)")
    assert cell(built, "+msdb+2DRBs", "CoCoGlide", "iou").parts(False) == ("30.00", "(91.81, -61.81)")
    assert cell(built, "+msdb+2DRBs", "Average").parts(False) == ("-", "(88.04)")
    assert "CoCoGlide: 2 samples scored (512 published)" in notes(built)


def test_average_over_all_five_sets(tmp_path):
    runs = [variant("full", name) for name in PAPER]
    counts = [[hard(30, 10, 10, 50)], *[[hard(10, 0, 0, 90)]] * 4]
    built = table(write(tmp_path, *((run, scored(run, one)) for run, one in zip(runs, counts, strict=True))))
    assert cell(built, ROWS["full"], "Average").parts(False) == ("95.00", "(89.83, +5.17)")
    assert cell(built, ROWS["full"], "Average", "iou").parts(False) == ("92.00", "(83.52, +8.48)")


def test_published_numbers_are_the_papers():
    paper = ablation_table()
    assert paper.number("+msdb", "DEAL-300K", "f1") == 55.16
    assert paper.number("baseline", "Average", "iou") == 74.41
    assert len(paper.values) == 7 * 6 * 2


def test_other_annotators_and_perturbed_runs_are_not_in_it(tmp_path):
    jpeg = variant("baseline", perturbation="jpeg", severity=50.0)
    others = make_run(), make_run(f"{PREFIX}of-mine", "Mine"), make_run(f"{PREFIX}", "+msdb")
    built = table(write(tmp_path, *batch(variant("msdb"), jpeg, *others)))
    filled = {row.label for (row, _, _), value in built.cells.items() if value.run}
    assert filled == {"+msdb"}


def test_results_without_an_ablation_say_what_makes_one(tmp_path):
    write(tmp_path, *batch(make_run()))
    with pytest.raises(UserError, match="no runs of an ablation: `imlbench ablation --out DIR` makes some"):
        table(tmp_path)


def test_notes_tell_what_is_not_the_papers(tmp_path):
    full = variant("full", told={"steps": [2600, 1300], "grounder": "none"})
    text = notes(table(write(tmp_path, *batch(variant("baseline"), full))))
    assert "arXiv 2605.27924, Table 3" in text
    assert "efficientnet-lite0 at 512 px, sizes of preset sigma-lite (all rows); the paper's: dinov2-base" in text
    assert "Our training data: photographs (2000 pairs), seed 3 (all rows); the paper's Stage I: BR-Gen." in text
    assert f"Stage I + Stage II: baseline 2600; {ROWS['full']} 2600 + 1300." in text
    assert f"Warning: {ROWS['full']} had the grounder none" in text
    assert text.count("Warning") == 1


def test_rows_trained_apart_are_warned_of(tmp_path):
    other = variant("msdb", told={"base": "d" * 64, "data": ["others"]})
    text = notes(table(write(tmp_path, *batch(variant("baseline"), other))))
    assert "Warning: the rows are not known to be trained alike" in text
    assert "Our training data: others (2000 pairs), seed 3 (+msdb);" in text


def test_another_training_is_another_run_and_mixing_two_is_warned_of(tmp_path):
    old = variant("msdb", version="1"), variant("msdb", "opensdi", version="1")
    new = variant("msdb", version="2", told={"checkpoint": "e" * 64})
    built = table(write(tmp_path, *batch(*old), *batch(new, counts=[hard(10, 0, 0, 90)])))
    assert cell(built, "+msdb", "CoCoGlide").ours == 100
    assert "+msdb on CoCoGlide: 2 runs of different versions or settings; the newest" in notes(built)
    assert "Warning: the columns of +msdb stand on different weights" in notes(built)


def test_training_on_evaluation_data_is_told(tmp_path):
    text = notes(table(write(tmp_path, *batch(variant("baseline", told={"evaluation_data": True})))))
    assert "Warning: trained on evaluation data, as was asked for: baseline;" in text


@pytest.mark.parametrize(
    "text",
    [
        "{}", "[]", "null", "3", '{"ablation": 3}', '{"ablation": []}', "no json", "[" * 100_000,
        card(data="text", steps="text", pairs=-1, seed=True, image_size=10**30, base="", preset=3, grounder=7),
        card(data=[], steps=["a", True, -1], backbone=["x"], base=None, grounder=None),
    ],
)  # fmt: skip
def test_a_card_by_another_hand_counts_as_unknown(tmp_path, text):
    built = table(write(tmp_path, *batch(variant("baseline", card=text))))
    assert "Optimiser steps, Stage I + Stage II: baseline unknown." in notes(built)
    assert "Warning: the rows are not known to be trained alike" in notes(built)
    assert cell(built, "baseline", "CoCoGlide").ours == 75


def test_hostile_words_of_a_card_stay_one_line_of_text(tmp_path):
    evil = {"data": ["a\nb | <script>x</script> \\input{y}"] * 2, "backbone": "e" * 10_000, "preset": "", "config": "c"}
    built = table(write(tmp_path, *batch(variant("baseline", told=evil))))
    assert all("\n" not in note for note in built.notes)
    page = render(built, TextFormat.MARKDOWN)
    assert "<script>" not in page
    assert r"\input{" not in render(built, TextFormat.LATEX)
    assert "e" * 200 not in page
    assert "sizes of c" in page


def test_a_row_whose_samples_all_failed_is_a_dash(tmp_path):
    run = variant("baseline")
    built = table(write(tmp_path, (run, [unscored(run, "s0", "failed", "unreadable")])))
    assert cell(built, "baseline", "CoCoGlide").parts(False) == ("-", "(93.80)")
    assert "failed: unreadable 1." in notes(built)


def test_csv_names_variants_as_they_are_typed(tmp_path):
    folder = write(tmp_path / "r", *batch(variant("msdb-2drb-igb")))
    done = run_command("table3", "--results", folder, "--format", "csv")
    lines = list(csv.DictReader(io.StringIO(done.stdout)))
    assert tuple(lines[0]) == CSV_HEADER
    assert [line["variant"] for line in lines[::6]] == [*ROWS, *ROWS]
    ours = next(line for line in lines if line["n"] == "1")
    assert (ours["variant"], ours["ours"], ours["paper"], ours["difference"]) == (
        "msdb-2drb-igb", "75.0", "94.91", "-19.91",
    )  # fmt: skip


@pytest.mark.parametrize(("name", "start"), [("t.md", "### F1"), ("t.tex", "% Needs"), ("t.csv", "variant,dataset")])
def test_file_format_follows_the_suffix(tmp_path, name, start):
    folder = write(tmp_path / "r", *batch(variant("msdb")))
    done = run_command("table3", "--results", folder, "-o", tmp_path / name)
    assert done.output == f"written: {tmp_path / name}\n"
    assert (tmp_path / name).read_text().startswith(start)


@pytest.mark.parametrize("width", [60, 100, 200])
def test_no_number_is_cut_on_a_terminal(tmp_path, width):
    built = table(write(tmp_path, *batch(variant("full"), variant("baseline", "opensdi"))))
    console = Console(width=width, file=io.StringIO(), force_terminal=False)
    print_sheets(sheets(built), built.notes, console)
    text = console.file.getvalue()
    assert max(map(len, text.splitlines())) <= width
    assert "(91.37" in text
    assert "75.00" in text


@pytest.mark.parametrize("there", [True, False])
def test_paper_set_has_it_where_an_ablation_was_run(tmp_path, there):
    run = variant("msdb") if there else make_run()
    folder = write(tmp_path / "r", (run, scored(run, [hard(30, 10, 10, 50)] * 2)))
    done = run_command("paper", "--results", folder, "-o", tmp_path / "out", "--no-page")
    assert done.exit_code == 0, done.output
    assert ("Ablation: tables/table3.md, tables/table3.tex, tables/table3.csv" in done.stdout) == there
    assert ("table3" in (tmp_path / "out" / "index.html").read_text()) == there


def test_what_a_card_tells_is_read_back():
    class Stored:
        run = variant("full", told={"grounder": "transformers", "steps": [1, 2], "preset": "", "config": "my.toml"})

    training = training_of(Stored)
    assert (training.length, training.grounder, training.marked) == ("1 + 2", "transformers", False)
    assert training.network == "efficientnet-lite0 at 512 px, sizes of my.toml"
    assert parsed("[" * 100_000) is None
