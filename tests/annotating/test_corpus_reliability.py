"""What happens to a long run, really done: kills at random moments, full disks, hangs, no memory."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace

import psutil
import pytest

from imlbench.annotating.driver import annotate_corpus
from imlbench.annotating.engine import Crew
from imlbench.annotating.local_engine import LocalEngine
from imlbench.annotating.plan import Options, make_plan
from tests.annotating.making_pairs import (
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
from tests.annotating.making_trouble import Hungry, Sleepy, Steady, Stuck, driver, memory_killer, workers_of
from tests.making_sets import REPOSITORY, finish

KILLS = 20
PHOTO = photograph(3)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("data") / "root", parts=2, rows=20, instruction=None)


@pytest.fixture(scope="module")
def reference(root, tmp_path_factory):
    out = tmp_path_factory.mktemp("reference") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Steady, "seconds", 0)
        annotate_here(root, out, Steady, shard_size=2)
    return content(out)


def kill_one(process, dice) -> bool:
    """Kill a driver, or a worker of it; whether there was anybody to kill."""
    workers = workers_of(psutil.Process(process.pid)) if process.poll() is None else []
    if dice.random() < 0.25:
        process.send_signal(signal.SIGKILL)
        if finish(process).code != -signal.SIGKILL:
            return False
        # Nobody goes on working in secret.
        assert not psutil.wait_procs(workers, timeout=120)[1]
        return True
    if not workers:
        return False
    dice.choice(workers).kill()
    return True


def run_and_kill(root, out, folder, kills: int, dice) -> int:
    """Drivers one after another until the work is done, and at most so many kills; returns how many there were."""
    killed = 0
    while True:
        process = driver(root, out, folder)
        while process.poll() is None and killed < kills:
            time.sleep(dice.uniform(0, 1))
            killed += kill_one(process, dice)
        # A driver that was not killed ends well, or says in one line that its processes die.
        done = finish(process)
        if done.code == 0:
            return killed
        assert done.code in (1, -signal.SIGKILL), done.err
        assert done.code != 1 or done.err.count("\n") == 1, done.err


def test_kills_at_random_moments_lose_and_double_nothing(root, tmp_path, reference):
    dice, killed, runs = random.Random(20), 0, 0
    while killed < KILLS:
        out = tmp_path / f"out{runs}"
        killed += run_and_kill(root, out, tmp_path, KILLS - killed, dice)
        # A pair may have been at work each of the times, and is on record as that then.
        annotate(root, out, Steady, shard_size=2, retry_failed=True)
        assert [row["id"] for row in rows_of(out)] == [f"part{part}#{row}" for part in range(2) for row in range(20)]
        assert content(out) == reference
        runs += 1
    assert killed == KILLS


FULL = """
import resource, shutil, subprocess, sys
from pathlib import Path
from imlbench.errors import UserError
from tests.annotating.making_pairs import annotate_here
root, out, kept, way = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]

def mount(*options):
    subprocess.run(["mount", *options, out], check=True)

def narrow():
    if way == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
    else:
        out.mkdir()
        mount("-t", "tmpfs", "-o", "size=80k", "tmpfs")

def widen():
    if way == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    else:
        mount("-o", "remount,size=20m")

def attempt():
    try:
        annotate_here(root, out, shard_size=2, keep_soft=True)
        print("done")
    except UserError as error:
        print(error)
    print("left over:", [path.name for path in out.rglob(".*")])

narrow()
attempt()
attempt()
widen()
if way == "disk":
    mount("-o", "remount,ro")
    attempt()
    mount("-o", "remount,rw")
attempt()
shutil.copytree(out, kept)
"""
OWN_MOUNTS = ("unshare", "--user", "--map-root-user", "--mount")


def own_mounts_work() -> bool:
    """Whether anybody may mount a file system of their own here, as most Linux systems let them."""
    try:
        words = [*OWN_MOUNTS, "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", "/mnt"]
        return subprocess.run(words, capture_output=True, timeout=30, check=False).returncode == 0
    except OSError:
        return False


WAYS = ["limit", "disk"] if own_mounts_work() else ["limit"]


@pytest.mark.parametrize("way", WAYS)
def test_a_disk_that_is_full_is_one_line_and_the_run_goes_on_once_there_is_room(tmp_path, way):
    root = make_corpus(tmp_path / "root", parts=1, rows=4, instruction=None)
    # Too large for what is left, after a shard that is not.
    for row in range(4, 8):
        pixels = photograph(row, 400)
        write_pair(root / "part0", f"{row:03}", pixels, edit(pixels, row), instruction=None)
    out, kept = tmp_path / "out", tmp_path / "kept"
    words = [*(OWN_MOUNTS if way == "disk" else ()), sys.executable, "-c", FULL, root, out, kept, way]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        words, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    full = {"limit": "File too large", "disk": "No space left on device"}[way]
    for line in said[0], said[2]:
        assert f"cannot be written ({full})" in line
        assert line.endswith("of 4 shards are done and stay; the same command goes on from there")
        assert "; 0 of 4" not in line
    if way == "disk":
        assert "cannot be written (Read-only file system)" in said[4]
    assert said[-2:] == ["done", "left over: []"]
    assert said[1] == said[3] == "left over: []"
    annotate_here(root, tmp_path / "fresh", shard_size=2, keep_soft=True)
    assert content(kept) == content(tmp_path / "fresh")


def hasty(plan, out):
    return annotate_corpus(replace(plan, timeout=2.0), out, LocalEngine(Crew(2)))


def test_an_adapter_that_hangs_is_a_failed_pair_and_the_run_goes_on(tmp_path):
    root, out = make_corpus(tmp_path / "root", parts=1, instruction=None), tmp_path / "out"
    write_pair(root / "part0", "002", PHOTO, poisoned(edit(PHOTO)), instruction=None)
    account = hasty(plan_of(root, Stuck, shard_size=1), out)
    assert (account.lost, account.totals.status) == ({}, {"kept": 5, "failed": 1})
    failed = next(row for row in rows_of(out) if row["status"] == "failed")
    assert (failed["id"], failed["reason"]) == ("part0#2", "unreadable")
    assert failed["message"] == "the process that worked on this pair died or hung, every time"


def test_a_reader_that_hangs_is_a_failed_pair_and_the_run_goes_on(tmp_path):
    root, out = make_corpus(tmp_path / "root", parts=1, rows=3, instruction=None), tmp_path / "out"
    write_pair(root / "part0", "trap", PHOTO, edit(PHOTO), instruction=None)
    account = hasty(make_plan(Sleepy(root), "pixdiff-morph", Options(shard_size=1)), out)
    assert (account.lost, account.totals.status) == ({}, {"kept": 3, "failed": 1})
    assert [row["status"] for row in rows_of(out)] == ["kept"] * 3 + ["failed"]


def test_a_process_without_memory_is_replaced_and_its_pair_recorded(tmp_path):
    root, out = make_corpus(tmp_path / "root", parts=1, instruction=None), tmp_path / "out"
    write_pair(root / "part0", "004", PHOTO, poisoned(edit(PHOTO)), instruction=None)
    with memory_killer() as killed:
        account = annotate(root, out, Hungry, shard_size=1)
    assert len(killed) == 2
    assert (account.lost, account.totals.status) == ({}, {"kept": 5, "failed": 1})
    assert [row["id"] for row in rows_of(out) if row["status"] == "failed"] == ["part0#4"]
