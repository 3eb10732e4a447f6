"""A user's own set: folders of originals, edited images and masks, paired by name."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from imlbench.cards import DatasetCard
from imlbench.datasets.base import Problem
from imlbench.datasets.files import IMAGE_SUFFIXES, FileIndex, below, printable, without_suffix
from imlbench.datasets.jsonfile import read_json
from imlbench.datasets.layout import no_layout, role_folder
from imlbench.datasets.named import BRIGHT, NamedDataset
from imlbench.errors import Reason, SampleError, UserError, one_line
from imlbench.samples import Sample
from imlbench.sources import FileSource

ORIGINALS = ("original", "originals", "source")
EDITED = ("edited", "tampered", "Tp")
MASKS = ("mask", "masks", "Gt")
MAX_INSTRUCTIONS_BYTES = 1 << 28


class Folder(NamedDataset):
    """Samples are the files of `edited/`; partners have the same path below `original/` and `mask/`, any suffix.

    A mask may also be called `<stem>_mask` or `<stem>_gt`. Without a folder of originals no sample has one. Commands
    come from `instructions.csv` (columns name and instruction) or `instructions.json` (an object of name: text).
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        name="folder",
        title="folder",
        version="1",
        summary="your own folders of original, edited and mask, paired by name",
        licence="yours",
        citation="none",
        mask_rule=f"white or any bright colour = edited ({BRIGHT})",
        evaluation_only=False,
        layout="edited/ and mask/, perhaps original/ and instructions.csv or .json",
    )

    def __init__(self, root: str | Path, variant: str = "") -> None:
        super().__init__(root, variant)
        edited, masks, originals = (role_folder(self.root, self.card, role) for role in (EDITED, MASKS, ORIGINALS))
        if edited is None or masks is None:
            raise no_layout(self.root, self.card)
        self._edited = FileIndex(self.root, edited, below(edited))
        self._masks = FileIndex(self.root, masks, below(masks))
        self._originals = FileIndex(self.root, originals, below(originals)) if originals else None
        if not len(self._edited):
            raise UserError(f"folder: no images in {os.path.join(self.root, edited)}; expected {self.card.layout}")
        self._texts, self._problems = match_texts(read_texts(self.root), self._edited)

    def __len__(self) -> int:
        return len(self._edited.by_stem)

    def samples(self) -> Iterator[Sample]:
        for key in self._edited.by_stem:
            yield Sample(
                id=printable(key),
                original=self._originals.find(key) if self._originals is not None else None,
                edited=self._edited.find(key),
                mask=self._masks.find(*mask_names(key)),
                mask_rule=BRIGHT,
                instruction=self._texts.get(key),
            )

    def orphans(self) -> Iterator[Problem]:
        edited = self._edited.by_stem
        yield from self._masks.unused(
            (name for key in edited for name in mask_names(key)), "a mask without an edited image"
        )
        if self._originals is not None:
            yield from self._originals.unused(edited, "an original without an edited image")
        yield from self._problems


def mask_names(key: str) -> tuple[str, ...]:
    """Names under which the mask of an image is accepted, without suffix."""
    return (key, f"{key}_mask", f"{key}_gt")


def read_texts(root: str) -> list[tuple[str, str]]:
    """Names and commands from the file of instructions, if there is one.

    Raises:
        UserError: there are two files, or the one is broken.
    """
    found = [name for name in ("instructions.csv", "instructions.json") if os.path.lexists(os.path.join(root, name))]
    if len(found) > 1:
        raise UserError(f"folder: both {' and '.join(found)} in {root}; keep one of them")
    if not found:
        return []
    try:
        return read_json_texts(root) if found[0].endswith("json") else read_csv_texts(root)
    except (SampleError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"folder: {os.path.join(root, found[0])} cannot be used: {one_line(error)}") from error


def read_json_texts(root: str) -> list[tuple[str, str]]:
    """The items of `instructions.json`."""
    value: Any = read_json(root, "instructions.json", MAX_INSTRUCTIONS_BYTES)
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise SampleError(Reason.UNREADABLE, 'expected an object such as {"image-1": "remove the boat"}')
    return list(value.items())


def read_csv_texts(root: str) -> list[tuple[str, str]]:
    """The rows of `instructions.csv`; spreadsheets write a byte-order mark."""
    text = FileSource(root, "instructions.csv").read().decode("utf-8-sig")
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = {"name", "instruction"} - set(reader.fieldnames or ())
    if missing:
        raise SampleError(Reason.UNREADABLE, f"expected the columns name and instruction, lacking {sorted(missing)}")
    return [(row["name"] or "", row["instruction"] or "") for row in reader]


def match_texts(texts: list[tuple[str, str]], edited: FileIndex) -> tuple[dict[str, str], list[Problem]]:
    """Commands by key of the edited image, and the entries that fit no image or contradict another."""
    found: dict[str, set[str]] = {}
    problems: list[Problem] = []
    for name, text in texts:
        has_suffix = name not in edited.by_stem and name.lower().endswith(IMAGE_SUFFIXES)
        key = without_suffix(name) if has_suffix else name
        if key in edited.by_stem:
            found.setdefault(key, set()).add(" ".join(text.split()))
        else:
            shown = one_line(name, 80)
            problems.append(
                Problem(Reason.MISSING_PARTNER, shown, f"an instruction for {shown!r}: no such edited image")
            )
    unclear = (printable(key) for key, commands in found.items() if len(commands) > 1)
    problems += [
        Problem(Reason.DOUBLE_MATCH, key, f"{key}: two different instructions; none is used") for key in unclear
    ]
    return {key: text for key, commands in found.items() if len(commands) == 1 and (text := min(commands))}, problems
