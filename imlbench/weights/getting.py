"""Getting weights: bring what is missing or wrong, check it, and record the hashes that no one knew before."""

from __future__ import annotations

import datetime
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from imlbench.errors import UserError
from imlbench.weights.checking import cached_digest, digest, read_pins, remember, signature, write_pins
from imlbench.weights.entries import BY_HAND, KnownFile, Source, WeightFile
from imlbench.weights.fetching import from_file, from_hub, from_url, refuse_offline
from imlbench.weights.incoming import Progress, incoming, no_progress
from imlbench.weights.locating import check, remedy
from imlbench.weights.places import Place, place, weights_root


@dataclass(frozen=True, slots=True)
class Gained:
    """What became of one file.

    Attributes:
        path: of the file.
        size: in bytes.
        sha256: what it hashes to.
        fetched: False where it was there and right.
        pinned: True where the hash was not known and has been recorded.
    """

    path: Path
    size: int
    sha256: str
    fetched: bool
    pinned: bool = False


def get(
    entry: WeightFile,
    source: Path | None = None,
    root: Path | None = None,
    progress: Progress = no_progress,
    force: bool = False,
) -> list[Gained]:
    """Bring the files of an entry into the weights folder; those that are there and right are left alone.

    Args:
        entry: of the catalogue.
        source: a local folder with the files or, where the entry is one file, that file; None = where it is published.
        root: the weights folder; None = the configured one.
        progress: is told how far a file has come.
        force: bring files anew whose hash is not published, and record the new one's.

    Returns:
        One for each file, in the entry's order.

    Raises:
        UserError: the files cannot be had from there, are not the right ones, or others than those that are there
            already. Files that came before stay.
    """
    where = place(entry, root)
    if where.named_by:
        raise UserError(f"weights {entry.name}: {remedy(entry, where)}, or unset it")
    if source is None and entry.source in BY_HAND:
        return packaged(entry, where, weights_root(root))
    where = place(entry, weights_root(root))
    given = None if source is None else sources(entry, source)
    pins = read_pins(where.folder)
    gained = []
    for file, path in zip(entry.files, where.files, strict=True):
        pinned = pins.get(path.name, {}).get("sha256")
        # The user's own training is the only authority on what it made.
        if force or (given and entry.source in (Source.PACKAGE, Source.OWN)):
            pinned = None
        one = standing(entry, where, file, path, weights_root(root), pinned)
        anew = file.sha256 is None and pinned is None and (force or given is not None)
        if one is not None and given and not anew:
            refuse_another(entry, file, given[file.name], one)
        if one is None or anew:
            one = bring(entry, file, path, given[file.name] if given else None, pinned, progress)
            remember(weights_root(root), path, signature(path), one.sha256)
        gained.append(one)
        if one.pinned:
            pins[path.name] = pin(entry, one, source)
            write_pins(where.folder, pins)
    return gained


def packaged(entry: WeightFile, where: Place, root: Path) -> list[Gained]:
    """The files of an installed package, which `pip` and not this command brings.

    Raises:
        UserError: they are missing or wrong; says what to do.
    """
    found = [
        standing(entry, where, file, path, root, None) for file, path in zip(entry.files, where.files, strict=True)
    ]
    if any(one is None for one in found):
        raise UserError(f"weights {entry.name}: {entry.how}")
    return [one for one in found if one is not None]


def standing(
    entry: WeightFile, where: Place, file: KnownFile, path: Path, root: Path, pinned: str | None
) -> Gained | None:
    """A file that is there and right; None where it must be brought."""
    try:
        check(entry, where, file, path, root, pinned)
        return Gained(path, os.path.getsize(path), cached_digest(path, root), fetched=False)
    except UserError:
        return None


def refuse_another(entry: WeightFile, file: KnownFile, given: Path, here: Gained) -> None:
    """Do not keep one file in silence where the user gave another.

    Raises:
        UserError: the given file is not the one that is there.
    """
    found = digest(given)
    if found == here.sha256:
        return
    by = "as published" if file.sha256 else "as recorded at the first get"
    advice = "nothing was changed" if file.sha256 else "nothing was changed; --force takes the new one instead"
    told = f"{given} has SHA-256 {found}, but {here.path} is there with {here.sha256}, {by}"
    raise UserError(f"weights {entry.name}: {told}; {advice}")


def sources(entry: WeightFile, source: Path) -> Mapping[str, Path]:
    """The local file for each of an entry's files.

    Raises:
        UserError: `source` does not exist, is one file where several are wanted, or lacks some.
    """
    if os.path.isfile(source):
        wanted = os.path.splitext(entry.files[0].name)[1]
        if len(entry.files) > 1:
            raise UserError(
                f"weights {entry.name}: --from: expected a folder with {', '.join(entry.names)}, found a file"
            )
        if source.suffix != wanted:
            raise UserError(f"weights {entry.name}: --from: expected a {wanted} file, found {source}")
        return {entry.files[0].name: source}
    if not os.path.isdir(source):
        raise UserError(f"weights {entry.name}: --from: no such file or folder: {source}")
    found = {name: source / os.path.basename(name) for name in entry.names}
    missing = [path.name for path in found.values() if not os.path.isfile(path)]
    if missing:
        raise UserError(f"weights {entry.name}: --from: {source} lacks {', '.join(missing)}")
    return found


def bring(
    entry: WeightFile, file: KnownFile, path: Path, source: Path | None, pinned: str | None, progress: Progress
) -> Gained:
    """Bring one file into its place.

    Raises:
        UserError: it cannot be had, or is not the right one; what was in its place before is still there.
    """
    label = f"weights {entry.name}: {path.name}"
    if source is None:
        refuse_offline(label)
    enough_space(label, file, path)
    with incoming(label, file, path, pinned) as target:
        fetch = {
            Source.HUB: partial(from_hub, entry.origin, entry.revision),
            Source.URL: partial(from_url, file.url),
        }
        if source is not None:
            from_file(source, target, progress)
        else:
            fetch[entry.source](target, progress)
    return Gained(path, target.size, target.sha256, fetched=True, pinned=file.sha256 is None and pinned is None)


def enough_space(label: str, file: KnownFile, path: Path) -> None:
    """Refuse a download that cannot fit, before it begins.

    Raises:
        UserError: the disk has less free space than the file's size.
    """
    folder = path.parent
    while not os.path.isdir(folder):
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if file.size is not None and file.size > free:
        raise UserError(f"{label}: needs {file.size:,} bytes, {folder} has {free:,} free; name another with --root DIR")


def pin(entry: WeightFile, one: Gained, source: Path | None) -> dict[str, Any]:
    """The record of a file whose hash was not known."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    origin = str(source) if source else f"{entry.origin}@{entry.revision}".rstrip("@")
    return {"sha256": one.sha256, "size": one.size, "source": origin, "recorded": now}
