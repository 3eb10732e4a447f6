"""Settings that outlive a command: where the datasets lie.

A config file is TOML: `./imlbench.toml`, else `$XDG_CONFIG_HOME/imlbench/config.toml` (`~/.config` by default):

    [data_roots]
    cocoglide = "/data/CocoGlide"
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from imlbench.errors import UserError, one_line

ENVIRONMENT_PREFIX = "IMLBENCH_DATA_ROOT"


def config_files() -> list[Path]:
    """Places of the config file, the first that exists counts."""
    # Not Path.home(), which raises where a container's user has no home.
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return [Path("imlbench.toml"), Path(home) / "imlbench" / "config.toml"]


def read_toml(path: Path) -> dict[str, Any]:
    """Content of a TOML file.

    Raises:
        UserError: it is missing or not TOML.
    """
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a TOML file: {one_line(error)}") from error


def environment_name(dataset: str) -> str:
    """Environment variable of a dataset's root: IMLBENCH_DATA_ROOT_COCOGLIDE."""
    return f"{ENVIRONMENT_PREFIX}_{dataset.upper().replace('-', '_')}"


def data_root(name: str, option: str = "--data-root") -> Path:
    """The root of a dataset or a corpus where the command line names none.

    In this order: the variable IMLBENCH_DATA_ROOT_<NAME>; the config file's table `data_roots`, relative to the
    file; the variable IMLBENCH_DATA_ROOT, a folder that holds one folder for each.

    Args:
        name: the registered name.
        option: how the command at work calls the folder, for the message.

    Raises:
        UserError: none of them is set, or the config file says something else than a folder.
    """
    variable = environment_name(name)
    if value := os.environ.get(variable):
        return Path(value)
    for path in config_files():
        if os.path.isfile(path):
            root = configured_root(path, name)
            if root is not None:
                return root
            break
    if parent := os.environ.get(ENVIRONMENT_PREFIX):
        return Path(parent) / name
    raise UserError(f"{name}: no data root; give {option} DIR, set {variable}, or add it to imlbench.toml")


def configured_root(path: Path, dataset: str) -> Path | None:
    """A dataset's root in a config file, None where it names none.

    Raises:
        UserError: `data_roots` is no table, or the root no text.
    """
    roots = read_toml(path).get("data_roots", {})
    root = roots.get(dataset) if isinstance(roots, dict) else roots
    if root is None:
        return None
    if not isinstance(root, str):
        raise UserError(f'{path}: [data_roots]: expected a line such as {dataset} = "/data/{dataset}"')
    return path.parent / os.path.expanduser(root)


def configured_weights(key: str, variable: str) -> Path | None:
    """The place of weights that the variable or the config file's table `weights` names, None where neither does.

    Raises:
        UserError: the config file is no TOML, or names no text.
    """
    if value := os.environ.get(variable):
        return Path(value)
    for path in config_files():
        if os.path.isfile(path):
            table = read_toml(path).get("weights", {})
            value = table.get(key) if isinstance(table, dict) else table
            if value is None:
                return None
            if not isinstance(value, str):
                raise UserError(f'{path}: [weights]: expected a line such as {key} = "/models/{key}"')
            return path.parent / os.path.expanduser(value)
    return None
