"""Importing a package that changes others for the whole process, and putting back what it changed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType

import cv2
import numpy as np
import torch
from PIL import Image

QUIET = {"YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false", "YOLO_VERBOSE": "false"}
"""Keeps ultralytics from asking the network for news, installing packages, and printing."""
REPLACED = ((Image, ("open",)), (torch, ("save", "load")), (cv2, ("imread", "imwrite", "imshow")))
"""What ultralytics puts functions of its own in the place of. Its `Image.open` installs a package where an image cannot
be read, which would be reached by any broken image of a data set."""
THREADS = "OMP_NUM_THREADS"


def import_quietly(name: str) -> ModuleType:
    """Import ultralytics or a module of it, without a trace on other packages."""
    for variable, value in QUIET.items():
        os.environ.setdefault(variable, value)
    with undisturbed():
        return import_module(name)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Functions of other packages, numbers of threads, and how numpy prints are as before, whatever happens within."""
    functions = [(module, name, getattr(module, name)) for module, names in REPLACED for name in names]
    threads, printing, variable = cv2.getNumThreads(), np.get_printoptions(), os.environ.get(THREADS)
    try:
        yield
    finally:
        for module, name, function in functions:
            setattr(module, name, function)
        cv2.setNumThreads(threads)
        np.set_printoptions(**printing)
        torch.set_printoptions(profile="default")  # type: ignore[no-untyped-call]
        if variable is None:
            os.environ.pop(THREADS, None)
        else:
            os.environ[THREADS] = variable
