"""Writing results: transactions, two writers, kills, full disks."""

from __future__ import annotations

import json
import signal
import sqlite3
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from imlbench.boundaries import Boundary
from imlbench.counting import SampleCounts
from imlbench.errors import UserError
from imlbench.histograms import BINS, binary_histogram
from imlbench.metrics import Conventions
from imlbench.results.database import SCHEMA_VERSION
from imlbench.results.reading import ResultReader
from imlbench.results.records import Outcome, Refreshed, Run, SampleFacts, pack_histogram, unpack_histogram
from imlbench.results.store import ResultStore
from imlbench.statistics import Summary
from tests.making_sets import COMMAND, Done, finish, make_set, start, stored, write_package

RUN = Run(
    kind="annotator",
    adapter="toy",
    adapter_title="Toy",
    dataset="folder:set",
    dataset_title="set",
    paper_dataset="",
    perturbation="",
    severity=None,
    target="edited",
    threshold=0.5,
    soft=True,
    identity="{}",
    card="{}",
)


def soft_counts(seed=0):
    histogram = np.random.default_rng(seed).integers(0, 50, (2, BINS))
    return SampleCounts(5, 6, 7, 8, histogram)


def outcome(name="a", run=RUN, content="c", **changes):
    facts = SampleFacts("folder:set", name, "local", content, 24, 16, 12, 0)
    return Outcome(run.run_id, facts, "sig", "ok", counts=changes.pop("counts", soft_counts()), **changes)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "results"


@pytest.fixture
def store(out):
    with ResultStore(out) as opened:
        opened.add_run(RUN)
        yield opened


def rows(out, statement, *values):
    with ResultReader(out) as reader:
        return list(reader.query(statement, *values))


class TestHistograms:
    def test_a_soft_one_survives_to_the_last_count(self):
        histogram = np.random.default_rng(0).integers(0, 1 << 32, (2, BINS))
        unpacked = unpack_histogram(pack_histogram(histogram), 0, 0, 0, 0)
        assert unpacked.dtype == np.int64
        assert np.array_equal(unpacked, histogram)

    def test_a_hard_decision_needs_no_bytes(self):
        assert pack_histogram(None) is None
        assert np.array_equal(unpack_histogram(None, 1, 2, 3, 4), binary_histogram(1, 2, 3, 4))
        assert unpack_histogram(None, 1, 2, 3, 4).sum() == 10

    def test_a_soft_map_that_is_hard_by_chance_is_kept_as_it_is(self):
        histogram = binary_histogram(1, 2, 3, 4)
        assert np.array_equal(unpack_histogram(pack_histogram(histogram), 9, 9, 9, 9), histogram)

    def test_through_the_file(self, store, out):
        hard = SampleCounts(1, 2, 3, 4)
        soft = soft_counts(3)
        store.write([outcome("a", counts=soft), outcome("b", counts=hard)], store.begin_invocation({}))
        assert [row[0] is None for row in rows(out, "SELECT histogram FROM counts ORDER BY sample_id")] == [False, True]
        with ResultReader(out) as reader:
            table = reader.table(RUN.run_id)
        assert np.array_equal(table.histogram, [soft.histogram, binary_histogram(1, 2, 3, 4)])
        assert (table.tp.tolist(), table.tn.tolist()) == ([5, 1], [8, 4])


class TestWriting:
    def test_every_column_comes_back(self, store, out):
        boundary = Boundary(3, 10, 9, 8, 7)
        facts = SampleFacts(
            dataset="folder:set",
            sample_id="a",
            scope="local",
            content="c",
            width=24,
            height=16,
            edited_pixels=12,
            outside_difference=1,
            instruction="remove “it” 日本",
            tags={"editor": "x"},
            notes=("resized",),
            files={"edited": "ab"},
        )
        given = Outcome(RUN.run_id, facts, "sig", "ok", seconds=0.5, counts=replace(soft_counts(), boundary=boundary))
        invocation = store.begin_invocation({"command": ["imlbench"]})
        store.write([given], invocation)
        store.finish_invocation(invocation)
        (row,) = rows(out, "SELECT * FROM samples")
        assert row[1:10] == ("folder:set", "a", "c", 24, 16, 12, 1, "local", "remove “it” 日本")
        assert [json.loads(text) for text in row[10:]] == [{"editor": "x"}, ["resized"], {"edited": "ab"}]
        (row,) = rows(out, "SELECT status, signature, seconds, boundary_tolerance, boundary_true_matched FROM counts")
        assert row == ("ok", "sig", 0.5, 3, 7)
        ((finished, provenance),) = rows(out, "SELECT finished, provenance FROM invocations")
        assert finished.endswith("+00:00")
        assert json.loads(provenance) == {"command": ["imlbench"]}

    def test_a_later_outcome_replaces_the_earlier(self, store, out):
        failed = Outcome(RUN.run_id, SampleFacts("folder:set", "a", "local"), "s", "failed", "unreadable", "why")
        store.write([failed], store.begin_invocation({}))
        store.write([outcome("a")], store.begin_invocation({}))
        assert rows(out, "SELECT status, reason, message, invocation_id FROM counts") == [("ok", "", "", 2)]

    def test_one_content_of_one_sample_is_one_row_for_all_runs(self, store, out):
        other = replace(RUN, adapter="other", identity="other")
        store.add_run(other)
        shared = outcome("a")
        store.write([shared, replace(shared, run_id=other.run_id)], store.begin_invocation({}))
        store.write([outcome("a", other)], store.begin_invocation({}))
        store.write([outcome("a", content="another")], store.begin_invocation({}))
        assert rows(out, "SELECT content FROM samples ORDER BY sample_key") == [("c",), ("another",)]

    def test_a_batch_is_stored_whole_or_not_at_all(self, store, out):
        store.write([outcome("a")], store.begin_invocation({}))
        broken = Outcome(RUN.run_id, SampleFacts("folder:set", "c", None), "sig", "ok")
        with pytest.raises(UserError, match="NOT NULL"):
            store.write([outcome("b"), broken], 1)
        assert rows(out, "SELECT sample_id FROM counts") == [("a",)]
        store.write([outcome("b")], 1)
        assert len(rows(out, "SELECT sample_id FROM counts")) == 2

    def test_half_characters_are_written_as_escapes(self, store, out):
        facts = SampleFacts("folder:set", "a", "local", instruction="bad \ud800", tags={"t": "\udfff"})
        store.write([Outcome(RUN.run_id, facts, "s", "ok", counts=soft_counts())], store.begin_invocation({}))
        ((instruction, tags),) = rows(out, "SELECT instruction, tags FROM samples")
        assert (instruction, json.loads(tags)) == ("bad \\ud800", {"t": "\udfff"})

    def test_new_counts_drop_the_means_that_no_longer_hold(self, store, out):
        other = replace(RUN, identity="other")
        store.add_run(other)
        for run in (RUN, other):
            store.write_summaries(run.run_id, Conventions(), {"f1": Summary(0.5, 0.1, 0.4, 0.6, 3)}, 0)
        store.write([outcome("a")], store.begin_invocation({}))
        with ResultReader(out) as reader:
            assert reader.stored_summaries(RUN.run_id) == {}
            assert reader.stored_summaries(other.run_id)["f1"].n == 3

    def test_means_without_a_value_come_back_as_nan(self, store, out):
        nan = float("nan")
        store.write_summaries(RUN.run_id, Conventions(), {"f1": Summary(nan, nan, nan, nan, 0)}, 0)
        with ResultReader(out) as reader:
            summary = reader.stored_summaries(RUN.run_id)["f1"]
        assert (np.isnan(summary.mean), summary.n) == (True, 0)

    def test_known_tells_what_is_stored(self, store):
        store.write([outcome("a"), outcome("b")], store.begin_invocation({}))
        store.refresh([Refreshed(RUN.run_id, outcome("b").sample, "newer")])
        known = store.known([RUN.run_id, "nothing"], ["a", "b", "z"])
        assert {key[1]: value.signature for key, value in known.items()} == {"a": "sig", "b": "newer"}
        assert known[RUN.run_id, "a"].content == "c"
        assert store.has_results(RUN.run_id)
        assert not store.has_results("nothing")


class TestFullDisk:
    def test_the_message_says_what_to_do_and_earlier_commits_stay(self, store, out):
        store.write([outcome("a")], store.begin_invocation({}))
        pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
        store._connection.execute(f"PRAGMA max_page_count = {pages}")
        many = [outcome(f"{number:04}", content=f"{number}" * 50, counts=soft_counts(number)) for number in range(200)]
        with pytest.raises(UserError) as caught:
            store.write(many, 1)
        expected = (
            f"{out / 'results.db'}: cannot write (database or disk is full): everything committed before is kept; "
            "free some space and run the same command again"
        )
        assert str(caught.value) == expected
        assert rows(out, "SELECT sample_id FROM counts") == [("a",)]
        store._connection.execute("PRAGMA max_page_count = 1000000")
        store.write(many, 1)
        assert len(rows(out, "SELECT 1 FROM counts")) == 201

    def test_a_locked_file_says_so(self, store, out):
        other = sqlite3.connect(out / "results.db")
        other.execute("BEGIN IMMEDIATE")
        store._connection.execute("PRAGMA busy_timeout = 10")
        with pytest.raises(UserError, match="another process held the file for over 60 s: try again"):
            store.write([outcome("a")], 1)
        other.close()
        store.write([outcome("a")], store.begin_invocation({}))


SLOW = """
import os, time
import imlbench.evaluation
from imlbench import AdapterCard, Annotator
from imlbench.differencing import grey_difference

class Slow(Annotator):
    card = AdapterCard(name="slow", title="Slow", version="1", summary="", licence="", citation="", batched={batched})
    def __init__(self, device="cpu", seed=0):
        super().__init__(device, seed)
        imlbench.evaluation.COMMIT_SAMPLES = 4
    def annotate(self, pairs):
        time.sleep(float(os.environ.get("NAP", "0")) * len(pairs))
        return [pair.shared(grey_difference) for pair in pairs]
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """A third party's annotators that take their time."""
    folder = tmp_path_factory.mktemp("packages")
    write_package(folder, "slow_toy", SLOW.format(batched=False), {"slow": "slow_toy:Slow"})
    write_package(
        folder, "slow_model", SLOW.format(batched=True).replace('"slow"', '"model"'), {"model": "slow_model:Slow"}
    )
    return folder


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return make_set(tmp_path_factory.mktemp("data") / "set", 40)


@pytest.fixture(scope="module")
def reference(tmp_path_factory, packages, root):
    """What an uninterrupted run stores."""
    out = tmp_path_factory.mktemp("reference")
    assert run(packages, root, out).code == 0
    assert len(stored(out)) == 120
    return stored(out)


def command(packages, root, out, nap="0", annotators=("slow", "model", "pixdiff-20"), **options):
    chosen = [argument for name in annotators for argument in ("--annotator", name)]
    return start(
        "annotate-eval", "--dataset", "folder", "--data-root", root, "--out", out, "--workers", 2, *chosen,
        environment={"NAP": nap}, paths=[packages], **options,
    )  # fmt: skip


def run(packages, root, out, **options) -> Done:
    return finish(command(packages, root, out, **options))


def wait_for_rows(process, out, count=8, seconds=300):
    """Wait until a running command has committed some results."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        if (out / "results.db").exists():
            try:
                if (found := len(stored(out))) >= count:
                    return found
            except UserError:
                pass  # the tables are being made
        time.sleep(0.01)
    raise AssertionError("nothing was committed in time")


def test_kill_9_in_the_middle_loses_little_and_the_same_command_goes_on(packages, root, reference, out):
    process = command(packages, root, out, nap="0.1")
    before = wait_for_rows(process, out)
    process.send_signal(signal.SIGKILL)
    finish(process)
    kept = stored(out)
    assert before <= len(kept) < 120
    assert kept.items() <= reference.items()
    done = run(packages, root, out)
    assert (done.code, stored(out)) == (0, reference)
    assert len(rows(out, "SELECT 1 FROM samples")) == 40
    # What the killed command had stored was not computed again.
    ((again,),) = rows(out, "SELECT count(*) FROM counts WHERE invocation_id = 2")
    assert again == 120 - len(kept)
    with ResultReader(out) as reader:
        assert {reader.stored_summaries(one.run_id)["f1"].n for one in reader.runs()} == {40}


@pytest.mark.parametrize("annotator", ["slow", "model"])
def test_ctrl_c_keeps_results_says_so_in_one_line_and_can_go_on(packages, root, reference, out, annotator):
    process = command(packages, root, out, nap="0.1", annotators=[annotator])
    wait_for_rows(process, out, 4)
    process.send_signal(signal.SIGINT)
    done = finish(process)
    kept = stored(out)
    assert 4 <= len(kept) < 40
    expected = (
        f"imlbench: interrupted; {len(kept)} new results are stored in {out}; run the same command again to go on\n"
    )
    assert (done.code, done.out, done.err) == (130, "", expected)
    assert run(packages, root, out, annotators=[annotator]).code == 0
    assert stored(out) == {key: row for key, row in reference.items() if key[0] == annotator}


def test_two_processes_write_one_file_at_once(packages, root, reference, out):
    asked = (("slow", "pixdiff-20"), ("pixdiff-20", "model"), ("slow", "model", "pixdiff-20"))
    processes = [command(packages, root, out, nap="0.004", annotators=names) for names in asked]
    done = [finish(process) for process in processes]
    assert [one.code for one in done] == [0, 0, 0], done
    assert stored(out) == reference
    assert len(rows(out, "SELECT 1 FROM runs")) == 3
    assert len(rows(out, "SELECT 1 FROM samples")) == 40


def test_many_processes_may_make_the_file_at_once(out):
    code = "import sys; from imlbench.results.store import ResultStore; ResultStore(sys.argv[1]).close()"
    processes = [start(out, code=(sys.executable, "-c", code)) for _ in range(6)]
    assert [finish(process) for process in processes] == [Done(0, "", "")] * 6
    assert rows(out, "PRAGMA user_version") == [(SCHEMA_VERSION,)]


LIMITED = (
    "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)), resource.RLIM_INFINITY)); "
    "from imlbench.cli.main import main; main()"
)


def test_a_disk_that_fills_up_is_one_line_and_the_same_command_goes_on(packages, root, reference, out):
    arguments = ("annotate-eval", "--dataset", "folder", "--data-root", root, "--out", out, "--workers", 2)
    chosen = ("--annotator", "slow", "--annotator", "model", "--annotator", "pixdiff-20")
    limited = (*COMMAND[:2], LIMITED, "200000")
    done = finish(start(*arguments, *chosen, code=limited, paths=[packages]))
    assert done.complaint().endswith("free some space and run the same command again\n")
    assert f"{out / 'results.db'}: cannot write (" in done.err
    kept = stored(out)
    assert 0 < len(kept) < 120
    assert kept.items() <= reference.items()
    assert run(packages, root, out).code == 0
    assert stored(out) == reference
