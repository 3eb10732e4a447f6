from __future__ import annotations

import json
import pickle

import pytest
from making_corpora import after, before

from imlbench.corpora import folder as module
from imlbench.corpora.base import Part
from imlbench.corpora.folder import FolderCorpus
from imlbench.errors import Reason, SampleError, UserError


def put(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def some(root):
    for row, key in enumerate(["remove/1", "remove/2", "add/3", "4"]):
        put(root / "original" / f"{key}.jpg", before(row))
        put(root / "edited" / f"{key}.png", after(row))
    lines = [{"name": "add/3", "instruction": "add a hat"}, {"name": "4.png", "instruction": "do it"}]
    put(root / "instructions.jsonl", "\n".join(json.dumps(line) for line in lines).encode())
    return root


def all_pairs(corpus):
    return [pair for part in corpus.parts() for pair in corpus.pairs(part)]


def test_files_of_one_path_are_pairs_and_the_first_folder_is_the_type(tmp_path):
    pairs = all_pairs(FolderCorpus(some(tmp_path)))
    assert [pair.id for pair in pairs] == [f"pairs-000000#{row}" for row in range(4)]
    assert [pair.source_id for pair in pairs] == ["4", "add/3", "remove/1", "remove/2"]
    assert [pair.edit_type for pair in pairs] == ["other", "addition", "removal", "removal"]
    assert [pair.instruction for pair in pairs] == ["do it", "add a hat", None, None]
    assert (pairs[1].original.read(), pairs[1].edited.read()) == (before(2), after(2))


def test_parts_are_stretches_of_the_sorted_list(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "STRETCH", 3)
    corpus = pickle.loads(pickle.dumps(FolderCorpus(some(tmp_path))))
    assert [(part.name, part.rows) for part in corpus.parts()] == [("pairs-000000", 3), ("pairs-000001", 1)]
    pairs = all_pairs(corpus)
    assert [pair.id for pair in pairs] == ["pairs-000000#0", "pairs-000000#1", "pairs-000000#2", "pairs-000001#0"]
    first = corpus.parts()[0]
    assert list(corpus.pairs(first, 1, 2)) == pairs[1:2]
    assert list(corpus.pairs(first, 1, 99)) == pairs[1:3]
    with pytest.raises(UserError, match="no part 'pairs-000002'; 4 pairs were found"):
        corpus.pairs(Part("pairs-000002", 1, ""))


def test_the_signature_changes_with_files_names_and_instructions(tmp_path):
    def signature():
        return FolderCorpus(tmp_path).parts()[0].signature

    some(tmp_path)
    seen = [signature()]
    assert signature() == seen[0]
    put(tmp_path / "original" / "4.jpg", b"longer" * 1000)
    seen.append(signature())
    put(tmp_path / "edited" / "5.png", after(5))
    seen.append(signature())
    put(tmp_path / "instructions.jsonl", b'{"name": "5", "instruction": "new"}')
    seen.append(signature())
    assert len(set(seen)) == 4


def test_a_lacking_original_and_a_doubled_file_are_broken_rows(tmp_path):
    some(tmp_path)
    (tmp_path / "original" / "4.jpg").unlink()
    put(tmp_path / "edited" / "add" / "3.webp", after(0))
    pairs = all_pairs(FolderCorpus(tmp_path))
    with pytest.raises(SampleError) as lacking:
        pairs[0].original.read()
    with pytest.raises(SampleError) as doubled:
        pairs[1].edited.read()
    assert (lacking.value.reason, doubled.value.reason) == (Reason.MISSING_PARTNER, Reason.DOUBLE_MATCH)


def test_a_link_out_of_the_root_is_refused_when_it_is_read(tmp_path):
    root = some(tmp_path / "root")
    put(tmp_path / "secret.png", after(9))
    (root / "edited" / "4.png").unlink()
    (root / "edited" / "4.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(SampleError) as caught:
        all_pairs(FolderCorpus(root))[0].edited.read()
    assert caught.value.reason == Reason.OUTSIDE_ROOT


def test_undecodable_names_are_printable_and_open(tmp_path):
    name = b"\xff\n".decode(errors="surrogateescape")
    put(tmp_path / "original" / f"{name}.jpg", before(0))
    put(tmp_path / "edited" / name / "1.png", after(0))
    put(tmp_path / "edited" / f"{name}.png", after(1))
    corpus = FolderCorpus(tmp_path)
    assert corpus.parts()[0].rows == 2
    pairs = all_pairs(corpus)
    assert all(f"{pair.source_id}{pair.source_type}".isprintable() for pair in pairs)
    assert (pairs[0].original.read(), pairs[0].edited.read()) == (before(0), after(1))


def test_roots_without_pairs_and_two_tables_are_errors(tmp_path):
    with pytest.raises(UserError, match="folder: expected original/ and edited/"):
        FolderCorpus(tmp_path)
    (tmp_path / "original").mkdir()
    (tmp_path / "edited").mkdir()
    with pytest.raises(UserError, match="no images in"):
        FolderCorpus(tmp_path)
    some(tmp_path)
    put(tmp_path / "instructions.csv", b"name,instruction\n4,x\n")
    with pytest.raises(UserError, match=r"both instructions.jsonl and instructions.csv"):
        FolderCorpus(tmp_path)
    with pytest.raises(UserError, match="folder has no variant 'train'"):
        FolderCorpus(tmp_path, "train")
