from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from making import BOX, by_id, edited, expected_mask, mask, photo, write, write_text
from making_parquet import IMAGE, cell, painted_out, png, write_shard

from imlbench.datasets import csvtable
from imlbench.datasets.manifest import Manifest
from imlbench.errors import Reason, SampleError, UserError
from imlbench.loading import load


def images(root: Path) -> Path:
    """Two edits with originals and masks, in folders below the root."""
    for number in (1, 2):
        write(root / f"in/{number}.png", photo(number))
        write(root / f"out/{number}.png", edited(number))
        write(root / f"gt/{number}.png", mask())
    return root


def table(root: Path, text: str, name: str = "set.csv", encoding: str = "utf-8") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


FULL = (
    "id,edited,original,mask,instruction,caption,editor,area\n"
    'one,out/1.png,in/1.png,gt/1.png,"remove the boat, please",a boat,sd2,0.2\n'
    "two,out/2.png,in/2.png,gt/2.png,,,glide,\n"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_csv_gives_samples_with_texts_and_tags(tmp_path, encoding, newline):
    dataset = Manifest(table(images(tmp_path), FULL.replace("\n", newline), encoding=encoding))
    samples = by_id(dataset)
    assert list(samples) == ["one", "two"]
    one, two = samples.values()
    assert (one.instruction, one.caption) == ("remove the boat, please", "a boat")
    assert (two.instruction, two.caption) == (None, None)
    assert (one.tags, two.tags) == ({"editor": "sd2", "area": "0.2"}, {"editor": "glide"})
    loaded = load(one)
    assert np.array_equal(loaded.mask, expected_mask())
    assert np.array_equal(loaded.original, photo(1))
    assert np.array_equal(loaded.edited, edited(1))
    assert (dataset.label, dataset.title) == ("manifest:set", "set")
    assert Manifest(dataset.root, "mine").label == "manifest:mine"


def test_only_edited_is_required_and_its_path_is_the_id(tmp_path):
    dataset = Manifest(table(images(tmp_path), "edited\nout/2.png\n\nout/1.png\n"))
    assert list(by_id(dataset)) == ["out/2.png", "out/1.png"]
    with pytest.raises(SampleError, match="no mask"):
        load(next(dataset.samples()))


def test_scopes_without_a_mask_are_read(tmp_path):
    text = "edited,scope\nin/1.png,authentic\nout/1.png,whole-image\n"
    authentic, whole = Manifest(table(images(tmp_path), text)).samples()
    assert not load(authentic).mask.any()
    assert load(whole).mask.all()


@pytest.mark.parametrize(
    ("rule", "pixels"),
    [
        ("", np.dstack([mask(), 0 * mask(), 0 * mask()])),
        ("white", mask()),
        ("nonzero", mask(1)),
        ("mean", np.dstack([mask(), 0 * mask(), mask()])),
        ("alpha", painted_out(photo(), mask())),
        ("black", 255 - mask()),
    ],
)
def test_mask_rules_are_read_by_row(tmp_path, rule, pixels):
    root = images(tmp_path)
    write(root / "gt/rule.png", pixels)
    text = f"edited,mask,mask_rule\nout/1.png,gt/rule.png,{rule}\n"
    assert np.array_equal(load(next(Manifest(table(root, text)).samples())).mask, expected_mask())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no column 'edited'; columns found: none"),
        ("file,mask\na,b\n", "has no column 'edited'; columns found: file, mask"),
        ("edited,orignal\na,b\n", "unknown column 'orignal': did you mean 'original'"),
        ("edited,Mask\na,b\n", "unknown column 'Mask': did you mean 'mask'"),
        ("Edited,mask\na,b\n", "unknown column 'Edited': did you mean 'edited'"),
        ("edited,tag,tag\na,b,c\n", "two columns are called 'tag'"),
        ("edited,\na,b\n", "column 2 has no name"),
        ("edited,mask\n", "has no rows below its header"),
        ("edited,mask\na,b\n\nc\n", r"row 2 \(line 4\) has 1 fields, the header 2"),
        ("edited,mask\na,b,c\n", r"row 1 \(line 2\) has 3 fields, the header 2; a text with a comma needs quotes"),
        ('edited,mask\na,"b\n', r"row 1 \(line 2\) is not CSV"),
        ("id,edited\nx,a\ny,b\nx,c\n", "the id 'x' is in rows 1 and 3"),
        ("edited\na\nb\nb\n", "the edited 'b' is in rows 2 and 3; add a column id"),
        ("id,edited\nx,a\n ,b\n", "row 2: the column id is empty"),
        ("edited,tag\n,b\n", "row 1: the column edited is empty"),
        ("edited,scope\na,\nb,lokal\n", "row 2: unknown scope 'lokal': did you mean 'local'"),
        ("edited,mask_rule\na,white\nb,White\n", "row 2: unknown mask_rule 'White': did you mean 'white'"),
        ("edited,mask_rule\na,zzzzz\n", "expected one of white, nonzero, mean, alpha, black, or nothing"),
    ],
)
def test_broken_table_is_one_line_that_names_the_row(tmp_path, text, message):
    with pytest.raises(UserError, match=message) as caught:
        Manifest(table(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_text_that_is_not_utf8_and_a_folder_are_one_line(tmp_path):
    with pytest.raises(UserError, match=r"set\.csv: not UTF-8 .*; save it as UTF-8"):
        Manifest(table(tmp_path, "edited\ncafé.png\n", encoding="latin-1"))
    with pytest.raises(UserError, match=r"is not a file; expected a \.csv or \.parquet file"):
        Manifest(tmp_path)
    with pytest.raises(UserError, match="manifest: no such"):
        Manifest(tmp_path / "missing.csv")


def test_paths_that_lead_out_and_empty_edited_cells_fail_their_samples_only(tmp_path):
    write(tmp_path / "secret.png", photo())
    root = images(tmp_path / "root")
    text = f"id,edited\na,../secret.png\nb,{tmp_path / 'secret.png'}\nc,\nd,in/1.png\n"
    reasons = []
    for sample in Manifest(table(root, text)).samples():
        try:
            sample.edited.read()
        except SampleError as error:
            reasons.append(error.reason)
    assert reasons == [Reason.OUTSIDE_ROOT, Reason.OUTSIDE_ROOT, Reason.MISSING_PARTNER]


def test_long_tables_keep_their_order_across_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(csvtable, "BATCH_ROWS", 7)
    dataset = Manifest(table(tmp_path, "edited,n\n" + "".join(f"{n}.png,{n}\n" for n in range(5000))))
    samples = list(dataset.samples())
    assert len(dataset) == 5000
    assert [sample.tags["n"] for sample in samples] == [sample.id.removesuffix(".png") for sample in samples]
    assert [sample.id for sample in samples] == [f"{n}.png" for n in range(5000)]


def test_duplicate_is_found_across_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(csvtable, "BATCH_ROWS", 3)
    rows = [*range(50), 4]
    with pytest.raises(UserError, match="the id '4' is in rows 5 and 51"):
        Manifest(table(tmp_path, "id,edited\n" + "".join(f"{n},x.png\n" for n in rows)))


def test_parquet_of_paths_reads_like_csv(tmp_path):
    root = images(tmp_path)
    columns = {
        "edited": ["out/1.png", "out/2.png"],
        "mask": ["gt/1.png", None],
        "scope": [None, "whole-image"],
        "editor": pa.array(["a", None]).dictionary_encode(),
        "strength": [0.5, None],
    }
    pq.write_table(pa.table(columns), root / "set.parquet")
    one, two = Manifest(root / "set.parquet").samples()
    assert (one.id, one.tags) == ("out/1.png", {"editor": "a", "strength": "0.5"})
    assert (two.mask, two.mask_rule, two.scope, two.tags) == (None, None, "whole-image", {})
    assert np.array_equal(load(one).mask, expected_mask())


def test_parquet_may_hold_the_images_themselves(tmp_path):
    columns = {
        "edited": [cell(png(edited(n))) for n in range(5)],
        "original": pa.array([None, *(png(photo(n)) for n in range(1, 5))], pa.binary()),
        "mask": [cell(png(mask())), None, *[cell(png(mask()))] * 3],
        "scope": ["", "authentic", "", "", ""],
        "preview": pa.array([cell(b"x")] * 5, IMAGE),
    }
    dataset = Manifest(write_shard(tmp_path / "embedded.parquet", columns))
    samples = by_id(dataset)
    assert list(samples) == ["row-1", "row-2", "row-3", "row-4", "row-5"]
    first, second, third, *_ = samples.values()
    assert first.original is None
    assert (second.mask, second.scope) == (None, "authentic")
    loaded = load(third)
    assert np.array_equal(loaded.original, photo(2))
    assert np.array_equal(loaded.mask, expected_mask())
    assert (loaded.edited[BOX] == 255).all()
    assert third.tags == {}


def test_parquet_of_nothing_but_embedded_images_is_read(tmp_path):
    path = write_shard(tmp_path / "a.parquet", {"edited": [cell(png(edited(n))) for n in range(11)]})
    samples = list(Manifest(path).samples())
    assert [sample.id for sample in samples] == [f"row-{n:02d}" for n in range(1, 12)]
    assert samples[10].edited.read() == png(edited(10))


def test_broken_parquet_and_parquet_columns_are_one_line(tmp_path):
    with pytest.raises(UserError, match=r"manifest: a\.parquet cannot be read as Parquet"):
        Manifest(write_text(tmp_path / "a.parquet", "edited\nx\n"))
    path = write_shard(tmp_path / "b.parquet", {"edited": ["a"], "tag": [["list"]]})
    with pytest.raises(UserError, match=r"b\.parquet: the column tag is list<.*expected string"):
        Manifest(path)
    path = write_shard(tmp_path / "c.parquet", {"edited": ["a", "b"], "scope": ["local", "global"]})
    with pytest.raises(UserError, match="row 2: unknown scope 'global'"):
        Manifest(path)
    path = write_shard(tmp_path / "d.parquet", {"id": ["a", "b", "a"], "edited": [cell(b"x")] * 3})
    with pytest.raises(UserError, match="the id 'a' is in rows 1 and 3"):
        Manifest(path)
    path = write_shard(tmp_path / "e.parquet", {"edited": pa.array([], pa.string())})
    with pytest.raises(UserError, match=r"e\.parquet has no rows"):
        Manifest(path)


def test_parquet_without_its_suffix_is_known_by_its_first_bytes(tmp_path):
    path = write_shard(tmp_path / "table", {"edited": ["a.png"]})
    assert [sample.id for sample in Manifest(path).samples()] == ["a.png"]
