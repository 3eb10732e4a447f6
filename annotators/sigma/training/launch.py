"""From what was asked for to a run that is ready: configuration, data, the guard, the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from annotators.sigma.network.model import Sigma, build_encoder
from annotators.sigma.training.data import RoundTrip, StageOneData, StageTwoData
from annotators.sigma.training.export import load_trained
from annotators.sigma.training.presets import read_training_config
from annotators.sigma.training.stages import make_stage
from imlbench.backbones.encoder import Encoder
from imlbench.errors import UserError
from imlbench.registry import resolve
from imlbench.training import launch
from imlbench.training.items import Items
from imlbench.training.loop import Trainer
from imlbench.training.pairs import TrainingPair, TrainingSet, parse_place, read_training_set
from imlbench.training.run import Run
from imlbench.weights import locate

if TYPE_CHECKING:
    from annotators.sigma.training.config import TrainingConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(launch.Request):
    """What the user asked for.

    Attributes:
        stage: 1 or 2.
        config: a preset's name or a TOML file.
        unlabelled: Stage II's editing pairs; empty = those of `data`, their masks not looked at.
        start: weights to start from.
    """

    stage: int
    config: str
    unlabelled: Sequence[str] = ()
    start: Path | None = None


def prepare(request: Request) -> Trainer[Sigma]:
    """A run that is ready to go.

    Raises:
        UserError: anything about configuration, data, weights or folder that the user can mend.
    """
    config = read_training_config(request.config, request.stage)
    config = replace(config, steps=request.steps or config.steps)
    if request.stage == 2 and request.start is None and not request.resume:
        raise UserError("--stage 2 goes on from stage 1: name its weights with --init FILE")
    labelled, pairs, marks = read_data(request, config)
    network, before = make_network(config, request.start)
    identity = labelled.sha256 if pairs is labelled else f"{labelled.sha256}-{pairs.sha256}"
    history = {
        **marks,
        "stage": request.stage,
        **launch.told(config, labelled),
        "data": list(dict.fromkeys((*labelled.names, *pairs.names))),
        "data_sha256": identity,
        "before": before,
    }
    run = Run(
        recipe=config,
        data=make_items(request.stage, config, labelled.train, pairs.train),
        validation=labelled.validation,
        out=request.out,
        history=history,
        data_sha256=identity,
        identity={"stage": request.stage},
        seconds=request.seconds,
        resume=request.resume,
        cpu=request.cpu,
        say=request.say,
    )
    return Trainer(run, make_stage(request.stage, network, config))


def read_data(request: Request, config: TrainingConfig) -> tuple[TrainingSet, TrainingSet, dict[str, object]]:
    """The labelled and the unlabelled set, which may be the same one, and the guard's findings.

    Raises:
        UserError: a set cannot be read, or is evaluation data.
    """
    places = [parse_place(text) for text in request.data]
    others = [parse_place(text) for text in request.unlabelled]
    labelled = read_training_set(places, config.validation_share)
    pairs = read_training_set(others, config.validation_share) if others else labelled
    everything = (*labelled.train, *labelled.validation, *(pairs.train if others else ()))
    return labelled, pairs, launch.guarded(request, [*places, *others], everything)


def make_network(config: TrainingConfig, start: Path | None) -> tuple[Sigma, Any]:
    """The network with its backbone, seeded or from a weight file, and that file's history.

    Raises:
        UserError: the backbone's weights are missing, or the file does not fit.
    """
    encoder = backbone(config)
    torch.manual_seed(config.seed)
    network = Sigma(config.network, encoder)
    return network, None if start is None else load_trained(start, network)


def backbone(config: TrainingConfig) -> Encoder:
    """The frozen encoder, from the file that the configuration names, else from where its weights are kept.

    Raises:
        UserError: they are missing or damaged; the message says how to get them.
    """
    return build_encoder(config.network, config.encoder_weights or locate(config.network.encoder))


def make_items(
    stage: int, config: TrainingConfig, labelled: tuple[TrainingPair, ...], pairs: tuple[TrainingPair, ...]
) -> Items:
    """The stage's items.

    Raises:
        UserError: stage 2's autoencoder cannot be loaded.
    """
    if stage == 1:
        return StageOneData(labelled, config)
    half = config.precision == "bf16"
    return StageTwoData(labelled, pairs, config, [round_trip(name, half) for name in config.autoencoders])


def round_trip(name: str, half: bool = False) -> RoundTrip:
    """A registered round trip, once, as a function of image and generator; in bfloat16 where it can and `half` asks.

    Raises:
        UserError: its weights are missing; the message says what to do.
    """
    perturbation = resolve("perturbations", name).load()()
    if hasattr(perturbation, "half"):
        perturbation.half = half
    perturbation.weights()
    return partial(_apply, perturbation)


def _apply(perturbation: Any, image: Any, generator: Any) -> Any:
    return perturbation.apply(image, 1, generator)
