"""What a training run of SIGMA is: every number of it, typed and checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from annotators.sigma.network.config import SigmaConfig
from imlbench.errors import UserError, one_line
from imlbench.training.recipe import Recipe

AUTOENCODERS = ("vae-taef2", "vae-kl")
"""Perturbations of the registry that can make a zero edit."""
UNBOUND = (*Recipe.unbound, "encoder_weights")
"""Fields that a resumed run may change, since no loss depends on them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig(Recipe):
    """One training run. The paper gives optimiser, batch size and epochs; the other defaults are inferred.

    The learning rate rises, then falls as half a cosine. The change of tone is also that of Stage II's student's view.
    The averaged weights are validated and exported, and are Stage II's teacher.

    Attributes:
        network: the network's sizes.
        encoder_weights: file or folder of the backbone's weights; empty = where they usually are.
        prior_probability: share of pairs with a simulated prior; the others have the constant epsilon.
        bce_weight: of the binary cross-entropy in the supervised loss.
        dice_weight: of soft Dice in the supervised loss.
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

    shares: ClassVar[tuple[str, ...]] = (*Recipe.shares, "prior_probability", "confidence", "support_threshold")
    not_negative: ClassVar[tuple[str, ...]] = (
        *Recipe.not_negative,
        *("bce_weight", "dice_weight", "supervised_weight"),
        *("zero_edit_weight", "pseudo_label_weight", "disentanglement_weight"),
    )
    unbound: ClassVar[tuple[str, ...]] = UNBOUND

    network: SigmaConfig = field(default_factory=SigmaConfig)
    encoder_weights: str = ""
    prior_probability: float = 0.5
    bce_weight: float = 1.0
    dice_weight: float = 1.0
    autoencoders: tuple[str, ...] = ("vae-kl",)
    confidence: float = 0.9
    support_threshold: float = 0.5
    supervised_weight: float = 1.0
    zero_edit_weight: float = 0.5
    pseudo_label_weight: float = 0.3
    disentanglement_weight: float = 0.1

    def check(self) -> None:
        for name in self.autoencoders:
            if name not in AUTOENCODERS:
                raise UserError(f"autoencoders: expected {' or '.join(AUTOENCODERS)}, found {one_line(repr(name), 60)}")
        multiple = 14 if self.network.encoder.startswith("dinov2") else 1
        for size in self.sizes:
            if size % multiple:
                what = f"multiples of {multiple}, {self.network.encoder}'s patches"
                raise UserError(f"sizes: expected 16 to 4096 and {what}, found {size}")
