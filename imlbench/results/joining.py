"""Rows joined to a results file: what agrees is kept once, what contradicts is refused."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from imlbench.errors import UserError, one_line
from imlbench.results.rows import Row, RowError, names_of
from imlbench.results.store import insertion
from imlbench.results.verdicts import COMPARED, Keep, Verdict, verdict

NAMED = 5
"""Samples named in a message."""
RUN, INVOCATION, SAMPLE, COUNT = (names_of(table) for table in ("runs", "invocations", "samples", "counts"))
VERSIONS = ("metric_version", "protocol_version")
CELL = ("kind", "adapter", "dataset", "perturbation", "severity", "target")
SIZES = ("width", "height", "edited_pixels", "scope")

CONTENTS = "CREATE TEMP TABLE {} (dataset, sample_id, content, PRIMARY KEY (dataset, sample_id, content)) WITHOUT ROWID"
CONTRADICTED = (
    "SELECT dataset, sample_id FROM incoming WHERE (dataset, sample_id) IN (SELECT dataset, sample_id FROM before) "
    "EXCEPT SELECT dataset, sample_id FROM incoming JOIN before USING (dataset, sample_id, content)"
)
STORED = (
    f"SELECT {', '.join(COMPARED)} FROM counts JOIN samples USING (sample_key) "
    "LEFT JOIN invocations USING (invocation_id) WHERE run_id = ? AND counts.sample_id = ?"
)


@dataclass(slots=True)
class Joined:
    """What came of joining.

    Attributes:
        verdicts: rows by verdict.
        runs: ids of the runs that the rows belong to.
    """

    verdicts: dict[Verdict, int] = field(default_factory=lambda: dict.fromkeys(Verdict, 0))
    runs: set[str] = field(default_factory=set)


class Joiner:
    """Adds rows from several sources, one after the other, inside a transaction that is open already.

    Args:
        connection: to the results file.
        keep: what to do where two counts of one run and sample contradict one another: refuse, or keep the newest.
    """

    def __init__(self, connection: sqlite3.Connection, keep: Keep = "refuse") -> None:
        self._connection = connection
        self._keep: Keep = keep
        self.joined = Joined()
        for table in ("before", "incoming"):
            connection.execute(CONTENTS.format(table))

    def begin(self) -> None:
        """A new source starts; what was joined before is now what it is compared with."""
        self._connection.execute("DELETE FROM incoming")
        self._connection.execute("DELETE FROM before")
        contents = "SELECT DISTINCT dataset, samples.sample_id, content FROM counts JOIN samples USING (sample_key)"
        self._connection.execute(f"INSERT INTO before {contents} WHERE content <> ''")
        self._versions_before: dict[tuple[Any, ...], set[str]] = {}
        for identity, *cell in self._connection.execute(f"SELECT identity, {', '.join(CELL)} FROM runs"):
            self._versions_before.setdefault(tuple(cell), set()).add(versions(identity))
        self._versions: dict[tuple[Any, ...], set[str]] = {}
        self._runs: dict[str, tuple[Any, ...]] = {}
        self._invocations: dict[int, tuple[int, tuple[Any, ...]]] = {}
        self._conflicts: dict[str, list[str]] = {}
        self._touched: set[str] = set()

    def add(self, row: Row) -> None:
        """Join a checked row.

        Raises:
            RowError: the row contradicts an earlier one of its source on the run or the invocation.
        """
        self.add_run(row)
        invocation_id = self.add_invocation(row)
        if row["content"]:
            key = (row["dataset"], row["sample_id"], row["content"])
            self._connection.execute("INSERT OR IGNORE INTO incoming VALUES (?, ?, ?)", key)
        found = self._connection.execute(STORED, (row["run_id"], row["sample_id"])).fetchone()
        there = None if found is None else dict(zip(COMPARED, found, strict=True))
        decided = verdict(row, there, self._keep)
        if decided in (Verdict.CONTENTS, Verdict.COUNTS):
            self._conflict(row, f"different {decided}")
        elif decided in (Verdict.ADDED, Verdict.REPLACED):
            self._store(row, invocation_id)
        self.joined.verdicts[decided] += 1
        self.joined.runs.add(row["run_id"])

    def add_run(self, row: Mapping[str, Any]) -> None:
        """Make the row's run known; one that is there already stays as it is."""
        values = tuple(row[name] for name in RUN)
        known = self._runs.setdefault(row["run_id"], values)
        if known is values:
            columns = dict(zip(RUN, values, strict=True))
            self._connection.execute(insertion("INSERT OR IGNORE", "runs", columns), columns)
            cell = tuple(row[name] for name in CELL)
            self._versions.setdefault(cell, set()).add(versions(row["identity"]))
        elif known != values:
            differing = [name for name, one, other in zip(RUN, known, values, strict=True) if one != other]
            raise RowError(f"{', '.join(differing)}: other than in an earlier row of run {row['run_id']}")

    def add_invocation(self, row: Mapping[str, Any]) -> int:
        """The row's invocation in this file: one execution is one invocation, however often it is joined."""
        values = tuple(row[name] for name in INVOCATION)
        number, started, finished, provenance = values
        known = self._invocations.get(number)
        if known is not None:
            if known[1] != values:
                raise RowError(f"invocation_id: {number} has another provenance than in an earlier row")
            return known[0]
        # Two executions in one second may look the same: each stands for one of its own.
        used = {here for here, _ in self._invocations.values()}
        statement = (
            "SELECT invocation_id FROM invocations WHERE started = ? AND provenance = ? "
            "ORDER BY invocation_id <> ?, invocation_id"
        )
        same = self._connection.execute(statement, (started, provenance, number)).fetchall()
        here = next((found for (found,) in same if found not in used), None)
        if here is None:
            here = self._new_invocation(number, values)
        elif finished is not None:
            ended = "UPDATE invocations SET finished = ? WHERE invocation_id = ? AND finished IS NULL"
            self._connection.execute(ended, (finished, here))
        self._invocations[number] = (here, values)
        return here

    def _new_invocation(self, number: int, values: Sequence[Any]) -> int:
        """Insert an invocation, under its own number where that is free."""
        taken = self._connection.execute("SELECT 1 FROM invocations WHERE invocation_id = ?", (number,)).fetchone()
        row = (None if taken else number, *values[1:])
        columns = ", ".join(INVOCATION)
        cursor = self._connection.execute(f"INSERT INTO invocations ({columns}) VALUES (?, ?, ?, ?)", row)
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def _store(self, row: Row, invocation_id: int) -> None:
        """Write a row; the facts of a sample that is there already stay."""
        facts = {name: row[name] for name in ("dataset", *SAMPLE)}
        statement = (
            f"SELECT sample_key, outside_difference, {', '.join(SIZES)} FROM samples "
            "WHERE dataset = :dataset AND sample_id = :sample_id AND content = :content"
        )
        there = self._connection.execute(statement, facts).fetchone()
        if there is None:
            sample_key = self._connection.execute(insertion("INSERT", "samples", facts), facts).lastrowid
        elif row["content"] and there[2:] != tuple(row[name] for name in SIZES):
            self._conflict(row, "one content with two sizes, masks or scopes")
            return
        else:
            sample_key = there[0]
            if there[1] is None and row["outside_difference"] is not None:
                # Until now only detectors have looked at it, who do not see the original.
                told = "UPDATE samples SET outside_difference = ?, notes = ? WHERE sample_key = ?"
                self._connection.execute(told, (row["outside_difference"], row["notes"], sample_key))
        values = {name: row[name] for name in ("run_id", "sample_id", *COUNT)}
        values |= {"sample_key": sample_key, "invocation_id": invocation_id}
        self._connection.execute(insertion("INSERT OR REPLACE", "counts", values), values)
        self._touched.add(row["run_id"])

    def _conflict(self, row: Row, kind: str) -> None:
        """Note a contradiction."""
        run = f"{one_line(row['adapter'], 80)} on {one_line(row['dataset'], 80)} [{row['run_id'][:12]}]"
        self._conflicts.setdefault(f"{kind} in run {run}", []).append(row["sample_id"])

    def end(self, name: str, others: str) -> None:
        """The source is complete: refuse it where it contradicts what was there; drop the means that no longer hold.

        Args:
            name: of the source.
            others: what it was compared with.

        Raises:
            UserError: different versions, contents or counts; the message names runs and samples.
        """
        against = f"{one_line(name, 200)} against {one_line(others, 200)}"
        self._refuse_versions(against)
        self._refuse_contents(against)
        for kind, samples in self._conflicts.items():
            newest = "; or keep the newest with --keep newest" if kind.startswith(f"different {Verdict.COUNTS}") else ""
            raise UserError(f"{against}: {kind}: {some(samples)}: compute one of them anew{newest}")
        rows = [(run_id,) for run_id in sorted(self._touched)]
        self._connection.executemany("DELETE FROM summaries WHERE run_id = ?", rows)

    def _refuse_versions(self, against: str) -> None:
        """Refuse numbers of one adapter under one condition that do not mean the same.

        Raises:
            UserError: no version is on both sides.
        """
        for cell, found in self._versions.items():
            there = self._versions_before.get(cell, found)
            if not there & found:
                _, adapter, dataset, perturbation, severity, _ = cell
                condition = f" under {perturbation}:{severity}" if perturbation else ""
                which = one_line(f"{adapter} on {dataset}{condition}", 200)
                sides = f"{' and '.join(sorted(found))} against {' and '.join(sorted(there))}"
                raise UserError(f"{against}: {which} has {sides}: compute the older one anew with this imlbench")

    def _refuse_contents(self, against: str) -> None:
        """Refuse samples of one id that are not the same images.

        Raises:
            UserError: no content is on both sides.
        """
        found = self._connection.execute(CONTRADICTED).fetchall()
        if found:
            dataset = found[0][0]
            samples = [sample_id for name, sample_id in found if name == dataset]
            message = f"dataset {one_line(dataset, 80)} has other images or masks: {some(samples)}"
            raise UserError(f"{against}: {message}: use the same copy of the dataset for both")


def versions(identity: str) -> str:
    """The versions in a run's identity: "metric version 1, protocol version 1"."""
    try:
        said = json.loads(identity)
    except (ValueError, RecursionError):
        said = None
    found = said if isinstance(said, dict) else {}
    return ", ".join(f"{name.replace('_', ' ')} {one_line(found.get(name, 'unknown'), 40)}" for name in VERSIONS)


def some(samples: Sequence[str]) -> str:
    """How many samples, and the first of them."""
    named = ", ".join(one_line(sample, 120) for sample in samples[:NAMED])
    number = f"{len(samples)} sample{'s' if len(samples) > 1 else ''}"
    return f"{number} ({named}{', ...' if len(samples) > NAMED else ''})"
