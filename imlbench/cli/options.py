"""Options that several commands share, and how their texts are read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import typer

from imlbench.config import read_toml
from imlbench.errors import UserError, one_line


class EmptyOption(StrEnum):
    """The words of `imlbench.metrics.Empty`, which cannot be imported before it is needed."""

    ONE = "one"
    SKIP = "skip"
    ZERO = "zero"


class InvertOption(StrEnum):
    """The words of `imlbench.metrics.Invert`."""

    NEVER = "never"
    BEST = "best"


def config_option(table: str) -> Any:
    """Option --config FILE.toml: defaults for the other options from the file's table; the command line wins."""

    def load(context: typer.Context, path: Path | None) -> Path | None:
        if path is None:
            return None
        values = read_toml(path).get(table)
        if not isinstance(values, dict):
            raise UserError(f"{path}: no table [{table}]")
        known = {option.name: option for option in context.command.params if option.name not in (None, "config")}
        defaults = {name.replace("-", "_"): value for name, value in values.items()}
        defaults = {"as_json" if name == "json" else name: value for name, value in defaults.items()}
        unknown = sorted(set(defaults) - set(known))
        if unknown:
            options = ", ".join(sorted(spelling(name) for name in known if name))
            raise UserError(f"{path}: [{table}] has no option {spelling(unknown[0])!r}; options: {options}")
        for name, value in defaults.items():
            if not fits(value, known[name]):
                raise UserError(f"{path}: [{table}] {spelling(name)}: not a value for this option: {value!r}")
            # "dataset = 'x'" is meant as a list of one.
            if known[name].multiple and isinstance(value, str):
                defaults[name] = [value]
        context.default_map = {**(context.default_map or {}), **defaults}
        return path

    return typer.Option(
        "--config", metavar="FILE.toml", callback=load, is_eager=True, help=f"Read options from its table \\[{table}]."
    )


def spelling(name: str) -> str:
    """An option as it is typed, from its parameter's name."""
    return "json" if name == "as_json" else name.replace("_", "-")


def fits(value: Any, option: Any) -> bool:
    """Whether a TOML value is of a kind that the option could have on the command line."""
    if isinstance(value, list):
        return bool(option.multiple) and all(isinstance(item, str) for item in value)
    # To Python, true is a number too.
    return isinstance(value, bool) == bool(getattr(option, "is_flag", False)) and isinstance(value, str | int | float)


def failure_limit(text: str) -> tuple[float, bool]:
    """The bound of --fail-on-error, and whether it is a fraction: "5" is a number, "0.05" a fraction.

    Raises:
        UserError: neither.
    """
    is_fraction = "." in text
    if not re.fullmatch(r"[0-9]+|[0-9]*\.[0-9]+", text) or (is_fraction and float(text) > 1):
        expected = "a number such as 5 or a fraction from 0.0 to 1.0 such as 0.01"
        raise UserError(f"--fail-on-error: expected {expected}, found {one_line(text, 80)!r}")
    return float(text), is_fraction


def roots_by_dataset(datasets: Sequence[str], roots: Sequence[str]) -> dict[str, Path | None]:
    """Which root each dataset gets; None = from the environment or the config file.

    Args:
        datasets: names, with variants possibly.
        roots: "DIR" or "NAME=DIR", as given with --data-root.

    Raises:
        UserError: a root belongs to no dataset, or a dataset has two.
    """
    plain: list[str] = []
    named: dict[str, Path] = {}
    bare = {spec.partition(":")[0] for spec in datasets}
    for root in roots:
        name, separator, folder = root.partition("=")
        if separator and (name in datasets or name in bare):
            if name in named:
                raise UserError(f"--data-root: two folders for {name}: {named[name]} and {folder}; give one")
            named[name] = Path(folder)
        else:
            plain.append(root)
    if len(plain) > 1:
        found_two = f"--data-root: two folders, {plain[0]} and {plain[1]}"
        if len(bare) == 1:
            raise UserError(f"{found_two}, for one dataset; give one")
        raise UserError(f"{found_two}: name the dataset each is for, as in {datasets[0]}={plain[0]}")
    found: dict[str, Path | None] = {}
    for spec in datasets:
        name = spec.partition(":")[0]
        found[spec] = named.get(spec) or named.get(name)
        if found[spec] is None and plain:
            found[spec] = Path(plain[0]) if len(bare) == 1 else Path(plain[0]) / name
    return found


def roots_of(annotations: Sequence[Path], roots: Sequence[str]) -> list[Path | None]:
    """Which corpus folder each annotation gets: the one named for its corpus, or the only one that is given.

    Raises:
        UserError: a root is for no annotation, or it is not clear for which.
    """
    from imlbench.exporting.annotation import corpus_of

    names = [corpus_of(folder) for folder in annotations]
    known = {*names, *(name.partition(":")[0] for name in names)}
    named: dict[str, Path] = {}
    plain: list[Path] = []
    for text in roots:
        name, separator, folder = text.partition("=")
        if separator and name in known:
            named[name] = Path(folder)
        else:
            plain.append(Path(text))
    if len(plain) > 1 or (plain and len(set(names)) > 1):
        raise UserError(f"--root: name the corpus of each folder, as in {one_line(names[0], 80)}={plain[0]}")
    default = plain[0] if plain else None
    return [named.get(name) or named.get(name.partition(":")[0]) or default for name in names]
