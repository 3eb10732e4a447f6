"""`imlbench annotate-corpus` and `imlbench corpus status`, as people type them."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.annotating.making_pairs import content, edit, photograph
from tests.making_sets import imlbench


@pytest.fixture
def root(tmp_path):
    """A corpus of two folders with five pairs."""
    for number in range(5):
        pixels = photograph(number)
        for side, image in (("original", pixels), ("edited", edit(pixels, number))):
            path = tmp_path / "root" / side / "remove" / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
    return tmp_path / "root"


def command(root, out, *options):
    arguments = ("--root", root, "--out", out, "--annotator", "pixdiff-morph", "--workers", 1, *options)
    return imlbench("annotate-corpus", "folder", *arguments)


def test_a_corpus_is_annotated_told_and_gone_on_with(root, tmp_path):
    out = tmp_path / "out"
    done = command(root, out, "--shard-size", 2)
    assert done.code == 0, done.err
    assert "3 of 3 shards done, 3 of them now: 5 kept" in done.out
    assert "5/5 pairs" in done.err
    before = content(out)
    again = command(root, out, "--shard-size", 2, "--json")
    facts = json.loads(again.out)
    assert (facts["shards"], facts["done"], facts["computed"], facts["status"]) == (3, 3, 0, {"kept": 5})
    assert content(out) == before
    status = imlbench("corpus", "status", out)
    assert "folder by pixdiff-morph: 5/5 pairs, 3/3 shards, done" in status.out
    facts = json.loads(imlbench("corpus", "status", out, "--json").out)
    assert (facts["shards_done"], facts["pairs"], facts["running"]) == (3, 5, False)
    assert json.loads(imlbench("corpus", "status", out, "--watch", "--json").out) == facts


def test_failed_pairs_are_told_with_exit_code_one(root, tmp_path):
    (root / "edited" / "remove" / "3.png").write_bytes(b"broken")
    done = command(root, tmp_path / "out")
    assert done.code == 1
    assert "failed: unreadable 1" in done.out
    assert "1 pairs failed; the same command with --retry-failed does them again" in done.err
    assert command(root, tmp_path / "out", "--fail-on-error", "0.5").code == 0
    Image.fromarray(edit(photograph(3))).save(root / "edited" / "remove" / "3.png")
    again = command(root, tmp_path / "out")
    assert (again.code, again.err.count("\n")) == (2, 1)
    assert "corpus has changed since this annotation began (pairs-000000 is not the file it was)" in again.err
    assert "give --retry-failed to annotate it anew, or choose another --out" in again.err
    assert command(root, tmp_path / "out", "--retry-failed").code == 0
    command(root, tmp_path / "fresh")
    assert content(tmp_path / "out") == content(tmp_path / "fresh")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--area", "big"], "--area: expected LO,HI"),
        (["--area", "0.9,0.1"], "--area: expected LO,HI with"),
        (["--min-qes", "2"], "--min-qes: expected a number from 0 to 1"),
        (["--types", "nonsense"], "'nonsense' is no edit type"),
        (["--shard-size", "0"], "--shard-size: expected at least 1"),
        (["--batch-size", "0"], "--batch-size: expected at least 1"),
        (["--timeout", "-1"], "--timeout: expected seconds, or 0 for no end"),
        (["--timeout", "nan"], "--timeout: expected seconds"),
        (["--gpus", "2"], "--workers 1: expected at least one a GPU"),
        (["--second", "pixdiff-morph"], "expected another annotator"),
    ],
)
def test_wrong_options_are_one_clear_line(root, tmp_path, options, message):
    done = command(root, tmp_path / "out", *options)
    assert done.code == 2
    assert message in done.err
    assert done.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_ray_is_asked_for_by_its_extra(root, tmp_path, monkeypatch):
    # As where Ray is not installed, whether it is here or not.
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    done = command(root, tmp_path / "out", "--engine", "ray")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "pip install 'imlbench[ray]'" in done.err


def test_progress_is_told_in_shards_where_nobody_knows_how_many_pairs_there_are(tmp_path):
    from tests.corpora.making_corpora import archive, pair_members

    for number in range(2):
        archive(tmp_path / "root" / f"{number}.tar", pair_members("0", number) + pair_members("1", number))
    told = ("--root", tmp_path / "root", "--out", tmp_path / "out", "--annotator", "pixdiff-morph", "--workers", 1)
    assert "webdataset: 2/2 shards, " in imlbench("annotate-corpus", "webdataset", *told).err


def test_types_choose(root, tmp_path):
    done = command(root, tmp_path / "out", "--types", "add,style", "--json")
    assert json.loads(done.out)["reasons"]["excluded"] == {"type": 5}
    assert done.code == 0


def test_scores_are_stored_on_request(root, tmp_path):
    import pyarrow.parquet as pq

    command(root, tmp_path / "out", "--keep-soft", "--limit", 2)
    rows = [row for path in (tmp_path / "out" / "shards").glob("*.parquet") for row in pq.read_table(path).to_pylist()]
    assert len(rows) == 2
    assert all(row["soft"].startswith(b"\x89PNG") for row in rows)
    assert np.all([row["qes"] == 1.0 for row in rows])
