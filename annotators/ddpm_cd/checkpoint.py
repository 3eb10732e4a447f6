"""Weights into networks: the published files unchanged, and those of this project's own training.

Nothing in a file is executed, and a network takes exactly the names and shapes that it has.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from annotators.ddpm_cd.config import PUBLISHED, STEPS_BY_NUMBER, DdpmCdConfig, ExtractorConfig, HeadConfig
from annotators.ddpm_cd.head import ChangeHead
from annotators.ddpm_cd.model import DdpmCd
from annotators.ddpm_cd.names import MIX, extractor_modules, head_modules, published_names, published_shapes
from annotators.ddpm_cd.own_files import describe
from annotators.ddpm_cd.schedule import NoiseSchedule
from annotators.ddpm_cd.unet import UNet
from imlbench.errors import UserError, one_line
from imlbench.weights.checking import digest
from imlbench.weights.loading import compare, load_tensors
from imlbench.weights.own import naming

Network = TypeVar("Network", bound=nn.Module)


def load_extractor(path: str | Path, config: ExtractorConfig = PUBLISHED.extractor, sha256: str = "") -> UNet:
    """The diffusion model of a file, in evaluation mode, frozen, on the CPU.

    Args:
        path: published (.pth), or this project's own (.safetensors), which says its sizes itself.
        config: the sizes of a file that does not say them.
        sha256: what the file must hash to; empty = unchecked.

    Raises:
        UserError: the file is missing, damaged, another one, or another network's.
    """
    place = verified(path, sha256)
    described = describe(place, "extractor")
    if described is not None:
        with naming(place):
            config = ExtractorConfig.from_mapping(described.config)
    with torch.device("meta"):
        network = UNet(config)
    if described is not None:
        tensors = load_tensors(place, network)
    else:
        names = published_names(network, extractor_modules(config))
        found = load_tensors(place, published_shapes(network, names, config.schedule_steps))
        check_schedule(place, found["betas"], config)
        tensors = {ours: found[published] for published, ours in names.items()}
    return fill(place, network, tensors).requires_grad_(False)


def load_head(
    path: str | Path,
    extractor: ExtractorConfig = PUBLISHED.extractor,
    steps: tuple[int, ...] = (),
    sha256: str = "",
    trained_on: str = "",
) -> ChangeHead:
    """The change head of a file, in evaluation mode, on the CPU.

    Args:
        path: published (.pth), or this project's own (.safetensors), which says its sizes itself.
        extractor: the diffusion model that it is to be used with.
        steps: the diffusion steps of a published file; empty = the published ones for as many as it joins.
        sha256: what the file must hash to; empty = unchecked.
        trained_on: SHA-256 of the diffusion model's file; a head that says that it was trained on another is refused.

    Raises:
        UserError: the file is missing, damaged, another one, or another network's.
    """
    place = verified(path, sha256)
    described = describe(place, "head")
    if described is None:
        found = load_tensors(place)
        config = HeadConfig(steps=steps or steps_of(place, found))
    else:
        if trained_on and described.extractor and described.extractor != trained_on:
            told = f"{one_line(described.extractor, 64)}, found {trained_on}"
            raise UserError(f"{place}: this head was trained on the diffusion model of SHA-256 {told}; name that one")
        with naming(place):
            config = HeadConfig.from_mapping(described.config)
    with naming(place):
        whole = DdpmCdConfig(extractor=extractor, head=config)
    with torch.device("meta"):
        network = ChangeHead(whole)
    if described is not None:
        return fill(place, network, load_tensors(place, network))
    names = published_names(network, head_modules(config))
    compare(place, found, published_shapes(network, names))
    return fill(place, network, {ours: found[published] for published, ours in names.items()})


def load_network(extractor: str | Path, head: str | Path, trained_on: str = "") -> DdpmCd:
    """Diffusion model and change head of two files, in evaluation mode, on the CPU.

    Args:
        extractor: the diffusion model's file.
        head: the head's file.
        trained_on: SHA-256 of the diffusion model's file, where it is known.

    Raises:
        UserError: as `load_extractor` and `load_head`; or the two do not fit together.
    """
    model = load_extractor(extractor)
    change = load_head(head, model.config, trained_on=trained_on)
    return DdpmCd(DdpmCdConfig(extractor=model.config, head=change.config), model, change).eval()


def verified(path: str | Path, sha256: str) -> Path:
    """The path, whose file has the expected hash if one is given.

    Raises:
        UserError: it has another.
    """
    place = Path(path)
    if sha256 and (found := digest(place)) != sha256:
        raise UserError(f"{place}: expected SHA-256 {sha256}, found {found}; the file is damaged or another one")
    return place


def steps_of(place: Path, tensors: Mapping[str, Tensor]) -> tuple[int, ...]:
    """The diffusion steps of a published head, which its file tells only the number of.

    Raises:
        UserError: it is no such head, or there is no published one of as many steps.
    """
    shape = tuple(tensors[MIX].shape) if MIX in tensors else ()
    if len(shape) != 4 or not shape[0] or shape[1] % shape[0]:
        raise UserError(f"{place}: not a published change head of several steps: {MIX} is missing or of another shape")
    number = shape[1] // shape[0]
    if number not in STEPS_BY_NUMBER:
        raise UserError(f"{place}: a head of {number} diffusion steps; published are those of 2, 3 and 4")
    return STEPS_BY_NUMBER[number]


def check_schedule(place: Path, betas: Tensor, config: ExtractorConfig) -> None:
    """See that the diffusion model was trained under the schedule that it will be used with.

    Raises:
        UserError: it was not.
    """
    expected = NoiseSchedule(config).betas
    if not np.allclose(betas.double().numpy(), expected, rtol=1e-4, atol=1e-9):
        told = f"{config.beta_first:g} to {config.beta_last:g} in {config.schedule_steps} linear steps"
        raise UserError(f"{place}: expected a noise schedule of {told}, found another")


def fill(place: Path, network: Network, tensors: Mapping[str, Tensor]) -> Network:
    """The network with these weights, float32, in evaluation mode.

    Raises:
        UserError: one is no finite floating-point number.
    """
    for name, value in tensors.items():
        if not (value.is_floating_point() and torch.isfinite(value).all()):
            raise UserError(f"{place}: {one_line(name, 80)}: expected finite floating-point weights")
    network.load_state_dict({name: value.float() for name, value in tensors.items()}, strict=True, assign=True)
    return network.eval()
