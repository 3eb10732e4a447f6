"""Published rows that nobody has run: what their annotators lack on this machine, and how to get or train it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from imlbench import registry
from imlbench.errors import UserError
from imlbench.wanting import wanting

if TYPE_CHECKING:
    from reports.grid import Grid, Line

NOTHING_MISSING = "nothing is missing"
NOT_INSTALLED = "no installed package has an annotator of this title"


def lacks(grid: Grid) -> dict[Line, str]:
    """For each published row without a run what it lacks here, on one line, in the table's order."""
    empty = [row for row in grid.rows if row.key[0] == "published"]
    if not empty:
        return {}
    installed = factories()
    return {row: lack(installed.get(row.label, {})) for row in empty}


def factories() -> dict[str, dict[str, object]]:
    """What is registered as an annotator, by title and by name. What cannot be loaded is no row's annotator."""
    found: dict[str, dict[str, object]] = {}
    for name in registry.names("annotators"):
        try:
            factory = registry.resolve("annotators", name).load()
            found.setdefault(factory.card.title, {})[name] = factory
        except (UserError, AttributeError):
            continue
    return found


def lack(named: Mapping[str, object]) -> str:
    """What one of these annotators lacks: none is needed but one that can run."""
    if not named:
        return NOT_INSTALLED
    wanted = {name: wanting(name, factory) for name, factory in named.items()}
    if not all(wanted.values()):
        ready = [name for name, lines in wanted.items() if not lines]
        return f"{NOTHING_MISSING}: imlbench annotate-eval --annotator {ready[0]}"
    return "; ".join(line for lines in wanted.values() for line in lines)


def not_run_notes(lacking: Mapping[Line, str]) -> Iterator[str]:
    """A line for each row; one for all those that only have to be run."""
    ready = [row.label for row, text in lacking.items() if text.startswith(NOTHING_MISSING)]
    if ready:
        yield f"Not run, though nothing is missing here: {', '.join(ready)}: imlbench annotate-eval --annotator NAME."
    for row, text in lacking.items():
        if row.label not in ready:
            yield f"Not run: {row.label}: {text}."
