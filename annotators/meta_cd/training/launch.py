"""From what was asked for to a run that is ready."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from annotators.meta_cd.config import MetaCdConfig
from annotators.meta_cd.fastsam import FastSam, load_fastsam
from annotators.meta_cd.files import FASTSAM, lacking_package
from annotators.meta_cd.model import MetaCd
from annotators.meta_cd.training.recipe import IMAGENET, RANDOM, MetaCdRecipe, read_config
from annotators.meta_cd.training.task import MetaCdTask
from imlbench.errors import UserError
from imlbench.training.items import PairData
from imlbench.training.launch import Request, make_trainer, read_data
from imlbench.training.loop import Trainer
from imlbench.weights import locate
from imlbench.weights.using import hash_of, required_file


def prepare(annotator: str, request: Request, config: str = "") -> Trainer[MetaCd]:
    """A run that is ready to go.

    Args:
        annotator: "meta-cd" or "sam-cd".
        request: what the user asked for.
        config: a preset's name or a TOML file; empty = the annotator's own preset.

    Raises:
        UserError: anything about configuration, data, weights or folder that the user can mend.
    """
    recipe, sizes = read_config(annotator, config)
    if request.steps is not None:
        recipe = replace(recipe, steps=request.steps)
    # Weights first: reading and guarding the data takes longer.
    sam, sam_hash = frozen_encoder(sizes)
    start = starting_weights(recipe, sizes, request.say)
    read, marks = read_data(request, recipe)
    torch.manual_seed(recipe.seed)
    network = MetaCd(sizes, sam)
    if start is not None and network.encoders.cnn is not None:
        network.encoders.cnn.load(start)
    identity = {"architecture": sizes.to_dict(), "fastsam": sam_hash, "cnn_start": hash_of(start) if start else RANDOM}
    task = MetaCdTask(network, sam_hash)
    return make_trainer(request, recipe, task, PairData(read.train, recipe), read, marks, identity)


def frozen_encoder(config: MetaCdConfig) -> tuple[FastSam | None, str]:
    """FastSAM and the SHA-256 of its file; nothing where the network has none.

    Raises:
        UserError: the package or the weights are missing; the message says what to do.
    """
    if not config.sam:
        return None, ""
    if lacks := lacking_package():
        raise UserError(f"{lacks}, or train without it: imlbench train meta-cd --config meta-cd-small")
    path = required_file(FASTSAM)
    return load_fastsam(path, config), hash_of(path)


def starting_weights(recipe: MetaCdRecipe, config: MetaCdConfig, say: Callable[[str], None]) -> Path | None:
    """The file that the ResNet starts from; None = random weights, or no ResNet.

    Raises:
        UserError: it is missing; the message says what to do.
    """
    if not config.cnn:
        return None
    if recipe.cnn_weights == RANDOM:
        say(f"the ResNet-{config.cnn} starts from random weights (cnn_weights)")
        return None
    if recipe.cnn_weights != IMAGENET:
        return Path(recipe.cnn_weights)
    try:
        return locate(f"resnet-{config.cnn}")
    except UserError as error:
        raise UserError(f"{error}; or set cnn_weights = '{RANDOM}' or to a file in --config FILE.toml") from error
