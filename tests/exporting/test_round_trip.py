"""Annotated by imlbench itself, exported, and read again."""

from __future__ import annotations

import numpy as np

from imlbench.annotating.driver import annotate_corpus
from imlbench.annotating.engine import Crew
from imlbench.annotating.local_engine import LocalEngine
from imlbench.annotating.plan import Options, make_plan
from imlbench.corpora.opening import open_corpus
from imlbench.datasets.folder import Folder
from imlbench.exporting.encoding import Codec
from imlbench.exporting.order import Order
from imlbench.exporting.running import export
from imlbench.loading import load
from tests.exporting.making_annotations import Pair, file_bytes, mask, photo, plain_pairs, write_corpus


def test_what_annotate_corpus_writes_is_what_export_reads(tmp_path):
    pairs = [*plain_pairs(5), Pair(file_bytes(photo(9)), file_bytes(photo(9))), Pair(b"broken", file_bytes(photo(8)))]
    corpus = open_corpus("anyedit", write_corpus(tmp_path / "corpus", pairs))
    plan = make_plan(corpus, "pixdiff-morph", Options(shard_size=3, keep_soft=True))
    account = annotate_corpus(plan, tmp_path / "annotated", LocalEngine(Crew(1)))
    assert account.totals.status == {"kept": 5, "rejected": 1, "failed": 1}
    for soft in (False, True):
        out = tmp_path / f"set-{soft}"
        order = Order(
            annotations=[tmp_path / "annotated"],
            out=out,
            layout="folder",
            roots=[None],
            validation=0.2,
            codec=Codec(None),
            soft=soft,
        )
        facts = export(order, lambda what, done, total: None).facts
        assert (facts["counts"]["edited"], facts["counts"]["sources"]) == (5, 5)
        found = [sample for split in ("train", "validation") for sample in Folder(out / split).samples()]
        assert len(found) == 5
        for sample in found:
            loaded = load(sample)
            assert np.mean(loaded.mask == mask()) > 0.9
            assert loaded.outside_difference() is not None
        card = (out / "README.md").read_text()
        assert "| annotation | rejected | unchanged | 1 |" in card
        assert str(tmp_path) not in card


def test_a_file_of_which_nothing_could_be_read_is_named_on_the_card(tmp_path):
    root = write_corpus(tmp_path / "corpus", plain_pairs(5))
    (root / "data" / "train-00009-of-|.parquet").write_bytes(b"no table")
    plan = make_plan(open_corpus("anyedit", root), "pixdiff-morph", Options())
    assert annotate_corpus(plan, tmp_path / "annotated", LocalEngine(Crew(1))).totals.status == {"kept": 5}
    order = Order(annotations=[tmp_path / "annotated"], out=tmp_path / "set", layout="hf", roots=[None])
    assert export(order, lambda what, done, total: None).facts["counts"]["edited"] == 5
    told = "Files of the corpora of which nothing could be read: 1 (data/train-00009-of-\\|.parquet)."
    assert told in (tmp_path / "set" / "README.md").read_text()
