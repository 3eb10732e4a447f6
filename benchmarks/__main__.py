"""`python -m benchmarks`: every benchmark, one table, and the machine it ran on."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

from benchmarks import (
    bench_corpus,
    bench_counting,
    bench_memory,
    bench_page,
    bench_pipeline,
    bench_results,
    bench_robustness,
    bench_sigma,
    bench_startup,
)
from benchmarks.table import print_table
from imlbench.provenance import environment
from imlbench.settings import available_cpus


def processor() -> str:
    """Name of the processor, where the system tells it."""
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def machine() -> str:
    """The machine and the versions, one line."""
    packages = environment()["packages"]
    versions = ", ".join(f"{name} {packages[name]}" for name in ("numpy", "opencv-python", "pillow", "torch"))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    python = f"Python {platform.python_version()}"
    return f"{processor()}, {available_cpus()} cores, {memory:.0f} GiB, {platform.system()}, {python}, {versions}"


def main() -> int:
    """Run all, print one table; 1 where a target was missed."""
    modules = (
        bench_pipeline,
        bench_counting,
        bench_memory,
        bench_results,
        bench_startup,
        bench_robustness,
        bench_page,
        bench_corpus,
        bench_sigma,
    )
    rows = []
    for module in modules:
        print(f"{module.__name__} ...", file=sys.stderr, flush=True)
        rows += module.run()
    print_table(rows)
    print(f"\nMeasured on: {machine()}.")
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
