"""The folder of an export: made beside its final place and renamed when it is complete."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from imlbench import locks
from imlbench.errors import UserError, one_line
from imlbench.exporting.shards import read_object

FACTS = "export.json"
LOCK = ".lock"


def finished(out: Path, options: Mapping[str, Any]) -> dict[str, Any] | None:
    """The facts of an export that is there already; None where the place is free.

    Raises:
        UserError: the folder holds something else, or an export of other options.
    """
    if not os.path.lexists(out):
        return None
    if not os.path.isdir(out):
        raise UserError(f"{one_line(out, 200)}: not a folder; name a new one")
    if not os.listdir(out):
        return None
    if not os.path.isfile(out / FACTS):
        raise UserError(f"{one_line(out, 200)}: not empty, and no export; name a new folder")
    facts = read_object(out / FACTS, f"{one_line(out, 200)}: holds an export that cannot be read")
    begun = facts.get("options")
    if begun != options:
        differing = sorted(name for name in options if not isinstance(begun, dict) or begun.get(name) != options[name])
        named = ", ".join(differing) or "other names"
        raise UserError(f"{one_line(out, 200)}: holds an export of other options ({named}); name a new folder")
    return facts


@contextlib.contextmanager
def making(out: Path) -> Iterator[Path]:
    """An empty folder that becomes `out` when the block ends; what a broken-off export left there goes first.

    Raises:
        UserError: another export to the same place is going on, or the disk refuses.
    """
    # Beside the folder itself, where `out` is a link to it: a rename does not cross file systems.
    whole = Path(os.path.realpath(out))
    folder = whole.parent / f".{whole.name}.exporting"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder, out):
            empty(folder)
            try:
                yield folder
                # Once for all files: a rename can reach the disk before what is in the folder does.
                os.sync()
                os.replace(folder, whole)
            except BaseException:
                empty(folder)
                os.unlink(folder / LOCK)
                os.rmdir(folder)
                raise
            with contextlib.suppress(FileNotFoundError):
                os.unlink(whole / LOCK)
    except OSError as error:
        raise UserError(f"{one_line(out, 200)}: cannot be written ({error.strerror or one_line(error)})") from error


def locked(folder: Path, out: Path) -> contextlib.AbstractContextManager[None]:
    """Keep a second export out while this one works.

    Raises:
        UserError: another export has it.
    """
    return locks.locked(folder / LOCK, out, lambda _: "another export to it is going on; wait for it")


def empty(folder: Path) -> None:
    """Remove everything from a folder but the lock."""
    for name in os.listdir(folder):
        path = folder / name
        if name != LOCK:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
