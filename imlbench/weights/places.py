"""Where weights lie: a place the user names, an installed package, or the weights folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from imlbench.config import configured_weights
from imlbench.weights.entries import Source, WeightFile

ROOT_VARIABLE = "IMLBENCH_WEIGHTS"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the files of an entry are looked for.

    Attributes:
        folder: that holds them.
        files: their paths, in the entry's order, whether they exist or not.
        named_by: the environment variable or the line of the config file that names the place; empty = none does.
    """

    folder: Path
    files: tuple[Path, ...]
    named_by: str = ""

    @property
    def path(self) -> Path:
        """What users of the weights are given: the file where it is one, else the folder."""
        return self.files[0] if len(self.files) == 1 else self.folder


def weights_root(root: Path | None = None) -> Path:
    """The weights folder, which need not exist.

    In this order: `root`; the variable IMLBENCH_WEIGHTS; `root` in the config file's table `weights`, relative to the
    file; `imlbench/weights` in the user's cache.

    Raises:
        UserError: the config file is no TOML, or names no text.
    """
    found = configured_weights("root", ROOT_VARIABLE) if root is None else root
    if found is None:
        found = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "imlbench" / "weights"
    return Path(os.path.abspath(os.path.expanduser(found)))


def key(name: str) -> str:
    """An entry's name in the config file's table `weights`: `sam2.1-hiera-small` is `sam2_1_hiera_small`."""
    return name.replace("-", "_").replace(".", "_")


def variable(name: str) -> str:
    """The environment variable that names an entry's place: `taef2` has IMLBENCH_TAEF2."""
    return f"IMLBENCH_{key(name).upper()}"


def place(entry: WeightFile, root: Path | None = None) -> Place:
    """Where an entry's files are looked for.

    Args:
        entry: of the catalogue.
        root: the weights folder; None = the configured one, and a place of the entry's own that the user names wins.

    Raises:
        UserError: the config file is no TOML, or names no text.
    """
    if root is None:
        named = configured_weights(key(entry.name), variable(entry.name))
        if named is not None:
            return named_place(entry, Path(os.path.abspath(named)))
        if entry.source is Source.PACKAGE and (folder := package_folder(entry.package)):
            packaged = tuple(folder / name for name in entry.names)
            if all(os.path.exists(path) for path in packaged):
                return Place(folder, packaged)
    folder = weights_root(root) / entry.name
    return Place(folder, tuple(folder / os.path.basename(name) for name in entry.names))


def named_place(entry: WeightFile, path: Path) -> Place:
    """The place that the user names: a folder or, where the entry is one file, that file."""
    who = variable(entry.name) if os.environ.get(variable(entry.name)) else f"[weights] {key(entry.name)}"
    if len(entry.files) == 1 and not os.path.isdir(path):
        return Place(path.parent, (path,), who)
    return Place(path, tuple(path / os.path.basename(name) for name in entry.names), who)


def package_folder(package: str) -> Path | None:
    """The folder of an installed package, found without importing it; None where it is not installed."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))
