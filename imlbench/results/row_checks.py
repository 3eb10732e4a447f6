"""What a row must satisfy to enter a results file, whoever wrote it."""

from __future__ import annotations

import hashlib
import json
import math
import re
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from imlbench.errors import one_line
from imlbench.histograms import BINS
from imlbench.results.rows import STORED, Column, Row, RowError

if TYPE_CHECKING:
    from numpy.typing import NDArray

TIME = re.compile(r"\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-6]\d\+00:00")
CHOICES = {
    "kind": ("annotator", "detector"),
    "soft": (0, 1),
    "scope": ("local", "whole-image", "authentic"),
    "status": ("ok", "skipped", "failed"),
}
TYPES = {"text": str, "integer": int, "real": float, "bytes": bytes}
LARGEST = (1 << 63) - 1
HISTOGRAM_BYTES = 2 * BINS * 4
COUNTS = ("tp", "fp", "fn", "tn")
BOUNDARIES = (
    *("boundary_tolerance", "boundary_predicted", "boundary_predicted_matched"),
    *("boundary_true", "boundary_true_matched"),
)
NAMED_TWICE = ("kind", "adapter", "dataset", "perturbation", "severity", "threshold")
"""What a run's identity says too."""


def check_row(row: Row) -> None:
    """Check the stored columns of a row: types, ranges, and that they fit together.

    Raises:
        RowError: the first thing that is wrong.
    """
    for column in STORED:
        check_value(column, row[column.name])
    check_run(row)
    check_sample(row)
    if row["status"] == "ok":
        check_counts(row)
    else:
        require(bool(row["reason"]), f"reason: expected one for a sample that is {row['status']}, found none")
        counted = [name for name in (*COUNTS, *BOUNDARIES, "histogram", "image_score") if row[name] is not None]
        require(not counted, f"{', '.join(counted)}: expected nothing for a sample that is {row['status']}")


NOTHING = object()


def require(holds: bool, message: str, found: object = NOTHING) -> None:
    """Raise unless a condition holds.

    Raises:
        RowError: with the message, and what was found.
    """
    if not holds:
        raise RowError(message if found is NOTHING else f"{message}, found {shown(found)}")


def check_value(column: Column, value: Any) -> None:
    """Type and range of one value."""
    name = column.name
    if value is None:
        require(column.nullable, f"{name}: expected {column.kind}, found nothing")
        return
    # To Python, true is a number too.
    fits = isinstance(value, TYPES[column.kind]) and not isinstance(value, bool)
    require(fits, f"{name}: expected {column.kind}", value)
    if isinstance(value, int):
        require(0 <= value <= LARGEST, f"{name}: expected a number from 0 up to 2^63 - 1", value)
    if isinstance(value, float):
        require(math.isfinite(value), f"{name}: expected a finite number", value)
    if isinstance(value, str):
        require(encodable(value), f"{name}: expected text, found half characters (lone surrogates)")
    if name in CHOICES:
        require(value in CHOICES[name], f"{name}: expected one of {', '.join(map(str, CHOICES[name]))}", value)


def shown(value: object) -> str:
    """A value in a message."""
    return one_line(repr(value), 80)


def encodable(text: str) -> bool:
    """Whether text has a UTF-8 form, which lone surrogates lack."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_run(row: Row) -> None:
    """The run's identity, card and times."""
    identity = parsed(row, "identity", dict)
    expected = hashlib.sha256(row["identity"].encode()).hexdigest()[:16]
    require(row["run_id"] == expected, f"run_id: its identity gives {expected}", row["run_id"])
    for name in NAMED_TWICE:
        agrees = name not in identity or identity[name] == row[name]
        require(agrees, f"{name}: the run's identity says otherwise", row[name])
    parsed(row, "card", dict)
    parsed(row, "provenance", dict)
    for name in ("created", "started", "finished"):
        found = row[name]
        fits = found is None or bool(TIME.fullmatch(found))
        require(fits, f"{name}: expected a time such as 2026-01-31T12:00:00+00:00", found)


def check_sample(row: Row) -> None:
    """The sample's facts."""
    require(row["sample_id"] != "", "sample_id: expected one, found nothing")
    for name in ("tags", "files"):
        facts = parsed(row, name, dict)
        require(all(isinstance(value, str) for value in facts.values()), f"{name}: expected texts only")
    require(all(isinstance(note, str) for note in parsed(row, "notes", list)), "notes: expected texts only")
    require((row["seconds"] or 0) >= 0, "seconds: expected 0 or more", row["seconds"])
    difference = row["outside_difference"]
    require(difference is None or difference <= 255, "outside_difference: expected 0 to 255", difference)


def parsed(row: Row, name: str, kind: type) -> Any:
    """A column's JSON.

    Raises:
        RowError: no JSON of this kind.
    """
    try:
        value = json.loads(row[name])
    except (ValueError, RecursionError):
        value = None
    wanted = "object" if kind is dict else "array"
    require(isinstance(value, kind), f"{name}: expected a JSON {wanted}", row[name])
    return value


def check_counts(row: Row) -> None:
    """Counts of a scored sample against its size, its mask and its histogram."""
    missing = [name for name in (*COUNTS, "width", "height", "edited_pixels") if row[name] is None]
    require(not missing, f"{', '.join(missing)}: expected numbers for a scored sample, found nothing")
    require(row["reason"] == "", "reason: expected none for a scored sample", row["reason"])
    tp, fp, fn, tn = (row[name] for name in COUNTS)
    pixels = row["width"] * row["height"]
    require(tp + fp + fn + tn == pixels, f"tp + fp + fn + tn is {tp + fp + fn + tn}, the image has {pixels} pixels")
    require(tp + fn == row["edited_pixels"], f"tp + fn is {tp + fn}, the mask has {row['edited_pixels']} pixels")
    if row["histogram"] is not None:
        sums = tuple(int(total) for total in unpacked(row["histogram"]).sum(axis=1))
        message = f"histogram: expected sums of {fp + tn} and {tp + fn}, found {sums[0]} and {sums[1]}"
        require(sums == (fp + tn, tp + fn), message)
    check_boundary(row)
    score = row["image_score"]
    require(score is None or 0 <= score <= 1, "image_score: expected 0 to 1", score)
    only = "image_score: expected none of an annotator"
    require(score is None or row["kind"] == "detector", only, score)


def unpacked(data: bytes) -> NDArray[np.int64]:
    """2 x 256, int64: a stored histogram, without ever unpacking more than it may hold.

    Raises:
        RowError: the bytes are no histogram.
    """
    unpacker = zlib.decompressobj()
    try:
        plain = unpacker.decompress(data, HISTOGRAM_BYTES + 1)
    except zlib.error as error:
        raise RowError(f"histogram: cannot be unpacked ({one_line(error)})") from error
    whole = unpacker.eof and not unpacker.unused_data and len(plain) == HISTOGRAM_BYTES
    require(whole, f"histogram: expected exactly {HISTOGRAM_BYTES} packed bytes")
    return np.frombuffer(plain, dtype="<u4").reshape(2, BINS).astype(np.int64)


def check_boundary(row: Row) -> None:
    """Boundary counts: all or none, no more matched than there are."""
    values = [row[name] for name in BOUNDARIES]
    known = [value is not None for value in values]
    require(all(known) or not any(known), "boundary columns: expected all of them or none")
    if all(known):
        _, predicted, predicted_matched, true, true_matched = values
        fits = predicted_matched <= predicted and true_matched <= true
        require(fits, "boundary columns: more pixels matched than there are")
