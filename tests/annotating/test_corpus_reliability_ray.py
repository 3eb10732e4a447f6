"""A Ray cluster of two nodes on this machine, whose processes are killed at random moments.

Three kills by default, one of each kind; IMLBENCH_TEST_RAY_KILLS=20 makes them twenty.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time

import psutil
import pytest

from tests.annotating.making_pairs import annotate_here, content, make_corpus, rows_of
from tests.annotating.making_trouble import Steady
from tests.making_sets import finish, start

pytest.importorskip("ray", reason="Ray, of the extra imlbench[ray], is not installed")
from ray.cluster_utils import Cluster

pytestmark = pytest.mark.xdist_group("ray")
KINDS = ("worker", "node", "driver")
KILLS = int(os.environ.get("IMLBENCH_TEST_RAY_KILLS", len(KINDS)))
# A node that is gone is noticed in seconds, not in half a minute.
HEALTH = {
    "health_check_initial_delay_ms": 500,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 5000,
    "health_check_failure_threshold": 2,
}
DRIVER = """
import sys
from pathlib import Path
from imlbench.annotating.driver import annotate_corpus
from imlbench.annotating.engine import Crew, open_engine
from imlbench.errors import UserError
from tests.annotating.making_pairs import plan_of
from tests.annotating.making_trouble import Steady
if __name__ == "__main__":
    plan = plan_of(Path(sys.argv[1]), Steady, shard_size=2)
    try:
        account = annotate_corpus(plan, Path(sys.argv[2]), open_engine("ray", Crew(2)), retry_failed=True)
    except UserError as error:
        sys.exit(str(error))
    sys.exit(str(account.lost) if account.lost else 0)
"""


@pytest.fixture(scope="module")
def cluster():
    """A head, and a node that may go."""
    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "_system_config": HEALTH})
    found.add_node(num_cpus=1)
    yield found
    found.shutdown()


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("data") / "root", parts=2, rows=14, instruction=None)


@pytest.fixture(scope="module")
def reference(root, tmp_path_factory):
    out = tmp_path_factory.mktemp("reference") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Steady, "seconds", 0)
        annotate_here(root, out, Steady, shard_size=2)
    return content(out)


def annotators() -> list[psutil.Process]:
    """Ray's processes that hold annotators."""
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            if "ray::MapWorker" in " ".join(child.cmdline()):
                found.append(child)
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


def kill(kind, process, cluster, dice) -> bool:
    """Kill one process of a kind; whether there was one."""
    if process.poll() is not None:
        return False
    if kind == "driver":
        process.send_signal(signal.SIGKILL)
        return finish(process).code == -signal.SIGKILL
    if kind == "node":
        (node,) = cluster.worker_nodes
        psutil.Process(node.all_processes["raylet"][0].process.pid).kill()
        cluster.remove_node(node, allow_graceful=False)
        # Another one comes, as where machines are lent by the hour.
        cluster.add_node(num_cpus=1)
        return True
    workers = annotators()
    if not workers:
        return False
    dice.choice(workers).kill()
    return True


def under_way(process, out, shards: int) -> bool:
    """Whether so many shards are done, while the driver is at work."""
    limit = time.monotonic() + 90
    while process.poll() is None and time.monotonic() < limit:
        if len(list(out.glob("shards/*.json"))) >= shards:
            return True
        time.sleep(0.02)
    return False


def test_kills_of_workers_nodes_and_drivers_lose_and_double_nothing(cluster, root, tmp_path, reference):
    script, dice, killed, runs = tmp_path / "driver.py", random.Random(3), 0, 0
    script.write_text(DRIVER)
    kinds = [KINDS[number % len(KINDS)] for number in range(KILLS)]
    while killed < KILLS:
        out = tmp_path / f"out{runs}"
        code = None
        while code != 0:
            process = start(root, out, code=[sys.executable, script], environment={"RAY_ADDRESS": cluster.address})
            while killed < KILLS and under_way(process, out, done_by_now(out) + 1):
                time.sleep(dice.uniform(0, 0.5))
                killed += kill(kinds[killed], process, cluster, dice)
            code = finish(process, 180).code
        assert [row["id"] for row in rows_of(out)] == [f"part{part}#{row}" for part in range(2) for row in range(14)]
        assert content(out) == reference
        runs += 1
    assert killed == KILLS


def done_by_now(out) -> int:
    """The number of shards that are done."""
    return len(list(out.glob("shards/*.json")))
