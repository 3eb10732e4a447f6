"""MagicBrush: instruction edits drawn by hand with DALL-E 2, as hub shards or as the folder of the test archive."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from imlbench.cards import DatasetCard
from imlbench.datasets.base import Dataset, Problem
from imlbench.datasets.files import printable, stem, stray, walk
from imlbench.datasets.hub import Names, Wanted, find_shards, split_of
from imlbench.datasets.jsonfile import read_json
from imlbench.errors import Reason, SampleError, UserError, one_line
from imlbench.masks import TRANSPARENT
from imlbench.samples import Sample
from imlbench.sources import FileSource

SPLITS = ("dev", "train", "test")
EDITOR = "DALL-E 2"
TURNS = "edit_turns.json"
MAX_JSON_BYTES = 1 << 28
WANTED = Wanted(
    cheap={"img_id": "string", "turn_index": "int64", "instruction": "string"},
    images=("source_img", "mask_img", "target_img"),
)
OUTPUT = re.compile(r"-output(\d+)$")


class MagicBrush(Dataset):
    """Turns in the order of the shards' rows or of `edit_turns.json`; from the second on, the original is an output.

    Without a variant the set is what the root holds: dev where there are several splits. Shards whose names tell
    no split are taken whole. Ids are `<img_id>-<turn>`.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        name="magicbrush",
        title="MagicBrush",
        version="1",
        summary="10,388 turns of instruction editing by people with DALL-E 2, which re-renders the frame",
        licence="CC-BY-4.0; the authors ask not to post unpacked files",
        citation="Zhang et al., MagicBrush, NeurIPS 2023 (Datasets and Benchmarks)",
        url="https://huggingface.co/datasets/osunlp/MagicBrush",
        published={"dev": 528, "train": 8807, "test": 1053},
        variants=SPLITS,
        default_variant="dev",
        mask_rule=f"transparent = edited ({TRANSPARENT}), in the alpha channel of an RGBA file",
        paper_title="MagicBrush",
        layout="the hub's shards (data/dev-*.parquet) or the test archive's folder (edit_turns.json and images/); "
        "without a variant dev is taken, or else the split that is there",
    )

    def __init__(self, root: str | Path, variant: str = "") -> None:
        super().__init__(root, variant)
        shards = shards_by_split(self.root, self.card)
        folders = folders_by_split(self.root)
        held = [split for split in SPLITS if split in shards or split in folders]
        if not variant and held:
            self.variant = held[0]
        # Shards whose names tell no split stand for the one that is asked for, if nothing else does.
        names = shards.get(self.variant, [] if held else shards.get("", []))
        self._turns: ShardTurns | FolderTurns
        if names:
            self._turns = ShardTurns(self.root, names)
        elif self.variant in folders:
            self._turns = FolderTurns(self.root, folders[self.variant])
        else:
            found = f"only the split {' and '.join(held)}" if held else f"neither shards nor {TURNS}"
            message = f"no split {self.variant} in {self.root}, found {found}; expected {self.card.layout}"
            raise UserError(f"magicbrush: {message}")

    def __len__(self) -> int:
        return len(self._turns)

    def samples(self) -> Iterator[Sample]:
        return self._turns.samples()

    def orphans(self) -> Iterator[Problem]:
        return self._turns.orphans()


def shards_by_split(root: str, card: DatasetCard) -> dict[str, list[str]]:
    """The shards below the root by split; "" for those whose names tell none."""
    found: dict[str, list[str]] = {}
    for name in find_shards(root, card):
        found.setdefault(split_of(name, SPLITS), []).append(name)
    return found


def folders_by_split(root: str) -> dict[str, str]:
    """The folders below the root that hold turns, relative to it, by split; test where the name tells none.

    Raises:
        UserError: two folders claim one split.
    """
    found: dict[str, str] = {}
    for path in walk(root, suffixes=(TURNS,)):
        folder, name = os.path.split(path)
        if name != TURNS:
            continue
        split = os.path.basename(folder) or os.path.basename(root)
        split = split if split in SPLITS else "test"
        if split in found:
            both = f"{one_line(found[split] or '.', 80)} and {one_line(folder, 80)}"
            raise UserError(f"magicbrush: {both} both hold the split {split}; name one of them as root")
        found[split] = folder
    return found


class ShardTurns:
    """The turns in some shards, by row."""

    def __init__(self, root: str, names: list[str]) -> None:
        # Here, since reading the card must not import pyarrow.
        from imlbench.datasets.shards import Shards

        self._shards = Shards("magicbrush", root, names, WANTED)

    def __len__(self) -> int:
        return len(self._shards)

    def samples(self) -> Iterator[Sample]:
        """One sample a row."""
        for row, (name, turn, instruction) in enumerate(self._named(Names())):
            yield Sample(
                id=name,
                original=self._shards.cell(row, "source_img"),
                edited=self._shards.cell(row, "target_img"),
                mask=self._shards.cell(row, "mask_img"),
                mask_rule=TRANSPARENT,
                instruction=(instruction or "").strip() or None,
                tags={"editor": EDITOR, "turn": turn},
            )

    def orphans(self) -> Iterator[Problem]:
        """Turns that are in the shards more than once."""
        names = Names()
        for row, (name, _, _) in enumerate(self._named(names)):
            if name in names.again:
                yield Problem(Reason.DOUBLE_MATCH, name, f"{self._shards.where(row)}: repeats {names.again[name]}")

    def _named(self, names: Names) -> Iterator[tuple[str, str, str | None]]:
        """Unique id, turn and instruction of each row."""
        for batch in self._shards.table.to_batches():
            columns = (batch.column(column).to_pylist() for column in WANTED.cheap)
            for image, turn, instruction in zip(*columns, strict=True):
                yield names.unique(printable(f"{image}-{turn}")), str(turn), instruction


class FolderTurns:
    """The turns that `edit_turns.json` lists; a file lies in the folder named by what precedes its first "-"."""

    def __init__(self, root: str, folder: str) -> None:
        self._root = root
        self._folder = f"{folder}/" if folder else ""
        if not os.path.isdir(os.path.join(root, folder, "images")):
            raise UserError(f"magicbrush: expected the folder images/ beside {self._folder}{TURNS}, found none")
        self._turns = read_turns(root, self._folder + TURNS)

    def __len__(self) -> int:
        return len(self._turns)

    def samples(self) -> Iterator[Sample]:
        """One sample an item of the list."""
        names = Names()
        for before, mask, output, instruction in self._turns:
            turn = OUTPUT.search(stem(output))
            yield Sample(
                id=names.unique(printable(OUTPUT.sub(r"-\1", stem(output)))),
                original=FileSource(self._root, self._path(before)),
                edited=FileSource(self._root, self._path(output)),
                mask=FileSource(self._root, self._path(mask)),
                mask_rule=TRANSPARENT,
                instruction=instruction.strip() or None,
                tags={"editor": EDITOR, **({"turn": turn[1]} if turn else {})},
            )

    def _path(self, name: str) -> str:
        """Where a file of the list lies, relative to the root."""
        return f"{self._folder}images/{name.split('-')[0]}/{name}"

    def orphans(self) -> Iterator[Problem]:
        """Turns that are listed twice, and images of no turn."""
        listed: set[str] = set()
        outputs: set[str] = set()
        for before, mask, output, _ in self._turns:
            if output in outputs:
                yield Problem(Reason.DOUBLE_MATCH, printable(output), f"{output}: listed more than once in {TURNS}")
            outputs.add(output)
            listed.update(map(self._path, (before, mask, output)))
        for path in walk(self._root, f"{self._folder}images"):
            if path not in listed:
                yield stray(path, f"not in {TURNS}")


def read_turns(root: str, name: str) -> list[tuple[str, str, str, str]]:
    """Input, mask, output and instruction of every turn.

    Raises:
        UserError: not a readable list of such items.
    """
    try:
        items = read_json(root, name, MAX_JSON_BYTES)
    except SampleError as error:
        raise UserError(f"magicbrush: {error.message}") from error
    if not isinstance(items, list):
        raise UserError(f"magicbrush: {name}: expected a list of turns, found {type(items).__name__}")
    return [turn_of(item, f"{name}: item {number}") for number, item in enumerate(items)]


def turn_of(item: object, where: str) -> tuple[str, str, str, str]:
    """Input, mask, output and instruction of an item.

    Raises:
        UserError: one of them is missing or no text.
    """
    match item:
        case {"input": str(before), "mask": str(mask), "output": str(output), "instruction": str(instruction)}:
            return before, mask, output, instruction
    raise UserError(f"magicbrush: {where}: expected the texts input, mask, output and instruction")
