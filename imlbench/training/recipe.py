"""What a training run is: every number of it, typed and checked. A method derives its own recipe from this one."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from imlbench.errors import UserError, one_line
from imlbench.training.schedule import SHAPES, rate_at

PRECISIONS = ("auto", "no", "bf16", "fp16")
OPTIMISERS = ("adamw", "adam", "sgd")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One training run. How a method is optimised is a class variable; what users may change is a field.

    Attributes:
        optimiser: adamw, adam, or sgd with Nesterov's momentum.
        schedule: a name of `schedule.SHAPES`.
        whole: names of fields that are whole numbers from 1.
        shares: names of fields from 0 to 1.
        not_negative: names of fields from 0.
        unbound: names of fields that a resumed run may change, since no loss depends on them.
        seed: all randomness follows from it.
        epochs: passes over the training pairs; may be a fraction.
        steps: optimiser steps; 0 = as many as the epochs need.
        batch_size: pairs per forward pass and process.
        accumulation: forward passes per optimiser step.
        learning_rate: its peak.
        betas: of AdamW and Adam; the first is SGD's momentum.
        weight_decay: of the optimiser.
        warmup_steps: steps over which the learning rate rises from 0, at most a tenth of the run.
        gradient_clip: largest norm of the gradient; 0 = no limit.
        precision: auto (bfloat16 on an accelerator that has it), no, bf16 or fp16.
        workers: processes that decode; 0 = none besides the main one.
        sizes: sides of the network's input in pixels; each batch draws one.
        crop_min: smallest side of a crop as a share of the image's; 1 = no cropping.
        crop_aspect: a crop's aspect ratio differs from the image's by a factor of up to this.
        flip_probability: of a horizontal flip.
        photometric_probability: share of pairs whose two images get the same change of tone.
        photometric_strength: how far a change of tone goes.
        degradation_probability: share of pairs whose images are degraded further, each on its own: rescaled, toned,
            blurred, sharpened, noisy, compressed.
        validation_share: share of the photographs kept apart where a set has no split of its own.
        validation_limit: validate on this many pairs, spread evenly; 0 = all.
        validate_every: optimiser steps between validations; there is one at the end too.
        save_every: optimiser steps between checkpoints.
        log_every: optimiser steps between lines of progress.
        ema_momentum: of the moving average of the weights, which is what is validated and exported; 0 = the weights
            themselves.

    Raises:
        UserError: a value has the wrong type or is out of range.
    """

    optimiser: ClassVar[str] = "adamw"
    schedule: ClassVar[str] = "cosine"
    whole: ClassVar[tuple[str, ...]] = ("batch_size", "accumulation", "validate_every", "save_every", "log_every")
    shares: ClassVar[tuple[str, ...]] = (
        *("flip_probability", "photometric_probability", "photometric_strength"),
        *("degradation_probability", "validation_share", "ema_momentum"),
    )
    not_negative: ClassVar[tuple[str, ...]] = (
        *("seed", "steps", "warmup_steps", "workers", "validation_limit", "learning_rate", "weight_decay"),
        *("gradient_clip", "epochs"),
    )
    unbound: ClassVar[tuple[str, ...]] = ("workers", "log_every", "save_every")

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
    validation_share: float = 0.05
    validation_limit: int = 500
    validate_every: int = 1000
    save_every: int = 250
    log_every: int = 20
    ema_momentum: float = 0.999

    def __post_init__(self) -> None:
        if self.optimiser not in OPTIMISERS or self.schedule not in SHAPES:
            raise TypeError(f"{type(self).__name__}: no optimiser {self.optimiser!r} or no schedule {self.schedule!r}")
        for entry in fields(self):
            _check_type(entry.name, getattr(self, entry.name), entry.default)
        _check_numbers(self)
        if self.precision not in PRECISIONS:
            found = one_line(repr(self.precision), 60)
            raise UserError(f"precision: expected one of {', '.join(PRECISIONS)}, found {found}")
        self.check()
        for size in self.sizes:
            if not 16 <= size <= 4096:
                raise UserError(f"sizes: expected 16 to 4096, found {size}")

    def check(self) -> None:
        """Raise `UserError` where a value of a method's own is out of range or two contradict each other."""

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of a step, counted from 0, of a run of so many steps."""
        return rate_at(step, steps, self.learning_rate, self.warmup_steps, self.schedule)

    def to_dict(self) -> dict[str, Any]:
        """The recipe's fields as JSON can hold them."""
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


def _check_numbers(recipe: Recipe) -> None:
    for name in (*recipe.whole, *recipe.shares, *recipe.not_negative):
        value = getattr(recipe, name)
        low, high = (1 if name in recipe.whole else 0), (1.0 if name in recipe.shares else math.inf)
        if not (math.isfinite(value) and low <= value <= high):
            limits = f"{low} to 1" if name in recipe.shares else f"at least {low}"
            raise UserError(f"{name}: expected {limits}, found {value}")
    if len(recipe.betas) != 2 or not all(0 <= beta < 1 for beta in recipe.betas):
        raise UserError(f"betas: expected two numbers from 0 to below 1, found {recipe.betas}")
    if not (0 < recipe.crop_min <= 1 and 1 <= recipe.crop_aspect <= 4):
        raise UserError(
            f"expected 0 < crop_min <= 1 and 1 <= crop_aspect <= 4, found {recipe.crop_min} and {recipe.crop_aspect}"
        )
    if not (recipe.steps or recipe.epochs):
        raise UserError("steps and epochs are both 0: nothing to train")
