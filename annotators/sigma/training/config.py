"""What a training run is: every number of it, typed and checked."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field, fields
from typing import Any

from annotators.sigma.network.config import SigmaConfig
from imlbench.errors import UserError, one_line

PRECISIONS = ("auto", "no", "bf16", "fp16")
AUTOENCODERS = ("vae-taef2", "vae-kl")
"""Perturbations of the registry that can make a zero edit."""
WHOLE = ("batch_size", "accumulation", "validate_every", "save_every", "log_every")
"""Whole numbers from 1."""
SHARES = (
    *("prior_probability", "flip_probability", "photometric_probability", "photometric_strength"),
    *("degradation_probability",),
    *("validation_share", "ema_momentum", "confidence", "support_threshold"),
)
"""Numbers from 0 to 1."""
NOT_NEGATIVE = (
    *("seed", "steps", "warmup_steps", "workers", "validation_limit", "learning_rate", "weight_decay"),
    *("gradient_clip", "epochs", "bce_weight", "dice_weight", "supervised_weight"),
    *("zero_edit_weight", "pseudo_label_weight", "disentanglement_weight"),
)
UNBOUND = ("workers", "log_every", "save_every", "encoder_weights")
"""Fields that a resumed run may change, since no loss depends on them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """One training run. The paper gives optimiser, batch size and epochs; the other defaults are inferred.

    Attributes:
        network: the network's sizes.
        encoder_weights: file or folder of the backbone's weights; empty = where they usually are.
        seed: all randomness follows from it.
        epochs: passes over the training pairs; may be a fraction.
        steps: optimiser steps; 0 = as many as the epochs need.
        batch_size: pairs per forward pass and process.
        accumulation: forward passes per optimiser step.
        learning_rate: its peak.
        betas: of AdamW.
        weight_decay: of AdamW.
        warmup_steps: steps over which the learning rate rises from 0; the rest is half a cosine.
        gradient_clip: largest norm of the gradient; 0 = no limit.
        precision: auto (bfloat16 on an accelerator that has it), no, bf16 or fp16.
        workers: processes that decode; 0 = none besides the main one.
        sizes: sides of the network's input in pixels; each batch draws one.
        crop_min: smallest side of a crop as a share of the image's; 1 = no cropping.
        crop_aspect: a crop's aspect ratio differs from the image's by a factor of up to this.
        flip_probability: of a horizontal flip.
        photometric_probability: share of pairs whose two images get the same change of tone.
        photometric_strength: how far a change of tone goes, also that of the student's view.
        degradation_probability: share of pairs whose images are degraded further, each on its own: rescaled, toned,
            blurred, sharpened, noisy, compressed.
        prior_probability: share of pairs with a simulated prior; the others have the constant epsilon.
        bce_weight: of the binary cross-entropy in the supervised loss.
        dice_weight: of soft Dice in the supervised loss.
        validation_share: share of the photographs kept apart where a set has no split of its own.
        validation_limit: validate on this many pairs, spread evenly; 0 = all.
        validate_every: optimiser steps between validations; there is one at the end too.
        save_every: optimiser steps between checkpoints.
        log_every: optimiser steps between lines of progress.
        ema_momentum: of the moving average of the weights, which is what is validated and exported, and the teacher.
        autoencoders: Stage II: registered round trips, one of which makes each zero edit.
        confidence: Stage II: a pseudo-label counts where max(p, 1 - p) reaches this.
        support_threshold: Stage II: differences are contrasted where the teacher's p is above this.
        supervised_weight: Stage II: of Stage I's loss.
        zero_edit_weight: Stage II: of the loss on zero edits.
        pseudo_label_weight: Stage II: of the loss on the teacher's labels.
        disentanglement_weight: Stage II: of the loss that tells edits from noise.

    Raises:
        UserError: a value has the wrong type or is out of range.
    """

    network: SigmaConfig = field(default_factory=SigmaConfig)
    encoder_weights: str = ""
    seed: int = 0
    epochs: float = 10.0
    steps: int = 0
    batch_size: int = 8
    accumulation: int = 1
    learning_rate: float = 1e-4
    betas: tuple[float, ...] = (0.9, 0.999)
    weight_decay: float = 0.01
    warmup_steps: int = 500
    gradient_clip: float = 1.0
    precision: str = "auto"
    workers: int = 2
    sizes: tuple[int, ...] = (518,)
    crop_min: float = 0.6
    crop_aspect: float = 1.2
    flip_probability: float = 0.5
    photometric_probability: float = 0.0
    photometric_strength: float = 0.3
    degradation_probability: float = 0.0
    prior_probability: float = 0.5
    bce_weight: float = 1.0
    dice_weight: float = 1.0
    validation_share: float = 0.05
    validation_limit: int = 500
    validate_every: int = 1000
    save_every: int = 250
    log_every: int = 20
    ema_momentum: float = 0.999
    autoencoders: tuple[str, ...] = ("vae-kl",)
    confidence: float = 0.9
    support_threshold: float = 0.5
    supervised_weight: float = 1.0
    zero_edit_weight: float = 0.5
    pseudo_label_weight: float = 0.3
    disentanglement_weight: float = 0.1

    def __post_init__(self) -> None:
        for entry in fields(self):
            _check_type(entry.name, getattr(self, entry.name), entry.default)
        _check_numbers(self)
        _check_words(self)
        _check_sizes(self)

    def to_dict(self) -> dict[str, Any]:
        """The configuration as JSON can hold it."""
        return dataclasses.asdict(self)


def _check_type(name: str, value: Any, default: Any) -> None:
    if default is dataclasses.MISSING:
        return
    wanted = type(default)
    right = type(value) is wanted or (wanted is float and type(value) is int)
    if wanted is tuple:
        inner = type(default[0])
        right = type(value) is tuple and len(value) > 0
        right = right and all(type(item) is inner or (inner is float and type(item) is int) for item in value)
    if not right:
        kind = f"list of {type(default[0]).__name__}" if wanted is tuple else wanted.__name__
        raise UserError(f"{name}: expected {kind}, found {one_line(repr(value), 60)}")


def _check_numbers(config: TrainingConfig) -> None:
    for name in (*WHOLE, *SHARES, *NOT_NEGATIVE):
        value = getattr(config, name)
        low, high = (1 if name in WHOLE else 0), (1.0 if name in SHARES else math.inf)
        if not (math.isfinite(value) and low <= value <= high):
            limits = f"{low} to 1" if name in SHARES else f"at least {low}"
            raise UserError(f"{name}: expected {limits}, found {value}")
    if len(config.betas) != 2 or not all(0 <= beta < 1 for beta in config.betas):
        raise UserError(f"betas: expected two numbers from 0 to below 1, found {config.betas}")
    if not (0 < config.crop_min <= 1 and 1 <= config.crop_aspect <= 4):
        raise UserError(
            f"expected 0 < crop_min <= 1 and 1 <= crop_aspect <= 4, found {config.crop_min} and {config.crop_aspect}"
        )
    if not (config.steps or config.epochs):
        raise UserError("steps and epochs are both 0: nothing to train")


def _check_words(config: TrainingConfig) -> None:
    if config.precision not in PRECISIONS:
        found = one_line(repr(config.precision), 60)
        raise UserError(f"precision: expected one of {', '.join(PRECISIONS)}, found {found}")
    for name in config.autoencoders:
        if name not in AUTOENCODERS:
            raise UserError(f"autoencoders: expected {' or '.join(AUTOENCODERS)}, found {one_line(repr(name), 60)}")


def _check_sizes(config: TrainingConfig) -> None:
    multiple = 14 if config.network.encoder.startswith("dinov2") else 1
    for size in config.sizes:
        if not 16 <= size <= 4096 or size % multiple:
            what = f" and multiples of {multiple}, {config.network.encoder}'s patches" if multiple > 1 else ""
            raise UserError(f"sizes: expected 16 to 4096{what}, found {size}")
