"""A set's folder while it is being made: which pairs are there already, and how it is finished.

Each pair's images are written first and its record last, all atomically, so a pair whose record is there is whole. In
the end the records become `pairs.jsonl`, then `set.json` is written, then the records go.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imlbench import locks
from imlbench.errors import UserError, one_line
from imlbench.files import write_atomically
from imlbench.synthesis.reading import FORMAT_VERSION, PAIRS, SET, read_facts, read_lines

if TYPE_CHECKING:
    from imlbench.synthesis.pairs import Files

OPTIONS = "options.json"
RECORDS = "records"
LOOKS = "photographs.json"
LOCK = ".lock"


class SetFolder:
    """The folder of a set.

    Args:
        root: of the set; made where it is not there.
        options: all that decides the pairs except their number; JSON values.

    Raises:
        UserError: the folder holds something else, or a set of other options.
    """

    def __init__(self, root: Path, options: Mapping[str, Any]) -> None:
        self.root = root
        self.options = dict(options)
        path = root / OPTIONS
        if os.path.isfile(path):
            self._check(read_json_object(path))
            return
        # Hidden: the lock, and what a run that was killed at its first step left half-written.
        if os.path.isdir(root) and any(not name.startswith(".") for name in os.listdir(root)):
            raise UserError(f"{root}: not empty, and no set that was begun here; name a new folder")
        write_atomically(path, json.dumps(self.options, indent=1, sort_keys=True) + "\n")

    def _check(self, begun: Mapping[str, Any]) -> None:
        """Refuse a set that was begun with other options."""
        differing = [name for name in self.options if begun.get(name) != self.options[name]]
        if differing or set(begun) != set(self.options):
            named = ", ".join(differing) or "other names"
            raise UserError(f"{self.root}: was begun with other options ({named}); repeat them or name a new folder")

    def facts(self) -> dict[str, Any] | None:
        """Content of `set.json`; None where the set is not finished.

        Raises:
            UserError: what is there was changed.
        """
        return read_facts(self.root) if os.path.isfile(self.root / SET) else None

    def done(self) -> dict[str, str]:
        """The lines of the pairs that are there, by id."""
        facts = self.facts()
        if facts is not None:
            lines = read_lines(self.root, facts)
        else:
            # There without set.json where a run was killed between the two.
            path = self.root / PAIRS
            lines = path.read_text().splitlines() if os.path.isfile(path) else []
        found = {str(json.loads(line)["id"]): line for line in lines}
        folder = self.root / RECORDS
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            if name.endswith(".json") and name.removesuffix(".json").isdecimal():
                found.setdefault(name.removesuffix(".json"), (folder / name).read_text().rstrip("\n"))
        return found

    def finish(self, count: int, lines: Mapping[str, str], photographs: Mapping[str, Any]) -> dict[str, Any]:
        """Write `pairs.jsonl` and `set.json` of the first `count` pairs.

        Returns:
            The content of `set.json`.
        """
        text = "".join(f"{lines[name]}\n" for name in sorted(lines, key=int))
        facts = {"format": FORMAT_VERSION, **self.options, "pairs": count, "counts": counts(lines.values())}
        facts |= {"photographs_used": photographs, "versions": versions()}
        facts["pairs_sha256"] = hashlib.sha256(text.encode()).hexdigest()
        # An older set.json would call the longer list of pairs changed.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.root / SET)
        write_atomically(self.root / PAIRS, text)
        write_atomically(self.root / SET, json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
        self.tidy()
        return facts

    def tidy(self) -> None:
        """Remove what a finished set needs no longer, and what a killed run left half-written."""
        shutil.rmtree(self.root / RECORDS, ignore_errors=True)
        for folder in ("original", "edited", "mask", "."):
            for name in os.listdir(self.root / folder) if os.path.isdir(self.root / folder) else []:
                if name.startswith(".") and name != LOCK:
                    os.unlink(self.root / folder / name)


def write_pair(root: Path, files: Files) -> str:
    """Write a pair's files, its record last; returns the record's line.

    Raises:
        UserError: the folder cannot be written.
    """
    name = files.record["id"]
    paths = {
        "original": (f"original/{name}{files.original.suffix}", files.original.data),
        "edited": (f"edited/{name}{files.edited.suffix}", files.edited.data),
        "mask": (f"mask/{name}.png", files.mask),
    }
    for path, data in paths.values():
        write_atomically(root / path, data)
    record = {"id": name, **{role: path for role, (path, _) in paths.items()}, **files.record}
    line = json.dumps(record, ensure_ascii=False)
    write_atomically(root / RECORDS / f"{name}.json", line + "\n")
    return line


def counts(lines: Any) -> dict[str, dict[str, int]]:
    """How many pairs there are of each kind, action, split, and of edited pairs and zero edits."""
    found: dict[str, Counter[str]] = {name: Counter() for name in ("kind", "action", "split", "zero_edit", "encoding")}
    for line in lines:
        record = json.loads(line)
        kinds = str(record["kind"]).split("+")
        found["kind"]["several" if len(kinds) > 1 else kinds[0]] += 1
        for name in ("action", "split"):
            found[name][record[name]] += 1
        found["zero_edit"]["yes" if record["zero_edit"] else "no"] += 1
        for side, steps in record["encoding"].items():
            for step in {step["name"] for step in steps} or {"none"}:
                found["encoding"][f"{side} {step}"] += 1
    return {name: dict(sorted(counter.items())) for name, counter in found.items()}


def versions() -> dict[str, str]:
    """Versions of what decides the pixels: the same versions make the same files."""
    import importlib.metadata

    names = ("imlbench", "numpy", "opencv-python", "pillow", "scikit-image", "matplotlib", "torch")
    return {name: importlib.metadata.version(name) for name in names}


def read_json_object(path: Path) -> dict[str, Any]:
    """Content of a JSON file that holds an object.

    Raises:
        UserError: unreadable or something else.
    """
    try:
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not JSON: {one_line(error, 200)}") from error
    if not isinstance(value, dict):
        raise UserError(f"{path}: expected a JSON object, found {type(value).__name__}")
    return value


def locked(root: Path) -> contextlib.AbstractContextManager[None]:
    """Keep a second run out of the folder, which is made where it is not there, while this one works.

    Raises:
        UserError: another run has it, or the folder cannot be made.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{root}: cannot be written ({error.strerror})") from error
    return locks.locked(
        root / LOCK, root, lambda _: "another run is making this set; wait for it or name another folder"
    )
