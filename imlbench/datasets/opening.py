"""From "name:variant" and a root to an opened dataset."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from imlbench import registry
from imlbench.config import data_root
from imlbench.datasets.base import Dataset


def open_dataset(spec: str, root: str | Path | None = None) -> Dataset:
    """Open a dataset.

    Args:
        spec: a registered name, or "name:variant".
        root: its folder; None = environment variable or config file, see `imlbench.config.data_root`.

    Raises:
        UserError: unknown name or variant, no root, or a root that does not hold the set.
    """
    name, _, variant = spec.partition(":")
    dataset = registry.resolve("datasets", name).load()
    return cast(Dataset, dataset(root if root is not None else data_root(name), variant))
