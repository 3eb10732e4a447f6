"""Recipes from presets and TOML files."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

from imlbench.config import read_toml
from imlbench.errors import UserError, one_line
from imlbench.training.recipe import Recipe

AnyRecipe = TypeVar("AnyRecipe", bound=Recipe)
PRESET = "preset"


def read_recipe(name_or_file: str, presets: Mapping[str, AnyRecipe], steps: int | None = None) -> AnyRecipe:
    """A preset by name, or a TOML file whose key `preset` names what its other keys change.

    Args:
        name_or_file: empty = the first preset.
        presets: by name.
        steps: in place of the recipe's; None = the recipe's.

    Raises:
        UserError: no such preset or file, an unknown key, a wrong type, or a value out of range.
    """
    recipe, _, _ = read_tables(name_or_file, presets, ())
    return recipe if steps is None else replace(recipe, steps=steps)


def read_tables(
    name_or_file: str, presets: Mapping[str, AnyRecipe], tables: Sequence[str]
) -> tuple[AnyRecipe, str, dict[str, Mapping[str, Any]]]:
    """As `read_recipe`, of a file that may have tables besides.

    Args:
        name_or_file: empty = the first preset.
        presets: by name.
        tables: names of the tables.

    Returns:
        The recipe, the preset's name, and those of the tables that the file has.

    Raises:
        UserError: as `read_recipe`; or a table is none.
    """
    first = next(iter(presets))
    if not name_or_file or name_or_file in presets:
        return presets[name_or_file or first], name_or_file or first, {}
    values = read_file(name_or_file, presets)
    try:
        name = preset_name(values.pop(PRESET, first), presets)
        found = {table: as_table(values.pop(table), table) for table in tables if table in values}
        return changed(presets[name], values, tables), name, found
    except UserError as error:
        raise UserError(f"{name_or_file}: {error}") from None


def read_file(name_or_file: str, presets: Mapping[str, object]) -> dict[str, Any]:
    """A TOML file's content.

    Raises:
        UserError: it is missing, or what was named is neither a file nor a preset.
    """
    if not name_or_file.endswith(".toml") and not os.path.exists(name_or_file):
        raise UserError(
            f"--config: expected a TOML file or one of {', '.join(presets)}, found {one_line(repr(name_or_file), 80)}"
        )
    return read_toml(Path(name_or_file))


def preset_name(name: object, presets: Mapping[str, object]) -> str:
    """The name, if there is a preset of it.

    Raises:
        UserError: there is none.
    """
    if not isinstance(name, str) or name not in presets:
        known = ", ".join(presets)
        raise UserError(f"there is no training preset {one_line(repr(name), 60)}; the presets are {known}")
    return name


def as_table(value: object, name: str) -> Mapping[str, Any]:
    """A table of a TOML file.

    Raises:
        UserError: it is something else.
    """
    if not isinstance(value, Mapping):
        raise UserError(f"{name}: expected a table [{name}], found {type(value).__name__}")
    return value


def changed(base: AnyRecipe, values: Mapping[str, Any], tables: Sequence[str] = (), **parts: Any) -> AnyRecipe:
    """A recipe with other values in some fields.

    Args:
        base: the recipe.
        values: by field, as TOML holds them.
        tables: names that are no keys but tables of the file.
        parts: values of fields that are tables.

    Raises:
        UserError: an unknown key, a wrong type, or a value out of range.
    """
    known = [entry.name for entry in fields(base) if entry.name not in tables]
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"the keys are {', '.join((PRESET, *tables, *known))}"
            raise UserError(f"unknown key {one_line(repr(key), 60)}; {hint}")
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    return replace(base, **{**given, **parts})
