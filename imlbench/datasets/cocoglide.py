"""CoCoGlide: 512 GLIDE inpaintings of COCO photographs."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, NamedTuple

from imlbench.cards import DatasetCard
from imlbench.datasets.base import Dataset, Problem
from imlbench.datasets.files import printable, stem, stray, walk
from imlbench.datasets.layout import find_top
from imlbench.errors import Reason, SampleError, UserError, one_line
from imlbench.masks import WHITE
from imlbench.samples import Sample
from imlbench.sources import BrokenSource, FileSource, Source


class Row(NamedTuple):
    """A row of `table.csv`: paths relative to its folder, and the inpainting prompt."""

    real: str
    fake: str
    mask: str
    prompt: str


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
        self.root = find_top(self.root, self.card, ("table.csv",))
        self._rows: dict[str, list[Row]] = {}
        for row in read_table(self.root):
            self._rows.setdefault(printable(stem(row.fake)), []).append(row)
        if not self._rows:
            raise UserError(f"cocoglide: {os.path.join(self.root, 'table.csv')} lists no images")

    def __len__(self) -> int:
        return len(self._rows)

    def samples(self) -> Iterator[Sample]:
        for name, rows in self._rows.items():
            row = rows[0]
            yield Sample(
                id=name,
                original=self._source(row.real, name, "real"),
                edited=self._source(row.fake, name, "fake") if len(rows) == 1 else listed_twice(name, rows),
                mask=self._source(row.mask, name, "mask"),
                mask_rule=WHITE,
                caption=row.prompt or None,
                tags={"class": row.prompt, "editor": "GLIDE"},
            )

    def _source(self, path: str, name: str, column: str) -> Source:
        if path:
            return FileSource(self.root, path)
        return BrokenSource(name, Reason.MISSING_PARTNER, f"{name}: table.csv names no {column} image")

    def orphans(self) -> Iterator[Problem]:
        listed = {path for rows in self._rows.values() for row in rows for path in row[:3]}
        for folder in ("real", "fake", "mask"):
            for path in walk(self.root, folder):
                if path not in listed:
                    yield stray(path, "not in table.csv")


def read_table(root: str) -> list[Row]:
    """The rows of `table.csv`.

    Raises:
        UserError: unreadable, not CSV in UTF-8, or a column is missing.
    """
    try:
        # The published file starts with a byte-order mark.
        text = FileSource(root, "table.csv").read().decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""))
        missing = set(Row._fields) - set(reader.fieldnames or ())
        if missing:
            raise UserError(f"cocoglide: table.csv lacks the column {', '.join(sorted(missing))}")
        rows = [Row(*((row[column] or "").strip() for column in Row._fields)) for row in reader]
    except (SampleError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"cocoglide: {os.path.join(root, 'table.csv')} cannot be read: {one_line(error)}") from error
    return [row for row in rows if any(row[:3])]


def listed_twice(name: str, rows: list[Row]) -> BrokenSource:
    """In place of an edited image that several rows claim."""
    return BrokenSource(name, Reason.DOUBLE_MATCH, f"{name}: table.csv lists this image {len(rows)} times")
