"""COCO: images in folders, all masks in one JSON file a split, as run lengths."""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO, Any, NamedTuple

from imlbench.exporting.formats.base import Example, Writer
from imlbench.masks import bounding_box
from imlbench.rle import area, decode

CATEGORY = {"id": 1, "name": "edited", "supercategory": "edited"}


class Lists(NamedTuple):
    """The two long lists of a split's JSON file, each in a file of its own until both are known."""

    images: IO[bytes]
    annotations: IO[bytes]


class CocoWriter(Writer):
    """`train/` and `annotations/train.json`, the same for validation; one annotation for an edited image."""

    keeps_originals = False
    hard_only = True
    usage = """\
- `train/` and `validation/`: images. `annotations/train.json` and `annotations/validation.json`: COCO's object format.
- One annotation for an edited image: category 1 "edited", the mask as compressed run lengths. Authentic images have
  none.

`torchvision.datasets.CocoDetection("train", "annotations/train.json")` and `pycocotools` read it."""

    def __init__(self, root: Path, suffix: str, prefix: str = "") -> None:
        super().__init__(root, suffix, prefix)
        self._lists: dict[str, Lists] = {}

    def add(self, example: Example) -> str:
        lists = self._lists.get(example.split) or self._begin(example.split)
        name = f"{example.name}{self.suffix}"
        height, width = example.shape
        # COCO's own numbers begin with 1, and some readers take 0 for none.
        number = example.number + 1
        image = {"id": number, "file_name": name, "height": height, "width": width, "license": 1}
        append(lists.images, image)
        if not example.authentic:
            append(lists.annotations, annotation(number, example))
        return self.write(f"{example.split}/{name}", example.edited)

    def _begin(self, split: str) -> Lists:
        folder = self.root / "annotations"
        folder.mkdir(exist_ok=True)
        files = ((folder / f".{split}.{part}").open("w+b") for part in Lists._fields)
        self._lists[split] = Lists(*files)
        return self._lists[split]

    def finish(self) -> None:
        licences = json.dumps([{"id": 1, "name": "see README.md", "url": ""}])
        head = f'{{"info": {{"description": "see README.md"}},\n"licenses": {licences},\n"categories": '
        for split, lists in self._lists.items():
            path = self.root / "annotations" / f"{split}.json"
            with path.open("wb") as file:
                file.write(f"{head}{json.dumps([CATEGORY])}".encode())
                for part, entries in zip(Lists._fields, lists, strict=True):
                    file.write(f',\n"{part}": [\n'.encode())
                    copy(entries, file)
                    file.write(b"\n]")
                file.write(b"}\n")
        self.close()
        for path in (self.root / "annotations").glob(".*"):
            path.unlink()

    def close(self) -> None:
        for lists in self._lists.values():
            for file in lists:
                file.close()


def annotation(number: int, example: Example) -> dict[str, Any]:
    """COCO's annotation of an edited image; its box is [left, top, width, height]."""
    rows, columns = bounding_box(decode(example.counts, example.shape))
    box = [columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start]
    return {
        "id": number,
        "image_id": number,
        "category_id": CATEGORY["id"],
        "segmentation": {"size": list(example.shape), "counts": example.counts.decode("ascii")},
        "area": area(example.counts),
        "bbox": box,
        "iscrowd": 0,
    }


def append(file: IO[bytes], value: dict[str, Any]) -> None:
    """Write one entry of a list, with a comma before all but the first."""
    file.write((b",\n" if file.tell() else b"") + json.dumps(value).encode())


def copy(source: IO[bytes], target: IO[bytes]) -> None:
    """Copy a file from its beginning."""
    source.seek(0)
    while block := source.read(1 << 20):
        target.write(block)
