"""The names that the published weight files use, and the modules here that the weights belong to.

The files hold the state dicts of the authors' training program: a diffusion model with its schedule's tables, and a
head. Only names and shapes are theirs; the modules are this project's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from annotators.ddpm_cd.config import ExtractorConfig, HeadConfig

if TYPE_CHECKING:
    from torch import nn

NETWORK = "denoise_fn"
"""Under which the diffusion model's file holds its network."""
BLOCK: Mapping[str, str] = MappingProxyType(
    {
        "norm1": "res_block.block1.block.0",
        "conv1": "res_block.block1.block.3",
        "level": "res_block.noise_func.noise_func.0",
        "norm2": "res_block.block2.block.0",
        "conv2": "res_block.block2.block.3",
        "shortcut": "res_block.res_conv",
        "attention.norm": "attn.norm",
        "attention.queries_keys_values": "attn.qkv",
        "attention.out": "attn.out",
    }
)
"""Modules of a residual block, here and in the files; shortcut and attention are not in every block."""
OUTER: Mapping[str, str] = MappingProxyType(
    {
        "noise_code.first": "noise_level_mlp.1",
        "noise_code.second": "noise_level_mlp.3",
        "stem": "init_conv",
        "out_norm": "final_conv.block.0",
        "out_conv": "final_conv.block.3",
    }
)
TABLES = (
    *("betas", "alphas_cumprod", "alphas_cumprod_prev", "sqrt_alphas_cumprod", "sqrt_one_minus_alphas_cumprod"),
    *("log_one_minus_alphas_cumprod", "sqrt_recip_alphas_cumprod", "sqrt_recipm1_alphas_cumprod"),
    *("posterior_variance", "posterior_log_variance_clipped", "posterior_mean_coef1", "posterior_mean_coef2"),
)
"""The schedule's tables in the diffusion model's file, one value a step. All follow from `betas`."""
MIX = "decoder.0.block.0.weight"
"""Of a published head: the convolution that mixes the coarsest level's steps; its shape tells how many there are."""


def extractor_modules(config: ExtractorConfig) -> dict[str, str]:
    """Module of `UNet` -> module in the published file, for all that may have weights."""
    found = {ours: f"{NETWORK}.{theirs}" for ours, theirs in OUTER.items()}
    levels = len(config.multipliers)
    for side, blocks, ending, theirs in (
        ("encoder", config.blocks, "shrink", "downs"),
        ("decoder", config.blocks + 1, "grow", "ups"),
    ):
        # The files count blocks and changes of resolution in one row; the last level changes none.
        place = 0
        for level in range(levels):
            for block in range(blocks):
                found |= block_modules(f"{side}.{level}.blocks.{block}", f"{NETWORK}.{theirs}.{place}")
                place += 1
            if level < levels - 1:
                found[f"{side}.{level}.{ending}"] = f"{NETWORK}.{theirs}.{place}.conv"
                place += 1
    for block in range(2):
        found |= block_modules(f"middle.{block}", f"{NETWORK}.mid.{block}")
    return found


def block_modules(ours: str, theirs: str) -> dict[str, str]:
    """The modules of one residual block."""
    return {f"{ours}.{inner}": f"{theirs}.{published}" for inner, published in BLOCK.items()}


def head_modules(config: HeadConfig) -> dict[str, str]:
    """Module of `ChangeHead` -> module in the published file, for all that may have weights."""
    found = {"hidden": "clfr_stg1", "logits": "clfr_stg2"}
    for place in range(len(config.maps)):
        found[f"joins.{place}.mix"] = f"decoder.{2 * place}.block.0"
        found[f"joins.{place}.refine"] = f"decoder.{2 * place}.block.2"
    for place in range(len(config.maps) - 1):
        carry = f"decoder.{2 * place + 1}.block"
        found[f"carries.{place}.conv"] = f"{carry}.0"
        found[f"carries.{place}.excite.reduce"] = f"{carry}.2.cSE.fc1"
        found[f"carries.{place}.excite.expand"] = f"{carry}.2.cSE.fc2"
        found[f"carries.{place}.excite.place"] = f"{carry}.2.sSE.conv"
    return found


def published_names(network: nn.Module, modules: Mapping[str, str]) -> dict[str, str]:
    """Name in the published file -> name here, for every weight of a network.

    Args:
        network: a `UNet` or a `ChangeHead`.
        modules: as its table above gives them.
    """
    found = {}
    for name in network.state_dict():
        module, _, weight = name.rpartition(".")
        found[f"{modules[module]}.{weight}"] = name
    return found


def published_shapes(network: nn.Module, names: Mapping[str, str], steps: int = 0) -> dict[str, Sequence[int]]:
    """Name in the published file -> shape.

    Args:
        network: a `UNet` or a `ChangeHead`.
        names: `published_names` of it.
        steps: length of the schedule's tables; 0 = the file has none.
    """
    own = network.state_dict()
    shapes: dict[str, Sequence[int]] = dict(tables(steps)) if steps else {}
    return shapes | {published: tuple(own[name].shape) for published, name in names.items()}


def tables(steps: int) -> Iterator[tuple[str, Sequence[int]]]:
    """Names and shapes of the schedule's tables."""
    return ((name, (steps,)) for name in TABLES)
