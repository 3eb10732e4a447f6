"""Pictures, weights and stand-ins that tests of detectors share."""

from __future__ import annotations

import io
import zlib
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from PIL import Image

from imlbench.adapters import Picture

torch.set_num_threads(1)

needs_networks = pytest.mark.skipif(
    find_spec("IMDLBenCo") is None, reason="needs the extra: pip install 'imlbench[imdlbenco]'"
)
needs_jpeglib = pytest.mark.skipif(find_spec("jpeglib") is None, reason="needs the extra: pip install 'imlbench[jpeg]'")


def pixels_of(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Smooth waves with grain, as photographs have them: height x width x 3, uint8."""
    row, column = np.mgrid[0:height, 0:width]
    waves = [128 + 80 * np.sin(row / (7 + channel)) * np.cos(column / (11 - channel)) for channel in range(3)]
    grain = np.random.default_rng(seed).integers(-9, 10, (height, width, 3))
    return np.clip(np.stack(waves, axis=-1) + grain, 0, 255).astype(np.uint8)


def jpeg_of(pixels: np.ndarray, **options) -> bytes:
    """An encoded JPEG; `options` are Pillow's."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", **{"quality": 90, "subsampling": 2, **options})
    return buffer.getvalue()


def jpeg_picture(height: int = 40, width: int = 56, **options) -> Picture:
    """A picture with the JPEG file that it was read from."""
    data = jpeg_of(pixels_of(height, width), **options)
    return Picture("one", np.asarray(Image.open(io.BytesIO(data)).convert("RGB")), data, "JPEG")


def fill(network: torch.nn.Module, gain: float = 3.4) -> torch.nn.Module:
    """Weights that follow from their names alone, of a size that keeps activations alive."""
    for name, value in network.state_dict().items():
        if not value.is_floating_point():
            continue
        draw = np.random.default_rng(zlib.crc32(name.encode())).random(tuple(value.shape), np.float32) - 0.5
        if value.ndim > 1:
            fan_in = max(1, value[0].numel())
            drawn = draw * np.float32(gain / fan_in**0.5)
        else:
            around = 1 if name.endswith(("weight", "running_var")) else 0
            drawn = around + draw * np.float32(0.2)
        value.copy_(torch.from_numpy(np.asarray(drawn, np.float32)))
    return network.eval()
