"""Networks of the package IMDLBenCo (`imdlbenco13`, or `imdlbenco`), taken one module at a time.

The package's own `__init__` imports its datasets, its evaluators, every network and what they need, none of which is
used here. Modules are therefore loaded under another name, below empty packages that lead to the same files, and
whoever imports the package itself gets it whole.
"""

from __future__ import annotations

import hashlib
import io
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from imlbench.errors import UserError, one_line

if TYPE_CHECKING:
    from torch import nn

PACKAGE = "IMDLBenCo"
ALIAS = "borrowed_from_imdlbenco"
"""What the package is called in `sys.modules`: networks import more of it while they run, relative to themselves."""
FOLDER = "model_zoo"
DISTRIBUTIONS = ("imdlbenco13", "imdlbenco")
TRIED = "imdlbenco13==0.2.9"
_lock = threading.Lock()


class Extra(NamedTuple):
    """An optional part of imlbench.

    Attributes:
        package: as it is imported.
        distribution: as it is installed.
    """

    package: str
    distribution: str


EXTRAS = {"imdlbenco": Extra(PACKAGE, DISTRIBUTIONS[0]), "jpeg": Extra("jpeglib", "jpeglib")}
"""By the name in brackets."""


def lacking_packages(detector: str, extras: Iterable[str] = ("imdlbenco",)) -> str:
    """What is said where packages are not installed; empty = they are. Nothing is imported.

    Args:
        detector: the name that the message begins with.
        extras: of `EXTRAS`, those that it needs.
    """
    lacking = [extra for extra in extras if find_spec(EXTRAS[extra].package) is None]
    if not lacking:
        return ""
    named = " and ".join(EXTRAS[extra].distribution for extra in lacking)
    return f"{detector}: needs {named}, not installed: pip install 'imlbench[{','.join(lacking)}]'"


def network_module(name: str) -> Any:
    """A module below IMDLBenCo's `model_zoo`, such as "cat_net.network_CAT", without what lies around it.

    Raises:
        UserError: the package is missing, lacks the module, or the module cannot be imported.
    """
    if lacks := lacking_packages(name.partition(".")[0].replace("_", "-")):
        raise UserError(lacks)
    try:
        with _lock, empty_packages():
            return import_module(f"{ALIAS}.{FOLDER}.{name}")
    except Exception as error:
        # A third party's module may raise anything on import, a package that it needs and does not have foremost.
        reason = one_line(f"{type(error).__name__}: {error}", 200)
        raise UserError(f"{name} of {installed()} cannot be imported ({reason}): pip install {TRIED}") from error


@contextmanager
def empty_packages() -> Iterator[None]:
    """Let the alias lead to the package's files, and the package's own name too while the block runs.

    Networks ask the package by its own name for a registry, which is to be another one than that of the package
    itself. What modules do to `sys.path` on import is undone: some add a folder of the current one.
    """
    path = list(sys.path)
    (place,) = find_spec(PACKAGE).submodule_search_locations or [""]  # type: ignore[union-attr]
    kept = {name: sys.modules.pop(name) for name in [*sys.modules] if name.partition(".")[0] == PACKAGE}
    try:
        for root in (ALIAS, PACKAGE):
            sys.modules.setdefault(root, empty_package(root, place))
        sys.modules.setdefault(f"{ALIAS}.{FOLDER}", empty_package(f"{ALIAS}.{FOLDER}", os.path.join(place, FOLDER)))
        yield
    finally:
        sys.path[:] = path
        for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
            del sys.modules[name]
        sys.modules.update(kept)


def empty_package(name: str, place: str) -> ModuleType:
    """A package whose modules lie in a folder and whose `__init__` is not run."""
    package = ModuleType(name)
    package.__path__ = [place]
    package.__spec__ = ModuleSpec(name, None, is_package=True)
    return package


@contextmanager
def undrawn() -> Iterator[None]:
    """Build networks without drawing the first weights of their layers, which a checkpoint replaces anyway."""
    import torch
    from torch.overrides import TorchFunctionMode

    drawing = {torch.Tensor.normal_, torch.Tensor.uniform_, torch.Tensor.erfinv_}
    # Whole initialisers come here too, and what they call does not.
    drawing |= {value for name, value in vars(torch.nn.init).items() if name.endswith(("normal_", "uniform_"))}

    class Undrawn(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            given = kwargs or {}
            return (given.get("tensor") if not args else args[0]) if func in drawing else func(*args, **given)

    with Undrawn():
        yield


@contextmanager
def quietly() -> Iterator[None]:
    """Keep what networks print while they are built off the output, which is a table or JSON."""
    with redirect_stdout(io.StringIO()):
        yield


def installed() -> str:
    """The installed package and its version, for messages."""
    for name in DISTRIBUTIONS:
        try:
            return f"{name} {version(name)}"
        except PackageNotFoundError:
            continue
    return PACKAGE


def fingerprint(shapes: Mapping[str, Any]) -> str:
    """SHA-256 (hexadecimal) over names and shapes of a state dict, in the order of the names.

    Args:
        shapes: name -> tensor or shape.
    """
    lines = (f"{name} {tuple(getattr(shapes[name], 'shape', shapes[name]))}\n" for name in sorted(shapes))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def require(network: nn.Module, expected: str, detector: str) -> None:
    """See that a borrowed network is the one that its authors published, by names and shapes of its tensors.

    Raises:
        UserError: another release of the package has another network.
    """
    if fingerprint(network.state_dict()) != expected:
        told = "has another network than its authors published, by names and shapes of its tensors"
        raise UserError(f"{detector}: {installed()} {told}; pip install {TRIED}")


class Settings(dict[str, Any]):
    """A table whose entries are attributes too, which is all that the networks ask of their configuration."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None
