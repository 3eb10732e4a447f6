"""How long the command line takes to answer, warm."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from benchmarks.table import Row, print_table

REPEATS = 11
TARGET = 0.5
MAIN = "from imlbench.cli.main import main; main()"


def seconds(*arguments: str) -> float:
    """Median time of the command, the whole process, after one run that is not counted."""
    command = [sys.executable, "-c", MAIN, *arguments]
    times = []
    for _ in range(REPEATS + 1):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:])


def run() -> list[Row]:
    """The two commands that one types to look around."""
    bare = seconds_of_python()
    rows = []
    for arguments in (("--help",), ("list",)):
        measured = seconds(*arguments)
        name = f"imlbench {' '.join(arguments)}, s"
        detail = f"{measured / bare:.1f} times a bare `python -c pass` of {bare:.3f} s"
        rows.append(Row(name, measured, f"under {TARGET} s", measured < TARGET, detail))
    return rows


def seconds_of_python() -> float:
    """Median time of an interpreter that does nothing."""
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


if __name__ == "__main__":
    print_table(run())
