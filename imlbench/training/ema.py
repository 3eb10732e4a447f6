"""The moving average of a network's trained weights: what is validated and exported, and may teach."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from imlbench.training.states import load_own_state, own_state

Network = TypeVar("Network", bound=nn.Module)


class Ema(Generic[Network]):
    """average <- m average + (1 - m) student after every step (Tarvainen & Valpola 2017); counters are copied.

    Args:
        student: its weights are where the average starts.
        momentum: m; 0 = the average is the student.
        warm_up: use min(m, (1 + n) / (10 + n)) at the n-th step, so that random first weights are soon forgotten.
        frozen: parts of the student that are shared, not copied.
    """

    def __init__(self, student: Network, momentum: float, warm_up: bool, frozen: Sequence[nn.Module] = ()) -> None:
        # The copy's memo hands over the frozen parts as they are.
        self.network: Network = copy.deepcopy(student, {id(part): part for part in frozen})
        self.network.requires_grad_(False).eval()
        self.frozen = tuple(frozen)
        self.momentum = momentum
        self.warm_up = warm_up
        self.steps = 0

    def momentum_now(self) -> float:
        """m of the next update."""
        if not self.warm_up:
            return self.momentum
        return min(self.momentum, (1 + self.steps) / (10 + self.steps))

    @torch.no_grad()
    def update(self, student: Network) -> None:
        """Follow the student by one step."""
        momentum = self.momentum_now()
        followed = student.state_dict()
        # The tensors themselves, so that this changes the network.
        for name, value in own_state(self.network, self.frozen).items():
            if value.is_floating_point():
                value.mul_(momentum).add_(followed[name].to(value.dtype), alpha=1 - momentum)
            else:
                value.copy_(followed[name])
        self.steps += 1

    def state(self) -> dict[str, Tensor | int]:
        """What a checkpoint keeps."""
        return {**own_state(self.network, self.frozen), "steps": self.steps}

    def load(self, state: Mapping[str, Tensor | int]) -> None:
        """Go on from what `state` gave.

        Raises:
            RuntimeError: it is another network's.
        """
        self.steps = int(state["steps"])
        tensors = {name: value for name, value in state.items() if isinstance(value, Tensor)}
        load_own_state(self.network, tensors, self.frozen)
