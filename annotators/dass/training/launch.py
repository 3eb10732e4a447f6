"""From what was asked for to a training of DASS that is ready."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import torch

from annotators.dass.checkpoint import load_network
from annotators.dass.config import LITE0, PRESETS, DassConfig, InputPolicy
from annotators.dass.model import Dass
from annotators.dass.starting import start
from annotators.dass.training.recipe import RECIPES, DassRecipe
from annotators.dass.training.task import DassTask, TurnedPairs
from imlbench.errors import UserError
from imlbench.training import launch
from imlbench.training.configuring import read_tables
from imlbench.training.loop import Trainer
from imlbench.weights.using import hash_of, required_file

TABLES = ("network", "input")
"""Of a TOML file: fields of `DassConfig` and of `InputPolicy`."""
KNOWN: Mapping[str, str] = MappingProxyType(
    {LITE0: LITE0, "convnext_small": "convnext-small", "resnet18": "resnet-18", "resnet34": "resnet-34"}
)
"""Encoders whose ImageNet weights are in the catalogue, and their names there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(launch.Request):
    """What the user asked for.

    Attributes:
        config: a preset's name or a TOML file; empty = `dass`.
        encoder_weights: the encoder's file; None = the catalogue's.
        random_encoder: start without such weights.
        start: DASS's own weights to start from; None = a new network.
    """

    config: str = ""
    encoder_weights: Path | None = None
    random_encoder: bool = False
    start: Path | None = None


class Started(NamedTuple):
    """A network and where its first weights are from.

    Attributes:
        network: on the CPU.
        sha256: of the file they are from; empty = they are random.
    """

    network: Dass
    sha256: str


def prepare(request: Request) -> Trainer[Dass]:
    """A run that is ready to go.

    Raises:
        UserError: anything about configuration, data, weights or folder that the user can mend.
    """
    recipe, config, policy = read_config(request)
    file = first_weights(request, config)
    read, marks = launch.read_data(request, recipe)
    begun = started(request, config, file, recipe.seed)
    task = DassTask(begun.network, recipe, policy, recipe.freeze_norms and bool(begun.sha256))
    identity = {"sizes": config.to_dict(), "seen": policy.to_dict(), "started_from": begun.sha256 or "random"}
    return launch.make_trainer(request, recipe, task, TurnedPairs(read.train, recipe), read, marks, identity)


def read_config(request: Request) -> tuple[DassRecipe, DassConfig, InputPolicy]:
    """The numbers, the network's sizes, and how pairs reach it.

    Raises:
        UserError: no such preset or file, an unknown key, a wrong type, or a value out of range.
    """
    recipe, name, tables = read_tables(request.config, RECIPES, TABLES)
    base = PRESETS[name]
    try:
        config = DassConfig.from_mapping({**base.config.to_dict(), **tables.get("network", {})})
        policy = InputPolicy.from_mapping({**base.policy.to_dict(), **tables.get("input", {})})
    except UserError as error:
        raise UserError(f"{request.config}: {error}") from None
    return replace(recipe, steps=request.steps or recipe.steps), config, policy


def first_weights(request: Request, config: DassConfig) -> Path | None:
    """The file that a training starts from; None = random weights.

    Raises:
        UserError: the options contradict each other, or the weights are not there.
    """
    if sum((request.encoder_weights is not None, request.random_encoder, request.start is not None)) > 1:
        raise UserError("--init, --encoder-weights and --random-encoder exclude each other: give one of them")
    if request.random_encoder and config.encoder == LITE0:
        told = f"{LITE0} keeps the statistics that its weights came with"
        raise UserError(f"--random-encoder: {told}; name another encoder in [network], such as resnet18")
    if request.random_encoder:
        return None
    given = request.start or request.encoder_weights
    if given is not None:
        return given
    if config.encoder not in KNOWN:
        told = f"name a file of {config.encoder}'s ImageNet weights, or start without (--random-encoder)"
        raise UserError(f"--encoder-weights: {told}")
    return required_file(KNOWN[config.encoder])


def started(request: Request, config: DassConfig, file: Path | None, seed: int) -> Started:
    """The network to begin with; its head, and what no file gives, follow from the seed.

    Raises:
        UserError: the encoder is unknown, or the file is damaged or another network's.
    """
    if request.start is not None:
        network, _ = load_network(request.start)
        if network.config != config:
            raise UserError(f"--init: {request.start} holds a network of other sizes than --config asks for")
        return Started(network, hash_of(request.start))
    torch.manual_seed(seed)
    network = Dass(config)
    if file is None:
        request.say("the encoder starts from random weights: it learns much more slowly")
        return Started(network, "")
    start(network.encoder, file)
    return Started(network, hash_of(file))
