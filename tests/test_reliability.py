"""Whatever interrupts, splits or reorders the work, the results are those of one quiet run."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import cv2
import numpy as np
import pytest

from imlbench import evaluate
from imlbench.datasets.folder import Folder
from imlbench.errors import UserError
from imlbench.evaluation import Evaluation
from imlbench.jobs import annotator_handles, make_jobs
from imlbench.perturb import CLEAN, Condition
from imlbench.perturbations.noise import Noise
from imlbench.results.reading import ResultReader
from imlbench.results.store import ResultStore
from imlbench.settings import Settings
from tests.making_sets import Toy, finish, make_set, start, stored

CONDITIONS = (CLEAN, Condition(Noise(), 10))
COUNT = 14


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A set of which one sample cannot be read."""
    folder = make_set(tmp_path_factory.mktemp("data") / "set", COUNT)
    (folder / "edited" / "05.png").write_bytes(b"broken")
    return folder


def run(root, out, progress=None, annotators=None, **settings):
    """One evaluation of a cheap adapter and a model under two conditions."""
    chosen = Settings(out=out, **{"workers": 2, "batch_size": 3, **settings})
    dataset = Folder(root)
    handles = annotator_handles(annotators or ["pixdiff-10", Toy("model", batched=True)], "cpu", 0)
    return Evaluation(dataset, make_jobs(handles, dataset, CONDITIONS, chosen.seed), chosen, progress).run()


@pytest.fixture(scope="module")
def reference(root, tmp_path_factory):
    out = tmp_path_factory.mktemp("reference")
    run(root, out)
    assert len(stored(out)) == COUNT * 4
    return stored(out)


@pytest.mark.parametrize("seed", range(6))
def test_any_way_of_splitting_the_work_gives_the_same_results(root, tmp_path, reference, seed):
    rng = np.random.default_rng(seed)
    ids = [f"{number:02}" for number in range(COUNT)]
    for _ in range(4):
        chosen = list(rng.choice(ids, rng.integers(1, COUNT), replace=False))
        part = {"sample_ids": chosen} if rng.random() < 0.5 else {"limit": int(rng.integers(1, COUNT))}
        settings = {"workers": int(rng.integers(1, 5)), "batch_size": int(rng.integers(1, 6))}
        run(root, tmp_path, overwrite=str(rng.choice(["only-missing", "always"])), **settings, **part)
    run(root, tmp_path)
    assert stored(tmp_path) == reference


class CtrlC:
    """Progress during which somebody presses Ctrl-C."""

    def __init__(self, after: int) -> None:
        self.left = after

    def start(self, total):
        pass

    def advance(self, samples, failed):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("after", [0, 1, 5, COUNT - 1])
def test_ctrl_c_at_any_sample_keeps_what_was_done(root, tmp_path, reference, after):
    account = run(root, tmp_path, progress=CtrlC(after))
    assert account.interrupted
    kept = stored(tmp_path)
    # Of the cheap adapter everything is kept that was taken over.
    assert len([key for key in kept if key[0] == "pixdiff-10"]) == 2 * (after + 1)
    assert kept.items() <= reference.items()
    account = run(root, tmp_path)
    # One sample cannot be read and is tried again each time.
    failed = sum(row[0] == "failed" for row in kept.values())
    assert account.computed.total() == len(reference) - len(kept) + failed
    assert stored(tmp_path) == reference


@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_disk_that_fails_at_any_commit_keeps_the_commits_before(root, tmp_path, reference, monkeypatch, after):
    # By way of sys.modules, since the package's attribute `evaluate` is the function of that name.
    monkeypatch.setattr("imlbench.evaluation.COMMIT_SAMPLES", 3)
    calls = []
    write = ResultStore.write

    def fail(self, outcomes, invocation):
        calls.append(len(outcomes))
        if len(calls) > after:
            raise UserError("disk full")
        write(self, outcomes, invocation)

    monkeypatch.setattr(ResultStore, "write", fail)
    with pytest.raises(UserError, match=r"^disk full$"):
        run(root, tmp_path)
    monkeypatch.undo()
    assert len(stored(tmp_path)) == sum(calls[:after])
    run(root, tmp_path)
    assert stored(tmp_path) == reference


def test_a_model_that_fails_now_and_then_gets_there_in_the_end(root, tmp_path, reference):
    rng = np.random.default_rng(1)

    def moody(pair):
        if rng.random() < 0.3:
            raise RuntimeError("out of memory")
        return toy.plain(pair)

    toy = Toy("model", batched=True)
    toy.plain, toy.function = toy.function, moody
    for _ in range(20):
        run(root, tmp_path, annotators=["pixdiff-10", toy])
        if stored(tmp_path) == reference:
            break
    assert stored(tmp_path) == reference


NAPPING = """
import sys, time
import imlbench.evaluation, imlbench.scoring
imlbench.evaluation.COMMIT_SAMPLES = 1
process = imlbench.scoring.Scorer.process
def slow(self, task):
    time.sleep(0.04)
    return process(self, task)
imlbench.scoring.Scorer.process = slow
from imlbench.cli.main import main
main()
"""


def test_killed_again_and_again_it_gets_there_in_the_end(tmp_path):
    root = make_set(tmp_path / "set", 30)
    out, quiet = tmp_path / "out", tmp_path / "quiet"
    evaluate("folder", ["pixdiff-10", "pixdiff-otsu"], data_root=root, out=quiet)
    arguments = ("annotate-eval", "--dataset", "folder", "--data-root", root, "--annotator", "pixdiff-10",
                 "--annotator", "pixdiff-otsu", "--out", out, "--workers", 1)  # fmt: skip
    kills, size = 0, 0
    for _ in range(30):
        process = start(*arguments, code=(sys.executable, "-c", NAPPING))
        while process.poll() is None and rows(out) < size + 12:
            time.sleep(0.005)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        done = finish(process)
        if done.code == 0:
            break
        assert rows(out) > size
        size = rows(out)
    assert kills >= 2
    assert stored(out) == stored(quiet)


def rows(out) -> int:
    """Number of stored results, 0 while there is no usable file."""
    try:
        return len(stored(out))
    except UserError:
        return 0


def test_nothing_is_left_open_or_running(root, tmp_path):
    def count():
        return len(os.listdir("/proc/self/fd")), threading.active_count(), cv2.getNumThreads()

    run(root, tmp_path)
    before = count()
    for _ in range(5):
        run(root, tmp_path, overwrite="always")
        run(root, tmp_path, progress=CtrlC(2), overwrite="always")
        with pytest.raises(UserError):
            run(root, tmp_path, sample_ids=["nobody"])
        with ResultReader(tmp_path) as reader:
            reader.frame()
    assert count() == before


def test_a_reader_in_the_middle_sees_whole_samples_only(root, tmp_path):
    seen = []

    class Look:
        def start(self, total):
            pass

        def advance(self, samples, failed):
            with ResultReader(tmp_path) as reader:
                seen.append(sum(one.total("ok") for one in reader.runs()))

    run(root, tmp_path, progress=Look())
    assert seen == sorted(seen)
    assert len(seen) >= COUNT
