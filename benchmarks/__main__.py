"""`python -m benchmarks`: every benchmark, one table, and the machine it ran on."""

from __future__ import annotations

import sys

from benchmarks import (
    bench_annotators,
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
from benchmarks.machine import machine
from benchmarks.table import print_table


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
        bench_annotators,
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
