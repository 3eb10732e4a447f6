"""Numbers the examples, adds authentic ones, and writes them all with a line each about where they come from."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from imlbench.exporting.encoding import encode_mask
from imlbench.exporting.formats.base import Example, Writer
from imlbench.exporting.making import Made
from imlbench.exporting.splitting import SPLITS
from imlbench.rle import encode

SAMPLES = "samples.jsonl"
ORIGIN = ("corpus", "id", "source_id", "part", "row", "source", "original_sha256")
EDIT = ("edited_sha256", "edit_type", "source_type", "area", "components", "qes", "alignment", "agreement")


@dataclass(slots=True)
class Tally:
    """What has been written.

    Attributes:
        edited: examples by split, corpus and edit type.
        authentic: examples by split and corpus.
        resized: edited examples whose original had another size.
        digest: SHA-256 over the lines of samples.jsonl.
    """

    edited: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    authentic: Counter[tuple[str, str]] = field(default_factory=Counter)
    resized: int = 0
    digest: Any = field(default_factory=hashlib.sha256)

    def counts(self) -> dict[str, Any]:
        """Numbers of examples in all and by split, corpus and edit type, as JSON values."""
        table: dict[str, dict[str, dict[str, int]]] = {}
        for (split, corpus, kind), number in sorted(self.edited.items()):
            table.setdefault(split, {}).setdefault(corpus, {})[kind] = number
        authentic: dict[str, dict[str, int]] = {}
        for (split, corpus), number in sorted(self.authentic.items()):
            authentic.setdefault(split, {})[corpus] = number
        return {
            "edited": sum(self.edited.values()),
            "authentic": sum(self.authentic.values()),
            "edited_by_split_corpus_type": table,
            "authentic_by_split_corpus": authentic,
            "originals_resized": self.resized,
        }


class ExampleWriter:
    """Turns made pairs into examples of a layout, in the order in which they come.

    An authentic example is an original that has not served yet and that had the edited image's size all along: one
    that was resized would tell authentic from edited by its resampling. One is taken whenever the split holds fewer
    than the ratio asks for, so that they lie spread among the edited ones.

    Args:
        writer: of the layout.
        lines: open file that takes a line for each example.
        ratio: authentic examples for each edited one.
    """

    def __init__(self, writer: Writer, lines: IO[bytes], ratio: float) -> None:
        self.writer = writer
        self.lines = lines
        self.ratio = ratio
        self.tally = Tally()
        self._numbers = dict.fromkeys(SPLITS, 0)
        self._edited = dict.fromkeys(SPLITS, 0)
        self._served: set[bytes] = set()

    def add(self, made: Made) -> None:
        """Write a pair, and its original as an authentic example where one is due."""
        row = made.row
        split = "validation" if row["validation"] else "train"
        facts = known(row, (*ORIGIN, *EDIT))
        self._write(made, split, facts, made.edited)
        self._edited[split] += 1
        self.tally.edited[split, row["corpus"], row["edit_type"]] += 1
        self.tally.resized += made.resized
        if self._due(split, made):
            self._served.add(bytes.fromhex(row["original_sha256"]))
            self._write(made, split, known(row, ORIGIN), made.original, authentic=True)
            self.tally.authentic[split, row["corpus"]] += 1

    def _due(self, split: str, made: Made) -> bool:
        """Whether this pair's original is to serve as an authentic example."""
        taken = self._numbers[split] - self._edited[split]
        if made.resized or taken >= math.floor(self.ratio * self._edited[split] + 0.5):
            return False
        return bytes.fromhex(made.row["original_sha256"]) not in self._served

    def _write(self, made: Made, split: str, facts: Mapping[str, Any], image: bytes, authentic: bool = False) -> None:
        number = self._numbers[split]
        self._numbers[split] = number + 1
        mask, counts = made.mask, made.counts
        if authentic:
            mask, counts = nothing_edited(made.shape)
        text = None if authentic else made.row["instruction"]
        original = made.original if self.writer.keeps_originals else b""
        example = Example(split, number, authentic, original, image, mask, counts, made.shape, text, facts)
        path = self.writer.add(example)
        head = {"split": split, "number": number, "path": path, "authentic": authentic}
        line = json.dumps({**head, **facts, "instruction": text}, ensure_ascii=True).encode() + b"\n"
        self.tally.digest.update(line)
        self.lines.write(line)


def nothing_edited(shape: tuple[int, int]) -> tuple[bytes, bytes]:
    """The black mask's file and run lengths."""
    import numpy as np

    mask = np.zeros(shape, np.bool_)
    return encode_mask(mask), encode(mask)


def known(row: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Some columns of a row; a number that was not measured is null, since JSON has no NaN."""
    values = {name: row[name] for name in names}
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in values.items()}
