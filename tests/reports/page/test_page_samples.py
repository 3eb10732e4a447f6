import pytest

from imlbench.metrics import Conventions
from imlbench.results.reading import ResultReader
from reports.page.rows import PAGE_ROWS, exact, short
from reports.page.samples import make_gallery, result_columns, sample_columns
from reports.page.selection import Pick, select_runs
from tests.reports.making_results import hard, make_run, scored, soft, unscored, write
from tests.reports.page.page_results import HOSTILE, outcome

GOOD, POOR, BAD = hard(40, 0, 0, 60), hard(30, 10, 10, 50), hard(0, 10, 40, 50)


def gallery(folder, metrics=("f1", "iou"), conventions=None, **options):
    with ResultReader(folder) as reader:
        return make_gallery(reader, select_runs(reader), metrics, conventions or Conventions(), **options)


def test_samples_are_the_union_of_the_runs_with_failures_and_skips(tmp_path):
    first, second = make_run(), make_run("ssim", "SSIM")
    folder = write(
        tmp_path,
        (first, [outcome(first, "a", GOOD), unscored(first, "b", "failed", "unreadable")]),
        (second, [outcome(second, "a", POOR), unscored(second, "c", "skipped", "no-instruction")]),
    )
    found = gallery(folder)
    columns = sample_columns(found)
    assert columns["id"] == ["a", "b", "c"]
    assert {len(column) for column in columns.values()} == {3}
    one, two = (result_columns(run, entries, found.metrics) for run, entries in found.results.items())
    assert (one["sample"], one["status"], one["values"]["f1"]) == ([0, 1], ["ok", "failed"], [1.0, None])
    assert (one["reason"], one["message"]) == (["", "unreadable"], ["", "b: unreadable"])
    assert (two["sample"], two["status"], two["values"]["iou"]) == ([0, 2], ["ok", "skipped"], [0.6, None])


def test_facts_come_from_a_run_that_scored_the_sample(tmp_path):
    scorer, newer = make_run(), make_run("ssim", "SSIM")
    folder = write(
        tmp_path,
        (scorer, [outcome(scorer, "a", GOOD, instruction="add a cat", tags={"editor": "x"}, notes=["resized"])]),
        (newer, [unscored(newer, "a", "failed", "adapter-error")]),
    )
    columns = sample_columns(gallery(folder))
    facts = {name: column[0] for name, column in columns.items()}
    assert facts["instruction"] == "add a cat"
    assert (facts["width"], facts["height"], facts["area"], facts["outside"]) == (10, 10, 0.4, 9)
    assert (facts["tags"], facts["notes"], facts["scope"]) == ({"editor": "x"}, ["resized"], "local")


def test_a_sample_that_was_never_decoded_has_no_size_and_no_area(tmp_path):
    run = make_run()
    folder = write(tmp_path, (run, [outcome(run, "b", GOOD, width=None, height=None, edited_pixels=None)]))
    columns = sample_columns(gallery(folder))
    assert (columns["width"], columns["area"]) == ([None], [None])


def test_whole_image_and_authentic_samples_are_in_the_gallery_with_their_values(tmp_path):
    run = make_run()
    rows = [outcome(run, "a", hard(100, 0, 0, 0), scope="whole-image"), outcome(run, "b", BAD, scope="authentic")]
    found = gallery(write(tmp_path, (run, rows)))
    assert sample_columns(found)["scope"] == ["whole-image", "authentic"]
    assert result_columns(0, found.results[0], found.metrics)["values"]["f1"] == [1.0, 0.0]


def test_values_are_the_metrics_under_the_conventions_however_they_are_read(tmp_path):
    run = make_run()
    folder = write(tmp_path, (run, scored(run, [soft(200, 5), soft(3, 7), hard(0, 0, 0, 100)])))
    plain = gallery(folder, ("f1", "mcc")).results[0]
    with_histograms = gallery(folder, ("f1", "mcc", "auc")).results[0]
    assert [entry.row.values for entry in plain] == [entry.row.values[:2] for entry in with_histograms]
    assert [entry.row.values[2] for entry in with_histograms] == [1.0, 0.0, None]
    skipping = gallery(folder, conventions=Conventions(empty="skip")).results[0]
    assert [entry.row.values[0] for entry in skipping] == [1.0, 0.0, None]
    inverted = gallery(folder, conventions=Conventions(invert="best")).results[0]
    assert inverted[1].row.values[0] == pytest.approx(2 * 40 / (2 * 40 + 60), rel=1e-4)


def test_reading_in_pages_loses_and_repeats_no_sample(tmp_path):
    run = make_run()
    count = 2 * PAGE_ROWS + 3
    rows = [outcome(run, f"{number:05}", (GOOD, POOR, BAD)[number % 3]) for number in range(0, count, 2)]
    rows += [unscored(run, f"{number:05}", "failed", "unreadable") for number in range(1, count, 2)]
    found = gallery(write(tmp_path, (run, rows)), ("f1", "auc"))
    assert [shown.facts.sample_id for shown in found.samples] == [f"{number:05}" for number in range(count)]
    expected = [(1.0, 0.75, 0.0)[number % 3] if number % 2 == 0 else None for number in range(count)]
    assert result_columns(0, found.results[0], found.metrics)["values"]["f1"] == expected


def test_a_limit_is_for_each_dataset_and_what_it_leaves_out_is_counted(tmp_path):
    runs = [make_run(), make_run(dataset="autosplice")]
    folder = write(tmp_path, *((run, scored(run, [GOOD, POOR, BAD])) for run in runs))
    found = gallery(folder, limit=1, pick=Pick.WORST)
    assert [(shown.dataset, shown.facts.sample_id) for shown in found.samples] == [
        ("autosplice", "s2"),
        ("cocoglide", "s2"),
    ]
    assert found.left_out == {"autosplice": 2, "cocoglide": 2}


def test_equal_ids_of_two_datasets_are_two_samples(tmp_path):
    runs = [make_run(), make_run(dataset="autosplice")]
    found = gallery(write(tmp_path, *((run, scored(run, [GOOD])) for run in runs)))
    assert found.indexes("autosplice") == {"s0": 0}
    assert found.indexes("cocoglide") == {"s0": 1}
    assert [[entry.sample for entry in entries] for entries in found.results.values()] == [[0], [1]]


def test_hostile_ids_stay_what_they_are(tmp_path):
    run = make_run()
    folder = write(tmp_path, (run, [outcome(run, name, GOOD, content=str(n)) for n, name in enumerate(HOSTILE)]))
    assert sorted(sample_columns(gallery(folder))["id"]) == sorted(HOSTILE)


def test_numbers_are_short_and_what_is_no_number_is_nothing():
    assert [short(value) for value in (1 / 3, 1.0, 1e-9 / 3, float("nan"))] == [0.33333, 1.0, 3.3333e-10, None]
    assert [exact(value) for value in (2 / 3, float("inf"))] == [0.66666667, None]
