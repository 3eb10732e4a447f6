"""Plain folders, as imlbench's dataset `folder` reads them."""

from __future__ import annotations

import json
from pathlib import Path

from imlbench.exporting.formats.base import Example, Writer

FILES_PER_FOLDER = 10_000


class FolderWriter(Writer):
    """`train/` and `validation/`, each with `original/`, `edited/`, `mask/` and `instructions.json`."""

    usage = """\
- `train/` and `validation/`, each with `original/`, `edited/` and `mask/`: partners have the same path and number.
- `instructions.json` in each: commands by the path below `edited/`, without suffix.
- An authentic example has the same image in `original/` and `edited/`, and a black mask.

`imlbench` reads each split as the dataset `folder`: `--dataset folder --data-root train`."""

    def __init__(self, root: Path, suffix: str, prefix: str = "") -> None:
        super().__init__(root, suffix, prefix)
        self._texts: dict[str, dict[str, str]] = {}

    def add(self, example: Example) -> str:
        key = f"{example.number // FILES_PER_FOLDER:04d}/{example.name}"
        self.write(f"{example.split}/original/{key}{self.suffix}", example.original)
        self.write(f"{example.split}/mask/{key}.png", example.mask)
        texts = self._texts.setdefault(example.split, {})
        if example.instruction:
            texts[key] = example.instruction
        return self.write(f"{example.split}/edited/{key}{self.suffix}", example.edited)

    def finish(self) -> None:
        for split, texts in self._texts.items():
            text = json.dumps(texts, ensure_ascii=False, indent=0)
            self.write(f"{split}/instructions.json", f"{text}\n".encode())
