"""DEAL-300K: COCO photographs edited by InstructPix2Pix, with the instructions of two Qwen-VL checkpoints."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from imlbench.cards import DatasetCard
from imlbench.datasets.base import Dataset, Problem
from imlbench.datasets.files import IMAGE_SUFFIXES, FileIndex, stem, stray, walk
from imlbench.datasets.jsonfile import read_json
from imlbench.datasets.layout import no_layout
from imlbench.errors import Reason, SampleError, UserError, one_line
from imlbench.masks import WHITE
from imlbench.samples import Sample

EDITED_NAME = re.compile(r"(?P<original>[0-9]+)_qwen(?P<checkpoint>120|180)")
IMAGES = (".jpg", ".jpeg", ".png")
INSTRUCTIONS_NAME = re.compile(r"checkpoint-(?P<checkpoint>120|180)_.*_results\.json")
MAX_INSTRUCTIONS_BYTES = 1 << 29


class DEAL300K(Dataset):
    """One sample per edited image `<id>_qwen<checkpoint>`, found by stem wherever it lies below the root.

    Edited image and mask share their stem. A file is a mask where a folder above it is called label or mask;
    where no folder says so, a PNG is the mask of the JPEG with the same stem.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        name="deal300k",
        title="DEAL-300K",
        version="1",
        summary="221,097 InstructPix2Pix edits of 119,371 COCO photographs; the whole frame is re-rendered",
        licence="MIT (repository); photographs under COCO's terms",
        citation="Zhang et al., DEAL-300K: Diffusion-based Editing Area Localization, arXiv:2511.23377, 2025",
        url="https://github.com/ymhzyj/DEAL-300K",
        published={"": 221097},
        mask_rule=f"white = edited ({WHITE})",
        paper_title="DEAL-300K",
        layout="<digits>.jpg, <digits>_qwen120.jpg or _qwen180.jpg, and masks of the same stem in a folder of labels",
    )

    def __init__(self, root: str | Path, variant: str = "") -> None:
        super().__init__(root, variant)
        files = sort_files(walk(self.root, "", (*IMAGE_SUFFIXES, ".json")))
        self._others = files.others
        self._originals = FileIndex(self.root, "the images", paths=files.originals)
        self._edited, self._masks = self._edited_and_masks(files)
        # The folders differ from copy to copy; an order by stem does not.
        self._stems = sorted(self._edited.by_stem)
        if not self._stems:
            raise no_layout(self.root, self.card)
        self._instructions = Instructions(self.root, files.instructions, set(self._stems))

    def _edited_and_masks(self, files: Files) -> tuple[FileIndex, FileIndex]:
        """Separate by suffix what no folder's name separates."""
        masks = FileIndex(self.root, "the labels", paths=files.masks)
        both = FileIndex(self.root, "the images", paths=files.edited)
        edited: list[str] = []
        flat_masks: list[str] = []
        for name, paths in both.by_stem.items():
            pngs = [path for path in paths if path.lower().endswith(".png")]
            mixed = name not in masks.by_stem and 0 < len(pngs) < len(paths)
            flat_masks += pngs if mixed else []
            edited += [path for path in paths if not (mixed and path in pngs)]
        masks = FileIndex(self.root, "the labels", paths=(*files.masks, *flat_masks))
        return FileIndex(self.root, "the images", paths=edited), masks

    def __len__(self) -> int:
        return len(self._stems)

    def samples(self) -> Iterator[Sample]:
        for name in self._stems:
            original, _, checkpoint = name.partition("_qwen")
            yield Sample(
                id=name,
                original=self._originals.find(original),
                edited=self._edited.find(name),
                mask=self._masks.find(name),
                mask_rule=WHITE,
                instruction=self._instructions.texts.get(name),
                tags={"editor": "InstructPix2Pix", "checkpoint": checkpoint},
            )

    def orphans(self) -> Iterator[Problem]:
        sources = {name.partition("_qwen")[0] for name in self._stems}
        yield from self._originals.unused(sources, "no edited image <stem>_qwen120 or _qwen180 of it")
        yield from self._masks.unused(self._stems, "a mask without an edited image of the same stem")
        yield from (stray(path, "neither <digits> nor <digits>_qwen120|180 as .jpg or .png") for path in self._others)
        yield from self._instructions.problems


class Files(NamedTuple):
    """Paths by what their names and folders say they are."""

    originals: list[str]
    edited: list[str]
    masks: list[str]
    instructions: list[str]
    others: list[str]


def sort_files(paths: Iterator[str]) -> Files:
    """Sort the files of a root by their role."""
    files = Files([], [], [], [], [])
    for path in paths:
        name = stem(path)
        folders = path.lower().rpartition("/")[0]
        labelled = "label" in folders or "mask" in folders
        if path.lower().endswith(".json"):
            if INSTRUCTIONS_NAME.fullmatch(os.path.basename(path)):
                files.instructions.append(path)
        elif not path.lower().endswith(IMAGES):
            files.others.append(path)
        elif EDITED_NAME.fullmatch(name):
            (files.masks if labelled else files.edited).append(path)
        elif re.fullmatch("[0-9]+", name) and not labelled:
            files.originals.append(path)
        else:
            files.others.append(path)
    return files


class Instructions:
    """The commands by stem of the edited image, joined on (original's stem, checkpoint).

    Args:
        root: the dataset's root.
        paths: the instruction files, relative to the root.
        wanted: stems of the edited images that are there; the texts of all others are dropped.

    Raises:
        UserError: a file is broken.
    """

    def __init__(self, root: str, paths: list[str], wanted: set[str]) -> None:
        self.texts: dict[str, str] = {}
        self.problems: list[Problem] = []
        unclear: set[str] = set()
        for path in paths:
            for name, text in read_instructions(root, path):
                if name in wanted and self.texts.setdefault(name, text) != text and name not in unclear:
                    unclear.add(name)
                    message = f"{name}: the instruction files disagree, last in {path}; none is used"
                    self.problems.append(Problem(Reason.DOUBLE_MATCH, name, one_line(message)))
        for name in unclear:
            del self.texts[name]


def read_instructions(root: str, path: str) -> Iterator[tuple[str, str]]:
    """Stem of the edited image and command, for each entry of an instruction file.

    Raises:
        UserError: the file cannot be read, or is not a list of objects with the two texts.
    """
    checkpoint = path.rpartition("checkpoint-")[2][:3]
    try:
        entries: Any = read_json(root, path, MAX_INSTRUCTIONS_BYTES)
    except SampleError as error:
        raise UserError(f"deal300k: {error.message}; repair or remove the file") from error
    if not isinstance(entries, list):
        raise UserError(f"deal300k: {one_line(path)}: expected a list of objects, found {type(entries).__name__}")
    for number, entry in enumerate(entries):
        image, text = (
            (entry.get("image_name"), entry.get("generated_text")) if isinstance(entry, dict) else (None, None)
        )
        if not isinstance(image, str) or not isinstance(text, str):
            expected = "expected an object with the texts image_name and generated_text"
            raise UserError(f"deal300k: {one_line(path)}: entry {number}: {expected}; repair or remove the file")
        yield f"{stem(image)}_qwen{checkpoint}", " ".join(text.split())
