"""IMDL-BenCo's lists: [image, mask] for edited images, [image, "Negative"] for authentic ones."""

from __future__ import annotations

import json
from pathlib import Path

from imlbench.exporting.formats.base import Example, Writer

NEGATIVE = "Negative"


class ImdlBenCoWriter(Writer):
    """`train.json` and `validation.json`, which list images of `Tp/`, masks of `Gt/` and authentic images of `Au/`.

    The folders are flat and `Tp/` and `Gt/` hold the same names, so that IMDL-BenCo's ManiDataset, which pairs by
    sorted order, reads the edited images of a split too.
    """

    keeps_originals = False
    usage = """\
- `train.json` and `validation.json`: lists of `[image, mask]` and, for authentic images, `[image, "Negative"]`.
- `train/` and `validation/`: edited images in `Tp/`, masks in `Gt/`, authentic images in `Au/`.

IMDL-BenCo's `JsonDataset` reads the lists, `ManiDataset` a split's folder without its authentic images. IMDL-BenCo
looks for listed paths from the folder that it is started in, not from the list's: start it in this folder, or export
with `--list-prefix` and this folder's final place. `imlbench` reads the lists as the dataset `imdlbenco`
from anywhere."""

    def __init__(self, root: Path, suffix: str, prefix: str = "") -> None:
        super().__init__(root, suffix, prefix)
        self._lists: dict[str, list[tuple[str, str]]] = {}

    def add(self, example: Example) -> str:
        image = f"{example.split}/{'Au' if example.authentic else 'Tp'}/{example.name}{self.suffix}"
        mask = NEGATIVE
        if not example.authentic:
            mask = self.listed(self.write(f"{example.split}/Gt/{example.name}.png", example.mask))
        self._lists.setdefault(example.split, []).append((self.listed(image), mask))
        return self.write(image, example.edited)

    def listed(self, path: str) -> str:
        """A path as the lists name it."""
        return f"{self.prefix.rstrip('/')}/{path}" if self.prefix else path

    def finish(self) -> None:
        for split, entries in self._lists.items():
            lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
            self.write(f"{split}.json", f"[\n{lines}\n]\n".encode())
