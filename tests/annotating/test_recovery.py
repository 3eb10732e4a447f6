"""Recovery against a model of processes: which rows kill is all that a process knows."""

import pytest

from imlbench.annotating.recovery import MOST_KILLERS, Recovery, rows_of
from imlbench.annotating.rows import table_of, unread_row
from imlbench.annotating.shard_work import KILLED, Piece, Task
from imlbench.annotating.shards import Shard
from imlbench.corpora.base import Part
from tests.annotating.making_pairs import make_corpus, plan_of

ROWS = 24


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    return plan_of(make_corpus(tmp_path_factory.mktemp("corpus") / "root", parts=1, rows=1))


def shard(stop):
    return Shard(0, Part("part", stop, ""), 0, stop)


def work(task, rows, killers, deadly):
    """A piece, or None where the process died; `deadly` rows kill even who only reads past them."""
    chosen = task.rows if task.rows is not None else tuple(range(rows))
    if set(chosen) & deadly or (not task.unopened and set(chosen) & killers):
        return None
    found = [unread_row("part", row, "toy") for row in chosen]
    for row in found:
        if task.unopened:
            row.end("failed", "unreadable", KILLED)
    return Piece(table_of(found), tuple(float(row) for row in chosen))


def recovered(plan, asked, rows, killers=frozenset(), deadly=frozenset()):
    """Do all that a recovery asks for; the recovery and the number of deaths."""
    recovery, queue, deaths = Recovery(plan, asked), [asked], 0
    while queue:
        task = queue.pop()
        piece = work(task, rows, set(killers), set(deadly))
        if piece is None:
            deaths += 1
            queue += recovery.died(task, "killed by SIGKILL")
        elif task == asked and not task.unopened:
            recovery.result = piece
        else:
            queue += recovery.came(task, piece)
    return recovery, deaths


def outcome(recovery):
    """Row numbers in order, and those that failed."""
    result = recovery.result
    table = result.table if isinstance(result, Piece) else None
    rows = table.to_pylist()
    return [row["row"] for row in rows], [row["row"] for row in rows if row["status"] == "failed"]


SOME = tuple(range(0, ROWS, 2))


@pytest.mark.parametrize("killers", [{0}, {22}, {4}, {2, 4}, {0, 8, 14, 22}])
def test_the_pairs_that_kill_are_found_and_no_other_is_lost(plan, killers):
    recovery, _ = recovered(plan, Task(shard(ROWS), SOME), ROWS, killers)
    assert outcome(recovery) == (list(SOME), sorted(killers))


@pytest.mark.parametrize("deadly", [{0}, {10}, {0, 22}])
def test_pairs_that_kill_their_reader_are_recorded_by_place(plan, deadly):
    recovery, _ = recovered(plan, Task(shard(ROWS), SOME), ROWS, deadly=deadly)
    assert outcome(recovery) == (list(SOME), sorted(deadly))
    assert recovery.result.table.column("id").to_pylist()[0] == "part#0"


def test_what_was_told_of_before_a_death_tells_where_to_look(plan):
    task = Task(shard(ROWS), tuple(range(ROWS)))
    again = Recovery(plan, task)
    assert again.died(task, "killed", 12) == [task]
    pieces = again.died(task, "killed", 12)
    assert [piece.rows for piece in pieces] == [tuple(range(12)), (12, 13), tuple(range(14, ROWS))]


@pytest.mark.parametrize("killers", [{0}, {5}, {4, 5}, {5, 13, 23}, set(range(ROWS))])
def test_news_of_rows_make_no_difference_to_what_is_found(plan, killers):
    task = Task(shard(ROWS), tuple(range(ROWS)))
    recovery, queue = Recovery(plan, task), [task]
    while queue:
        one = queue.pop()
        piece = work(one, ROWS, killers, set())
        if piece is None:
            # Batches of two rows, up to the one that kills.
            first = min(place for place, row in enumerate(one.rows) if row in killers)
            queue += recovery.died(one, "killed", first - first % 2)
        else:
            queue += recovery.came(one, piece)
    assert outcome(recovery) == (list(range(ROWS)), sorted(killers))


def test_a_part_that_kills_everywhere_does_not_cost_a_process_a_row(plan):
    rows = tuple(range(500))
    recovery, deaths = recovered(plan, Task(shard(500), rows), 500, killers=set(rows))
    assert outcome(recovery) == (list(rows), list(rows))
    assert deaths < 6 * MOST_KILLERS


def test_one_killer_costs_as_many_deaths_as_halvings(plan):
    rows = tuple(range(512))
    _, deaths = recovered(plan, Task(shard(512), rows), 512, killers={300})
    assert deaths <= 2 + 8 + 2


@pytest.mark.parametrize("stop", [ROWS, None])
@pytest.mark.parametrize("killers", [{0}, {5, 23}])
def test_a_whole_shard_ends_as_its_files(plan, stop, killers):
    recovery, _ = recovered(plan, Task(shard(stop)), ROWS, killers)
    facts = recovery.result.facts
    assert (facts["rows"], facts["status"]["failed"]) == (ROWS, len(killers))
    assert (facts["first_id"], facts["last_id"]) == ("part#0", f"part#{ROWS - 1}")
    assert recovery.result.timing["seconds"] == [float(row) for row in range(ROWS)]


def test_a_part_of_unknown_length_that_kills_its_reader_is_lost_with_a_clear_word(plan):
    recovery, deaths = recovered(plan, Task(shard(None)), ROWS, deadly={3})
    assert recovery.ended
    assert recovery.lost == "part: whoever reads it is killed by SIGKILL; take it out of the corpus"
    assert deaths == 4


def test_a_shard_of_one_pair(plan):
    recovery, _ = recovered(plan, Task(shard(1)), 1, killers={0})
    assert recovery.result.facts["status"] == {"failed": 1}


def test_one_death_costs_a_second_attempt_and_nothing_else(plan):
    task = Task(shard(ROWS))
    recovery = Recovery(plan, task)
    assert recovery.died(task, "killed") == [task]
    assert not recovery.ended


def test_rows_of_a_task():
    assert rows_of(Task(shard(3))) == (0, 1, 2)
    assert rows_of(Task(shard(3), (1,))) == (1,)
    assert rows_of(Task(shard(None))) is None
