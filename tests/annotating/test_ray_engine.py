"""A real Ray on this machine, whose processes are really killed."""

from __future__ import annotations

import time
from dataclasses import replace

import psutil
import pytest

from imlbench.annotating.driver import annotate_corpus
from imlbench.annotating.engine import Crew, open_engine
from imlbench.annotating.shard_work import Task
from imlbench.errors import UserError
from tests.annotating.making_pairs import (
    Killer,
    Slow,
    Soft,
    Unbuildable,
    annotate,
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
from tests.annotating.making_trouble import Stuck

ray = pytest.importorskip("ray", reason="Ray, of the extra imlbench[ray], is not installed")
# One Ray for all of them, where the tests are spread over processes.
pytestmark = pytest.mark.xdist_group("ray")
PHOTO = photograph(3)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("data") / "root", instruction=None)


@pytest.fixture(scope="module")
def local(root, tmp_path_factory):
    out = tmp_path_factory.mktemp("local") / "out"
    annotate(root, out, Soft, keep_soft=True)
    return content(out)


@pytest.fixture(scope="module")
def cure(tmp_path_factory):
    return tmp_path_factory.mktemp("cure") / "cure"


@pytest.fixture(scope="module")
def running(cure):
    """A Ray with a GPU by name, which no annotator here uses."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEST_CURE", str(cure))
        ray.init(address="local", num_cpus=4, num_gpus=1, include_dashboard=False, log_to_driver=False)
        yield
        ray.shutdown()


def with_ray(root, out, annotator="pixdiff-morph", workers=2, gpus=0, retry_failed=False, **options):
    engine = open_engine("ray", Crew(workers, gpus))
    return annotate_corpus(plan_of(root, annotator, **options), out, engine, retry_failed)


def ray_processes():
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            if child.name().startswith("ray::MapWorker") or "ray::MapWorker" in " ".join(child.cmdline()):
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


@pytest.mark.parametrize("gpus", [0, 1], ids=["whole shards", "decoding apart"])
def test_ray_writes_what_the_local_engine_writes(running, root, local, tmp_path, gpus):
    heard = []

    class Tells:
        def run(self, plan, tasks, news):
            return open_engine("ray", Crew(2, gpus)).run(plan, tasks, lambda rows: heard.append(rows) or news(rows))

    annotate_corpus(plan_of(root, Soft, keep_soft=True), tmp_path / "ray", Tells())
    assert sum(heard) == 12
    assert content(tmp_path / "ray") == local


def test_a_process_that_is_killed_changes_nothing(running, root, tmp_path):
    plan = plan_of(root, Slow, shard_size=1)
    engine = open_engine("ray", Crew(2))
    killed = []

    class KillsOne:
        def run(self, *said):
            outcomes = engine.run(*said)
            yield next(outcomes)
            killed.extend(ray_processes()[:1])
            killed[0].kill()
            yield from outcomes

    account = annotate_corpus(plan, tmp_path / "out", KillsOne())
    assert killed
    assert (account.done, account.totals.status) == (12, {"kept": 12})
    annotate_here(root, tmp_path / "calm", Slow, shard_size=1)
    assert content(tmp_path / "out") == content(tmp_path / "calm")


def test_a_poisoned_pair_costs_itself_only_and_can_be_retried(running, cure, tmp_path):
    root, out = make_corpus(tmp_path / "root", parts=1, instruction=None), tmp_path / "out"
    write_pair(root / "part0", "002", PHOTO, poisoned(edit(PHOTO)), instruction=None)
    account = with_ray(root, out, Killer)
    assert (account.lost, account.totals.status) == ({}, {"kept": 5, "failed": 1})
    annotate(root, tmp_path / "local", Killer)
    assert content(out) == content(tmp_path / "local")
    cure.touch()
    account = with_ray(root, out, Killer, retry_failed=True)
    assert (account.lost, account.totals.status) == ({}, {"kept": 6})


def test_a_pair_that_hangs_costs_itself_only(running, tmp_path):
    root, out = make_corpus(tmp_path / "root", parts=1, rows=3, instruction=None), tmp_path / "out"
    write_pair(root / "part0", "001", PHOTO, poisoned(edit(PHOTO)), instruction=None)
    plan = replace(plan_of(root, Stuck, shard_size=1), timeout=2.0)
    account = annotate_corpus(plan, out, open_engine("ray", Crew(2)))
    assert (account.lost, account.totals.status) == ({}, {"kept": 2, "failed": 1})
    assert rows_of(out)[1]["message"] == "the process that worked on this pair died or hung, every time"


def test_a_pair_that_kills_its_reader_costs_itself_only(running, tmp_path):
    root, out = make_corpus(tmp_path / "root", parts=1, rows=3, instruction=None), tmp_path / "out"
    write_pair(root / "part0", "trap", PHOTO, edit(PHOTO), instruction=None)
    account = with_ray(root, out, variant="trap", gpus=1)
    assert account.totals.status == {"kept": 3, "failed": 1}
    assert rows_of(out)[3]["id"] == "part0#3"


def test_an_annotator_that_kills_while_it_loads_ends_the_run_with_a_clear_word(running, root, tmp_path):
    with pytest.raises(UserError, match=r"die while they load the annotator .killed by SIGKILL.*fewer --workers"):
        with_ray(root, tmp_path / "out", Unbuildable, workers=1)


def test_an_engine_that_is_closed_leaves_no_process_of_its_own_at_work(running, root):
    plan = plan_of(root, Slow, shard_size=1)
    outcomes = open_engine("ray", Crew(2)).run(plan, [Task(shard) for shard in plan.shards], lambda rows: None)
    next(outcomes)
    assert ray_processes()
    outcomes.close()
    limit = time.monotonic() + 120
    while ray_processes():
        assert time.monotonic() < limit
        time.sleep(0.05)
    assert ray.is_initialized()
