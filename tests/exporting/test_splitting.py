from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from imlbench.errors import UserError
from imlbench.exporting.choosing import Gates, apply_gates, limited, order
from imlbench.exporting.splitting import draw_validation, source_groups

STRANGERS = ("0f0f0f0f0f0f0f0f", "3333333333333333", "5555555555555555", "00ff00ff00ff00ff")


def rows(**columns):
    """A row for each value of the longest column; others are the usual."""
    length = max(len(values) for values in columns.values())
    usual = {
        "id": [f"part#{number}" for number in range(length)],
        "corpus": ["anyedit"] * length,
        "edit_type": ["addition"] * length,
        "qes": [0.9] * length,
        "area": [0.1] * length,
        "agreement": [float("nan")] * length,
        "original_sha256": [f"{number:064x}" for number in range(length)],
        "edited_sha256": [f"{number:064x}" for number in range(length)],
    }
    return pd.DataFrame(usual | columns)


def test_rows_of_one_file_and_of_near_duplicates_have_one_source():
    near = "0f0f0f0f0f0f0f0c"
    table = rows(
        original_sha256=["a", "b", "a", "c", "d"], phash=[STRANGERS[0], STRANGERS[1], STRANGERS[0], near, STRANGERS[2]]
    )
    assert source_groups(table, 2).tolist() == [0, 1, 0, 0, 4]
    assert source_groups(table, 1).tolist() == [0, 1, 0, 3, 4]


def test_a_row_of_the_same_file_links_near_duplicates_of_its_other_copy():
    table = rows(original_sha256=["a", "b", "b"], phash=[STRANGERS[0], "0f0f0f0f0f0f0f0e", STRANGERS[1]])
    assert source_groups(table, 4).tolist() == [0, 0, 0]


def test_validation_takes_whole_sources_up_to_the_share():
    sources = np.repeat(np.arange(50), 4)
    chosen = draw_validation(sources, [f"{number:03d}" for number in range(200)], 0.1, 0)
    assert chosen.sum() == 20
    assert all(chosen[sources == source].all() or not chosen[sources == source].any() for source in range(50))


def test_a_crowd_of_near_duplicates_does_not_become_the_validation_set():
    sources = np.concatenate((np.zeros(90, np.int64), np.arange(1, 11)))
    names = [f"{number:03d}" for number in range(100)]
    for seed in range(5):
        chosen = draw_validation(sources, names, 0.05, seed)
        assert chosen.sum() == 5
        assert not chosen[0]


def test_the_smallest_source_is_taken_where_none_fits():
    chosen = draw_validation(np.array([0, 0, 0, 1, 1]), list("abcde"), 0.1, 0)
    assert chosen.tolist() == [False, False, False, True, True]


def test_the_seed_decides_the_split_and_nothing_else_does():
    sources, names = np.arange(100), [f"{number:03d}" for number in range(100)]
    first = draw_validation(sources, names, 0.2, 1)
    assert np.array_equal(first, draw_validation(sources, names, 0.2, 1))
    assert not np.array_equal(first, draw_validation(sources, names, 0.2, 2))


def test_no_validation_and_no_way_to_divide():
    assert not draw_validation(np.zeros(3, np.int64), list("abc"), 0.0, 0).any()
    with pytest.raises(UserError, match="one source"):
        draw_validation(np.zeros(3, np.int64), list("abc"), 0.1, 0)


def test_a_pair_is_counted_with_the_first_gate_that_it_fails():
    table = rows(
        edit_type=["addition", "style", "addition", "addition", "addition", "addition"],
        qes=[0.9, 0.1, 0.6, 0.6001, float("nan"), 0.9],
        area=[0.1, 0.1, 0.1, 0.95, 0.1, 0.1],
        edited_sha256=["a", "b", "c", "d", "e", "a"],
        original_sha256=["a", "b", "c", "d", "e", "a"],
    )
    left, out = apply_gates(table, Gates(min_qes=0.6, area=(0.0, 0.9), types=("addition",)))
    assert left["id"].tolist() == ["part#0"]
    assert out == {"type": 1, "low-qes": 2, "area": 1, "duplicate": 1}


def test_the_same_original_with_another_edit_is_no_duplicate():
    table = rows(original_sha256=["a", "a"], edited_sha256=["b", "c"])
    assert len(apply_gates(table, Gates())[0]) == 2


def test_agreement_is_asked_for_only_where_it_was_measured():
    left, out = apply_gates(rows(agreement=[0.7, 0.5, float("nan")]), Gates(min_agreement=0.6))
    assert left["id"].tolist() == ["part#0"]
    assert out == {"disagreement": 2}
    with pytest.raises(UserError, match="--second"):
        apply_gates(rows(agreement=[float("nan")] * 3), Gates(min_agreement=0.6))


@pytest.mark.parametrize(
    "wrong", [{"min_qes": 1.5}, {"area": (0.5, 0.1)}, {"area": (0, 2)}, {"min_agreement": float("nan")}]
)
def test_gates_that_mean_nothing_are_refused(wrong):
    with pytest.raises(UserError, match="--"):
        Gates(**wrong)


def test_a_limit_keeps_the_order_and_its_choice_when_pairs_are_added():
    table = rows(id=[f"part#{number}" for number in range(100)])
    few = limited(table, 10, 0)["id"].tolist()
    assert len(few) == 10
    assert few == sorted(few, key=lambda name: int(name.split("#")[1]))
    assert set(limited(table.iloc[:60], 10, 0)["id"]) & set(few) == {
        name for name in few if int(name.split("#")[1]) < 60
    }
    assert limited(table, 10, 1)["id"].tolist() != few
    assert limited(table, None, 0) is table


def test_the_order_is_one_of_the_names():
    names = [f"{number}" for number in range(50)]
    assert sorted(order(names, 0).tolist()) == list(range(50))
    assert [names[place] for place in order(names, 0)] == [names[::-1][place] for place in order(names[::-1], 0)]
