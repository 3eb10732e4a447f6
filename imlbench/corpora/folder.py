"""A corpus in two folders: files of the same path below original/ and edited/ are partners."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from imlbench.annotation_sets import found_table, read_texts
from imlbench.corpora.base import Corpus, CorpusCard, CorpusPair, Part
from imlbench.corpora.finding import pair_folders
from imlbench.corpora.vocabulary import edit_type
from imlbench.datasets.files import FileIndex, below, printable
from imlbench.datasets.folder import EDITED, ORIGINALS, match_texts
from imlbench.errors import UserError, one_line

STRETCH = 10_000
"""Pairs of a part."""


class FolderCorpus(Corpus):
    """Rows are the files of `edited/`, sorted; the first folder below it is the edit type ("edited/remove/1.png").

    The original has the same path below `original/`, with any suffix. Commands come from `instructions.jsonl`, `.csv`
    or `.json` in the root or in `edited/`.
    """

    card: ClassVar[CorpusCard] = CorpusCard(
        name="folder",
        title="folder",
        version="1",
        summary="your own folders original/ and edited/, paired by name, with a file of instructions",
        licence="yours",
        citation="none",
        layout="original/ and edited/, perhaps instructions.jsonl, .csv or .json",
    )

    def __init__(self, root: Path | str, variant: str = "") -> None:
        super().__init__(root, variant)
        originals, edited = pair_folders(self.root, self.card, ORIGINALS, EDITED)
        self._originals = FileIndex(self.root, originals, below(originals))
        self._edited = FileIndex(self.root, edited, below(edited))
        self._keys = sorted(self._edited.by_stem)
        if not self._keys:
            raise UserError(f"folder: no images in {os.path.join(self.root, edited)}; expected {self.card.layout}")
        table = found_table(Path(self.root)) or found_table(Path(self.root, edited))
        self._texts, _ = match_texts([] if table is None else read_texts(table), self._edited)

    def parts(self) -> list[Part]:
        starts = range(0, len(self._keys), STRETCH)
        stretches = (self._keys[start : start + STRETCH] for start in starts)
        return [Part(part_name(number), len(keys), self._signature(keys)) for number, keys in enumerate(stretches)]

    def _signature(self, keys: list[str]) -> str:
        """Hash of the names, sizes and times of a stretch's files."""
        digest = hashlib.sha256()
        for key in keys:
            for source in (self._originals.find(key), self._edited.find(key)):
                digest.update(f"{source.name}\0{source.signature()}\0".encode(errors="surrogateescape"))
            digest.update(f"{self._texts.get(key, '')}\0".encode(errors="surrogatepass"))
        return digest.hexdigest()

    def pairs(self, part: Part, start: int = 0, stop: int | None = None) -> Iterator[CorpusPair]:
        number = next((n for n in range(-(-len(self._keys) // STRETCH)) if part_name(n) == part.name), None)
        if number is None:
            raise UserError(f"folder: no part {one_line(part.name, 80)!r}; {len(self._keys)} pairs were found")
        keys = self._keys[number * STRETCH : (number + 1) * STRETCH]
        rows = range(len(keys))[start:stop]
        return (self._pair(f"{part.name}#{row}", keys[row]) for row in rows)

    def _pair(self, name: str, key: str) -> CorpusPair:
        source_type = printable(key.split("/")[0]) if "/" in key else ""
        return CorpusPair(
            id=name,
            source_id=printable(key),
            source_type=source_type,
            edit_type=edit_type(source_type),
            instruction=self._texts.get(key),
            original=self._originals.find(key),
            edited=self._edited.find(key),
        )


def part_name(number: int) -> str:
    """Name of a stretch."""
    return f"pairs-{number:06d}"
