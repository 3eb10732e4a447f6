"""The pairs of two folders, and the instructions of a table: what `imlbench annotate` reads besides single files."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from imlbench.datasets.base import Problem
from imlbench.datasets.files import FileIndex, below, printable
from imlbench.datasets.folder import match_texts
from imlbench.errors import SampleError, UserError, one_line
from imlbench.samples import Sample
from imlbench.sources import FileSource

TABLES = ("instructions.jsonl", "instructions.csv", "instructions.json")
MAX_LINE = 1 << 20
"""Characters of a line of JSON; longer ones are no instructions."""


class PairFolders:
    """Two folders whose files are partners where they have the same path below their folder, whatever the suffix.

    Args:
        originals: the folder of originals.
        editeds: the folder of edited images.
        table: a file of instructions; None = `instructions.jsonl`, `.csv` or `.json` in `editeds`, if there is one.

    Raises:
        UserError: there are no edited images, a folder cannot be listed, or the instructions cannot be read.
    """

    def __init__(self, originals: Path, editeds: Path, table: Path | None = None) -> None:
        self._originals = FileIndex(os.path.realpath(originals), "", below(""))
        self._edited = FileIndex(os.path.realpath(editeds), "", below(""))
        if not len(self._edited):
            raise UserError(f"{editeds}: no images in this folder; expected the edited images")
        table = found_table(editeds) if table is None else table
        texts = [] if table is None else read_texts(table)
        self._texts, self._unclear = match_texts(texts, self._edited)

    def samples(self) -> Iterator[tuple[str, Sample]]:
        """Each edited image with its partner: its path without the suffix, and the sample, which may be broken."""
        for key in self._edited.by_stem:
            original, edited = self._originals.find(key), self._edited.find(key)
            yield key, Sample(printable(key), edited, original, instruction=self._texts.get(key))

    def problems(self) -> Iterator[Problem]:
        """Originals without an edited image, and instructions that belong to no image or contradict another."""
        yield from self._originals.unused(self._edited.by_stem, "an original without an edited image")
        yield from self._unclear


def found_table(folder: Path) -> Path | None:
    """The table of instructions in a folder, if there is one.

    Raises:
        UserError: there are two.
    """
    found = [name for name in TABLES if os.path.lexists(folder / name)]
    if len(found) > 1:
        raise UserError(f"both {' and '.join(found)} in {folder}; keep one of them, or name one with --instructions")
    return folder / found[0] if found else None


def read_texts(path: Path) -> list[tuple[str, str]]:
    """Names of edited images and their instructions.

    A CSV file has the columns name and instruction; a line of JSONL is an object with these keys; a JSON file is one
    object of name: instruction.

    Raises:
        UserError: the file cannot be read, or says something else.
    """
    readers = {".csv": csv_texts, ".jsonl": jsonl_texts, ".json": json_texts}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise UserError(f"{path}: expected instructions as .jsonl, .csv or .json")
    folder, name = os.path.split(os.path.realpath(path))
    try:
        return reader(FileSource(folder, name).read().decode("utf-8-sig"))
    except (SampleError, ValueError, csv.Error, RecursionError) as error:
        raise UserError(f"{path}: instructions cannot be read: {one_line(error, 200)}") from error


def csv_texts(text: str) -> list[tuple[str, str]]:
    """The rows of a CSV file."""
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if not {"name", "instruction"} <= set(reader.fieldnames or ()):
        raise ValueError("expected the columns name and instruction")
    return [(row["name"] or "", row["instruction"] or "") for row in reader]


def jsonl_texts(text: str) -> list[tuple[str, str]]:
    """The lines of a JSONL file; empty ones are passed over."""
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    return [jsonl_text(number, line) for number, line in lines]


def jsonl_text(number: int, line: str) -> tuple[str, str]:
    """Name and instruction of a line."""
    expected = f'line {number}: expected an object such as {{"name": "a", "instruction": "remove the boat"}}'
    try:
        value: Any = json.loads(line) if len(line) <= MAX_LINE else None
    except ValueError:
        raise ValueError(expected) from None
    if not isinstance(value, dict):
        raise ValueError(expected)
    name, instruction = value.get("name"), value.get("instruction")
    if not (isinstance(name, str) and isinstance(instruction, str)):
        raise ValueError(expected)
    return name, instruction


def json_texts(text: str) -> list[tuple[str, str]]:
    """The items of a JSON object."""
    value: Any = json.loads(text)
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise ValueError('expected an object such as {"a": "remove the boat"}')
    return list(value.items())
