"""From "name:variant" and a root to an opened corpus."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from imlbench import registry
from imlbench.config import data_root
from imlbench.corpora.base import Corpus


def open_corpus(name: str, root: Path | str | None = None) -> Corpus:
    """Open a corpus.

    Args:
        name: a registered name, or "name:variant"; a corpus' `label` is such a text.
        root: its folder; None = environment variable or config file, see `imlbench.config.data_root`.

    Raises:
        UserError: unknown name or variant, no root, or a root that does not hold the corpus.
    """
    registered, _, variant = name.partition(":")
    corpus = registry.resolve("corpora", registered).load()
    return cast(Corpus, corpus(root if root is not None else data_root(registered, "--root"), variant))
