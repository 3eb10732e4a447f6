"""The autoencoder that sides are passed through, where one is asked for."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from imlbench.errors import UserError, one_line

if TYPE_CHECKING:
    from imlbench.samples import Image
    from imlbench.synthesis.encodings import RoundTrip

VAES = {"taef2": "vae-taef2", "taef2-bf16": "vae-taef2"}
"""Names for --vae, and the perturbation that does it; bf16: in bfloat16, quicker where the processor has it."""


def check_vae(name: str) -> None:
    """Refuse an autoencoder that is not known; the empty name stands for none."""
    if name and name not in VAES:
        raise UserError(f"--vae: expected {' or '.join(VAES)}, found {one_line(name, 60)!r}")


def weights_digest(name: str) -> str:
    """One hash over the weight files' hashes; empty for no autoencoder.

    Raises:
        UserError: a weight file is missing or damaged.
    """
    if not name:
        return ""
    from imlbench.registry import resolve

    weights = dict(resolve("perturbations", VAES[name]).load()().weights())
    return hashlib.sha256(json.dumps(weights, sort_keys=True).encode()).hexdigest()


def make_round_trip(name: str) -> RoundTrip | None:
    """A function from image to image, H x W x 3 uint8; None for no autoencoder.

    Its arithmetic is kept to one thread: the last bit may depend on their number, and processes share the machine.

    Raises:
        UserError: a weight file is missing or damaged.
    """
    if not name:
        return None
    import numpy as np
    import torch

    from imlbench.registry import resolve

    perturbation = resolve("perturbations", VAES[name]).load()()
    if name.endswith("-bf16"):
        perturbation.half = True
    generator = np.random.default_rng(0)

    def round_trip(image: Image) -> Image:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            restored: Image = perturbation.apply(image, 1, generator)
        finally:
            torch.set_num_threads(threads)
        return restored

    return round_trip
