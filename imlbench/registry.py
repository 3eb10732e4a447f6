"""Finds annotators, detectors, datasets, corpora, perturbations, reports and all else that is an entry point.

Nothing is imported until it is asked for: listing names reads package metadata only.
"""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import distributions
from typing import Any, Literal, cast, get_args

from imlbench.errors import UserError, one_line

Kind = Literal[
    "annotators",
    "detectors",
    "datasets",
    "corpora",
    "perturbations",
    "reports",
    "trainers",
    "grounders",
    "commands",
]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Entry:
    """A registered name.

    Attributes:
        kind: the group it belongs to.
        name: as typed at the command line.
        target: "module:attribute".
        package: the distribution that registers it.
    """

    kind: Kind
    name: str
    target: str
    package: str

    def load(self) -> Any:
        """Import and return the registered object.

        Raises:
            UserError: its import fails; the message names the package that registered it.
        """
        module, _, attribute = self.target.partition(":")
        try:
            value = import_module(module)
            for part in attribute.split("."):
                value = getattr(value, part)
        except Exception as error:
            # A third party's module may raise anything on import; the user must learn whose it was.
            reason = one_line(f"{type(error).__name__}: {error}")
            message = f"{self.name} (registered by {self.package} as {self.target}) cannot be loaded: {reason}"
            raise UserError(message) from error
        return value


@cache
def groups() -> dict[str, dict[str, list[Entry]]]:
    """All of imlbench's entry points: kind -> name -> entries, several where names clash."""
    found: dict[str, dict[str, list[Entry]]] = {kind: {} for kind in KINDS}
    for distribution in distributions():
        for point in distribution.entry_points:
            prefix, _, kind = point.group.partition(".")
            if prefix != "imlbench" or kind not in found:
                continue
            entry = Entry(cast("Kind", kind), point.name, point.value, distribution.name)
            same_name = found[kind].setdefault(point.name, [])
            # One package can be seen twice, as an editable install and as its build folder.
            if entry not in same_name:
                same_name.append(entry)
    return found


def singular(kind: Kind) -> str:
    """The word for one entry of a kind."""
    return "corpus" if kind == "corpora" else kind[:-1]


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key under which pixdiff-5 comes before pixdiff-10."""
    parts = re.split(r"(\d+)", name)
    # Numbers by their length, then digit by digit: int() refuses those of thousands of digits.
    return [(0, len(part.lstrip("0")), part.lstrip("0")) if part.isdecimal() else (1, 0, part) for part in parts]


def names(kind: Kind) -> list[str]:
    """Registered names of a kind, in natural order."""
    return sorted(groups()[kind], key=natural_key)


def resolve(kind: Kind, name: str) -> Entry:
    """The entry of that name.

    Raises:
        UserError: unknown (with the nearest names), or registered by two packages.
    """
    entries = groups()[kind].get(name)
    if not entries:
        raise UserError(unknown(kind, name))
    if len(entries) > 1:
        owners = " and ".join(f"{entry.package} ({entry.target})" for entry in entries)
        raise UserError(f"{singular(kind)} {name} is registered twice, by {owners}; uninstall one or rename it")
    return entries[0]


def unknown(kind: Kind, name: str) -> str:
    """Message for a name that is not registered."""
    near = difflib.get_close_matches(name, names(kind), n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(near)}?" if near else f"`imlbench list {kind}` shows what there is"
    return f"unknown {singular(kind)} {one_line(name, 80)!r}: {hint}"


def is_pattern(name: str) -> bool:
    """Whether a name is a shell glob."""
    return any(character in name for character in "*?[")


def match(kind: Kind, patterns: Iterable[str]) -> list[Entry]:
    """Entries whose names match any of the patterns (shell globs), in the order asked for, each once.

    Raises:
        UserError: a pattern matches nothing.
    """
    chosen: dict[str, Entry] = {}
    for pattern in patterns:
        if is_pattern(pattern):
            matching = [name for name in names(kind) if fnmatch.fnmatchcase(name, pattern)]
            if not matching:
                raise UserError(f"no {singular(kind)} matches {pattern!r}: `imlbench list {kind}` shows what there is")
        else:
            matching = [pattern]
        for name in matching:
            chosen.setdefault(name, resolve(kind, name))
    return list(chosen.values())
