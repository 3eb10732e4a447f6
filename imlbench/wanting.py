"""What an adapter lacks on this machine and how to come by it, short enough for a table's footer."""

from __future__ import annotations

import re
from typing import Any

from imlbench.adapters import missing
from imlbench.errors import one_line
from imlbench.weights.entries import Source, WeightFile
from imlbench.weights.known import catalogue
from imlbench.weights.locating import lacking

PLACE = re.compile(r"no file .*?; ")
"""Where the file would lie: it tells nothing on another machine, and fills the line."""
ALTERNATIVE = re.compile(r", or imlbench weights get \S+ --from FOLDER$")
LENGTH = 400


def wanting(name: str, factory: Any) -> list[str]:
    """What is missing before an adapter can run here and how to get it, one line each; empty = nothing is seen.

    What the adapter itself names comes first; weights of its own that nobody publishes, which it would name next, are
    added.

    Args:
        name: as it is registered.
        factory: what is registered.
    """
    told = missing(factory)
    if not told:
        return []
    found = [short(told)]
    for entry in catalogue().values():
        if entry.source is Source.OWN and name in entry.needed_by and not names(told, entry):
            found += [short(text)] if (text := lacking(entry.name)) else []
    return list(dict.fromkeys(found))


def names(told: str, entry: WeightFile) -> bool:
    """Whether a line says already that these weights are missing, in the catalogue's words or with its remedy."""
    return told.startswith(f"weights {entry.name}:") or (entry.how != "" and entry.how in told)


def short(told: str) -> str:
    """What is missing and the first way to get it: "weights taef2: imlbench weights get taef2"."""
    return one_line(ALTERNATIVE.sub("", PLACE.sub("", told)), LENGTH)
