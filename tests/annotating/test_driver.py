import errno
import json
import os

import pytest

from imlbench.annotating.engine import Crew, open_engine
from imlbench.annotating.lock import is_locked, locked
from imlbench.annotating.status import corpus_status
from imlbench.errors import UserError
from tests.annotating.making_pairs import (
    Here,
    Moody,
    annotate_here,
    content,
    edit,
    make_corpus,
    photograph,
    plan_of,
    poisoned,
    rows_of,
    write_pair,
)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Twelve pairs in four shards, one of them broken."""
    folder = make_corpus(tmp_path_factory.mktemp("data") / "root")
    write_pair(folder / "part0", "002", photograph(3), b"broken")
    return folder


@pytest.fixture(scope="module")
def reference(root, tmp_path_factory):
    out = tmp_path_factory.mktemp("reference") / "out"
    annotate_here(root, out)
    return content(out)


def test_every_pair_has_its_row_and_every_shard_its_files(root, tmp_path):
    account = annotate_here(root, tmp_path / "out")
    assert (account.shards, account.done, account.computed) == (4, 4, 4)
    assert [row["id"] for row in rows_of(tmp_path / "out")] == [f"part{p}#{r}" for p in range(2) for r in range(6)]
    assert account.totals.status == {"kept": 11, "failed": 1}
    names = {path.name for path in (tmp_path / "out" / "shards").iterdir()}
    assert names == {f"00000{n}{suffix}" for n in range(4) for suffix in (".parquet", ".json", ".timing.json")}


@pytest.mark.parametrize("after", [0, 1, 3])
def test_ctrl_c_keeps_what_was_done_and_the_rest_is_done_later(root, tmp_path, reference, after):
    out = tmp_path / "out"
    account = annotate_here(root, out, engine=Here(stop_after=after))
    assert (account.interrupted, account.done) == (True, after)
    assert content(out).items() <= reference.items()
    account = annotate_here(root, out)
    assert (account.done, account.computed) == (4, 4 - after)
    assert content(out) == reference


def test_the_order_of_the_shards_makes_no_difference(root, tmp_path, reference):
    annotate_here(root, tmp_path / "out", engine=Here(backwards=True), batch_size=5)
    assert content(tmp_path / "out") == reference


def test_what_is_done_is_not_done_again_and_builds_no_annotator(root, tmp_path):
    annotate_here(root, tmp_path / "out")

    class Never:
        def run(self, plan, tasks, news):
            raise AssertionError

    account = annotate_here(root, tmp_path / "out", engine=Never())
    assert (account.done, account.computed, account.totals.rows) == (4, 0, 12)


@pytest.mark.parametrize(
    "harm",
    [
        lambda shards: (shards / "000001.json").unlink(),
        lambda shards: (shards / "000001.parquet").unlink(),
        lambda shards: (shards / "000001.parquet").write_bytes(b"half"),
        lambda shards: (shards / "000001.json").write_text("{"),
        lambda shards: (shards / "000001.json").write_text((shards / "000002.json").read_text()),
    ],
)
def test_a_shard_that_is_not_what_was_written_is_done_again(root, tmp_path, reference, harm):
    out = tmp_path / "out"
    annotate_here(root, out)
    harm(out / "shards")
    account = annotate_here(root, out)
    assert account.computed == 1
    assert content(out) == reference


def test_what_a_killed_driver_left_behind_is_swept_away(root, tmp_path, reference):
    out = tmp_path / "out"
    annotate_here(root, out, engine=Here(stop_after=2))
    (out / "shards" / f".000002.parquet.{'a' * 16}").write_bytes(b"half a file")
    (out / f".summary.json.{'0' * 16}").write_bytes(b"")
    annotate_here(root, out)
    assert content(out) == reference


def test_failed_pairs_are_retried_on_request_and_the_others_stay(tmp_path, monkeypatch):
    cure, out = tmp_path / "cure", tmp_path / "out"
    monkeypatch.setenv("TEST_CURE", str(cure))
    root = make_corpus(tmp_path / "root")
    write_pair(root / "part1", "003", photograph(3), poisoned(edit(photograph(3))))
    assert annotate_here(root, out, Moody).totals.status == {"kept": 11, "failed": 1}
    before, cured = content(out), rows_of(out)
    assert annotate_here(root, out, Moody).computed == 0
    assert annotate_here(root, out, Moody, retry_failed=True).totals.status == {"kept": 11, "failed": 1}
    assert content(out) == before
    cure.touch()
    engine = Here()
    assert annotate_here(root, out, Moody, engine, retry_failed=True).totals.status == {"kept": 12}
    assert [task.rows for task in engine.given] == [(3,)]
    after = rows_of(out)
    assert [row for row in after if row["id"] != "part1#3"] == [row for row in cured if row["id"] != "part1#3"]
    fresh = tmp_path / "fresh"
    annotate_here(root, fresh, Moody)
    assert content(out) == content(fresh)


def test_a_retry_that_is_interrupted_counts_what_there_was(tmp_path, monkeypatch):
    monkeypatch.setenv("TEST_CURE", str(tmp_path / "cure"))
    root, out = make_corpus(tmp_path / "root"), tmp_path / "out"
    write_pair(root / "part1", "003", photograph(3), poisoned(edit(photograph(3))))
    annotate_here(root, out, Moody)
    account = annotate_here(root, out, Moody, Here(stop_after=0), retry_failed=True)
    assert account.totals.status == {"kept": 11, "failed": 1}
    assert corpus_status(out).status == {"kept": 11, "failed": 1}


def test_another_plan_is_refused_and_changes_nothing(root, tmp_path, reference):
    out = tmp_path / "out"
    annotate_here(root, out)
    with pytest.raises(UserError, match="shard-size 4, now 3"):
        annotate_here(root, out, shard_size=3)
    assert content(out) == reference


def test_a_second_driver_is_refused_while_the_first_is_at_work(root, tmp_path):
    out = tmp_path / "out"

    class Nested(Here):
        def run(self, plan, tasks, news):
            assert is_locked(out)
            with pytest.raises(UserError, match=f"another process .process {os.getpid()} on") as caught:
                annotate_here(root, out)
            assert "\n" not in str(caught.value)
            yield from super().run(plan, tasks, news)

    assert annotate_here(root, out, engine=Nested()).done == 4
    assert not is_locked(out)


def test_the_lock_file_of_a_dead_process_is_no_obstacle(tmp_path):
    (tmp_path / "lock").write_text("process 999999 on nowhere")
    with locked(tmp_path):
        assert is_locked(tmp_path)


def test_a_folder_of_something_else_is_refused(root, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match=r"holds thesis.tex and no plan.json"):
        annotate_here(root, out)
    assert os.listdir(out) == ["thesis.tex"]


def test_a_place_within_the_corpus_is_refused(root):
    for out in (root, root / "out"):
        with pytest.raises(UserError, match="lies within the corpus"):
            annotate_here(root, out)
    assert sorted(os.listdir(root)) == ["part0", "part1"]


@pytest.mark.parametrize(("number", "words"), [(errno.ENOSPC, "No space left"), (errno.EROFS, "Read-only")])
def test_a_disk_that_cannot_be_written_keeps_what_was_done(root, tmp_path, reference, monkeypatch, number, words):
    out, synced = tmp_path / "out", []
    fsync = os.fsync

    def refuse(descriptor):
        synced.append(descriptor)
        # plan.json, summary.json, three files of the first shard, and half of the second.
        if len(synced) > 6:
            raise OSError(number, os.strerror(number))
        fsync(descriptor)

    monkeypatch.setattr("imlbench.files.os.fsync", refuse)
    with pytest.raises(UserError, match=rf"{words}.*; 1 of 4 shards are done and stay; the same command goes on"):
        annotate_here(root, out)
    monkeypatch.undo()
    assert not [name for name in os.listdir(out / "shards") if name.startswith(".")]
    assert annotate_here(root, out).computed == 3
    assert content(out) == reference


def test_a_place_that_cannot_be_made_is_refused(root, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        annotate_here(root, tmp_path / "file" / "out")


def test_a_part_that_is_broken_as_a_whole_costs_its_shards_only(tmp_path):
    root, out = make_corpus(tmp_path / "root"), tmp_path / "out"
    plan_of(root)

    class Losing(Here):
        def run(self, plan, tasks, news):
            (root / "part0" / "005.edited.png").rename(tmp_path / "aside")
            yield from super().run(plan, tasks, news)

    account = annotate_here(root, out, engine=Losing())
    assert (account.done, list(account.lost)) == (3, [1])
    assert "5 rows, expected 6" in account.lost[1]
    assert corpus_status(out).lost == {"1": account.lost[1]}
    (tmp_path / "aside").rename(root / "part0" / "005.edited.png")
    assert annotate_here(root, out).done == 4
    assert corpus_status(out).lost == {}


def test_parts_of_unknown_length_come_whole(root, tmp_path):
    account = annotate_here(root, tmp_path / "out", variant="tar")
    assert (account.shards, account.totals.rows) == (2, 12)
    assert json.loads((tmp_path / "out" / "shards" / "000001.json").read_text())["stop"] == 6


def test_names_and_texts_of_a_corpus_write_nowhere_else(tmp_path):
    root, out = make_corpus(tmp_path / "root", parts=1, rows=2), tmp_path / "deep" / "out"
    hostile = "../../../escaped"
    write_pair(root / "part0", "000", photograph(3), edit(photograph(3)), source_id=hostile, instruction=hostile)
    annotate_here(root, out)
    assert sorted(os.listdir(tmp_path)) == ["deep", "root"]
    assert rows_of(out)[0]["source_id"] == hostile


def test_ray_is_asked_for_by_its_extra_where_it_is_missing(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'imlbench\[ray\]'"):
        open_engine("ray", Crew(1))


@pytest.mark.parametrize(("workers", "gpus"), [(0, 0), (1, 2), (1, -1)])
def test_a_crew_that_cannot_work_is_refused(workers, gpus):
    with pytest.raises(UserError, match="--workers"):
        Crew(workers, gpus)
