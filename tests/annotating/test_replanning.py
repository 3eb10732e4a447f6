"""Files of a corpus that cannot be read, or are others than they were: what is on record, and what is done again."""

from __future__ import annotations

import json

import pytest

from imlbench.annotating.driver import annotate_corpus
from imlbench.annotating.output import Output
from imlbench.annotating.plan import Options, make_plan
from imlbench.annotating.status import corpus_status
from imlbench.corpora.opening import open_corpus
from imlbench.errors import UserError
from tests.annotating.making_pairs import Here, content, rows_of
from tests.corpora.making_corpora import anyedit, archive, pair_members
from tests.making_sets import imlbench

ROWS = 5


def parquet(root, number, rows=ROWS):
    return anyedit(root / "data" / f"train-{number:05d}-of-00003.parquet", ["add"] * rows, first=ROWS * number)


def tar(root, number, rows=ROWS):
    return archive(root / f"{number}.tar", [member for row in range(rows) for member in pair_members(str(row), row)])


WAYS = pytest.mark.parametrize(("name", "make"), [("anyedit", parquet), ("webdataset", tar)])


def plan_of(name, root, **options):
    return make_plan(open_corpus(name, root), "pixdiff-morph", Options(**{"shard_size": 3, **options}))


def annotate(name, root, out, retry_failed=False, engine=None, **options):
    return annotate_corpus(plan_of(name, root, **options), out, engine or Here(), retry_failed)


def rubbish(path):
    path.write_bytes(b"rubbish" * 300)


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-300])


def dangling(path):
    path.unlink()
    path.symlink_to(path.parent / "nowhere")


def ids(out):
    return sorted(row["id"] for row in rows_of(out))


@pytest.mark.parametrize("harm", [rubbish, cut_off, dangling])
def test_a_file_that_cannot_be_read_is_on_record_and_the_others_are_annotated(tmp_path, harm):
    root, out = tmp_path / "root", tmp_path / "out"
    paths = [parquet(root, number) for number in range(3)]
    harm(paths[1])
    account = annotate("anyedit", root, out)
    name = "data/train-00001-of-00003.parquet"
    assert (account.shards, account.done, account.totals.rows, list(account.broken)) == (4, 4, 10, [name])
    assert name in account.broken[name]
    assert corpus_status(out).broken == account.broken
    assert [name, None] in [entry[:2] for entry in json.loads((out / "plan.json").read_bytes())["parts"]]
    # Nor is there anything to do for who asks again, with or without a mended file.
    before = content(out)
    for retry_failed in (False, True):
        account = annotate("anyedit", root, out, retry_failed)
        assert (account.computed, list(account.broken)) == (0, [name])
    assert content(out) == before


@WAYS
def test_a_mended_file_is_annotated_on_request_and_the_others_stay(tmp_path, name, make):
    root, out, fresh = (tmp_path / folder for folder in ("root", "out", "fresh"))
    paths = [make(root, number) for number in range(3)]
    rubbish(paths[1])
    annotate(name, root, out)
    before = content(out)
    paths[1].unlink()
    make(root, 1)
    account = annotate(name, root, out)
    assert account.computed == 0
    assert "can be now: give --retry-failed" in next(iter(account.broken.values()))
    account = annotate(name, root, out, retry_failed=True)
    assert account.broken == {}
    assert account.done == account.shards
    after = content(out)
    assert {key: value for key, value in after.items() if key in before and key != "plan.json"} == {
        key: value for key, value in before.items() if key != "plan.json"
    }
    annotate(name, root, fresh)
    assert ids(out) == ids(fresh)
    assert sorted(rows_of(out), key=lambda row: row["id"]) == sorted(rows_of(fresh), key=lambda row: row["id"])
    # From now on, it is a plan like any other.
    assert annotate(name, root, out).computed == 0
    assert content(out) == after
    status = corpus_status(out)
    assert (status.broken, status.shards_done, status.shards) == ({}, account.shards, account.shards)


def test_a_truncated_archive_is_failed_rows_and_is_annotated_anew_once_it_is_whole(tmp_path):
    root, out, fresh = (tmp_path / folder for folder in ("root", "out", "fresh"))
    paths = [tar(root, number) for number in range(2)]
    paths[0].write_bytes(paths[0].read_bytes()[:10_000])
    account = annotate("webdataset", root, out)
    # The pair that was cut in two, and a row that stands for what followed.
    assert (account.done, account.totals.status["failed"]) == (2, 2)
    tar(root, 0)
    with pytest.raises(UserError, match=r"0.tar is not the file it was.; give --retry-failed to annotate it anew, or"):
        annotate("webdataset", root, out)
    account = annotate("webdataset", root, out, retry_failed=True)
    assert (account.computed, account.totals.status.get("failed", 0), account.totals.rows) == (1, 0, 2 * ROWS)
    annotate("webdataset", root, fresh)
    assert content(out) == content(fresh)


@pytest.mark.parametrize("rows", [2, ROWS, 9])
def test_a_file_that_broke_on_the_way_is_planned_anew_with_as_many_rows_as_it_has(tmp_path, rows):
    root, out, fresh = (tmp_path / folder for folder in ("root", "out", "fresh"))
    paths = [parquet(root, number) for number in range(2)]

    class Breaking(Here):
        def run(self, plan, tasks, news):
            rubbish(paths[0])
            yield from super().run(plan, tasks, news)

    account = annotate("anyedit", root, out, engine=Breaking())
    assert (account.totals.status["failed"], account.totals.rows) == (ROWS, 2 * ROWS)
    parquet(root, 0, rows)
    account = annotate("anyedit", root, out, retry_failed=True)
    assert account.totals.rows == ROWS + rows
    assert account.done == account.shards
    annotate("anyedit", root, fresh)
    assert sorted(rows_of(out), key=lambda row: row["id"]) == sorted(rows_of(fresh), key=lambda row: row["id"])
    assert annotate("anyedit", root, out).computed == 0


def test_a_file_that_has_gone_costs_its_own_missing_shards_only(tmp_path):
    root, out = tmp_path / "root", tmp_path / "out"
    paths = [parquet(root, number) for number in range(2)]
    annotate("anyedit", root, out, engine=Here(stop_after=1))
    aside = paths[0].rename(tmp_path / "aside")
    account = annotate("anyedit", root, out)
    assert (account.done, list(account.lost)) == (3, [1])
    assert "no such file" in account.lost[1]
    aside.rename(paths[0])
    account = annotate("anyedit", root, out)
    assert (account.done, account.computed, account.lost) == (4, 1, {})


def test_a_file_that_has_changed_without_a_failure_is_refused(tmp_path):
    root, out = tmp_path / "root", tmp_path / "out"
    for number in range(2):
        parquet(root, number)
    annotate("anyedit", root, out)
    before = content(out)
    parquet(root, 1)
    for retry_failed in (False, True):
        with pytest.raises(UserError, match=r"00001-of-00003.parquet is not the file it was.; choose another --out"):
            annotate("anyedit", root, out, retry_failed)
    parquet(root, 2)
    with pytest.raises(UserError, match=r"00002-of-00003.parquet came since"):
        annotate("anyedit", root, out, True)
    assert content(out) == before


def test_a_limit_keeps_the_sample_that_was_drawn(tmp_path):
    root, out = tmp_path / "root", tmp_path / "out"
    paths = [parquet(root, number) for number in range(3)]
    rubbish(paths[0])
    account = annotate("anyedit", root, out, limit=8)
    assert (account.totals.rows, len(account.broken)) == (8, 1)
    parquet(root, 0)
    before = ids(out)
    account = annotate("anyedit", root, out, True, limit=8)
    assert (account.totals.rows, account.broken, account.computed) == (8, {}, 0)
    assert ids(out) == before


def test_a_limit_that_was_not_reached_takes_from_the_mended_file(tmp_path):
    root, out = tmp_path / "root", tmp_path / "out"
    paths = [parquet(root, number) for number in range(3)]
    rubbish(paths[0])
    annotate("anyedit", root, out, limit=12)
    parquet(root, 0)
    account = annotate("anyedit", root, out, True, limit=12)
    assert (account.totals.rows, len(set(ids(out)))) == (12, 12)


def test_a_corpus_of_which_no_file_can_be_read_is_one_line(tmp_path):
    for number in range(3):
        rubbish(parquet(tmp_path, number))
    with pytest.raises(UserError, match=r"00000-of-00003.parquet cannot be read as Parquet .*and 2 more of 3 files"):
        plan_of("anyedit", tmp_path)


@pytest.mark.parametrize("lists", [{"parts": None}, {"shards": [[7, 0, 1]]}, {"shards": [[0]]}, {"parts": [[]]}])
def test_a_plan_with_damaged_lists_is_refused(tmp_path, lists):
    root, out = tmp_path / "root", tmp_path / "out"
    parquet(root, 0)
    annotate("anyedit", root, out)
    stored = json.loads((out / "plan.json").read_bytes())
    (out / "plan.json").write_text(json.dumps(stored | lists))
    with pytest.raises(UserError, match=r"damaged .*choose another --out"):
        Output(out).claim(plan_of("anyedit", root))


def test_people_are_told_with_one_line_and_exit_code_one(tmp_path):
    root, out = tmp_path / "root", tmp_path / "out"
    rubbish([parquet(root, number) for number in range(3)][1])
    told = ("annotate-corpus", "anyedit", "--root", root, "--out", out, "--annotator", "pixdiff-morph", "--workers", 1)
    done = imlbench(*told)
    assert done.code == 1
    lines = [line for line in done.err.splitlines() if line.startswith("imlbench: ")]
    assert len(lines) == 1
    assert lines[0].startswith("imlbench: a file of the corpus is not annotated: anyedit: data/train-00001-of-00003")
    assert lines[0].endswith("once mended, the same command with --retry-failed takes it up")
    status = imlbench("corpus", "status", out)
    assert "2/2 shards, 1 unreadable file, done" in status.out
    assert "not annotated: anyedit: data/train-00001-of-00003.parquet cannot be read as Parquet" in status.out
    parquet(root, 1)
    done = imlbench(*told, "--retry-failed")
    assert (done.code, json.loads(imlbench("corpus", "status", out, "--json").out)["shards_done"]) == (0, 3)
