"""From what was asked for to a training of the change head that is ready."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from annotators.ddpm_cd.config import PRESETS, DdpmCdConfig, ExtractorConfig, HeadConfig
from annotators.ddpm_cd.model import DdpmCd
from annotators.ddpm_cd.training.networks import Extractor, extractor_of, head_of, new_head, random_extractor
from annotators.ddpm_cd.training.recipe import HeadRecipe
from annotators.ddpm_cd.training.task import HeadTask, NumberedPairs
from imlbench.errors import UserError
from imlbench.training import launch
from imlbench.training.configuring import read_tables
from imlbench.training.loop import Trainer
from imlbench.weights.using import hash_of

RECIPES: Mapping[str, HeadRecipe] = MappingProxyType(
    {name: HeadRecipe(sizes=(config.extractor.image_size,)) for name, config in PRESETS.items()}
)
"""By the preset of the network that they train."""
TABLES = ("extractor", "head")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(launch.Request):
    """What the user asked for.

    Attributes:
        config: a preset's name or a TOML file; empty = the published sizes and numbers.
        unet: the diffusion model's file; None = where the annotator has it.
        random_unet: make a diffusion model without training instead, for trials.
        start: the head's weights to start from; None = new ones.
    """

    config: str = ""
    unet: Path | None = None
    random_unet: bool = False
    start: Path | None = None


def prepare(request: Request) -> Trainer[DdpmCd]:
    """A run that is ready to go.

    Raises:
        UserError: anything about configuration, data, weights or folder that the user can mend.
    """
    if request.random_unet and request.unet is not None:
        raise UserError("--unet names a diffusion model, --random-unet makes one: give one of them")
    recipe, sizes = read_config(request)
    read, marks = launch.read_data(request, recipe)
    extractor = diffusion_model(request, sizes.extractor, recipe.seed)
    recipe = at_size(recipe, sizes, extractor.network.config.image_size)
    config = DdpmCdConfig(extractor=extractor.network.config, head=sizes.head)
    head = head_of(request.start, extractor, sizes.head) if request.start else new_head(config, recipe.seed)
    network = DdpmCd(config, extractor.network, head)
    task = HeadTask(network, read.train, recipe.seed, extractor.sha256)
    # As JSON gives it back.
    identity = {"unet": extractor.sha256, "head": {name: plain(value) for name, value in asdict(sizes.head).items()}}
    data = NumberedPairs(read.train, recipe)
    before = {"before": hash_of(request.start) if request.start else None}
    return launch.make_trainer(request, recipe, task, data, read, {**marks, **before}, identity)


def read_config(request: Request) -> tuple[HeadRecipe, DdpmCdConfig]:
    """The numbers, and the sizes of the networks.

    Raises:
        UserError: no such preset or file, an unknown key, a wrong type, or a value out of range.
    """
    recipe, name, tables = read_tables(request.config, RECIPES, TABLES)
    try:
        extractor = ExtractorConfig.from_mapping(merged(PRESETS[name].extractor, tables.get("extractor", {})))
        head = HeadConfig.from_mapping(merged(PRESETS[name].head, tables.get("head", {})))
        sizes = DdpmCdConfig(extractor=extractor, head=head)
    except UserError as error:
        raise UserError(f"{request.config}: {error}") from None
    return replace(recipe, steps=request.steps or recipe.steps), sizes


def diffusion_model(request: Request, config: ExtractorConfig, seed: int) -> Extractor:
    """The one that the request names, or one without training.

    Raises:
        UserError: as `extractor_of` and `random_extractor`.
    """
    if not request.random_unet:
        return extractor_of(request.unet, config)
    request.say("the diffusion model is random, for trials: a head over it finds little")
    return random_extractor(request.out, config, seed, request.resume)


def at_size(recipe: HeadRecipe, sizes: DdpmCdConfig, side: int) -> HeadRecipe:
    """The recipe at the side of the diffusion model's input.

    Raises:
        UserError: the configuration asks for another one.
    """
    usual = [preset.sizes for preset in RECIPES.values()]
    if recipe.sizes not in ((side,), (sizes.extractor.image_size,), *usual):
        raise UserError(f"sizes: the diffusion model sees images of {side} x {side}, found {recipe.sizes}")
    return replace(recipe, sizes=(side,))


def merged(base: ExtractorConfig | HeadConfig, changes: Mapping[str, Any]) -> dict[str, Any]:
    """All fields, some of them changed."""
    return {**asdict(base), **changes}


def plain(value: Any) -> Any:
    """A tuple as a list, as JSON has it."""
    return list(value) if isinstance(value, tuple) else value
