"""What a synthesised set is on the disk, and reading one back: the contract between `imlbench synth` and training.

A set is a folder with `pairs.jsonl` (one pair a line, in the order of ids), `set.json` (how it was made) and the
images below `original/`, `edited/` and `mask/`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from imlbench.errors import UserError, one_line

FORMAT_VERSION = 1
PAIRS = "pairs.jsonl"
SET = "set.json"

Split = Literal["train", "validation"]
SPLITS: tuple[Split, ...] = get_args(Split)

Action = Literal["add", "remove", "attribute change", "replace", "global"]
"""The five kinds of edit that SIGMA's parser tells apart, by the same words."""
ACTIONS: tuple[Action, ...] = get_args(Action)


@dataclass(frozen=True, slots=True)
class SynthPair:
    """One training pair; the three files are not opened before they are asked for.

    Attributes:
        id: six digits or more, unique in the set.
        original: file of the image before the edit, RGB.
        edited: file of the image after it, of the same size.
        mask: file of the exact mask, grey, 255 = edited, 0 = not; of the same size.
        source: name of the photograph, relative to the folder that held it.
        action: add, remove, attribute change, replace or global.
        instruction: the command that a user would have typed; None where the pair has none.
        concept_original: what the edit concerns in the original, lower case; None where nothing.
        concept_edited: what the edit leaves in the edited image, likewise.
        kind: how it was made: removal, insertion and so on; several joined by "+"; "none" for a zero edit.
        encoding: what was done to the whole of each side: "original" and "edited" -> list of steps, each an object
            with a "name" and its parameters; empty lists where nothing was.
        seed: of the set; the pair depends on it and on the id alone.
        width: pixels.
        height: pixels.
        zero_edit: nothing was edited and the mask is all False, whatever the encodings did.
        split: train or validation; all pairs of a photograph are on the same side.
        source_sha256: of the photograph's file, hexadecimal.
    """

    id: str
    original: Path
    edited: Path
    mask: Path
    source: str
    action: Action
    instruction: str | None
    concept_original: str | None
    concept_edited: str | None
    kind: str
    encoding: Mapping[str, Any]
    seed: int
    width: int
    height: int
    zero_edit: bool
    split: Split
    source_sha256: str


def read_pairs(folder: str | Path, split: Split | None = None) -> list[SynthPair]:
    """The pairs of a finished set, in the order of their ids.

    Args:
        folder: what `imlbench synth -o` wrote.
        split: only this side; both where None.

    Raises:
        UserError: the folder holds no finished set, or one of another format, or it was changed.
    """
    root = Path(folder).resolve()
    facts = read_facts(root)
    lines = read_lines(root, facts)
    pairs = [parse_line(root, number, line) for number, line in enumerate(lines, 1)]
    return [pair for pair in pairs if split in (None, pair.split)]


def read_facts(root: Path) -> dict[str, Any]:
    """Content of `set.json`.

    Raises:
        UserError: it is missing, no JSON object, or of another format version.
    """
    path = root / SET
    try:
        facts = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"{root}: no {SET}: not a finished set; make or finish it with `imlbench synth`") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not JSON: {one_line(error, 200)}") from error
    version = facts.get("format") if isinstance(facts, dict) else None
    if version != FORMAT_VERSION:
        raise UserError(f"{path}: expected format {FORMAT_VERSION}, found {version!r:.40}; make the set again")
    return dict(facts)


def read_lines(root: Path, facts: Mapping[str, Any]) -> list[str]:
    """The lines of `pairs.jsonl`, checked against the hash that `set.json` records.

    Raises:
        UserError: they are missing or are not those that were written.
    """
    path = root / PAIRS
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    if hashlib.sha256(data).hexdigest() != facts.get("pairs_sha256"):
        raise UserError(f"{path}: was changed since the set was finished; make the set again")
    return data.decode(errors="replace").splitlines()


def parse_line(root: Path, number: int, line: str) -> SynthPair:
    """One pair from its line.

    Raises:
        UserError: no JSON object, a field is missing, of another type, or leads out of the set's folder.
    """
    where = f"{root / PAIRS}, line {number}"
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: not JSON: {one_line(error, 200)}") from error
    if not isinstance(record, dict):
        raise UserError(f"{where}: expected a JSON object, found {type(record).__name__}")
    values = {name: checked(record, name, kinds, where) for name, kinds in FIELDS.items()}
    for name, words in (("action", ACTIONS), ("split", SPLITS)):
        if values[name] not in words:
            raise UserError(f"{where}: {name}: expected one of {', '.join(words)}, found {values[name]!r:.60}")
    files = {name: inside(root, values[name], where) for name in ("original", "edited", "mask")}
    return SynthPair(**{**values, **files})


TEXT = (str,)
OPTIONAL_TEXT = (str, type(None))
FIELDS: Mapping[str, tuple[type, ...]] = {
    "id": TEXT,
    "original": TEXT,
    "edited": TEXT,
    "mask": TEXT,
    "source": TEXT,
    "action": TEXT,
    "instruction": OPTIONAL_TEXT,
    "concept_original": OPTIONAL_TEXT,
    "concept_edited": OPTIONAL_TEXT,
    "kind": TEXT,
    "encoding": (dict,),
    "seed": (int,),
    "width": (int,),
    "height": (int,),
    "zero_edit": (bool,),
    "split": TEXT,
    "source_sha256": TEXT,
}
"""The fields of a line and the types that JSON may give them."""


def checked(record: Mapping[str, Any], name: str, kinds: tuple[type, ...], where: str) -> Any:
    """A field's value.

    Raises:
        UserError: it is missing or of another type.
    """
    if name not in record:
        raise UserError(f"{where}: no field {name!r}")
    value = record[name]
    # To Python, true is a number too.
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise UserError(f"{where}: {name}: expected {kinds[0].__name__}, found {type(value).__name__}")
    return value


def inside(root: Path, name: str, where: str) -> Path:
    """The file `name` of a set, which must lie below its folder.

    Raises:
        UserError: the name leads out of the folder.
    """
    try:
        path = os.path.realpath(root / name)
    except ValueError:
        raise UserError(f"{where}: not a file name: {one_line(ascii(name), 80)}") from None
    if os.path.commonpath((path, root)) != str(root):
        raise UserError(f"{where}: {one_line(name, 80)} leads out of the set's folder; refused")
    return Path(path)
