"""The contract of what is trained: a network, and the losses of a batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from torch import Tensor, nn
from torch.nn import Parameter

if TYPE_CHECKING:
    from imlbench.training.items import Batch

Network = TypeVar("Network", bound=nn.Module)


class Task(nn.Module, ABC, Generic[Network]):
    """A network and what it is trained by; a module that can be spread over devices.

    Args:
        network: what is trained, frozen parts included; on the processor.
        side: pairs are validated at side x side, in pixels.
    """

    terms: tuple[str, ...] = ("loss",)
    """Names of what `forward` returns, the columns of the log; "loss" is what is minimised."""
    warm_up: bool = True
    """Whether the average soon forgets the first weights: they were random."""

    def __init__(self, network: Network, side: int) -> None:
        super().__init__()
        self.network = network
        self.side = side

    @abstractmethod
    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The losses of a batch, one for each of `terms`: scalars, "loss" with a graph.

        Args:
            batch: the data's items, stacked, on the network's device: original and edited B x 3 x S x S, float32 in
                [0, 1]; mask B x 1 x S x S, float32, of 0 and 1; and what the data add.
        """

    @abstractmethod
    def probabilities(self, network: Network, original: Tensor, edited: Tensor, ids: Sequence[str]) -> Tensor:
        """What a network says of pairs: B x 1 x h x w in [0, 1].

        Args:
            network: the average of `self.network`, in evaluation mode; no gradients are recorded.
            original: B x 3 x side x side, float32 in [0, 1], on the network's device.
            edited: likewise.
            ids: of the B pairs.
        """

    @abstractmethod
    def export(self, path: Path, network: Network, facts: Mapping[str, Any]) -> None:
        """Write weights in the method's own format.

        Args:
            path: a .safetensors file; an existing one is replaced.
            network: the average of `self.network`.
            facts: how they came about, JSON-ready.

        Raises:
            UserError: the file cannot be written.
        """

    def frozen(self) -> tuple[nn.Module, ...]:
        """Parts of the network that never change: in evaluation mode, not averaged, not in checkpoints."""
        return ()

    def trainable(self) -> list[Parameter]:
        """What the optimiser changes: the weights that ask for a gradient. Each must get one in every step."""
        return [parameter for parameter in self.network.parameters() if parameter.requires_grad]

    def teach(self, batch: Batch, average: Network) -> None:
        """Add to a batch what the averaged network says of it, before the losses are computed."""

    def train(self, mode: bool = True) -> Task[Network]:
        """Training mode for all but the frozen parts."""
        super().train(mode)
        for part in self.frozen():
            part.eval()
        return self
