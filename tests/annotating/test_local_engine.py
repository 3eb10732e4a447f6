"""Real processes that are really killed, at the driver's end and at the workers'."""

from __future__ import annotations

import json
import os
import signal
import sys
import time

import psutil
import pytest

from imlbench.annotating.engine import Crew
from imlbench.annotating.local_engine import LocalEngine
from imlbench.annotating.shard_work import Task
from imlbench.annotating.status import corpus_status
from imlbench.errors import UserError
from tests.annotating.making_pairs import (
    Killer,
    Once,
    Slow,
    Unbuildable,
    annotate,
    annotate_here,
    content,
    edit,
    make_corpus,
    manifests,
    photograph,
    plan_of,
    poisoned,
    rows_of,
    write_pair,
)
from tests.making_sets import finish, start

PHOTO = photograph(3)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("data") / "root", instruction=None)


@pytest.fixture(scope="module")
def slow_reference(root, tmp_path_factory):
    out = tmp_path_factory.mktemp("reference") / "out"
    annotate_here(root, out, Slow)
    return content(out)


def test_two_processes_write_what_one_writes(root, tmp_path):
    heard = []

    class News:
        def start(self, total):
            heard.append(total)

        def advance(self, samples, failed):
            heard.append(-samples)

    annotate(root, tmp_path / "two", workers=2, progress=News())
    annotate_here(root, tmp_path / "one")
    assert content(tmp_path / "two") == content(tmp_path / "one")
    assert (heard[0], sum(heard)) == (12, 0)


def test_a_process_that_dies_once_costs_nothing(root, tmp_path, monkeypatch):
    monkeypatch.setenv("TEST_MARK", str(tmp_path / "mark"))
    account = annotate(root, tmp_path / "out", Once)
    assert (tmp_path / "mark").exists()
    assert account.totals.status == {"kept": 12}
    annotate_here(root, tmp_path / "calm", Once)
    assert content(tmp_path / "out") == content(tmp_path / "calm")


def test_a_poisoned_pair_is_found_and_can_be_retried(tmp_path, monkeypatch):
    monkeypatch.setenv("TEST_CURE", str(tmp_path / "cure"))
    root, out = make_corpus(tmp_path / "root", instruction=None), tmp_path / "out"
    write_pair(root / "part1", "002", PHOTO, poisoned(edit(PHOTO)), instruction=None)
    account = annotate(root, out, Killer)
    assert (account.done, account.totals.status) == (4, {"kept": 11, "failed": 1})
    failed = next(row for row in rows_of(out) if row["status"] == "failed")
    assert (failed["id"], failed["reason"]) == ("part1#2", "unreadable")
    assert failed["message"] == "the process that worked on this pair died or hung, every time"
    (tmp_path / "cure").touch()
    assert annotate(root, out, Killer, retry_failed=True).totals.status == {"kept": 12}
    annotate_here(root, tmp_path / "well", Killer)
    assert content(out) == content(tmp_path / "well")


def test_a_row_that_kills_its_reader_costs_itself_only(tmp_path):
    root, out = make_corpus(tmp_path / "root", parts=1, rows=3, instruction=None), tmp_path / "out"
    write_pair(root / "part0", "trap", PHOTO, edit(PHOTO), instruction=None)
    account = annotate(root, out, variant="trap")
    assert account.totals.status == {"kept": 3, "failed": 1}
    assert rows_of(out)[3]["id"] == "part0#3"


def test_an_annotator_that_kills_while_it_loads_ends_the_run_with_a_clear_word(root, tmp_path):
    with pytest.raises(UserError, match=r"die while they load the annotator .killed by SIGKILL.*fewer --workers"):
        annotate(root, tmp_path / "out", Unbuildable)
    assert not workers_of(psutil.Process())


def workers_of(process):
    """The worker processes of a driver."""
    found = []
    for child in process.children(recursive=True):
        try:
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


def test_an_engine_that_is_closed_leaves_no_process(root):
    plan = plan_of(root, Slow)
    outcomes = LocalEngine(Crew(2)).run(plan, [Task(shard) for shard in plan.shards], lambda rows: None)
    next(outcomes)
    assert workers_of(psutil.Process())
    outcomes.close()
    assert not workers_of(psutil.Process())


DRIVER = """
import sys
from pathlib import Path
from tests.annotating.making_pairs import Slow, annotate
if __name__ == "__main__":
    annotate(Path(sys.argv[1]), Path(sys.argv[2]), Slow, workers=2)
"""


def driver(root, out, folder, **environment):
    """A driver as a process of its own, with what `Slow` asks the environment for."""
    script = folder / "driver.py"
    script.write_text(DRIVER)
    return start(root, out, code=[sys.executable, script], environment=environment)


def wait_for(condition, process, seconds=300):
    """Until it holds; a driver that ends first would leave nothing to wait for."""
    limit = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < limit
        time.sleep(0.005)


@pytest.mark.parametrize("shards", [0, 1, 3])
def test_a_driver_that_is_killed_takes_its_workers_along_and_the_next_goes_on(root, tmp_path, slow_reference, shards):
    out = tmp_path / "out"
    process = driver(root, out, tmp_path, TEST_HOLD=f"{out}:{shards}")
    wait_for(lambda: len(manifests(out)) >= shards and workers_of(psutil.Process(process.pid)), process)
    workers = workers_of(psutil.Process(process.pid))
    process.send_signal(signal.SIGKILL)
    assert finish(process).code == -signal.SIGKILL
    psutil.wait_procs(workers, timeout=120)
    assert not [worker for worker in workers if worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE]
    assert not corpus_status(out).running
    assert content(out).items() <= slow_reference.items() | leftovers(out)
    annotate(root, out, Slow, workers=2)
    assert content(out) == slow_reference


def leftovers(out):
    """What a killed driver was about to write, or had written of a shard that lacks its manifest."""
    done = {name.removesuffix(".json") for name in manifests(out)}
    return {item for item in content(out).items() if os.path.basename(item[0]).split(".")[0] not in done}


def test_workers_that_are_killed_change_nothing(root, tmp_path, slow_reference):
    out = tmp_path / "out"
    process = driver(root, out, tmp_path, TEST_NAP="0.4")
    for shards in (1, 2):
        wait_for(lambda shards=shards: len(manifests(out)) >= shards, process)
        workers_of(psutil.Process(process.pid))[0].kill()
    assert finish(process).code == 0
    assert content(out) == slow_reference


def test_ctrl_c_ends_the_workers_and_keeps_what_is_done(root, tmp_path, slow_reference):
    out = tmp_path / "out"
    process = driver(root, out, tmp_path, TEST_HOLD=f"{out}:1")
    wait_for(lambda: len(manifests(out)) >= 1, process)
    workers = workers_of(psutil.Process(process.pid))
    process.send_signal(signal.SIGINT)
    assert finish(process).code == 0
    _gone, alive = psutil.wait_procs(workers, timeout=120)
    assert not alive
    done = json.loads((out / "summary.json").read_bytes())["rows"]
    assert 2 <= done < 12
    annotate(root, out, Slow)
    assert content(out) == slow_reference
