"""The machine that something was measured on."""

from __future__ import annotations

import os
import platform
from pathlib import Path

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
