"""What is written of each pair of a corpus: one row, whatever came of it."""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from imlbench.errors import one_line

if TYPE_CHECKING:
    from imlbench.corpora.base import CorpusPair

Status = Literal["kept", "rejected", "failed", "excluded"]
"""kept: passed every gate. rejected: it never will under this plan. failed: another attempt may help. excluded: its
edit type was not asked for, and no image of it was opened."""

MAX_INSTRUCTION = 4096
MAX_NAME = 512
"""Characters of a text; what lies beyond is cut."""

ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,16}")

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("source_id", pa.string()),
        ("part", pa.string()),
        ("row", pa.int64()),
        ("corpus", pa.string()),
        ("source_type", pa.string()),
        ("edit_type", pa.string()),
        ("instruction", pa.string()),
        ("action", pa.string()),
        ("concept_original", pa.string()),
        ("concept_edited", pa.string()),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("message", pa.string()),
        ("height", pa.int32()),
        ("width", pa.int32()),
        ("mask", pa.binary()),
        ("area", pa.float64()),
        ("components", pa.int32()),
        ("qes", pa.float64()),
        ("alignment", pa.float64()),
        ("agreement", pa.float64()),
        ("phash", pa.string()),
        ("original_sha256", pa.string()),
        ("edited_sha256", pa.string()),
        ("soft", pa.binary()),
    ]
)


@dataclass(slots=True)
class Row:
    """One pair, as stored.

    Attributes:
        id: "<part>#<row>".
        source_id: the source's own id, cut and printable; "" where it has none.
        part: name of the input file.
        row: place in it, from 0.
        corpus: label of the corpus.
        source_type: the source's own name of the edit type, cut and printable.
        edit_type: word of `imlbench.corpora.vocabulary`.
        instruction: the command, without control characters, cut at 4,096 characters; the annotator sees this text.
        action: kind of edit, a word of `imlbench.synthesis.reading.ACTIONS`; None where nothing tells.
        concept_original: what the instruction takes away; None where it names nothing.
        concept_edited: what it brings, likewise.
        status: what came of the pair.
        reason: why it is not kept; "" where it is.
        message: the reason in words, and notes.
        height: of the edited image, pixels; None where it was not decoded.
        width: likewise.
        mask: COCO's compressed run lengths at the edited image's size, see `imlbench.rle`; None where nothing was
            annotated. Rejected pairs keep theirs.
        area: share of the pixels marked, in [0, 1].
        components: 8-connected regions of the mask.
        qes: decisiveness of the score map, in [0, 1], see `imlbench.annotating.gate.decisiveness`.
        alignment: in [0, 1], see `imlbench.annotating.alignment`; None where too little lies outside the mask.
        agreement: intersection over union with the second annotator's mask, in [0, 1]; None without one.
        phash: perceptual hash of the original as stored, 16 hexadecimal digits.
        original_sha256: of the original's bytes, hexadecimal.
        edited_sha256: of the edited image's bytes, hexadecimal.
        soft: PNG of the scores, 8-bit grey, 255 = certain; None unless asked for.
    """

    id: str
    source_id: str
    part: str
    row: int
    corpus: str
    source_type: str
    edit_type: str
    instruction: str | None = None
    action: str | None = None
    concept_original: str | None = None
    concept_edited: str | None = None
    status: Status = "kept"
    reason: str = ""
    message: str = ""
    height: int | None = None
    width: int | None = None
    mask: bytes | None = None
    area: float | None = None
    components: int | None = None
    qes: float | None = None
    alignment: float | None = None
    agreement: float | None = None
    phash: str | None = None
    original_sha256: str | None = None
    edited_sha256: str | None = None
    soft: bytes | None = None

    def end(self, status: Status, reason: str, message: str) -> None:
        """Set what came of the pair; what was noted before stays in the message."""
        self.status, self.reason = status, reason
        self.note(message)

    def note(self, text: str) -> None:
        """Add to the message."""
        # Where an object lay in memory says nothing, and would differ between two attempts.
        self.message = one_line("; ".join(filter(None, (self.message, ADDRESS.sub("0x0", text)))))


def begin_row(pair: CorpusPair, part: str, number: int, corpus: str) -> Row:
    """The row of a pair of which nothing is known but what its source says; texts are made harmless."""
    row = Row(
        id=harmless(pair.id, MAX_NAME),
        source_id=harmless(pair.source_id, MAX_NAME),
        part=part,
        row=number,
        corpus=corpus,
        source_type=harmless(pair.source_type, MAX_NAME),
        edit_type=harmless(pair.edit_type, MAX_NAME),
        instruction=None if pair.instruction is None else harmless(pair.instruction, MAX_INSTRUCTION),
    )
    if pair.instruction is not None and len(pair.instruction) > MAX_INSTRUCTION:
        row.note(f"instruction cut at {MAX_INSTRUCTION} of {len(pair.instruction)} characters")
    return row


def unread_row(part: str, number: int, corpus: str) -> Row:
    """The row of a pair that not even its source could be asked about."""
    return Row(f"{part}#{number}", "", part, number, corpus, "", "other")


def harmless(text: str, limit: int) -> str:
    """Text that every reader takes: at most `limit` characters, control characters as spaces, no half characters."""
    cut = text[:limit]
    if not cut.isprintable():
        cut = "".join(" " if unicodedata.category(letter) == "Cc" else letter for letter in cut)
    return cut.encode(errors="replace").decode()


def table_of(rows: Sequence[Row]) -> pa.Table:
    """Rows as an Arrow table of `SCHEMA`."""
    names = [field.name for field in fields(Row)]
    columns: dict[str, list[Any]] = {name: [getattr(row, name) for row in rows] for name in names}
    return pa.table(columns, schema=SCHEMA)


def parquet_bytes(table: pa.Table) -> bytes:
    """The table as a Parquet file: the same bytes for the same rows, however they came together."""
    buffer = io.BytesIO()
    # One chunk per column: pages must not tell from which pieces the table was joined.
    pq.write_table(table.combine_chunks(), buffer, compression="zstd", write_page_checksum=True, version="2.6")
    return buffer.getvalue()
