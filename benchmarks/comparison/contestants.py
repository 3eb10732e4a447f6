"""Who takes part: four networks that are trained here on the same pairs, and two rows that learn nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Config = Mapping[str, Any]
"""Keys and tables of a TOML file for `imlbench train NAME --config`."""
UNTRAINED = ("efficientnet-cosine", "efficientnet-cosine-fixed")
WEIGHTS = "last.safetensors"
"""Of a run's folder: after the last step, so that all have seen the same number of samples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A network that is trained for the comparison.

    Attributes:
        name: of the annotator.
        command: what follows `imlbench train`.
        config: what is set besides the preset's own recipe; no optimiser, no rate, no augmentation.
        batch_size: of the recipe.
        optimiser: of the recipe, in words.
        starts: where the first weights are from, in words.
        variables: environment variables that name the trained files, and their names in the run's folder.
        seen: from the whole configuration, how a pair reaches the trained network.
    """

    name: str
    command: tuple[str, ...]
    config: Config
    batch_size: int
    optimiser: str
    starts: str
    variables: Mapping[str, str]
    seen: Callable[[Config], str]


def squared(table: str, usual: int) -> Callable[[Config], str]:
    """Stretched to the `image_size` of a table."""

    def words(config: Config) -> str:
        side = config.get(table, {}).get("image_size", usual)
        return f"{side} x {side}"

    return words


def longer(config: Config) -> str:
    """By the longer side."""
    return f"longer side {config.get('input', {}).get('side', 512)}"


DDPM_CD = Trained(
    name="ddpm-cd",
    command=("ddpm-cd",),
    config={"preset": "small"},
    batch_size=8,
    optimiser="Adam",
    starts="random head over a frozen random U-Net",
    variables={"IMLBENCH_DDPM_CD": WEIGHTS, "IMLBENCH_DDPM_CD_UNET": "unet.safetensors"},
    seen=squared("extractor", 128),
)
META_CD = Trained(
    name="meta-cd",
    command=("meta-cd",),
    # A quarter of the time of 256 x 256, which one hour of two cores has no room for.
    config={"preset": "meta-cd-small", "sizes": [128], "network": {"image_size": 128}},
    batch_size=16,
    optimiser="SGD, Nesterov",
    starts="random ResNet-18",
    variables={"IMLBENCH_META_CD": WEIGHTS},
    seen=squared("network", 256),
)
DASS = Trained(
    name="dass",
    command=("dass",),
    config={"preset": "dass-small"},
    batch_size=8,
    optimiser="AdamW",
    starts="EfficientNet-Lite0 of ImageNet, trained on",
    variables={"IMLBENCH_DASS": WEIGHTS},
    seen=longer,
)
SIGMA_LITE = Trained(
    name="sigma-lite",
    command=("sigma", "--stage", "1"),
    config={"preset": "sigma-lite"},
    batch_size=8,
    optimiser="AdamW",
    starts="EfficientNet-Lite0 of ImageNet, frozen",
    variables={"IMLBENCH_SIGMA_LITE": WEIGHTS},
    seen=longer,
)
TRAINED = (DDPM_CD, META_CD, DASS, SIGMA_LITE)
NAMES = (*(one.name for one in TRAINED), *UNTRAINED)
