from __future__ import annotations

import io
import json
import pickle
import tarfile

import pytest
from making_corpora import after, archive, before, pair_members

from imlbench.corpora import archives
from imlbench.corpora.base import Part
from imlbench.corpora.webdataset import WebDataset
from imlbench.errors import Reason, SampleError, UserError


def pairs_of(folder, variant="", start=0, stop=None):
    corpus = WebDataset(folder, variant)
    return [pair for part in corpus.parts() for pair in corpus.pairs(part, start, stop)]


def three(path):
    return archive(path, [member for row in range(3) for member in pair_members(f"{row:03d}", row)])


def failure(source) -> SampleError:
    with pytest.raises(SampleError) as caught:
        source.read()
    return caught.value


def link(name: str, kind: bytes, target: str = "/etc/passwd") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member, b""


def test_members_of_a_key_are_a_pair(tmp_path):
    three(tmp_path / "shards" / "00000.tar")
    corpus = pickle.loads(pickle.dumps(WebDataset(tmp_path)))
    (part,) = corpus.parts()
    assert (part.name, part.rows) == ("shards/00000.tar", None)
    pairs = list(corpus.pairs(part))
    assert [pair.id for pair in pairs] == [f"shards/00000.tar#{row}" for row in range(3)]
    for row, pair in enumerate(pairs):
        assert (pair.original.read(), pair.edited.read()) == (before(row), after(row))
        assert (pair.source_id, pair.instruction, pair.edit_type) == (f"{row:03d}", f"instruction {row}", "other")


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (1, 3), (2, None), (3, None), (0, 0)])
def test_a_stretch_is_the_same_stretch_of_the_whole(tmp_path, start, stop):
    three(tmp_path / "a.tar")
    assert pairs_of(tmp_path, start=start, stop=stop) == pairs_of(tmp_path)[start:stop]


def test_texts_may_come_as_json_and_a_text_of_its_own_counts_first(tmp_path):
    record = {"edit_instruction": "add a hat", "edit_type": "add", "caption": "a cat", "id": 12, "original": "no"}
    members = [("a/1.source.JPG", before(0)), ("a/1.TARGET.png", after(0)), ("a/1.json", json.dumps(record).encode())]
    archive(
        tmp_path / "a.tar", [*members, *[("a/2" + name[3:], data) for name, data in members], ("a/2.txt", b"other")]
    )
    first, second = pairs_of(tmp_path)
    assert (first.instruction, first.edit_type, first.caption, first.source_id) == (
        "add a hat",
        "addition",
        "a cat",
        "12",
    )
    assert second.instruction == "other"
    assert (first.original.read(), second.edited.read()) == (before(0), after(0))


def test_extensions_may_be_named(tmp_path):
    archive(tmp_path / "a.tar", [("1.0.jpg", before(0)), ("1.1.jpg", after(0)), ("1.prompt.txt", b"add a hat")])
    (pair,) = pairs_of(tmp_path, "original=0.jpg,edited=1.JPG")
    assert (pair.original.read(), pair.edited.read(), pair.instruction) == (before(0), after(0), "add a hat")
    (unnamed,) = pairs_of(tmp_path)
    assert "no original image among prompt.txt, 0.jpg, 1.jpg" in failure(unnamed.original).message


def test_what_is_no_image_is_no_row(tmp_path):
    archive(tmp_path / "a.tar", [("README.md", b"hello"), ("._1.original.jpg", b"x"), *pair_members("1", 1)])
    assert [pair.source_id for pair in pairs_of(tmp_path)] == ["1"]


def test_a_lacking_partner_a_doubled_one_and_a_scattered_key_are_broken_rows(tmp_path):
    members = [
        *pair_members("a", 0)[1:],
        *pair_members("b", 1),
        ("b.input.png", b"another"),
        ("c.edited.png", after(2)),
        ("d.edited.png", after(3)),
        ("d.edited.png", after(3)),
        ("c.original.jpg", before(2)),
    ]
    archive(tmp_path / "a.tar", members)
    pairs = pairs_of(tmp_path)
    assert [pair.source_id for pair in pairs] == ["a", "b", "c", "d", "c"]
    assert failure(pairs[0].edited).reason == Reason.MISSING_PARTNER
    assert pairs[0].original.read() == before(0)
    assert failure(pairs[1].original).reason == Reason.DOUBLE_MATCH
    assert "must lie side by side" in failure(pairs[2].original).message
    assert failure(pairs[3].edited).reason == Reason.DOUBLE_MATCH
    assert failure(pairs[4].edited).reason == Reason.MISSING_PARTNER


HOSTILE = ["../../escape", "/etc/passwd", "a\nb\x1b[31m", "C:\\x", "a" * 300, "\udcff", "-rf"]


@pytest.mark.parametrize("key", HOSTILE)
def test_hostile_names_are_texts_and_no_file_is_made(tmp_path, key):
    archive(tmp_path / "root" / "a.tar", pair_members(key, 0))
    (pair,) = pairs_of(tmp_path / "root")
    assert pair.id == "a.tar#0"
    assert pair.source_id.isprintable()
    assert pair.edited.read() == after(0)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.tar", "root"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_special_files_are_not_followed(tmp_path, kind):
    archive(tmp_path / "a.tar", [link("1.original.jpg", kind), ("1.edited.png", after(0)), link("2", tarfile.DIRTYPE)])
    (pair,) = pairs_of(tmp_path)
    assert "a regular file expected, found a link or a special file" in failure(pair.original).message


def test_texts_that_cannot_be_used_break_the_pair(tmp_path):
    images = [("original.jpg", before(0)), ("edited.png", after(0))]
    texts = [b"{no json", b"[1, 2]", b"[" * 100_000, b'"' + b"x" * (1 << 20) + b'"']
    archive(
        tmp_path / "a.tar",
        [(f"{row}.{name}", data) for row, text in enumerate(texts) for name, data in [*images, ("json", text)]],
    )
    pairs = pairs_of(tmp_path)
    reasons = [failure(pair.edited).reason for pair in pairs]
    assert reasons == [Reason.UNREADABLE, Reason.UNREADABLE, Reason.UNREADABLE, Reason.TOO_LARGE]


def test_an_image_above_the_limit_is_not_read(tmp_path, monkeypatch):
    three(tmp_path / "a.tar")
    monkeypatch.setattr("imlbench.corpora.webdataset.MAX_FILE_BYTES", 10)
    assert failure(pairs_of(tmp_path)[0].original).reason == Reason.TOO_LARGE


@pytest.mark.parametrize("cut", [1, 511, 1024])
def test_an_archive_cut_off_ends_with_a_row_that_says_so(tmp_path, cut):
    path = three(tmp_path / "a.tar")
    with tarfile.open(path) as tar:
        last = tar.getmembers()[-1]
    path.write_bytes(path.read_bytes()[: last.offset + cut])
    pairs = pairs_of(tmp_path)
    assert [pair.id for pair in pairs[-2:]] == ["a.tar#2", "a.tar#3"]
    assert pairs[2].edited.read() == after(2)
    assert failure(pairs[3].edited).reason == Reason.UNREADABLE
    assert "what follow" in failure(pairs[3].original).message
    assert pairs_of(tmp_path, start=3) == pairs[3:]
    assert pairs_of(tmp_path, stop=3) == pairs[:3]


def test_a_lacking_end_mark_is_noticed(tmp_path):
    path = three(tmp_path / "a.tar")
    with tarfile.open(path) as tar:
        last = tar.getmembers()[-1]
    path.write_bytes(path.read_bytes()[: last.offset_data + -(-last.size // 512) * 512])
    *whole, damage = pairs_of(tmp_path)
    assert [pair.edited.read() for pair in whole] == [after(row) for row in range(3)]
    assert "cut off: the mark at the archive's end is missing" in failure(damage.edited).message


def test_a_damaged_header_in_the_middle_is_noticed(tmp_path):
    path = three(tmp_path / "a.tar")
    with tarfile.open(path) as tar:
        offset = tar.getmembers()[3].offset
    data = bytearray(path.read_bytes())
    data[offset : offset + 512] = b"\xff" * 512
    path.write_bytes(data)
    whole, damage = pairs_of(tmp_path)
    assert whole.edited.read() == after(0)
    assert f"damaged at byte {offset}: neither member nor end" in failure(damage.edited).message


def test_archives_joined_end_to_end_are_noticed(tmp_path):
    first, second = three(tmp_path / "a.tar"), three(tmp_path / "b.tar.keep")
    first.write_bytes(first.read_bytes() + second.read_bytes())
    assert len(pairs_of(tmp_path)) == 4


def test_a_name_of_many_megabytes_is_not_read_into_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_HEADER_BYTES", 1 << 12)
    archive(tmp_path / "a.tar", [*pair_members("1", 1), *pair_members("x" * 10_000, 2)])
    whole, damage = pairs_of(tmp_path)
    assert whole.edited.read() == after(1)
    assert "damaged" in failure(damage.edited).message


def test_a_member_of_negative_size_ends_the_archive(tmp_path):
    path = three(tmp_path / "a.tar")
    with tarfile.open(path) as tar:
        offset = tar.getmembers()[3].offset
    data = bytearray(path.read_bytes())
    header = bytearray(data[offset : offset + 512])
    header[124:136] = b"\xff" * 10 + (-2048 & 0xFFFF).to_bytes(2, "big")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    data[offset : offset + 512] = header
    path.write_bytes(data)
    whole, damage = pairs_of(tmp_path)
    assert whole.edited.read() == after(0)
    assert failure(damage.edited).reason == Reason.UNREADABLE


def test_headers_are_not_kept(tmp_path):
    path = archive(tmp_path / "a.tar", [member for row in range(40) for member in pair_members(str(row), 0)])
    with open(path, "rb") as file:
        tar = archives.open_tar(file)
        kept = [len(tar.members) for _ in archives.groups(tar, file, lambda _: True)]
    assert len(kept) == 40
    assert max(kept) <= 1


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b" + b"x" * 600])
def test_a_file_that_is_no_archive_is_named(tmp_path, content):
    (tmp_path / "a.tar").write_bytes(content)
    (part,) = WebDataset(tmp_path).parts()
    assert part.broken.startswith("webdataset: a.tar: cannot be read as an uncompressed tar archive")
    assert part.broken.endswith("fetch the file again or take it away")


def test_an_archive_that_vanished_or_was_replaced_is_one_broken_row(tmp_path):
    path = three(tmp_path / "a.tar")
    corpus = WebDataset(tmp_path)
    (part,) = corpus.parts()
    path.write_bytes(b"rubbish" * 100)
    (pair,) = corpus.pairs(part)
    assert failure(pair.edited).reason == Reason.UNREADABLE
    path.unlink()
    (pair,) = corpus.pairs(part)
    assert (pair.id, failure(pair.edited).reason) == ("a.tar#0", Reason.MISSING_FILE)
    with pytest.raises(UserError, match="no such file below"):
        corpus.pairs(Part("b.tar", None, ""))


def test_an_empty_archive_has_no_rows(tmp_path):
    archive(tmp_path / "a.tar", [])
    assert pairs_of(tmp_path) == []


def test_no_archives_says_what_was_expected(tmp_path):
    buffer = io.BytesIO(b"x")
    (tmp_path / "a.tar.gz").write_bytes(buffer.getvalue())
    with pytest.raises(UserError, match=r"expected uncompressed archives \(\*.tar\) .* found a.tar.gz"):
        WebDataset(tmp_path)
