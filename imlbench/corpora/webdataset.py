"""WebDataset archives: members of the same key, side by side, are a pair."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, ClassVar

from imlbench.corpora.archives import Group, groups, open_tar, read_member
from imlbench.corpora.base import Corpus, CorpusCard, CorpusPair, Part
from imlbench.corpora.cells import as_text, broken_pair
from imlbench.corpora.finding import broken_part, file_part, find_files, named
from imlbench.corpora.omniedit import first_prompt
from imlbench.corpora.roles import COMMON_NAMES, IMAGES, ROLES, TEXTS, Role, read_options
from imlbench.corpora.vocabulary import edit_type
from imlbench.datasets.files import IMAGE_SUFFIXES, printable
from imlbench.errors import Reason, SampleError, UserError, one_line
from imlbench.sources import MAX_FILE_BYTES, BrokenSource, BytesSource, FileSource, Source

MAX_TEXT_BYTES = 1 << 20


class WebDataset(Corpus):
    """Rows are the groups of members of a key that hold an image, in the archive's order.

    A pair "7" is 7.original.jpg and 7.edited.png, with any image suffix; other common names of the two will do too.
    Its texts are 7.instruction.txt (or 7.txt), 7.edit_type.txt and 7.caption.txt, or the members of 7.json. Extensions
    may be named: "webdataset:original=0.jpg,edited=1.jpg". Links are not followed. A damaged archive ends with a row
    that says so.
    """

    card: ClassVar[CorpusCard] = CorpusCard(
        name="webdataset",
        title="WebDataset",
        version="1",
        summary="tar archives with KEY.original.jpg, KEY.edited.jpg, KEY.instruction.txt or KEY.json",
        licence="yours",
        citation="none",
        layout="uncompressed archives (*.tar) with KEY.original.jpg and KEY.edited.jpg",
    )

    def __init__(self, root: Path | str, variant: str = "") -> None:
        self._extensions = {role: name.lower() for role, name in read_options(self.card.name, variant).items()}
        super().__init__(root, variant)
        self._paths = named(find_files(self.root, self.card, ".tar"))

    def _checked_variant(self, variant: str) -> str:
        return variant

    def parts(self) -> list[Part]:
        return list(map(self._part, self._paths))

    def _part(self, name: str) -> Part:
        """The part of that name, a broken one where the whole file is of no use."""
        path = self._paths[name]
        try:
            part = file_part(self.root, self.card, name, path, None)
            with open(FileSource(self.root, path).path(), "rb") as file:
                open_tar(file)
            return part
        except UserError as error:
            why = str(error)
        except (SampleError, OSError) as error:
            shown = f"{one_line(path, 200)}: {one_line(error, 200)}"
            why = f"{self.card.name}: {shown}; fetch the file again or take it away"
        return broken_part(self.root, name, path, why)

    def pairs(self, part: Part, start: int = 0, stop: int | None = None) -> Iterator[CorpusPair]:
        if part.name not in self._paths:
            raise UserError(f"{self.card.name}: no such file below {self.root}: {one_line(part.name, 200)}")
        return self._stream(part.name, self._paths[part.name], start, stop)

    def _stream(self, name: str, path: str, start: int, stop: int | None) -> Iterator[CorpusPair]:
        row = 0
        try:
            with open(FileSource(self.root, path).path(), "rb") as file:
                for group in groups(open_tar(file), file, self._wanted):
                    if stop is not None and row >= stop:
                        return
                    if self._is_row(group):
                        if row >= start:
                            yield self._pair(f"{name}#{row}", file, group)
                        row += 1
            return
        except SampleError as error:
            broken = SampleError(error.reason, f"{one_line(path, 200)}: {error.message}")
        except OSError as error:
            reason = Reason.MISSING_FILE if isinstance(error, FileNotFoundError) else Reason.UNREADABLE
            broken = SampleError(reason, f"{one_line(path, 200)}: {error.strerror}")
        if start <= row and (stop is None or row < stop):
            yield broken_pair(f"{name}#{row}", broken)

    def _is_row(self, group: Group) -> bool:
        """Whether a group holds an image, or what is named as one: others, such as a read-me, are no rows."""
        return group.pictured or any(self._plays(role, name) for role in IMAGES for name in group.members)

    def _wanted(self, extension: str) -> bool:
        """Whether a member of that extension has a part in a pair."""
        return extension == "json" or any(self._plays(role, extension) for role in ROLES)

    def _plays(self, role: Role, extension: str) -> bool:
        """Whether an extension is one of a role: the named one, or a common name with a suffix."""
        if role in self._extensions:
            return extension == self._extensions[role]
        word, _, suffix = extension.rpartition(".")
        if role in IMAGES:
            return word in COMMON_NAMES[role] and f".{suffix}" in IMAGE_SUFFIXES
        return suffix == "txt" and (word in COMMON_NAMES[role] or (role == "instruction" and not word))

    def _pair(self, name: str, file: IO[bytes], group: Group) -> CorpusPair:
        """The pair of a group, whose images are read now: the stream goes on."""
        facts: dict[Role, Any] = {}
        original: Source
        edited: Source
        try:
            facts = self._facts(file, group)
            original, edited = (self._image(name, file, group, role) for role in IMAGES)
        except SampleError as error:
            original = edited = BrokenSource(name, error.reason, error.message)
        source_type = as_text(facts.get("type")) or ""
        return CorpusPair(
            id=name,
            source_id=as_text(facts.get("id")) or printable(group.key),
            source_type=source_type,
            edit_type=edit_type(source_type),
            instruction=first_prompt(facts.get("instruction")),
            original=original,
            edited=edited,
            caption=as_text(facts.get("caption")),
        )

    def _member(self, group: Group, role: Role) -> str | None:
        """The extension of a group that plays a role, None where none does.

        Raises:
            SampleError: several do.
        """
        found = [extension for extension in group.members if self._plays(role, extension)]
        if len(found) > 1 or group.doubled.intersection(found):
            message = f"{one_line(group.key, 120)}: several members may be the {role}: {', '.join(found)}"
            raise SampleError(Reason.DOUBLE_MATCH, one_line(message))
        return found[0] if found else None

    def _image(self, name: str, file: IO[bytes], group: Group, role: Role) -> Source:
        """An image of a group, in memory."""
        try:
            extension = self._member(group, role)
            if extension is None:
                there = ", ".join((*group.members, *group.extras))
                message = f"{one_line(group.key, 120)}: no {role} image among {one_line(there, 120)}"
                raise SampleError(Reason.MISSING_PARTNER, f"{message}; a key's members must lie side by side")
            data = read_member(file, group.members[extension], MAX_FILE_BYTES)
            return BytesSource(f"{name}.{role}", data)
        except SampleError as error:
            return BrokenSource(f"{name}.{role}", error.reason, error.message)

    def _facts(self, file: IO[bytes], group: Group) -> dict[Role, Any]:
        """What the texts of a group say, by role; a text of its own counts before the JSON.

        Raises:
            SampleError: one cannot be read.
        """
        facts: dict[Role, Any] = {}
        if "json" in group.members:
            record = read_json(read_member(file, group.members["json"], MAX_TEXT_BYTES), group.key)
            for role in TEXTS:
                facts[role] = next((record[name] for name in COMMON_NAMES[role] if name in record), None)
        for role in TEXTS:
            extension = self._member(group, role)
            if extension is not None:
                data = read_member(file, group.members[extension], MAX_TEXT_BYTES)
                facts[role] = data.decode("utf-8-sig", errors="replace").strip()
        return facts


def read_json(data: bytes, key: str) -> dict[str, Any]:
    """The object in a member of JSON.

    Raises:
        SampleError: it is none.
    """
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        message = f"{one_line(key, 120)}.json: not JSON: {one_line(error, 120)}"
        raise SampleError(Reason.UNREADABLE, message) from None
    if not isinstance(value, dict):
        raise SampleError(Reason.UNREADABLE, f"{one_line(key, 120)}.json: expected an object")
    return value
