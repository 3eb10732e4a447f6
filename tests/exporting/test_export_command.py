from __future__ import annotations

import json
import os

import pytest

from imlbench.cli.options import roots_of
from imlbench.errors import UserError
from tests.exporting.making_annotations import make_both, plain_pair, plain_pairs
from tests.making_sets import imlbench


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_both(tmp_path_factory.mktemp("made"), plain_pairs(6))


def test_the_command_writes_a_set_and_says_what_it_holds(made, tmp_path):
    arguments = ("export", made.annotation, "--root", made.corpus, "--format", "folder", "--out", tmp_path / "out")
    done = imlbench(*arguments, "--validation", 0.34, "--authentic", 0.5)
    assert done.code == 0
    assert "train: 4 edited, 2 authentic" in done.out
    assert "validation: 2 edited, 1 authentic" in done.out
    assert "no evaluation set has a configured root" in done.err
    again = imlbench(*arguments, "--validation", 0.34, "--authentic", 0.5)
    assert again.code == 0
    assert "nothing to do" in again.out


def test_facts_as_json(made, tmp_path):
    out = tmp_path / "out"
    named = f"anyedit={made.corpus}"
    done = imlbench("export", made.annotation, "--root", named, "--format", "hf", "--out", out, "--json", "--limit", 3)
    assert done.code == 0
    facts = json.loads(done.out)
    assert facts.pop("new") is True
    assert facts == json.loads((out / "export.json").read_text())
    assert facts["counts"]["edited"] == 3


def test_the_root_may_come_from_the_environment(made, tmp_path, monkeypatch):
    monkeypatch.setenv("IMLBENCH_DATA_ROOT_ANYEDIT", str(made.corpus))
    done = imlbench("export", made.annotation, "--format", "coco", "--out", tmp_path / "out", "--types", "replace")
    assert done.code == 0
    assert "6 images from 6 sources" in done.out


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--types", "nonsense"), "no edit type"),
        (("--area", "1"), "--area"),
        (("--area", "0.5,0.1"), "--area"),
        (("--quality", "best"), "--quality"),
        (("--min-qes", "2"), "--min-qes"),
        (("--min-agreement", "0.5"), "--second"),
        (("--soft",), "--keep-soft"),
        (("--near", "60"), "--near"),
        (("--validation", "1"), "--validation"),
        (("--types", "style"), "type 6"),
        (("--keep-out", "/nowhere"), "--keep-out"),
        (("--root", "a", "--root", "b"), "--root"),
        (("--format", "zip"), "--format"),
    ],
)
def test_wrong_options_are_one_line_and_leave_nothing(made, tmp_path, options, complaint):
    arguments = ["export", made.annotation, "--root", made.corpus, "--format", "folder", "--out", tmp_path / "out"]
    done = imlbench(*arguments, *options)
    assert done.code == 2
    last = done.err.splitlines()[-1]
    assert last.startswith("imlbench: ")
    assert complaint in last
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_one_line(made, tmp_path):
    (tmp_path / "file").write_text("")
    target = tmp_path / "file" / "out"
    done = imlbench("export", made.annotation, "--root", made.corpus, "--format", "folder", "--out", target)
    assert done.code == 2
    assert "cannot be written" in done.err.splitlines()[-1]


def test_each_annotation_gets_its_own_root(tmp_path):
    first = make_both(tmp_path / "first", plain_pairs(2)).annotation
    second = make_both(tmp_path / "second", [plain_pair(5)]).annotation
    plan = json.loads((second / "plan.json").read_text())
    (second / "plan.json").write_text(json.dumps(plan | {"corpus": "folder:x=1"}))
    both = [first, second]
    assert roots_of(both, []) == [None, None]
    named = roots_of(both, ["anyedit=/a", "folder=/b=c"])
    assert [str(path) for path in named] == ["/a", "/b=c"]
    assert [str(path) for path in roots_of([first, first], ["/a"])] == ["/a", "/a"]
    with pytest.raises(UserError, match="name the corpus of each folder"):
        roots_of(both, ["/a"])
