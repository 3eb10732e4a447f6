"""What the classic sets of image forensics share: files told apart by their paths, joined by a key in their names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import ClassVar, NamedTuple

from imlbench.datasets.base import Dataset, Problem
from imlbench.datasets.files import FileIndex, printable, stray, walk, without_suffix
from imlbench.datasets.layout import no_layout
from imlbench.errors import Reason, UserError
from imlbench.masks import WHITE, MaskRule
from imlbench.samples import Sample
from imlbench.sources import Source
from imlbench.verification import Finding


class Paths(NamedTuple):
    """What the images of a set are called: patterns of paths below the root, without suffix, in any case.

    A pattern must fit the whole path below any enclosing folders; what its groups capture, joined by "/", is the
    file's key. A file has the first role whose pattern fits, in the order of the fields.

    Attributes:
        mask: ground truth.
        other: images of the release that are no part of a sample, such as masks of another kind.
        original: originals; empty where the set has none of its own.
        authentic: images in which nothing is edited; empty where the set has none besides originals.
        tampered: tampered images.
    """

    mask: str
    tampered: str
    other: str = ""
    original: str = ""
    authentic: str = ""


ROLES = ("mask", "other", "original", "authentic", "tampered")


class ClassicSet(Dataset):
    """Tampered images in the order of their keys, then authentic ones, from wherever they lie below the root.

    Copies of these sets differ in their folders, seldom in their file names: files are told by what they are called.
    A tampered image's id is its key.

    Attributes:
        paths: what the set's files are called.
        mask_rule: how its masks are read.
        faults: what is wrong with a mask in the set as published, by the mask's key; becomes the tag `fault`.
        left_out: why tampered images are no samples, by their key.
    """

    paths: ClassVar[Paths]
    mask_rule: ClassVar[MaskRule] = WHITE
    faults: ClassVar[Mapping[str, str]] = {}
    left_out: ClassVar[Mapping[str, str]] = {}

    def __init__(self, root: str | Path, variant: str = "") -> None:
        super().__init__(root, variant)
        self._roles = told_apart(self.listed(), self.paths)
        self._tampered, self._masks, self._originals, self._authentic = (
            self._index(role) for role in ("tampered", "mask", "original", "authentic")
        )
        if not len(self._tampered):
            raise no_layout(self.root, self.card)
        self._check_partners()
        self._keys = [key for key in sorted(self._tampered.by_stem) if key not in self.left_out]

    def _check_partners(self) -> None:
        """Refuse a folder with images of the right names and none of their partners: another set, or half of one.

        Raises:
            UserError: no tampered image has a mask, or there are no originals where every image should have one.
        """
        lacking = [] if any(self.mask_key(key) in self._masks.by_stem for key in self._tampered.by_stem) else ["mask"]
        if self.paths.original and not len(self._originals):
            lacking.append("original")
        if lacking:
            found = f"{len(self._tampered)} tampered images and no {' or '.join(lacking)} of theirs in {self.root}"
            raise UserError(f"{self.card.name}: {found}; expected {self.card.layout}")

    def listed(self) -> Iterable[str]:
        """Paths of the images below the root, relative to it."""
        return walk(self.root)

    def _index(self, role: str) -> FileIndex:
        keys = self._roles.get(role, {})
        return FileIndex(self.root, f"the {role} files", keys.__getitem__, keys)

    def __len__(self) -> int:
        return len(self._keys) + len(self._authentic.by_stem)

    def samples(self) -> Iterator[Sample]:
        for key in self._keys:
            mask = self.mask_key(key)
            yield Sample(
                id=printable(key),
                original=self.original(key),
                edited=self._tampered.find(key),
                mask=self._masks.find(mask),
                mask_rule=self.mask_rule,
                tags={**self.tags(key), **({"fault": self.faults[mask]} if mask in self.faults else {})},
            )
        for key in sorted(self._authentic.by_stem):
            tags = self.authentic_tags(key)
            yield Sample(id=printable(key), edited=self._authentic.find(key), tags=tags, scope="authentic")

    def mask_key(self, key: str) -> str:
        """Key of a tampered image's mask."""
        return key

    def original_key(self, key: str) -> str:
        """Key of a tampered image's original."""
        return key

    def original(self, key: str) -> Source | None:
        """A tampered image's original; None where the set has none of its own."""
        return self._originals.find(self.original_key(key)) if self.paths.original else None

    def tags(self, key: str) -> Mapping[str, str]:
        """What is known of a tampered image."""
        return {}

    def authentic_tags(self, key: str) -> Mapping[str, str]:
        """What is known of an authentic image."""
        return {}

    def orphans(self) -> Iterator[Problem]:
        for key, why in self.left_out.items():
            for path in self._tampered.by_stem.get(key, ()):
                yield Problem(Finding.UNCHANGED, printable(path), f"{printable(path)}: left out: {why}")
        keys = self._tampered.by_stem
        yield from self._masks.unused((self.mask_key(key) for key in keys), "a mask without a tampered image")
        yield from self._twice()
        if self.paths.original:
            used = {self.original_key(key) for key in keys}
            yield from self._originals.unused(used, "an original without a tampered image")
        yield from self._misnamed()

    def _twice(self) -> Iterator[Problem]:
        """Tampered images that share a mask: one image under two names."""
        first: dict[str, str] = {}
        for key in self._keys:
            other = first.setdefault(self.mask_key(key), key)
            if other != key:
                message = f"{printable(key)}: has the mask of {printable(other)}: one image under two names?"
                yield Problem(Reason.DOUBLE_MATCH, printable(key), message)

    def _misnamed(self) -> Iterator[Problem]:
        """Images beside those of the set that no pattern fits. What lies in other folders is none of its business."""
        folders = {os.path.dirname(path) for role in ROLES for path in self._roles.get(role, ())}
        for path in self._roles.get("", ()):
            if os.path.dirname(path) in folders:
                yield stray(path, "the name is none of this set's")


def told_apart(listed: Iterable[str], paths: Paths) -> dict[str, dict[str, str]]:
    """Keys by path of the files of each role; under "" those that no pattern fits."""
    patterns = {
        role: re.compile(rf"(?:.*/)?(?:{pattern})", re.IGNORECASE)
        for role in ROLES
        if (pattern := getattr(paths, role))
    }
    found: dict[str, dict[str, str]] = {}
    for path in listed:
        role, key = role_and_key(without_suffix(path), patterns)
        found.setdefault(role, {})[path] = key
    return found


def role_and_key(path: str, patterns: Mapping[str, re.Pattern[str]]) -> tuple[str, str]:
    """The first role whose pattern fits a path, and the key that it captures; two empty texts where none fits."""
    for role, pattern in patterns.items():
        if match := pattern.fullmatch(path):
            return role, "/".join(part for part in match.groups() if part)
    return "", ""
