import json
from dataclasses import asdict

import pytest

from imlbench.annotating.agreement import work_digest
from imlbench.annotating.lock import locked
from imlbench.annotating.status import corpus_status
from imlbench.annotating.summary import Summary, Totals, ranges
from imlbench.errors import UserError
from tests.annotating.making_pairs import Here, annotate_here, edit, make_corpus, photograph, write_pair


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = make_corpus(tmp_path_factory.mktemp("data") / "root")
    write_pair(folder / "part0", "002", photograph(3), b"broken")
    write_pair(folder / "part0", "003", photograph(3), photograph(3))
    write_pair(folder / "part1", "003", photograph(3), edit(photograph(3)), edit_type="resize")
    return folder


def test_a_finished_annotation_tells_its_counts(root, tmp_path):
    annotate_here(root, tmp_path / "out")
    found = corpus_status(tmp_path / "out")
    assert (found.corpus, found.annotator, found.running) == ("toy", "pixdiff-morph", False)
    assert (found.shards, found.shards_done, found.pairs, found.pairs_done) == (4, 4, 12, 12)
    assert found.status == {"excluded": 1, "failed": 1, "kept": 9, "rejected": 1}
    assert found.reasons == {
        "excluded": {"type": 1},
        "failed": {"unreadable": 1},
        "rejected": {"unchanged": 1},
    }
    assert found.edit_type == {"removal": 11, "resize": 1}
    assert (found.rate, found.seconds_left) == (None, None)


@pytest.mark.parametrize("harm", [lambda path: path.unlink(), lambda path: path.write_text("{"), lambda path: None])
def test_the_summary_is_only_a_cache(root, tmp_path, harm):
    out = tmp_path / "out"
    annotate_here(root, out)
    before = asdict(corpus_status(out))
    harm(out / "summary.json")
    assert asdict(corpus_status(out)) == before


def test_shards_that_the_summary_lacks_are_counted_from_their_manifests(root, tmp_path):
    out = tmp_path / "out"
    annotate_here(root, out, engine=Here(stop_after=1))
    half = (out / "summary.json").read_bytes()
    annotate_here(root, out)
    whole = asdict(corpus_status(out))
    (out / "summary.json").write_bytes(half)
    assert asdict(corpus_status(out)) == whole


def test_a_running_annotation_tells_its_rate_and_the_time_left(root, tmp_path):
    out, heard = tmp_path / "out", []

    class Watched(Here):
        def run(self, plan, tasks, news):
            for outcome in super().run(plan, tasks, news):
                yield outcome
                Summary.write(heard[0], now=True)
                heard.append(corpus_status(out))

    write = Summary.write

    def remember(self, now=False):
        heard[:] = heard or [self]
        write(self, now)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("imlbench.annotating.driver.Summary.write", remember)
        annotate_here(root, out, engine=Watched())
    found = [status for status in heard if not isinstance(status, Summary)]
    assert [status.shards_done for status in found] == [1, 2, 3, 4]
    assert [status.pairs_done for status in found] == [4, 6, 10, 12]
    assert all(status.running and status.rate > 0 for status in found)
    assert found[0].seconds_left > 0
    assert found[-1].seconds_left == 0


def test_a_folder_without_an_annotation_is_refused(tmp_path):
    with pytest.raises(UserError, match="no plan of an annotation"):
        corpus_status(tmp_path)


def test_a_status_of_ten_thousand_shards_reads_the_summary_alone(root, tmp_path):
    out = tmp_path / "out"
    annotate_here(root, out)
    plan = json.loads((out / "plan.json").read_bytes())
    manifest = json.loads((out / "shards" / "000000.json").read_bytes())
    plan["shards"] = [[0, 4 * number, 4 * number + 4] for number in range(10_000)]
    (out / "plan.json").write_text(json.dumps(plan))
    totals = Totals()
    for number in range(10_000):
        (out / "shards" / f"{number:06d}.json").write_text("x")
        totals.add({**manifest, "shard": number})
    Summary(out / "summary.json", work_digest(plan), totals, todo=None).write(now=True)
    with locked(out):
        found = corpus_status(out)
    assert (found.shards_done, found.pairs_done, found.running) == (10_000, 40_000, True)
    # Not one of the manifests was read: none of them is JSON.


def test_ranges_join_neighbours():
    assert ranges([5, 1, 2, 3, 9]) == [[1, 3], [5, 5], [9, 9]]
    assert ranges([]) == []
