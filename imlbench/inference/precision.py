"""The arithmetic of a forward pass: half precision is for accelerators alone."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext


def precision(device: str, name: str = "bfloat16") -> AbstractContextManager[object]:
    """The arithmetic of an accelerator's convolutions; what must stay in float32 is the network's own business.

    Args:
        device: of the network. A processor computes in float32 whatever is asked for.
        name: "float32", "bfloat16", whose range is float32's so that nothing overflows, or another word for float16.
    """
    import torch

    kind = torch.device(device).type
    if kind == "cpu" or name == "float32":
        return nullcontext()
    return torch.autocast(kind, dtype=torch.bfloat16 if name == "bfloat16" else torch.float16)
