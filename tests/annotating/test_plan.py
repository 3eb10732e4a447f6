import json
import pickle

import pytest

from imlbench.annotating.agreement import plan_text
from imlbench.annotating.gate import Gates
from imlbench.annotating.output import Output
from imlbench.annotating.plan import Options, make_plan
from imlbench.corpora.vocabulary import EDIT_TYPES
from imlbench.errors import UserError
from tests.annotating.making_pairs import Killer, Soft, Toy, make_corpus, plan_of


@pytest.fixture
def root(tmp_path):
    return make_corpus(tmp_path / "root", parts=3, rows=5)


def begun(folder, plan):
    """The folder of an annotation that was begun with a plan."""
    (folder / "plan.json").write_text(plan_text(plan))
    return Output(folder)


def places(plan):
    return [(shard.number, shard.part.name, shard.start, shard.stop) for shard in plan.shards]


def test_parts_are_cut_into_stretches_in_order(root):
    assert places(plan_of(root, shard_size=3)) == [
        (0, "part0", 0, 3),
        (1, "part0", 3, 5),
        (2, "part1", 0, 3),
        (3, "part1", 3, 5),
        (4, "part2", 0, 3),
        (5, "part2", 3, 5),
    ]


def test_a_part_of_unknown_length_is_one_shard(root):
    assert places(plan_of(root, variant="tar", shard_size=2))[0] == (0, "part0", 0, None)


@pytest.mark.parametrize("variant", ["", "tar"])
@pytest.mark.parametrize("limit", [1, 4, 7, 15, 99])
def test_a_limit_takes_so_many_rows_and_the_same_ones_every_time(root, variant, limit):
    plan = plan_of(root, variant=variant, limit=limit)
    rows = [(shard.part.name, row) for shard in plan.shards for row in range(shard.start, shard.stop)]
    assert len(rows) == len(set(rows)) == min(limit, 15)
    assert rows == sorted(rows)
    assert places(plan_of(root, variant=variant, limit=limit)) == places(plan)


def test_a_limit_looks_all_over_the_corpus(tmp_path):
    root = make_corpus(tmp_path / "root", parts=4, rows=8)
    assert {shard.part.name for shard in plan_of(root, limit=16).shards} == {"part0", "part1", "part2", "part3"}
    assert places(plan_of(root, limit=16)) != places(plan_of(root, limit=16, seed=1))


def test_types_that_break_the_frame_are_left_out_unless_asked_for():
    unaligned = {word for word, kind in EDIT_TYPES.items() if not kind.aligned}
    assert unaligned
    assert not unaligned & set(Options().types)


def test_a_plan_survives_the_way_to_another_process(root):
    plan = plan_of(root, Soft, second="pixdiff-morph")
    back = pickle.loads(pickle.dumps(plan))
    assert (back.identity, back.digest, back.shards) == (plan.identity, plan.digest, plan.shards)
    assert plan.digest == plan_of(root, Soft, second="pixdiff-morph").digest


def test_how_the_work_is_done_is_no_part_of_the_plan(root):
    assert plan_of(root, batch_size=1).digest == plan_of(root, batch_size=7).digest


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"annotator": Soft}, "annotator's name"),
        ({"second": Soft}, "second"),
        ({"gates": Gates(min_qes=0.6)}, "min-qes 0.5, now 0.6"),
        ({"gates": Gates(area=(0.1, 0.2))}, "area"),
        ({"types": ("removal",)}, "types"),
        ({"limit": 3}, "limit None, now 3"),
        ({"keep_soft": True}, "keep-soft"),
        ({"shard_size": 3}, "shard-size 4, now 3"),
    ],
)
def test_another_plan_is_refused_with_what_differs(root, tmp_path, change, named):
    output = begun(tmp_path, plan_of(root))
    assert output.claim(plan_of(root)).identity == plan_of(root).identity
    with pytest.raises(UserError, match=named) as caught:
        output.claim(plan_of(root, **change))
    assert "\n" not in str(caught.value)


def test_a_corpus_that_has_changed_is_refused(root, tmp_path, monkeypatch):
    output = begun(tmp_path, plan_of(root))
    (root / "part1" / "000.edited.png").unlink()
    with pytest.raises(UserError, match=r"corpus has changed .*part1"):
        output.claim(plan_of(root))


def test_a_root_at_another_place_is_the_same_plan(root, tmp_path):
    output = begun(tmp_path, plan_of(root))
    moved = root.rename(tmp_path / "elsewhere")
    assert places(output.claim(plan_of(moved))) == places(plan_of(moved))


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": 99}', "[" * 100_000])
def test_a_plan_that_is_none_is_refused(root, tmp_path, text):
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(UserError, match="choose another --out"):
        Output(tmp_path).claim(plan_of(root))


def test_plan_json_holds_what_others_read(root):
    said = json.loads(plan_text(plan_of(root)))
    assert (said["corpus"], said["annotator"]["name"], said["root"]) == ("toy", "pixdiff-morph", str(root))
    assert len(said["shards"]) == 6


@pytest.mark.parametrize(
    ("options", "message"),
    [({"limit": 0}, "--limit"), ({"shard_size": 0}, "--shard-size"), ({"seed": -1}, "--seed")],
)
def test_numbers_that_make_no_plan_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        Options(**options)


def test_two_annotators_have_to_be_two(root):
    with pytest.raises(UserError, match="another annotator"):
        plan_of(root, Killer, second=Killer)
    with pytest.raises(UserError, match="annotators; name one"):
        plan_of(root, "pixdiff-[0-9]*")


def test_a_corpus_without_pairs_is_refused(tmp_path):
    (tmp_path / "root" / "part0").mkdir(parents=True)
    with pytest.raises(UserError, match="no pairs"):
        make_plan(Toy(tmp_path / "root"), "pixdiff-morph", Options())
