"""Table 1 has all ten published rows, and says of those that nobody ran what they lack."""

import csv
import io

import pytest
from making_results import hard, make_run, scored, write

from imlbench.results.reading import ResultReader
from reports import not_run
from reports.not_run import lack, not_run_notes
from reports.options import TextFormat
from reports.paper_numbers import annotator_table
from reports.table1 import CSV_HEADER, build, render

FIXED = {"pixdiff-0": 0, "pixdiff-10": 10, "pixdiff-20": 20, "pixdiff-30": 30, "pixdiff-40": 40}
PIXDIFF = {name: f"PixDiff-Fixed({level})" for name, level in FIXED.items()}
PIXDIFF |= {"pixdiff-morph": "PixDiff-Fixed-morph", "pixdiff-otsu": "PixDiff-Otsu"}


class Trained:
    """An annotator without its weights."""

    @classmethod
    def missing(cls):
        return "weights net: no file /home/me/net.safetensors; train them: imlbench train net"


class Ready:
    """An annotator that can run."""


@pytest.fixture
def pixdiff_results(tmp_path):
    runs = [make_run(name, title) for name, title in PIXDIFF.items()]
    return write(tmp_path, *((run, scored(run, [hard(30, 10, 10, 50)])) for run in runs))


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    known = {"SIGMA": {"untrained": Trained}, "DDPM-CD": {"ddpm-cd": Ready}, "Own": {"own": Trained}}
    monkeypatch.setattr(not_run, "factories", lambda: known)


def table(folder, **keywords):
    with ResultReader(folder) as reader:
        return build(reader, ["f1"], **keywords)


def test_results_of_pixel_differences_alone_show_all_ten_rows(pixdiff_results):
    built = table(pixdiff_results)
    labels = [row.label for row in built.rows]
    assert tuple(labels) == annotator_table().rows
    assert len(labels) == 10
    for form in (TextFormat.MARKDOWN, TextFormat.LATEX):
        text = render(built, form)
        assert all(label in text for label in labels)
        assert all(number in text for number in ("76.43", "20.90", "45.80"))
    rows = list(csv.DictReader(io.StringIO(render(built, TextFormat.CSV))))
    assert list(dict.fromkeys(row["annotator"] for row in rows)) == labels


def test_each_row_that_was_not_run_has_a_line_that_says_what_it_lacks(pixdiff_results):
    said = [note for note in table(pixdiff_results).notes if note.startswith("Not run")]
    assert said == [
        "Not run, though nothing is missing here: DDPM-CD: imlbench annotate-eval --annotator NAME.",
        "Not run: Meta-CD: no installed package has an annotator of this title.",
        "Not run: SIGMA: weights net: train them: imlbench train net.",
    ]


def test_csv_has_it_in_a_column_of_its_own(pixdiff_results):
    text = render(table(pixdiff_results), TextFormat.CSV)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert tuple(rows[0]) == CSV_HEADER
    missing = {row["annotator"]: row["missing"] for row in rows}
    assert missing["SIGMA"] == "weights net: train them: imlbench train net"
    assert missing["DDPM-CD"] == "nothing is missing: imlbench annotate-eval --annotator ddpm-cd"
    assert missing["PixDiff-Fixed(10)"] == ""


def test_a_row_that_was_run_lacks_nothing(tmp_path):
    run = make_run("sigma", "SIGMA")
    built = table(write(tmp_path, (run, scored(run, [hard(1, 0, 0, 1)]))))
    assert not any("SIGMA:" in note for note in built.notes)


def test_rows_that_were_not_asked_for_are_not_explained(pixdiff_results):
    built = table(pixdiff_results, annotators=["pixdiff-10"])
    assert not any(note.startswith("Not run") for note in built.notes)
    assert len(built.rows) == 10


def test_one_ready_annotator_of_several_is_enough():
    assert lack({"first": Trained, "second": Ready}).endswith("--annotator second")
    assert lack({"first": Trained, "second": Trained}).count("weights net") == 2
    assert list(not_run_notes({})) == []


def test_what_is_installed_is_found_by_its_title(monkeypatch):
    monkeypatch.undo()
    found = not_run.factories()
    assert set(found["SIGMA"]) == {"sigma"}
    assert set(found["PixDiff-Fixed(10)"]) == {"pixdiff-10"}
