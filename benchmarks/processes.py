"""What Linux tells of running processes."""

from __future__ import annotations

from pathlib import Path


def peak_megabytes(process: int) -> float:
    """Peak resident memory of a process so far, in MB; 0 where it is gone."""
    return 1e-3 * next((int(line.split()[1]) for line in lines(process, "status") if line.startswith("VmHWM")), 0)


def children(process: int) -> list[int]:
    """Numbers of the processes that a process has started."""
    return [int(number) for line in lines(process, f"task/{process}/children") for number in line.split()]


def lines(process: int, name: str) -> list[str]:
    """Lines of a file that the system keeps of a process; none where it is gone."""
    try:
        return Path(f"/proc/{process}/{name}").read_text().splitlines()
    except OSError:
        return []
