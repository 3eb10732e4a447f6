"""CoCoGlide: 512 GLIDE inpaintings of COCO photographs."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from imlbench.cards import DatasetCard
from imlbench.datasets.base import Dataset, Problem
from imlbench.datasets.files import stem, walk
from imlbench.errors import Reason, UserError
from imlbench.masks import WHITE
from imlbench.samples import Sample
from imlbench.sources import FileSource

COLUMNS = ("real", "fake", "mask", "prompt")


class CoCoGlide(Dataset):
    """Samples in the order of `table.csv`, joined by its rows; never by sorted listings, which mispair everything.

    Ids are the stems of the edited files. The prompt, close to a class name, is given as caption: it commands nothing.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        name="cocoglide",
        title="CoCoGlide",
        version="1",
        summary="512 COCO photographs with an object repainted by GLIDE, pasted back into the original",
        licence="informational and non-profit use (TruFor); each photograph under its own COCO licence",
        citation="Guillaro et al., TruFor, CVPR 2023",
        url="https://www.grip.unina.it/download/prog/TruFor/CocoGlide.zip",
        published={"": 512},
        mask_rule=f"white = edited ({WHITE})",
        paper_title="CoCoGlide",
        layout="table.csv, real/, fake/ and mask/ as in CocoGlide.zip",
    )

    def __init__(self, root: str | Path, variant: str = "") -> None:
        super().__init__(root, variant)
        self.root = self._folder_of_table()
        self._rows = self._read_table()

    def _folder_of_table(self) -> str:
        """The archive's root: some copies of the zip have an enclosing folder."""
        for folder, folders, files in os.walk(self.root):
            folders.sort()
            if "table.csv" in files:
                return folder
        raise UserError(f"cocoglide: no table.csv below {self.root}; expected {self.card.layout}")

    def _read_table(self) -> list[tuple[str, str, str, str]]:
        path = os.path.join(self.root, "table.csv")
        try:
            # The published file starts with a byte-order mark.
            with open(path, encoding="utf-8-sig", newline="") as file:
                reader = csv.DictReader(file)
                missing = set(COLUMNS) - set(reader.fieldnames or ())
                if missing:
                    raise UserError(f"cocoglide: table.csv lacks the column {', '.join(sorted(missing))}")
                return [tuple((row[column] or "").strip() for column in COLUMNS) for row in reader]  # type: ignore[misc]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise UserError(f"cocoglide: {path} cannot be read: {error}") from error

    def __len__(self) -> int:
        return len(self._rows)

    def samples(self) -> Iterator[Sample]:
        for real, fake, mask, prompt in self._rows:
            yield Sample(
                id=stem(fake),
                original=FileSource(self.root, real),
                edited=FileSource(self.root, fake),
                mask=FileSource(self.root, mask),
                mask_rule=WHITE,
                caption=prompt or None,
                tags={"class": prompt},
            )

    def orphans(self) -> Iterator[Problem]:
        listed = {path for row in self._rows for path in row[:3]}
        for folder in ("real", "fake", "mask"):
            for path in walk(self.root, folder):
                if path not in listed:
                    yield Problem(Reason.MISSING_PARTNER, path, f"{path}: not in table.csv")
