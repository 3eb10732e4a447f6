"""One driver at a time on a folder."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from imlbench import locks

NAME = "lock"


def locked(folder: Path) -> AbstractContextManager[None]:
    """Hold the folder's lock while the block runs.

    Raises:
        UserError: another process holds it, or the folder cannot be written.
    """
    return locks.locked(folder / NAME, folder, refusal)


def refusal(holder: str) -> str:
    """What a second driver is told."""
    return f"another process ({holder}) annotates into this folder; wait for it, or choose another --out"


def is_locked(folder: Path) -> bool:
    """Whether some process holds the folder's lock now."""
    return locks.is_locked(folder / NAME)
