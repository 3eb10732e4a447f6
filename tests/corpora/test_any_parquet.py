from __future__ import annotations

import re

import pyarrow as pa
import pytest
from making_corpora import IMAGE, TEXT, after, before, cell, shard

from imlbench.corpora.opening import open_corpus
from imlbench.corpora.parquet import AnyParquet
from imlbench.errors import UserError


def write(path, original="source", edited="target", **texts):
    images = {original: (IMAGE, [cell(before(0))]), edited: (pa.binary(), [after(0)])}
    return shard(path, images | {name: (TEXT, [value]) for name, value in texts.items()})


def why_broken(corpus):
    (part,) = corpus.parts()
    with pytest.raises(UserError, match=re.escape(part.broken)):
        list(corpus.pairs(part))
    return part.broken


def only_pair(corpus):
    (part,) = corpus.parts()
    (pair,) = corpus.pairs(part)
    return pair


@pytest.mark.parametrize("names", [("source", "target"), ("input_img", "output_img"), ("before", "after")])
def test_common_names_are_found(tmp_path, names):
    write(tmp_path / "a.parquet", *names, prompt="add a hat", task="addition", id="7", caption="a cat")
    pair = only_pair(AnyParquet(tmp_path))
    assert (pair.original.read(), pair.edited.read()) == (before(0), after(0))
    assert (pair.instruction, pair.source_type, pair.edit_type) == ("add a hat", "addition", "addition")
    assert (pair.source_id, pair.caption) == ("7", "a cat")


def test_texts_are_not_needed(tmp_path):
    write(tmp_path / "a.parquet")
    pair = only_pair(AnyParquet(tmp_path))
    assert (pair.instruction, pair.source_type, pair.edit_type, pair.source_id) == (None, "", "other", "")


def test_columns_may_be_named(tmp_path):
    write(tmp_path / "a.parquet", "x", "y", text="swap it", kind="swap", instruction="not this one")
    corpus = open_corpus("parquet:original=x, edited=y,instruction=text,type=kind", tmp_path)
    pair = only_pair(open_corpus(corpus.label, tmp_path))
    assert (pair.original.read(), pair.instruction, pair.edit_type) == (before(0), "swap it", "replacement")


def test_texts_with_the_names_of_images_are_no_images(tmp_path):
    write(tmp_path / "a.parquet", "image_file", "edited_file", input="a caption", output="another")
    assert only_pair(AnyParquet(tmp_path)).original.read() == before(0)


def test_a_list_of_instructions_gives_its_first(tmp_path):
    columns = {"source": (IMAGE, [cell(b"a")]), "target": (IMAGE, [cell(b"b")])}
    shard(tmp_path / "a.parquet", columns | {"edit_prompt": (pa.list_(TEXT), [["", "add a hat", "or two"]])})
    assert only_pair(AnyParquet(tmp_path)).instruction == "add a hat"


def test_two_candidates_are_never_guessed_between(tmp_path):
    columns = {name: (IMAGE, [cell(b"x")]) for name in ("source", "input_image", "target")}
    shard(tmp_path / "a.parquet", columns)
    assert "2 columns may be the original image (source, input_image); name it" in why_broken(AnyParquet(tmp_path))
    assert only_pair(AnyParquet(tmp_path, "original=input_image")).edited.read() == b"x"


def test_no_candidate_lists_what_is_there(tmp_path):
    write(tmp_path / "a.parquet", "left", "right")
    message = why_broken(AnyParquet(tmp_path))
    assert "no column of images with a common name for the original image; it has left, right; name it" in message


@pytest.mark.parametrize(
    "options", ["original", "original=", "colour=x", "original=a,original=b", "original=a,,", "=", "dev"]
)
def test_options_that_mean_nothing_are_refused(tmp_path, options):
    write(tmp_path / "a.parquet")
    with pytest.raises(UserError, match=r"expected ROLE=NAME,... with the roles original, edited, instruction"):
        AnyParquet(tmp_path, options)


def test_a_named_column_that_is_not_there_is_an_error(tmp_path):
    write(tmp_path / "a.parquet")
    assert "has no column text" in why_broken(AnyParquet(tmp_path, "instruction=text"))


def test_shards_may_differ_in_their_columns(tmp_path):
    write(tmp_path / "a.parquet", "source", "target", prompt="one")
    write(tmp_path / "sub" / "b.parquet", "before", "after", instruction="two")
    corpus = AnyParquet(tmp_path)
    assert [pair.instruction for part in corpus.parts() for pair in corpus.pairs(part)] == ["one", "two"]


def test_names_that_begin_alike_are_not_mixed_up(tmp_path):
    columns = {name: (IMAGE, [cell(name.encode())]) for name in ("source.old", "source", "target", "target.old")}
    shard(tmp_path / "a.parquet", columns)
    pair = only_pair(AnyParquet(tmp_path))
    assert (pair.original.read(), pair.edited.read()) == (b"source", b"target")
