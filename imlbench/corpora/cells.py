"""What a cell of a table says: a text, an image, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imlbench.corpora.base import CorpusPair
from imlbench.corpora.vocabulary import OTHER
from imlbench.errors import Reason, SampleError, one_line
from imlbench.sources import MAX_FILE_BYTES, BrokenSource, BytesSource, Source


def as_text(value: Any) -> str | None:
    """A cell as text, None where it holds none: null, blank, or something that is neither text nor number."""
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value if isinstance(value, str) and value.strip() else None


def first_text(values: Mapping[str, Any], *names: str) -> str | None:
    """The first of these columns that holds text, None where none does."""
    return next((text for name in names if (text := as_text(values.get(name))) is not None), None)


def image_source(name: str, value: Any) -> Source:
    """The encoded image of a cell: bytes, or a struct of bytes and a path whose file is elsewhere."""
    if isinstance(value, SampleError):
        return BrokenSource(name, value.reason, value.message)
    data, path = (value.get("bytes"), value.get("path")) if isinstance(value, dict) else (value, None)
    if data is None:
        found = f"only the path {one_line(path, 80)!r}, whose file is not in the shard" if path else "a null"
        return BrokenSource(name, Reason.MISSING_PARTNER, f"{name}: an image expected, found {found}")
    if len(data) > MAX_FILE_BYTES:
        return BrokenSource(name, Reason.TOO_LARGE, f"{name}: {len(data)} bytes, limit {MAX_FILE_BYTES}")
    return BytesSource(name, data)


def broken_pair(name: str, error: SampleError) -> CorpusPair:
    """A row of which nothing could be read."""
    broken = BrokenSource(name, error.reason, error.message)
    return CorpusPair(name, "", "", OTHER, None, broken, broken)
