"""Round trip through the autoencoder of a latent diffusion model, by diffusers."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imlbench.errors import UserError, one_line
from imlbench.perturbations.common import own_card
from imlbench.perturbations.local_weights import sha256_of, weights_folder
from imlbench.perturbations.round_trip import Autoencoder, RoundTrip

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAME = "vae-kl"
VARIABLE = "IMLBENCH_VAE_KL"
FILES = ("config.json", "diffusion_pytorch_model.safetensors")
MAX_BYTES = 4 << 30
MAX_PIXELS = 1 << 22
"""4,194,304 pixels need about 20 GiB while they pass through 128 to 512 channels."""


class AutoencoderKlRoundTrip(RoundTrip):
    """Round trip through the autoencoder of a latent diffusion model, such as that of Stable Diffusion 1.5 or XL.

    diffusers' AutoencoderKL in float32 on the processor; the latent is the mode of the posterior, nothing is drawn. The
    folder with config.json and diffusion_pytorch_model.safetensors is named by the variable IMLBENCH_VAE_KL, or by
    `vae_kl` in the config file's table `weights`. Needs the extra imlbench[vae].
    """

    card = own_card(
        NAME,
        "VAE (KL)",
        f"encoded and decoded by the AutoencoderKL in the folder {VARIABLE}; severity = number of round trips, 1 to 10",
        citation="Rombach et al., High-Resolution Image Synthesis with Latent Diffusion Models, CVPR 2022",
        url="https://arxiv.org/abs/2112.10752",
    )

    def autoencoder(self) -> Autoencoder:
        return load(weights_folder(NAME, "vae_kl", VARIABLE, " and ".join(FILES)))


@lru_cache(maxsize=1)
def load(folder: Path) -> Autoencoder:
    """The autoencoder of a folder, loaded once.

    Raises:
        UserError: diffusers is not installed, or the folder does not hold an AutoencoderKL.
    """
    if find_spec("diffusers") is None:
        raise UserError(f"{NAME}: needs diffusers, which is not installed: pip install 'imlbench[vae]'")
    hashes = {name: sha256_of(NAME, folder / name, MAX_BYTES) for name in FILES}
    model = load_model(folder)
    multiple = 2 ** (len(model.config.block_out_channels) - 1)

    def reconstruct(planes: NDArray[np.float32]) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            latent = model.encode(torch.from_numpy(planes) * 2 - 1).latent_dist.mode()
            restored: NDArray[np.float32] = ((model.decode(latent).sample + 1) / 2).numpy()
            return restored

    return Autoencoder(reconstruct, multiple, MAX_PIXELS, hashes)


def load_model(folder: Path) -> Any:
    """diffusers' AutoencoderKL of a local folder, in float32.

    Raises:
        UserError: diffusers refuses the folder.
    """
    import torch

    try:
        # By name, since type checkers have no diffusers where the extra is not installed.
        kind = import_module("diffusers").AutoencoderKL
        # Safetensors only: a pickled file could run code.
        options = {"local_files_only": True, "use_safetensors": True, "torch_dtype": torch.float32}
        told = {"low_cpu_mem_usage": False, "output_loading_info": True}
        model, info = kind.from_pretrained(str(folder), **options, **told)
    except Exception as error:
        # A damaged folder raises whatever diffusers, json or safetensors make of it.
        reason = one_line(f"{type(error).__name__}: {error}", 200)
        raise UserError(f"{NAME}: {folder}: not an AutoencoderKL that diffusers reads: {reason}") from error
    # diffusers only warns where weights are missing, and leaves random ones in their place.
    if wrong := sorted({*info["missing_keys"], *info["unexpected_keys"]}):
        raise UserError(f"{NAME}: {folder}: weights and config.json differ: {len(wrong)} names, such as {wrong[0]}")
    return model.eval().requires_grad_(False)
