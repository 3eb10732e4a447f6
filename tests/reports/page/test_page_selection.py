import math

import pytest

from imlbench.errors import UserError
from imlbench.results.reading import ResultReader
from reports.page.selection import Pick, pick_samples, select_runs
from tests.reports.making_results import hard, make_run, scored, write

COUNTS = [hard(40, 0, 0, 60), hard(30, 10, 10, 50)]


def select(folder, **options):
    with ResultReader(folder) as reader:
        return select_runs(reader, **options)


def results(folder, *runs):
    return write(folder, *((run, scored(run, COUNTS)) for run in runs))


def jpeg(severity, **changes):
    return make_run(perturbation="jpeg", severity=severity, version=f"jpeg {severity}", **changes)


def test_all_runs_are_listed_and_the_newest_clean_ones_are_in_the_gallery(tmp_path):
    old, new, other = make_run(), make_run(version="2"), make_run("ssim", "SSIM")
    found = select(results(tmp_path, jpeg(70.0), old, new, jpeg(50.0), other))
    conditions = [(stored.run.adapter, stored.run.severity) for stored in found.listed]
    assert conditions == [("pixdiff-10", None)] * 2 + [("pixdiff-10", 50), ("pixdiff-10", 70), ("ssim", None)]
    assert [found.listed[index].run_id for index in found.gallery] == [new.run_id, other.run_id]
    assert found.newest == found.gallery


def test_a_run_that_wrote_nothing_is_listed_but_does_not_take_the_place_of_one_that_did(tmp_path):
    done, begun = make_run(), make_run(version="2")
    found = select(write(tmp_path, (done, scored(done, COUNTS)), (begun, [])))
    assert len(found.listed) == 2
    assert [found.listed[index].run_id for index in found.gallery] == [done.run_id]


def test_a_perturbed_run_joins_the_gallery_where_it_is_asked_for(tmp_path):
    clean, perturbed = make_run(), jpeg(50.0)
    found = select(results(tmp_path, clean, perturbed), extra=[perturbed.run_id[:6]])
    assert {found.listed[index].run_id for index in found.gallery} == {clean.run_id, perturbed.run_id}
    assert [found.listed[index].run_id for index in found.newest] == [clean.run_id]


def test_globs_choose_datasets_with_their_variants_and_annotators(tmp_path):
    runs = [make_run(dataset=name) for name in ("br-gen", "br-gen:coco", "cocoglide")]
    folder = results(tmp_path, *runs, make_run("ssim", "SSIM"))
    assert {stored.run.dataset for stored in select(folder, datasets=["br-*"]).listed} == {"br-gen", "br-gen:coco"}
    assert [stored.run.adapter for stored in select(folder, annotators=["s*"]).listed] == ["ssim"]


def test_a_run_that_was_asked_for_is_there_whatever_the_globs_say(tmp_path):
    asked = make_run("ssim", "SSIM")
    found = select(results(tmp_path, make_run(), asked), annotators=["pixdiff-*"], extra=[asked.run_id])
    assert len(found.gallery) == 2


@pytest.mark.parametrize("text", ["", "0", "zzzz", "../../x"])
def test_an_unknown_run_is_refused(tmp_path, text):
    with pytest.raises(UserError, match="expected a run's id"):
        select(results(tmp_path, make_run()), extra=[text])


def test_nothing_that_fits_is_an_error_that_says_what_there_is(tmp_path):
    with pytest.raises(UserError, match=r"the results hold pixdiff-10 on cocoglide$"):
        select(results(tmp_path, make_run()), datasets=["autosplice"])
    with pytest.raises(UserError, match=r"no runs: `imlbench annotate-eval"):
        select(write(tmp_path / "empty"))


SCORES = {"a": 0.5, "b": 0.1, "c": math.nan, "d": 0.9}


def test_worst_and_best_go_by_the_score_and_those_without_come_last():
    assert pick_samples(SCORES, 2, Pick.WORST, 0) == {"b", "a"}
    assert pick_samples(SCORES, 2, Pick.BEST, 0) == {"d", "a"}
    assert pick_samples(SCORES, 3, Pick.WORST, 0) == {"a", "b", "d"}
    assert pick_samples(SCORES, 3, Pick.BEST, 0) == {"a", "b", "d"}


def test_a_random_pick_depends_on_the_seed_alone_and_grows():
    scores = {str(number): 0.0 for number in range(50)}
    few, more = (pick_samples(scores, limit, Pick.RANDOM, 3) for limit in (5, 20))
    assert len(few) == 5
    assert few < more
    assert few == pick_samples(dict(reversed(scores.items())), 5, Pick.RANDOM, 3)
    assert few != pick_samples(scores, 5, Pick.RANDOM, 4)


def test_without_a_limit_all_are_in():
    assert pick_samples(SCORES, None, Pick.WORST, 0) == set(SCORES)
