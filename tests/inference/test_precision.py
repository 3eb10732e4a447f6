"""Which arithmetic a forward pass runs in."""

from __future__ import annotations

import pytest
import torch

from imlbench.inference.precision import precision


@pytest.mark.parametrize(
    ("device", "name", "dtype"),
    [
        ("cuda", "auto", torch.float16),
        ("cuda:1", "bfloat16", torch.bfloat16),
        ("cuda", "float32", None),
        ("cpu", "auto", None),
    ],
)
@pytest.mark.filterwarnings("ignore:.*CUDA is not available")
def test_precision_is_the_policys_on_an_accelerator_alone(device, name, dtype):
    found = precision(device, name)
    assert getattr(found, "fast_dtype", None) == dtype


@pytest.mark.parametrize(("device", "dtype"), [("cuda", torch.bfloat16), ("cuda:1", torch.bfloat16), ("cpu", None)])
@pytest.mark.filterwarnings("ignore:.*CUDA is not available")
def test_half_precision_is_for_accelerators_alone(device, dtype):
    assert getattr(precision(device), "fast_dtype", None) == dtype
