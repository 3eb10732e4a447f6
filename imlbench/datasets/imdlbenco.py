"""IMDL-BenCo's two formats: a JSON list of image and mask, or a folder with Tp/ and Gt/."""

from __future__ import annotations

import os
import posixpath
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from imlbench.cards import DatasetCard
from imlbench.datasets.base import Problem
from imlbench.datasets.files import FileIndex, below, printable, without_suffix
from imlbench.datasets.folder import mask_names
from imlbench.datasets.jsonfile import read_json
from imlbench.datasets.layout import no_layout, role_folder
from imlbench.datasets.named import NamedDataset
from imlbench.errors import Reason, SampleError, UserError, one_line
from imlbench.masks import MEAN
from imlbench.samples import Sample
from imlbench.sources import BrokenSource, FileSource

NEGATIVE = "Negative"
MAX_LIST_BYTES = 1 << 29


class Entry(NamedTuple):
    """An entry of the list: paths as written, relative to the list's folder."""

    image: str
    mask: str
    original: str | None


class ImdlBenCo(NamedDataset):
    """A list `[[image, mask], [image, "Negative"], ...]`, or `Tp/` and `Gt/` paired by name.

    "Negative" marks an authentic image. A third element of an entry, which IMDL-BenCo does not know, is the original.
    Pairing is by name, not by sorted order as in IMDL-BenCo's ManiDataset: one file too many shifts a sorted pairing
    from there on, silently.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        name="imdlbenco",
        title="IMDL-BenCo",
        version="1",
        summary="a JSON list or Tp/Gt folder as made for IMDL-BenCo, paired by name",
        licence="yours",
        citation="Ma et al., IMDL-BenCo: A Comprehensive Benchmark and Codebase, NeurIPS 2024",
        url="https://github.com/scu-zjz/IMDLBenCo",
        mask_rule=f"mean of the colour channels above the middle = edited ({MEAN})",
        evaluation_only=False,
        layout='a JSON list of [image, mask] or [image, "Negative"], or a folder with Tp/ and Gt/',
    )
    root_may_be_file: ClassVar[bool] = True

    def __init__(self, root: str | Path, variant: str = "") -> None:
        super().__init__(root, variant)
        self._set: JsonList | TpGt
        if os.path.isfile(self.root):
            self.root, name = os.path.split(self.root)
            self._set = JsonList(self.root, name)
        else:
            self._set = TpGt(self.root)

    def __len__(self) -> int:
        return len(self._set)

    def samples(self) -> Iterator[Sample]:
        return self._set.samples()

    def orphans(self) -> Iterator[Problem]:
        return self._set.orphans()


class TpGt:
    """`Tp/` and `Gt/`: the mask has the image's name, or that with `_mask` or `_gt`."""

    def __init__(self, root: str) -> None:
        edited, masks = (role_folder(root, ImdlBenCo.card, (role,)) for role in ("Tp", "Gt"))
        if edited is None or masks is None:
            raise no_layout(root, ImdlBenCo.card)
        self._edited = FileIndex(root, edited, below(edited))
        self._masks = FileIndex(root, masks, below(masks))
        if not len(self._edited):
            raise UserError(f"imdlbenco: no images in {os.path.join(root, edited)}")

    def __len__(self) -> int:
        return len(self._edited.by_stem)

    def samples(self) -> Iterator[Sample]:
        """One sample per image of `Tp/`."""
        for key in self._edited.by_stem:
            mask = self._masks.find(*mask_names(key))
            yield Sample(id=printable(key), edited=self._edited.find(key), mask=mask, mask_rule=MEAN)

    def orphans(self) -> Iterator[Problem]:
        """Masks without an image."""
        used = (name for key in self._edited.by_stem for name in mask_names(key))
        yield from self._masks.unused(used, "a mask without an image of the same name in Tp")


class JsonList:
    """A JSON list. Ids are the image's path without suffix, with it where two images differ in the suffix only.

    An entry that repeats another is left out and reported; an image listed with two different masks becomes one sample
    whose mask is a double match.
    """

    def __init__(self, root: str, name: str) -> None:
        self._root = root
        self._name = name
        self._entries: dict[str, Entry] = {}
        self._unclear: set[str] = set()
        self._problems: list[Problem] = []
        for number, entry in enumerate(read_list(root, name)):
            self._add(number, entry)
        self._shared = Counter(without_suffix(path) for path in self._entries)

    def _add(self, number: int, entry: Entry) -> None:
        path = plain_path(self._root, entry.image)
        first = self._entries.setdefault(path, entry)
        if first is entry:
            return
        if first[1:] == entry[1:]:
            message = f"entry {number} of {self._name} repeats an earlier one; left out"
            self._problems.append(Problem(Reason.DOUBLE_MATCH, printable(path), one_line(message)))
        else:
            self._unclear.add(path)

    def __len__(self) -> int:
        return len(self._entries)

    def samples(self) -> Iterator[Sample]:
        """One sample per image, in the list's order."""
        for path, entry in self._entries.items():
            name = without_suffix(path)
            authentic = entry.mask == NEGATIVE and path not in self._unclear
            yield Sample(
                id=printable(name if self._shared[name] == 1 else path),
                original=None if entry.original is None else FileSource(self._root, entry.original),
                edited=FileSource(self._root, entry.image),
                mask=None if authentic else self._mask(path, entry),
                mask_rule=None if authentic else MEAN,
                scope="authentic" if authentic else "local",
            )

    def _mask(self, path: str, entry: Entry) -> FileSource | BrokenSource:
        if path not in self._unclear:
            return FileSource(self._root, entry.mask)
        message = f"{path}: listed more than once in {self._name}, with different partners"
        return BrokenSource(path, Reason.DOUBLE_MATCH, message)

    def orphans(self) -> Iterator[Problem]:
        """Entries that repeat another."""
        return iter(self._problems)


def plain_path(root: str, path: str) -> str:
    """`path` relative to the list's folder where it lies in it, so that ids do not depend on the machine."""
    if os.path.isabs(path) and os.path.commonpath((os.path.normpath(path), root)) == root:
        path = os.path.relpath(path, root)
    return posixpath.normpath(path)


def read_list(root: str, name: str) -> Iterator[Entry]:
    """The entries of an IMDL-BenCo list.

    Raises:
        UserError: the file cannot be read, or is another kind of file.
    """
    try:
        value: Any = read_json(root, name, MAX_LIST_BYTES)
    except SampleError as error:
        raise UserError(f"imdlbenco: {os.path.join(root, name)}: {error.message}") from error
    if not isinstance(value, list) or not value:
        found = "an empty list" if value == [] else type(value).__name__
        raise UserError(f"imdlbenco: {name}: expected {ImdlBenCo.card.layout}; found {found}")
    for number, item in enumerate(value):
        yield checked_entry(item, f"{name}, entry {number}")


def checked_entry(item: Any, where: str) -> Entry:
    """One entry of the list.

    Raises:
        UserError: it has another shape.
    """
    parts = item if isinstance(item, list) else []
    if len(parts) == 3 and parts[2] is None:
        parts = parts[:2]
    if len(parts) not in (2, 3) or not all(isinstance(part, str) and part for part in parts):
        expected = 'expected [image, mask], [image, "Negative"] or [image, mask, original]'
        raise UserError(f"imdlbenco: {one_line(where)}: {expected}, found {one_line(repr(item), 100)}")
    if parts[0] in ("ManiDataset", "JsonDataset"):
        raise UserError(f"imdlbenco: {one_line(where)}: a list of datasets; name one of its paths as the root instead")
    return Entry(parts[0], parts[1], parts[2] if len(parts) == 3 else None)
