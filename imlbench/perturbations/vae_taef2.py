"""Round trip through TAEF2, a real autoencoder that is small enough for a processor."""

from __future__ import annotations

import hashlib
import io
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imlbench.config import configured_weights
from imlbench.errors import UserError, one_line
from imlbench.perturbations.common import own_card
from imlbench.perturbations.local_weights import sha256_of, weights_folder
from imlbench.perturbations.round_trip import Autoencoder, RoundTrip
from imlbench.weights import lacking, locate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

NAME = "vae-taef2"
VARIABLE = "IMLBENCH_TAEF2"
FILES = ("taef2_encoder.pth", "taef2_decoder.pth")
MAX_BYTES = 64 << 20
MAX_PIXELS = 1 << 23
"""8,388,608 pixels need about 10 GiB while they pass through 64 channels."""


class Taef2RoundTrip(RoundTrip):
    """Round trip through TAEF2, the tiny autoencoder of FLUX.2's latent space (32 channels, an eighth of each side).

    In float32 on the processor. The folder with taef2_encoder.pth and taef2_decoder.pth is named by the variable
    IMLBENCH_TAEF2, or by `taef2` in the config file's table `weights`; else it is where `imlbench weights get taef2`
    puts them. The files are MIT-licensed.
    """

    card = own_card(
        NAME,
        "VAE (TAEF2)",
        f"encoded and decoded by TAEF2 from the folder {VARIABLE}; severity = number of round trips, 1 to 10",
        citation="madebyollin/taesd, TAEF2",
        url="https://github.com/madebyollin/taesd",
    )

    half = False
    """Whether the arithmetic is bfloat16: two to three times as fast on processors that have it, other last bits."""

    def autoencoder(self) -> Autoencoder:
        return load(taef2_folder(), self.half)


def taef2_folder() -> Path:
    """The folder that the user names, else what `imlbench weights get taef2` brought.

    Raises:
        UserError: neither is there.
    """
    if configured_weights("taef2", VARIABLE) is None and not lacking("taef2"):
        return locate("taef2")
    return weights_folder(NAME, "taef2", VARIABLE, " and ".join(FILES))


@lru_cache(maxsize=2)
def load(folder: Path, half: bool = False) -> Autoencoder:
    """The autoencoder of a folder, loaded once; its arithmetic in float32, or in bfloat16.

    Raises:
        UserError: a file is missing, is no weight file, or holds another network's weights.
    """
    import torch

    from imlbench.perturbations import taef2_network as network

    hashes = {name: sha256_of(NAME, folder / name, MAX_BYTES) for name in FILES}
    parts = (network.encoder(), network.decoder())
    kind = torch.bfloat16 if half else torch.float32
    encode, decode = (fill(part, folder / name, hashes[name]).to(kind) for part, name in zip(parts, FILES, strict=True))

    def reconstruct(planes: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            restored: NDArray[np.float32] = decode(encode(torch.from_numpy(planes).to(kind))).float().numpy()
            return restored

    return Autoencoder(reconstruct, network.SHRINKS, MAX_PIXELS, hashes)


def fill(part: nn.Module, path: Path, sha256: str) -> nn.Module:
    """Load a file's weights into one half of the network: all of them, and no others.

    Raises:
        UserError: the file is damaged, or its names or shapes differ from the network's.
    """
    import torch

    try:
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != sha256:
            raise UserError(f"{NAME}: {path} changed while it was read")
        state: Any = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except UserError:
        raise
    except Exception as error:
        # A damaged file raises whatever its damage leads to: of zipfile, of pickle, of torch.
        reason = one_line(f"{type(error).__name__}: {error}", 200)
        raise UserError(f"{NAME}: {path}: not a weight file that torch reads: {reason}") from error
    try:
        part.load_state_dict(state, strict=True)
    except Exception as error:
        # Something else than a dictionary, or than tensors in it, raises by other types than wrong names and shapes.
        raise UserError(f"{NAME}: {path}: not TAEF2's weights: {one_line(error, 200)}") from error
    return part.eval().requires_grad_(False)
