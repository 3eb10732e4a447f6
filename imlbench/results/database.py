"""The results file on disk: its schema, its version, and clear errors when the disk is at fault.

Tables and the type of each column are the schema below. `histogram` is the zlib-compressed 2 x 256 little-endian
uint32 array of `imlbench.counting.SampleCounts`, NULL for a hard decision, all of whose scores are 0 or 1; columns
with "JSON" beside them hold JSON text; times are UTC, ISO 8601.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imlbench.errors import UserError, one_line

FILE_NAME = "results.db"
SCHEMA_VERSION = 2
"""2 added `image_score`. Files of version 1 are brought up to date when they are written to, and read as they are."""
APPLICATION_ID = 0x494D4C42
"""Marks a SQLite file as ours: "IMLB"."""

BUSY_SECONDS = 60

UPGRADES = {1: ("ALTER TABLE counts ADD COLUMN image_score REAL",)}
"""Statements that bring a file of a version to the next one."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (          -- an adapter on a dataset under a condition
    run_id TEXT PRIMARY KEY,               -- hash of `identity`
    kind TEXT NOT NULL,                    -- annotator | detector
    adapter TEXT NOT NULL,                 -- registered name
    adapter_title TEXT NOT NULL,           -- name in tables
    dataset TEXT NOT NULL,                 -- label: name, or name:variant
    dataset_title TEXT NOT NULL,           -- name in tables
    paper_dataset TEXT NOT NULL,           -- column of the published tables, may be empty
    perturbation TEXT NOT NULL,            -- empty = clean
    severity REAL,                         -- NULL = clean
    target TEXT NOT NULL,                  -- which images are perturbed: edited | both
    threshold REAL NOT NULL,               -- edited where score >= threshold
    soft INTEGER NOT NULL,                 -- 1 where scores between 0 and 1 carry information
    identity TEXT NOT NULL,                -- JSON: all that decides the numbers
    card TEXT NOT NULL,                    -- JSON: the adapter's card
    created TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS invocations (   -- one execution of a command, which may serve several runs
    invocation_id INTEGER PRIMARY KEY,
    started TEXT NOT NULL,
    finished TEXT,                         -- NULL while running or after a kill
    provenance TEXT NOT NULL               -- JSON: versions, decoders, device, options
);
CREATE TABLE IF NOT EXISTS samples (       -- one content of one sample
    sample_key INTEGER PRIMARY KEY,
    dataset TEXT NOT NULL,
    sample_id TEXT NOT NULL,
    content TEXT NOT NULL,                 -- SHA-256 over the hashes in `files`, empty where unreadable
    width INTEGER,                         -- of the edited image, pixels
    height INTEGER,
    edited_pixels INTEGER,                 -- pixels of the mask
    outside_difference INTEGER,            -- largest channel difference outside the mask, 0-255
    scope TEXT NOT NULL,                   -- local | whole-image | authentic
    instruction TEXT,
    tags TEXT NOT NULL,                    -- JSON
    notes TEXT NOT NULL,                   -- JSON: conversions and resizings
    files TEXT NOT NULL,                   -- JSON: SHA-256 of original, edited, mask
    UNIQUE (dataset, sample_id, content)
);
CREATE TABLE IF NOT EXISTS counts (        -- what one run says of one sample
    run_id TEXT NOT NULL REFERENCES runs,
    sample_id TEXT NOT NULL,
    sample_key INTEGER NOT NULL REFERENCES samples,
    invocation_id INTEGER NOT NULL REFERENCES invocations,
    signature TEXT NOT NULL,               -- sizes and times of the files, to notice a change cheaply
    status TEXT NOT NULL,                  -- ok | skipped | failed
    reason TEXT NOT NULL,                  -- class of the failure, empty where ok
    message TEXT NOT NULL,                 -- one line for people
    seconds REAL,                          -- the adapter's time, decoding apart
    tp INTEGER, fp INTEGER, fn INTEGER, tn INTEGER,
    histogram BLOB,                        -- NULL for a hard decision
    boundary_tolerance INTEGER,            -- pixels, NULL where boundaries were not asked for
    boundary_predicted INTEGER, boundary_predicted_matched INTEGER,
    boundary_true INTEGER, boundary_true_matched INTEGER,
    image_score REAL,                      -- a detector's, 0-1: its own, else its map's largest; NULL for annotators
    PRIMARY KEY (run_id, sample_id)
);
CREATE TABLE IF NOT EXISTS summaries (     -- means for readers of this file; reports recompute them
    run_id TEXT NOT NULL REFERENCES runs,
    metric TEXT NOT NULL,
    empty TEXT NOT NULL, average TEXT NOT NULL, invert TEXT NOT NULL,
    n INTEGER NOT NULL,
    mean REAL, stderr REAL, low REAL, high REAL,
    resamples INTEGER NOT NULL, seed INTEGER NOT NULL,
    PRIMARY KEY (run_id, metric, empty, average, invert)
);
"""


def database_path(folder: str | Path) -> Path:
    """The results file of a results folder; a path to a .db file stands for itself."""
    path = Path(folder)
    return path if path.suffix == ".db" else path / FILE_NAME


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite and the disk say into one line that says what to do.

    Raises:
        UserError: the disk is full, the file read-only, locked, damaged, or not a results file.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise UserError(advice(path, error)) from error


def advice(path: Path, error: sqlite3.Error) -> str:
    """What to do about a storage error."""
    said = one_line(error)
    if "full" in said or "disk I/O" in said:
        kept = "everything committed before is kept; free some space and run the same command again"
        return f"{path}: cannot write ({said}): {kept}"
    if "readonly" in said or "unable to open" in said:
        return f"{path}: cannot be opened for writing ({said}): choose a writable folder with --out"
    if "locked" in said or "busy" in said:
        return f"{path}: another process held the file for over {BUSY_SECONDS} s: try again"
    return f"{path}: not a usable results file ({said}): move it away, or choose another folder with --out"


def connect(path: Path) -> sqlite3.Connection:
    """Open a results file for writing, create it when missing.

    Raises:
        UserError: see `storage_errors`; or the file was written by a newer imlbench.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"{path.parent}: cannot be created ({error.strerror}): choose a writable folder with --out"
        raise UserError(message) from error
    with storage_errors(path):
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            prepare(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Check the version, create what is missing, bring an older file up to date."""
    # Before anything is set: another program's file must stay as it is.
    version = check_version(connection, path)
    # Readers and a second writer go on while one writes; file systems that cannot do it stay with a journal.
    connection.execute("PRAGMA journal_mode = WAL")
    # With WAL this loses at most the last commits on a power cut, and never corrupts.
    connection.execute("PRAGMA synchronous = NORMAL")
    if version == SCHEMA_VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    # Another process may have done it while this one waited for the lock.
    version = check_version(connection, path)
    for statement in statements_from(version):
        connection.execute(statement)
    if version != SCHEMA_VERSION:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")


def statements_from(version: int) -> list[str]:
    """What makes a file of a version one of this version; of 0, a new file."""
    if version == 0:
        return SCHEMA.split(";\n")
    return [statement for older in range(version, SCHEMA_VERSION) for statement in UPGRADES[older]]


def check_version(connection: sqlite3.Connection, path: Path) -> int:
    """The file's schema version, 0 for a new file.

    Raises:
        UserError: another program's file, or a newer schema.
    """
    # The tables first: whoever sees them sees the marks that were committed with them, read later. The other way round
    # a file that another process is just creating would be taken for another program's.
    tables = int(connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0])
    application = int(connection.execute("PRAGMA application_id").fetchone()[0])
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if application != APPLICATION_ID and tables:
        message = f"{path}: a SQLite file of another program, not a results file"
        raise UserError(f"{message}: choose another folder with --out")
    if version > SCHEMA_VERSION:
        message = f"{path}: written with results schema {version}, this imlbench reads up to {SCHEMA_VERSION}"
        raise UserError(f"{message}: upgrade imlbench")
    return version


def connect_readonly(path: Path) -> sqlite3.Connection:
    """Open an existing results file for reading, also from a read-only folder.

    Raises:
        UserError: there is none, or it is not usable.
    """
    if not path.is_file():
        made = "`imlbench annotate-eval ... --out DIR` makes one"
        raise UserError(f"{path}: no results file: {made}")
    try:
        return opened_readonly(path, "mode=rw")
    except sqlite3.OperationalError as error:
        # A file in WAL mode is read by way of a shared-memory file beside it, which a read-only folder refuses.
        log = path.with_name(path.name + "-wal")
        if log.exists() and log.stat().st_size:
            message = f"{path}: cannot be read here ({one_line(error)}), since a command that wrote it has not ended"
            raise UserError(f"{message}: copy the folder to a place that you can write") from error
    except sqlite3.Error as error:
        raise UserError(advice(path, error)) from error
    with storage_errors(path):
        return opened_readonly(path, "mode=ro&immutable=1")


def opened_readonly(path: Path, options: str) -> sqlite3.Connection:
    """A connection that writes no result, to a file that has been looked at.

    Opened like a writer's where it may be: only then are the files of the WAL tidied away when the last one closes.
    """
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?{options}", uri=True, timeout=BUSY_SECONDS)
    try:
        if check_version(connection, path) == 1:
            # Of this connection alone, in memory: the file, which may lie in a read-only folder, stays as it is.
            connection.execute("PRAGMA temp_store = MEMORY")
            connection.execute("CREATE TEMP VIEW counts AS SELECT *, NULL AS image_score FROM main.counts")
        connection.execute("PRAGMA query_only = ON")
    except BaseException:
        connection.close()
        raise
    return connection
