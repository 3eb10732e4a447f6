"""A network's state without its frozen parts, whose weights stay in a file of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn


def own_state(network: nn.Module, frozen: Sequence[nn.Module]) -> dict[str, Tensor]:
    """The tensors themselves, not copies, by name.

    Args:
        network: the whole.
        frozen: modules within it whose tensors are left out.
    """
    prefixes = _prefixes(network, frozen)
    return {name: value for name, value in network.state_dict().items() if not name.startswith(prefixes)}


def load_own_state(network: nn.Module, state: Mapping[str, Tensor], frozen: Sequence[nn.Module]) -> None:
    """Fill a network from what `own_state` gave; the frozen parts stay as they are.

    Raises:
        RuntimeError: a name or a shape does not fit.
    """
    prefixes = _prefixes(network, frozen)
    kept = {name: value for name, value in network.state_dict().items() if name.startswith(prefixes)}
    network.load_state_dict({**kept, **state})


def _prefixes(network: nn.Module, frozen: Sequence[nn.Module]) -> tuple[str, ...]:
    left_out = {id(module) for module in frozen}
    return tuple(f"{name}." for name, module in network.named_modules() if id(module) in left_out)
