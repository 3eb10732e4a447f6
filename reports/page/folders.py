"""Folders that a page is written to: filled under another name, then put in place as a whole."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from imlbench.errors import UserError, one_line

MARKER_FILE = ".imlbench-page"
MARKER_TEXT = "This folder is replaced as a whole by `imlbench report html`.\n"
DATA_FILE = "data.js"
PICTURES = "pictures"
INDEX = "index.html"
OURS = frozenset({MARKER_FILE, DATA_FILE, PICTURES, INDEX})


def files_folder(page: Path) -> Path:
    """The folder beside a page, as browsers name it when they save one."""
    return page.with_name(f"{page.stem}_files")


def check_replaceable(folder: Path) -> None:
    """Refuse to replace what this command did not make.

    Raises:
        UserError: something is there that is not a page's folder, or holds more than a page's files.
    """
    shown = one_line(folder)
    if not os.path.lexists(folder):
        return
    if folder.is_symlink() or not folder.is_dir():
        raise UserError(f"{shown}: expected a folder made by this command, found something else: choose another -o")
    names = {entry.name for entry in folder.iterdir()}
    if names and MARKER_FILE not in names:
        raise UserError(f"{shown}: a folder that this command did not make: choose another -o, or move it away")
    foreign = sorted(names - OURS)
    if foreign:
        raise UserError(f"{shown}: holds {one_line(foreign[0], 80)!r}, which is not a page's: move it away first")


@contextmanager
def replaced_folder(target: Path) -> Iterator[Path]:
    """A new folder to fill, which takes the target's place when all went well, and else disappears.

    Raises:
        UserError: the target is not ours to replace, or the disk refuses.
    """
    check_replaceable(target)
    token = secrets.token_hex(8)
    fresh, old = (target.with_name(f".{target.name[:40]}.{token}.{suffix}") for suffix in ("new", "old"))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh.mkdir()
        (fresh / MARKER_FILE).write_text(MARKER_TEXT, encoding="utf-8")
        yield fresh
        swap(fresh, target, old)
    except OSError as error:
        raise UserError(f"{one_line(target)}: cannot be written ({error.strerror or error})") from error
    finally:
        for leftover in (fresh, old):
            if leftover.exists():
                shutil.rmtree(leftover)


def swap(fresh: Path, target: Path, old: Path) -> None:
    """Put a folder in a target's place; what was there goes to `old`, and back where that fails."""
    # Someone may have put a file there while pictures were drawn.
    check_replaceable(target)
    existed = target.exists()
    if existed:
        os.rename(target, old)
    try:
        os.rename(fresh, target)
    except OSError:
        if existed:
            os.rename(old, target)
        raise


def drop_stale(folder: Path) -> None:
    """Remove the folder of an earlier, larger page that is a single file now; anything else stays."""
    with suppress(UserError):
        check_replaceable(folder)
        if (folder / MARKER_FILE).exists():
            shutil.rmtree(folder)
