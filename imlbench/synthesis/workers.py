"""Work spread over processes that are started afresh; none outlives the command, however that ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import connection
from typing import Any, TypeVar

from imlbench.errors import UserError

T = TypeVar("T")
R = TypeVar("R")
AHEAD = 4
"""Tasks per worker that are handed out beforehand."""


def spread(work: Callable[[T], R], tasks: Iterable[T], workers: int) -> Iterator[R]:
    """The results of `work`, in whatever order they come; in this process where `workers` is 1.

    Args:
        work: a function that can be pickled, or an object with `__call__`.
        tasks: its arguments, taken as they are needed.
        workers: number of processes.

    Raises:
        UserError: a worker was killed, for want of memory say.
    """
    if workers == 1:
        yield from map(work, tasks)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=start, initargs=(work,)) as pool:
        queue = iter(tasks)
        running: set[Future[Any]] = {pool.submit(run, task) for task in islice(queue, AHEAD * workers)}
        try:
            while running:
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                # Submitted before the results are handed on: the caller may take its time.
                running |= {pool.submit(run, task) for task in islice(queue, len(finished))}
                for future in finished:
                    yield future.result()
        except BrokenProcessPool:
            message = "a worker was killed, perhaps for want of memory; run the command again to go on"
            raise UserError(f"{message}, with fewer --workers") from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


_work: Callable[[Any], Any] | None = None


def start(work: Callable[[Any], Any]) -> None:
    """In a new worker: one thread for arithmetic, an end with the parent's end, and what there is to do."""
    global _work
    import cv2

    cv2.setNumThreads(1)
    # Ctrl-C reaches all processes; the parent ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.filterwarnings("ignore", message=r"Image size .* decompression bomb")
    threading.Thread(target=end_with_parent, daemon=True).start()
    _work = work


def run(task: Any) -> Any:
    """One task, in a worker."""
    assert _work is not None
    return _work(task)


def end_with_parent() -> None:
    """Leave when the parent is gone: killed outright, it cannot tell its workers, and they would wait for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)
