"""AutoSplice: news photographs with a region repainted by DALL-E 2, in three JPEG qualities."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from imlbench.cards import DatasetCard
from imlbench.datasets.base import Dataset, Problem
from imlbench.datasets.files import FileIndex, printable, stem, walk
from imlbench.datasets.jsonfile import read_json
from imlbench.datasets.layout import find_top, no_layout
from imlbench.errors import Reason, SampleError, one_line
from imlbench.masks import NONZERO
from imlbench.samples import Sample

QUALITIES = ("100", "90", "75")
FORGED_NAME = re.compile(r"(?P<id>.+)_\d+")
MAX_CAPTION_BYTES = 1 << 20
FORGED = 3621
"""The authors state one number of forgeries for the set; each of the three folders holds all of them."""


class Text(NamedTuple):
    """What a caption file says."""

    caption: str | None
    instruction: str | None


class AutoSplice(Dataset):
    """One sample per forged image `<id>_<k>`; the variant is the JPEG quality of the forged image.

    The original `<id>` and the mask `<id>_mask` are shared by all k and all qualities. Ids are the stems of the forged
    images, the same in the three variants. The set has no commands: the instruction "replace X by Y" is put together
    from the terms of the caption file.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        name="autosplice",
        title="AutoSplice",
        version="1",
        summary="3,621 DALL-E 2 forgeries of 2,273 news photographs, at JPEG quality 100, 90 or 75",
        licence="academic, non-commercial; no redistribution",
        citation="Jia et al., AutoSplice: A Text-prompt Manipulated Image Dataset for Media Forensics, CVPRW 2023",
        url="https://github.com/shanface33/AutoSplice_Dataset",
        published=dict.fromkeys(QUALITIES, FORGED),
        variants=QUALITIES,
        default_variant="100",
        mask_rule=f"any value above zero = edited ({NONZERO})",
        paper_title="AutoSplice",
        layout="Authentic/, Forged_JPEG100/ (or 90, 75), Mask/ and Caption/",
    )

    def __init__(self, root: str | Path, variant: str = "") -> None:
        super().__init__(root, variant)
        folder = f"Forged_JPEG{self.variant}"
        self.root = find_top(self.root, self.card, (folder,))
        self._forged = FileIndex(self.root, folder)
        self._ids = {name: match["id"] for name in self._forged.by_stem if (match := FORGED_NAME.fullmatch(name))}
        if not self._ids:
            raise no_layout(self.root, self.card)
        self._authentic = FileIndex(self.root, "Authentic")
        self._masks = FileIndex(self.root, "Mask")

    @cached_property
    def _captions(self) -> Captions:
        return Captions(self.root)

    def __len__(self) -> int:
        return len(self._ids)

    def samples(self) -> Iterator[Sample]:
        for name, source_id in self._ids.items():
            text = self._captions.texts.get(source_id, Text(None, None))
            yield Sample(
                id=printable(name),
                original=self._authentic.find(source_id),
                edited=self._forged.find(name),
                mask=self._masks.find(f"{source_id}_mask"),
                mask_rule=NONZERO,
                instruction=text.instruction,
                caption=text.caption,
                tags={"editor": "DALL-E 2", "quality": self.variant},
            )

    def orphans(self) -> Iterator[Problem]:
        ids = set(self._ids.values())
        yield from self._forged.unused(self._ids, "the name is not <id>_<k>")
        yield from self._authentic.unused(ids, f"no forged image of it in {self._forged.folder}")
        yield from self._masks.unused({f"{name}_mask" for name in ids}, f"no forged image in {self._forged.folder}")
        yield from self._captions.problems


class Captions:
    """The texts of `Caption/*.json` by the id of the source, and what is wrong with the files.

    The names of the files are not documented: the id is the field `id`, or the file's stem where it has none.
    """

    def __init__(self, root: str) -> None:
        self.problems: list[Problem] = []
        self.texts: dict[str, Text] = {}
        for path in walk(root, "Caption", (".json",)):
            try:
                value = read_json(root, path, MAX_CAPTION_BYTES)
                name, text = caption_id(value, path), caption_text(value, path)
            except SampleError as error:
                self.problems.append(Problem(error.reason, printable(path), error.message))
                continue
            if self.texts.setdefault(name, text) != text:
                # Two files that disagree: neither is believed.
                self.texts[name] = Text(None, None)
                message = f"{one_line(path)}: a second caption file for {one_line(name)} says something else"
                self.problems.append(Problem(Reason.DOUBLE_MATCH, printable(path), message))


def caption_id(value: Any, path: str) -> str:
    """Id of the source image that a caption file describes."""
    found = value.get("id") if isinstance(value, dict) else None
    return str(found) if isinstance(found, str | int) and not isinstance(found, bool) and found != "" else stem(path)


def caption_text(value: Any, path: str) -> Text:
    """Caption and instruction of a caption file.

    Raises:
        SampleError: it is not an object, or a field is neither text nor a list of texts.
    """
    if not isinstance(value, dict):
        raise SampleError(Reason.UNREADABLE, f"{path}: expected a JSON object, found {type(value).__name__}")
    caption, replaced, put_in = (terms(value, key, path) for key in ("ori_caption", "oriCaptionTerm", "userInputTerm"))
    return Text(" ".join(caption) or None, command(replaced, put_in))


def terms(value: dict[str, Any], key: str, path: str) -> list[str]:
    """The texts of a field that holds one or several; none where it is missing or empty."""
    field = value.get(key)
    found = field if isinstance(field, list) else [] if field is None else [field]
    if not all(isinstance(term, str) for term in found):
        raise SampleError(Reason.UNREADABLE, f"{path}: {key} should be text or a list of texts")
    return [flat for term in found if (flat := " ".join(term.split()))]


def command(replaced: list[str], put_in: list[str]) -> str | None:
    """The text "replace X by Y", term by term where there are as many of each; None where a side has none."""
    if not replaced or not put_in:
        return None
    if len(replaced) != len(put_in):
        replaced, put_in = [" and ".join(replaced)], [" and ".join(put_in)]
    return "replace " + ", ".join(f"{old} by {new}" for old, new in zip(replaced, put_in, strict=True))
