"""The moving average of a network's trainable weights: Stage II's teacher, and what is validated and exported."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor

from annotators.sigma.network.model import Sigma


class Ema:
    """teacher <- m teacher + (1 - m) student after every step (Tarvainen & Valpola 2017).

    Args:
        student: its weights are where the average starts. The frozen encoder is shared, not copied.
        momentum: m.
        warm_up: use min(m, (1 + n) / (10 + n)) at the n-th step, so that random first weights are soon forgotten.
    """

    def __init__(self, student: Sigma, momentum: float, warm_up: bool) -> None:
        # Copied all but the encoder, which the copy's memo hands over as it is.
        self.network: Sigma = copy.deepcopy(student, {id(student.encoder): student.encoder})
        self.network.requires_grad_(False).eval()
        self.momentum = momentum
        self.warm_up = warm_up
        self.steps = 0

    def momentum_now(self) -> float:
        """m of the next update."""
        if not self.warm_up:
            return self.momentum
        return min(self.momentum, (1 + self.steps) / (10 + self.steps))

    @torch.no_grad()
    def update(self, student: Sigma) -> None:
        """Follow the student by one step."""
        momentum = self.momentum_now()
        followed = dict(student.state_dict())
        for name, value in self.network.state_dict().items():
            # state_dict hands out the tensors themselves, so that this changes the network.
            value.mul_(momentum).add_(followed[name].to(value.dtype), alpha=1 - momentum)
        self.steps += 1

    def state(self) -> dict[str, Tensor | int]:
        """What a checkpoint keeps."""
        return {**self.network.state_dict(), "steps": self.steps}

    def load(self, state: Mapping[str, Tensor | int]) -> None:
        """Go on from what `state` gave."""
        self.steps = int(state["steps"])
        self.network.load_state_dict({name: value for name, value in state.items() if name != "steps"})
