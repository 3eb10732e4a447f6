"""Names of the weights of `ddpm-cd`, and of what else the environment says of it."""

from __future__ import annotations

EXTRACTOR = "ddpm-cd-unet"
"""The diffusion model; IMLBENCH_DDPM_CD_UNET names another place."""
HEAD = "ddpm-cd"
"""The change head; IMLBENCH_DDPM_CD names another place, for example a published head for satellite images."""
INPUT_VARIABLE = "IMLBENCH_DDPM_CD_INPUT"
"""Names "resize" or "tile"."""
