"""Peak resident memory of a whole run at 1,000 and at 20,000 samples, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.making import make_pairs
from benchmarks.table import Row, print_table

SIZES = (1000, 20000)
SIDE = 64
TARGET = 50.0

CHILD = """
import resource, sys
from pathlib import Path
from imlbench.datasets.folder import Folder
from imlbench.evaluation import Evaluation
from imlbench.settings import Settings
from imlbench.jobs import annotator_handles, make_jobs
from imlbench.perturb import CLEAN
dataset = Folder(sys.argv[1])
jobs = make_jobs(annotator_handles(["pixdiff-*"], "cpu", 0), dataset, [CLEAN], 0)
account = Evaluation(dataset, jobs, Settings(out=Path(sys.argv[2]))).run()
assert account.total("ok") == len(jobs) * len(dataset), account
status = Path("/proc/self/status")
if status.is_file():
    # Not getrusage: on Linux its peak is inherited from the process that started this one.
    print(next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")))
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_megabytes(samples: int) -> float:
    """Peak resident memory of scoring that many samples with eight annotators, in MB."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "pairs"
        make_pairs(root, 50, samples, SIDE)
        command = [sys.executable, "-c", CHILD, str(root), str(Path(folder) / "out")]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    # Kilobytes on Linux, bytes on macOS.
    return int(printed) / (1e6 if sys.platform == "darwin" else 1e3)


def run() -> list[Row]:
    """The growth from the small set to the large one."""
    small, large = (peak_megabytes(samples) for samples in SIZES)
    detail = (
        f"{small:.0f} MB at {SIZES[0]:,} samples, {large:.0f} MB at {SIZES[1]:,}, {SIDE} x {SIDE} pairs, 8 annotators"
    )
    growth = large - small
    return [Row("memory growth, MB", growth, f"at most {TARGET:.0f} MB", growth <= TARGET, detail)]


if __name__ == "__main__":
    print_table(run())
