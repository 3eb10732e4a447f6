"""Reading JSON files that came with a dataset: bounded, below the root, with one line of reason where it fails."""

from __future__ import annotations

import json
import os
from typing import Any

from imlbench.errors import Reason, SampleError
from imlbench.sources import FileSource


def read_json(root: str, name: str, max_bytes: int) -> Any:
    """The value in the JSON file `name` below `root`; a byte-order mark is accepted.

    Raises:
        SampleError: missing, outside the root, larger than `max_bytes`, not UTF-8, not JSON, or nested too deeply.
    """
    source = FileSource(root, name)
    found = size(source)
    if found > max_bytes:
        raise SampleError(Reason.TOO_LARGE, f"{name}: {found} bytes, at most {max_bytes} expected")
    data = source.read()
    try:
        return json.loads(data.decode("utf-8-sig"))
    except RecursionError:
        raise SampleError(Reason.UNREADABLE, f"{name}: not usable JSON: nested too deeply") from None
    except ValueError as error:
        raise SampleError(Reason.UNREADABLE, f"{name}: not JSON: {error}") from None


def size(source: FileSource) -> int:
    """Bytes of a file; 0 where it cannot be told, so that reading it says why."""
    try:
        return os.stat(source.path()).st_size
    except OSError:
        return 0
