from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from imlbench.errors import UserError
from imlbench.synthesis.reading import FIELDS, read_pairs

RECORD: dict[str, Any] = {
    "id": "000000",
    "original": "original/000000.webp",
    "edited": "edited/000000.jpg",
    "mask": "mask/000000.png",
    "source": "photos/a.jpg",
    "action": "remove",
    "instruction": "Remove the dog.",
    "concept_original": "dog",
    "concept_edited": None,
    "kind": "removal",
    "encoding": {"original": [], "edited": []},
    "seed": 0,
    "width": 10,
    "height": 8,
    "zero_edit": False,
    "split": "train",
    "source_sha256": "00",
}


def write_set(folder: Path, *records: Any) -> Path:
    data = "".join(json.dumps(record) + "\n" for record in records)
    (folder / "pairs.jsonl").write_text(data)
    facts = {"format": 1, "pairs_sha256": hashlib.sha256(data.encode()).hexdigest()}
    (folder / "set.json").write_text(json.dumps(facts))
    return folder


def test_a_pair_is_read_with_paths_in_the_folder(tmp_path: Path):
    (pair,) = read_pairs(write_set(tmp_path, RECORD))
    assert pair.edited == tmp_path.resolve() / "edited/000000.jpg"
    assert pair.action == "remove"
    assert pair.concept_edited is None
    assert set(RECORD) == set(FIELDS)


def test_a_split_can_be_asked_for(tmp_path: Path):
    write_set(tmp_path, RECORD, {**RECORD, "id": "000001", "split": "validation"})
    assert [pair.id for pair in read_pairs(tmp_path, "validation")] == ["000001"]
    assert len(read_pairs(tmp_path)) == 2


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"mask": "../../secret.png"}, "leads out of"),
        ({"mask": "/etc/passwd"}, "leads out of"),
        ({"mask": "a\0b"}, "not a file name"),
        ({"action": "explode"}, "action: expected one of"),
        ({"split": "test"}, "split: expected one of"),
        ({"width": "10"}, "width: expected int"),
        ({"width": True}, "width: expected int"),
        ({"instruction": 3}, "instruction: expected str"),
    ],
)
def test_a_broken_field_is_told_in_one_line(tmp_path: Path, change: dict[str, Any], expected: str):
    with pytest.raises(UserError, match=expected) as caught:
        read_pairs(write_set(tmp_path, {**RECORD, **change}))
    assert "line 1" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_field_and_a_line_that_is_no_object_are_refused(tmp_path: Path):
    with pytest.raises(UserError, match="no field 'mask'"):
        read_pairs(write_set(tmp_path, {name: value for name, value in RECORD.items() if name != "mask"}))
    with pytest.raises(UserError, match="expected a JSON object"):
        read_pairs(write_set(tmp_path, [1]))


def test_an_unfinished_a_foreign_and_a_changed_set_are_refused(tmp_path: Path):
    with pytest.raises(UserError, match="not a finished set"):
        read_pairs(tmp_path)
    write_set(tmp_path, RECORD)
    (tmp_path / "pairs.jsonl").write_text(json.dumps({**RECORD, "split": "validation"}) + "\n")
    with pytest.raises(UserError, match="was changed"):
        read_pairs(tmp_path)
    (tmp_path / "set.json").write_text('{"format": 99}')
    with pytest.raises(UserError, match="expected format 1"):
        read_pairs(tmp_path)
