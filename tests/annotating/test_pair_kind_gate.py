"""`--pair-kind spg`: pairs that do not show the same in the same place are left out before anybody annotates them."""

import json

import numpy as np
import pytest
from PIL import Image

from imlbench.annotating.gate import Gates
from imlbench.annotating.plan import Options, make_plan
from imlbench.annotating.shard_work import Task, annotate_task
from imlbench.annotating.tools import build_tools
from imlbench.errors import UserError
from tests.annotating.making_pairs import BytesCorpus, content, edit, encoded, make_corpus, photograph, plan_of
from tests.making_sets import imlbench

PHOTO = photograph(1, 96)
SPG = Gates(pair_kind="spg")


def one_row(tmp_path, edited, gates):
    corpus = BytesCorpus(tmp_path, encoded(PHOTO), encoded(edited))
    plan = make_plan(corpus, "pixdiff-morph", Options(gates=gates))
    return annotate_task(plan, Task(plan.shards[0]), build_tools(plan)).table.to_pylist()[0]


def shifted() -> np.ndarray:
    """The photograph, six pixels further down."""
    return np.roll(PHOTO, 6, 0)


def test_an_aligned_pair_is_kept_and_says_what_it_is(tmp_path):
    row = one_row(tmp_path, edit(PHOTO), SPG)
    assert (row["status"], row["reason"]) == ("kept", "")
    assert row["message"].startswith("pair kind spg 0.")
    assert one_row(tmp_path, edit(PHOTO), Gates())["message"] == ""


@pytest.mark.parametrize(
    "edited", [shifted(), photograph(5, 96), PHOTO[:, ::-1].copy()], ids=["moved", "other", "flip"]
)
def test_a_pair_of_the_other_kind_is_rejected_before_it_is_annotated(tmp_path, edited):
    row = one_row(tmp_path, edited, SPG)
    assert (row["status"], row["reason"], row["mask"]) == ("rejected", "sdg", None)
    assert "blocks" in row["message"]
    assert one_row(tmp_path, edited, Gates())["reason"] != "sdg"


def test_the_usual_plan_is_what_it_was_without_the_gate(tmp_path):
    usual, asked = (plan_of(make_corpus(tmp_path / name), gates=gates) for name, gates in (("a", Gates()), ("b", SPG)))
    assert set(usual.identity["gates"]) == {"min_qes", "area", "min_alignment", "min_agreement"}
    assert asked.identity["gates"]["pair_kind"] == "spg"
    assert usual.digest != asked.digest


def test_another_word_is_refused():
    with pytest.raises(UserError, match="--pair-kind: expected one of any, spg, found 'sdg'"):
        Gates(pair_kind="sdg")


@pytest.fixture
def root(tmp_path):
    """A corpus of one edit and one other picture."""
    pixels = photograph(0, 96)
    for number, edited in enumerate((edit(pixels), photograph(7, 96))):
        for side, image in (("original", pixels), ("edited", edited)):
            path = tmp_path / "root" / side / "remove" / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
    return tmp_path / "root"


def annotate(root, out, *options):
    arguments = ("--root", root, "--out", out, "--annotator", "pixdiff-morph", "--workers", 1, *options)
    return imlbench("annotate-corpus", "folder", *arguments)


def test_the_command_leaves_out_the_other_kind_and_keeps_to_its_plan(root, tmp_path):
    done = annotate(root, tmp_path / "spg", "--pair-kind", "spg", "--json")
    facts = json.loads(done.out)
    assert (facts["status"], facts["reasons"]["rejected"]) == ({"kept": 1, "rejected": 1}, {"sdg": 1})
    again = annotate(root, tmp_path / "spg")
    assert (again.code, again.err.count("\n")) == (2, 1)
    assert "begun with pair-kind spg, now any; give the same options to go on" in again.err
    annotate(root, tmp_path / "any", "--pair-kind", "any")
    annotate(root, tmp_path / "usual")
    assert content(tmp_path / "any") == content(tmp_path / "usual")
    other = annotate(root, tmp_path / "usual", "--pair-kind", "spg")
    assert "begun with pair-kind any, now spg" in other.err
