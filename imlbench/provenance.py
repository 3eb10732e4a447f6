"""What a number depends on besides the data: versions, decoders, machine, options."""

from __future__ import annotations

import os
import platform
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from imlbench import __version__
from imlbench.metrics import METRIC_VERSION

PROTOCOL_VERSION = "1"
"""Changes whenever decoding, resizing or alignment may change a pixel."""

PACKAGES = (
    "numpy",
    "opencv-python",
    "pillow",
    "scikit-image",
    "torch",
    "torchvision",
    "transformers",
    "diffusers",
    "pandas",
)


@cache
def environment() -> dict[str, Any]:
    """Versions of everything that touches pixels or numbers, and the machine."""
    return {
        "imlbench": __version__,
        "metric_version": METRIC_VERSION,
        "protocol_version": PROTOCOL_VERSION,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": platform.machine(),
        "cpus": os.cpu_count(),
        "packages": {name: installed(name) for name in PACKAGES},
        "decoders": decoders(),
    }


def installed(package: str) -> str | None:
    """Version of an installed package, without importing it."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def decoders() -> dict[str, str | None]:
    """Builds of the image decoders: Pillow reads the data and writes WebP, OpenCV compresses to JPEG."""
    import cv2
    from PIL import features

    built = {name: features.version(name) for name in ("libjpeg_turbo", "zlib", "webp", "libtiff")}
    jpeg = [line.split(":", 1)[1].strip() for line in cv2.getBuildInformation().splitlines() if "JPEG:" in line]
    return {**{f"pillow {name}": value for name, value in built.items()}, "opencv jpeg": jpeg[0] if jpeg else None}


def command_line() -> list[str]:
    """The command as it was typed, the program's name without its folder."""
    return [os.path.basename(sys.argv[0]), *sys.argv[1:]]
