import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from imlbench.annotating.rows import MAX_INSTRUCTION, SCHEMA, begin_row, harmless, parquet_bytes, table_of, unread_row
from imlbench.corpora.base import CorpusPair
from imlbench.errors import Reason
from imlbench.sources import BrokenSource
from tests.annotating.making_pairs import Toy

NOWHERE = BrokenSource("x", Reason.MISSING_FILE, "gone")


def begun(**facts):
    said = {"id": "p#0", "source_id": "", "source_type": "", "edit_type": "other", "instruction": None} | facts
    return begin_row(CorpusPair(**said, original=NOWHERE, edited=NOWHERE), "p", 0, Toy.card.name)


def test_columns_are_those_that_are_promised():
    names = "id source_id part row corpus source_type edit_type instruction action concept_original concept_edited"
    names += " status reason message height width mask area components qes alignment agreement phash"
    names += " original_sha256 edited_sha256 soft"
    assert SCHEMA.names == names.split()
    assert table_of([unread_row("p", 0, "toy")]).schema == SCHEMA


@pytest.mark.parametrize(
    "text", ["a\x00b", "a\ud800b", "x" * 10_000, "\x1b[31mred\x9b", "=HYPERLINK(1)", "../../etc/passwd", "\u202eabc"]
)
def test_texts_of_a_corpus_can_be_stored_whatever_they_hold(text):
    row = begun(instruction=text, source_id=text, source_type=text)
    back = pq.read_table(io.BytesIO(parquet_bytes(table_of([row])))).to_pylist()[0]
    assert len(back["instruction"]) <= MAX_INSTRUCTION
    assert len(back["source_id"]) <= 512
    for value in (back["instruction"], back["source_id"], back["source_type"]):
        assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in value)
    assert back["id"] == "p#0"


def test_ordinary_texts_stay_as_they_are():
    assert harmless("Füge ein Boot hinzu, 请 🚤", 100) == "Füge ein Boot hinzu, 请 🚤"


def test_a_cut_instruction_is_noted():
    assert begun(instruction="x" * 5000).message == "instruction cut at 4096 of 5000 characters"


def test_addresses_of_objects_are_not_stored():
    row = begun()
    row.end("failed", "adapter-error", f"bad {object()}")
    assert row.message == "bad <object object at 0x0>"


def test_the_bytes_do_not_tell_how_the_rows_came_together():
    rows = [unread_row("p", number, "toy") for number in range(7)]
    pieces = pa.concat_tables([table_of(rows[:2]), table_of(rows[2:3]), table_of(rows[3:])])
    assert parquet_bytes(table_of(rows)) == parquet_bytes(pieces)
