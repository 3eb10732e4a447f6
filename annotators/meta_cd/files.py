"""Names of the weights of `meta-cd` and `sam-cd`, and what is lacking of them. Nothing heavy is imported here."""

from __future__ import annotations

from importlib.util import find_spec

from annotators.meta_cd.header import describe
from imlbench.errors import UserError
from imlbench.weights.using import file_here, lacking_files

FASTSAM = "fastsam-x"
"""The frozen encoder; IMLBENCH_FASTSAM_X names another place."""
PACKAGE = "ultralytics"
INPUT_VARIABLES = {"meta-cd": "IMLBENCH_META_CD_INPUT", "sam-cd": "IMLBENCH_SAM_CD_INPUT"}
"""Name "resize" or "tile"."""


def lacking_package() -> str:
    """What is said where the package that builds FastSAM is not installed; empty = it is."""
    if find_spec(PACKAGE) is not None:
        return ""
    return f"meta-cd: FastSAM needs {PACKAGE} (AGPL-3.0), not installed: pip install 'imlbench[fastsam]'"


def lacking_anything(name: str) -> str:
    """What keeps an annotator's weights from being used here, on one line; empty = nothing is seen.

    Args:
        name: "meta-cd" or "sam-cd".
    """
    if lacks := lacking_files(name):
        return lacks
    path = file_here(name)
    try:
        needs_fastsam = path is not None and describe(path, name).needs_fastsam
    except UserError as error:
        return str(error)
    return (lacking_package() or lacking_files(FASTSAM)) if needs_fastsam else ""
