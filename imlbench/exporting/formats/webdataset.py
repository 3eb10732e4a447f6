"""WebDataset: tar archives whose members belong together by the name before the first dot."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import NamedTuple

from imlbench.exporting.formats.base import Example, Writer

MAX_BYTES = 1 << 28
MAX_EXAMPLES = 10_000


class Open(NamedTuple):
    """An archive that is being written."""

    archive: tarfile.TarFile
    path: str
    first: int


class WebDatasetWriter(Writer):
    """`train-000000.tar` and so on, `validation-000000.tar` and so on, below about 256 MiB each."""

    usage = """\
- `train-000000.tar` and so on, `validation-000000.tar` and so on.
- Each example is `<number>.edited.jpg`, `<number>.original.jpg` (`.png` where the set is lossless), `<number>.mask.png`
  and `<number>.json`, whose key `authentic` says that nothing is edited and the mask is black.

`webdataset.WebDataset(urls).decode("rgb8")` reads it. Neighbours come from the same corpus file: shuffle."""

    def __init__(self, root: Path, suffix: str, prefix: str = "") -> None:
        super().__init__(root, suffix, prefix)
        self._open: dict[str, Open] = {}
        self._begun: dict[str, int] = {}

    def add(self, example: Example) -> str:
        archive, path, _ = self._archive(example)
        facts = {"authentic": example.authentic, "instruction": example.instruction, **example.facts}
        text = json.dumps(facts, ensure_ascii=False, sort_keys=True).encode()
        members = {
            f"edited{self.suffix}": example.edited,
            "json": text,
            "mask.png": example.mask,
            f"original{self.suffix}": example.original,
        }
        for name, data in members.items():
            # The header of a fresh TarInfo holds no owner, and the beginning of time as its date.
            member = tarfile.TarInfo(f"{example.name}.{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        return path

    def _archive(self, example: Example) -> Open:
        """The archive that the example goes into."""
        current = self._open.get(example.split)
        if current is not None:
            if current.archive.offset < MAX_BYTES and example.number - current.first < MAX_EXAMPLES:
                return current
            current.archive.close()
        shard = self._begun.get(example.split, 0)
        self._begun[example.split] = shard + 1
        path = f"{example.split}-{shard:06d}.tar"
        archive = tarfile.open(self.root / path, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115 - open for many calls
        self._open[example.split] = Open(archive, path, example.number)
        return self._open[example.split]

    def finish(self) -> None:
        while self._open:
            self._open.popitem()[1].archive.close()

    def close(self) -> None:
        while self._open:
            archive = self._open.popitem()[1].archive
            # Closing the archive itself would write its end, which a full disk refuses again.
            if archive.fileobj is not None:
                archive.fileobj.close()
