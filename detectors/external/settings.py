"""Which command runs a detector's checkout, and how long it may take: the environment, or the config file."""

from __future__ import annotations

import hashlib
import math
import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from imlbench.config import config_files, read_toml
from imlbench.errors import UserError, one_line
from imlbench.weights.places import key, variable

TABLE = "detectors"
START_SECONDS = 300.0
"""Until a process is ready: it imports its libraries and reads its weights."""
PICTURE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class ExternalSettings:
    """How a detector in another process is run.

    Attributes:
        command: program and arguments; empty = none is named.
        folder: that it runs in; empty = the current one.
        weights: a file whose hash goes on the card; empty = none is named.
        start_seconds: until it is ready.
        picture_seconds: from one answer to the next.
    """

    command: tuple[str, ...] = ()
    folder: str = ""
    weights: str = ""
    start_seconds: float = START_SECONDS
    picture_seconds: float = PICTURE_SECONDS

    @property
    def identity(self) -> str:
        """What of it may change numbers, in short: the command, where it runs, and nothing of the patience."""
        return hashlib.sha256(repr((self.command, self.folder)).encode()).hexdigest()[:12]


def settings_of(name: str) -> ExternalSettings:
    """What the environment says of a detector, then the config file's table `detectors`.

    `mtcl` has IMLBENCH_MTCL_COMMAND, _FOLDER, _WEIGHTS, _START_SECONDS and _SECONDS, or the lines `mtcl_command` and so
    on of the table.

    Raises:
        UserError: the command cannot be told into words, a number is none, or the config file is no TOML.
    """
    texts = {what: configured(name, what) for what in ("command", "folder", "weights", "start_seconds", "seconds")}
    try:
        command = tuple(shlex.split(texts["command"]))
    except ValueError as error:
        raise UserError(f"{variable(name)}_COMMAND: expected words as a shell reads them ({error})") from None
    return ExternalSettings(
        command,
        os.path.expanduser(texts["folder"]),
        os.path.expanduser(texts["weights"]),
        seconds(name, "start_seconds", texts["start_seconds"], START_SECONDS),
        seconds(name, "seconds", texts["seconds"], PICTURE_SECONDS),
    )


def configured(name: str, what: str) -> str:
    """One setting as text, empty where nothing names it.

    Raises:
        UserError: the config file is no TOML, or the line neither text nor number.
    """
    if value := os.environ.get(f"{variable(name)}_{what.upper()}"):
        return value
    for path in config_files():
        if os.path.isfile(path):
            return configured_in(path, f"{key(name)}_{what}")
    return ""


def configured_in(path: Path, line: str) -> str:
    """A line of a config file's table, as text.

    Raises:
        UserError: the file is no TOML, or the line neither text nor number.
    """
    table = read_toml(path).get(TABLE, {})
    value = table.get(line, "") if isinstance(table, dict) else None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UserError(f'{path}: [{TABLE}]: expected a line such as {line} = "..."')
    return str(value)


def seconds(name: str, what: str, text: str, usual: float) -> float:
    """A number of seconds above 0.

    Raises:
        UserError: it is none.
    """
    if not text:
        return usual
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise UserError(f"{variable(name)}_{what.upper()}: expected seconds above 0, found {one_line(repr(text), 40)}")
    return value
