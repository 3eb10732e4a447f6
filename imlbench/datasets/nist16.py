"""NIST16: the probes of NIST's Nimble Challenge 2016, joined to masks and originals by its reference table."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, NamedTuple

from imlbench.cards import DatasetCard
from imlbench.datasets.base import Dataset, Problem
from imlbench.datasets.dso1 import BLACK
from imlbench.datasets.files import printable, stem, stray, walk
from imlbench.datasets.layout import contents, find_top
from imlbench.errors import Reason, SampleError, UserError, one_line
from imlbench.samples import Sample
from imlbench.sources import BrokenSource, FileSource, Source

TABLES = "reference/manipulation"
COLUMNS = ("ProbeFileName", "ProbeMaskFileName", "IsTarget", "BaseFileName")
KINDS = {
    "IsManipulationTypeRemoval": "removal",
    "IsManipulationTypeSplice": "splicing",
    "IsManipulationTypeCopyClone": "copy-move",
}


class Row(NamedTuple):
    """A row of the reference table.

    Attributes:
        probe: path of the image below the root.
        mask: path of its mask, empty for an authentic one.
        target: whether it was tampered with.
        base: path of the photograph that it was made from, empty for an authentic one.
        tags: what else is known.
    """

    probe: str
    mask: str
    target: bool
    base: str
    tags: tuple[tuple[str, str], ...]


class Nist16(Dataset):
    """Samples in the order of `reference/manipulation/NC2016-manipulation-ref.csv`; ids are the probes' stems.

    The tables for removals and splices repeat parts of it and are not read. Masks have numbers of their own, and one
    serves two probes, of which the one is the other rescaled.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        name="nist16",
        title="NIST16",
        version="1",
        summary="564 removals, splices and copy-moves made from 69 photographs, and 560 authentic images",
        licence="NIST's terms, on registration",
        citation="Guan et al., MFC Datasets: Large-Scale Benchmark Datasets for Media Forensic Challenge, WACVW 2019",
        url="https://mfc.nist.gov",
        published={"": 564 + 560},
        mask_rule=f"black = edited ({BLACK})",
        layout=f"probe/ and {TABLES}/ with NC2016-manipulation-ref.csv and mask/, perhaps world/",
    )

    def __init__(self, root: str | Path, variant: str = "") -> None:
        super().__init__(root, variant)
        self.root = find_top(self.root, self.card, ("probe", "reference"))
        self._rows: dict[str, list[Row]] = {}
        for row in read_table(self.root, self.card):
            self._rows.setdefault(row.probe, []).append(row)
        self._has_originals = os.path.isdir(os.path.join(self.root, "world"))

    def __len__(self) -> int:
        return len(self._rows)

    def samples(self) -> Iterator[Sample]:
        for probe, rows in self._rows.items():
            row = rows[0]
            agreed = all(other == row for other in rows)
            yield Sample(
                id=printable(stem(probe)),
                original=FileSource(self.root, row.base) if row.base and self._has_originals else None,
                edited=FileSource(self.root, probe) if agreed else listed_twice(probe, len(rows)),
                mask=self._mask(row) if row.target else None,
                mask_rule=BLACK if row.target else None,
                tags=dict(row.tags),
                scope="local" if row.target else "authentic",
            )

    def _mask(self, row: Row) -> Source:
        if row.mask:
            return FileSource(self.root, row.mask)
        return BrokenSource(row.probe, Reason.MISSING_PARTNER, f"{row.probe}: the table names no mask of it")

    def orphans(self) -> Iterator[Problem]:
        masks = {row.mask for rows in self._rows.values() for row in rows}
        for folder, listed in (("probe", self._rows), (f"{TABLES}/mask", masks)):
            yield from (stray(path, f"not in {TABLES}") for path in walk(self.root, folder) if path not in listed)


def listed_twice(probe: str, times: int) -> BrokenSource:
    """In place of a probe that several rows describe, each otherwise."""
    return BrokenSource(probe, Reason.DOUBLE_MATCH, f"{probe}: listed {times} times, with different partners")


def find_table(root: str, card: DatasetCard) -> str:
    """Path of the one reference table, relative to the root.

    Raises:
        UserError: there is none, or more than one.
    """
    folder = os.path.join(root, *TABLES.split("/"))
    listed = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    found = [name for name in listed if name.lower().endswith("-ref.csv") and not name.startswith(".")]
    if len(found) == 1:
        return f"{TABLES}/{found[0]}"
    inside = contents(folder) if listed else "nothing"
    raise UserError(
        f"{card.name}: expected one table NC2016-manipulation-ref.csv in {folder}; found {one_line(inside)}"
    )


def read_table(root: str, card: DatasetCard) -> Iterator[Row]:
    """The rows of the reference table.

    Raises:
        UserError: it cannot be read, a column is missing, or it has no rows.
    """
    name = find_table(root, card)
    try:
        text = FileSource(root, name).read().decode("utf-8-sig")
        # Published with bars; spreadsheets save copies with commas.
        bar = "|" in text.partition("\n")[0]
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter="|" if bar else ",")
        missing = set(COLUMNS) - set(reader.fieldnames or ())
        if missing:
            raise UserError(f"{card.name}: {name} lacks the column {', '.join(sorted(missing))}")
        rows = [row for fields in reader if (row := as_row(fields)).probe]
    except (SampleError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{card.name}: {name} cannot be used: {one_line(error)}") from error
    if not rows:
        raise UserError(f"{card.name}: {name} lists no images")
    yield from rows


def as_row(fields: dict[str, str | None]) -> Row:
    """A row of the table from its fields."""

    def text(column: str) -> str:
        return (fields.get(column) or "").strip()

    kinds = [kind for column, kind in KINDS.items() if text(column).upper() in ("Y", "TRUE")]
    tags = {"manipulation": " and ".join(kinds), "post-processing": text("ProbePostProcessed")}
    tags |= {"collection": text("Collection")}
    target = text("IsTarget").upper() == "Y"
    present = tuple((name, value) for name, value in tags.items() if value)
    return Row(text("ProbeFileName"), text("ProbeMaskFileName"), target, text("BaseFileName"), present)
