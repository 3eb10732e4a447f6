"""The photographs and textures that the demo set is made from: files inside two installed libraries."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from imlbench.errors import SampleError, UserError
from imlbench.images import decode_image, resize_image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.samples import Image

INSTALL = "pip install 'imlbench[demo]'"
DISTRIBUTIONS = {"skimage": "scikit-image", "sklearn": "scikit-learn"}


@dataclass(frozen=True, slots=True)
class Photograph:
    """A photograph and how it is cut for the set.

    Attributes:
        name: its name in ids and tags.
        package: the importable package whose folder holds the file.
        path: of the file, below the package's folder.
        crop: left, top, right, bottom in the file's pixels.
        size: width and height after the cut is scaled.
        credit: what it shows, who made it, and its licence, as its library states them.
    """

    name: str
    package: str
    path: str
    crop: tuple[int, int, int, int]
    size: tuple[int, int]
    credit: str


PHOTOGRAPHS = {
    photograph.name: photograph
    for photograph in (
        Photograph(
            "astronaut",
            "skimage",
            "data/astronaut.png",
            (0, 0, 512, 512),
            (400, 400),
            "Eileen Collins, by NASA; public domain",
        ),
        Photograph(
            "chelsea",
            "skimage",
            "data/chelsea.png",
            (0, 0, 451, 300),
            (451, 300),
            "Chelsea the cat, by Stefan van der Walt; CC0",
        ),
        Photograph(
            "coffee",
            "skimage",
            "data/coffee.png",
            (0, 0, 600, 400),
            (480, 320),
            "a cup of coffee, by Rachel Michetti, courtesy of Pikolo Espresso Bar; CC0",
        ),
        Photograph(
            "rocket",
            "skimage",
            "data/rocket.jpg",
            (170, 0, 490, 427),
            (320, 427),
            "Falcon 9 with DSCOVR, by SpaceX; public domain",
        ),
        Photograph(
            "motorcycle",
            "skimage",
            "data/motorcycle_left.png",
            (0, 0, 741, 500),
            (504, 340),
            "a motorcycle, from the Middlebury 2014 stereo benchmark (Scharstein et al., GCPR 2014); no licence stated",
        ),
        Photograph(
            "china",
            "sklearn",
            "datasets/images/china.jpg",
            (0, 0, 640, 427),
            (512, 342),
            "a pagoda above a lake, by danielbuechele (flickr.com/photos/danielbuechele); CC BY 2.0",
        ),
        Photograph(
            "flower",
            "sklearn",
            "datasets/images/flower.jpg",
            (60, 10, 540, 427),
            (416, 361),
            "dahlias, from flickr.com/photos/vultilion (scikit-learn's attribution names danielbuechele); CC BY 2.0",
        ),
    )
}

TEXTURES = {name: f"data/{name}.png" for name in ("brick", "grass", "gravel")}
"""Grey 512 x 512 textures of scikit-image (CC0)."""


def package_file(package: str, path: str) -> str:
    """Absolute path of a file inside an installed package, found without importing the package.

    The file is opened where the package lies, so that nothing can be downloaded in its stead.

    Raises:
        UserError: the package is not installed, or this version of it does not ship the file.
    """
    distribution = DISTRIBUTIONS[package]
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise UserError(f"demo: making the demo set needs {distribution}, which is not installed; {INSTALL}")
    found = os.path.join(spec.submodule_search_locations[0], *path.split("/"))
    if not os.path.isfile(found):
        raise UserError(f"demo: the installed {distribution} ships no {path}; install a usual release: {INSTALL}")
    return found


def read_file(package: str, path: str) -> bytes:
    """The bytes of a file inside an installed package.

    Raises:
        UserError: the file is not there or cannot be read.
    """
    found = package_file(package, path)
    try:
        with open(found, "rb") as file:
            return file.read()
    except OSError as error:
        raise UserError(f"demo: {found} cannot be read: {error.strerror}; reinstall {DISTRIBUTIONS[package]}") from None


def decode_file(package: str, path: str) -> Image:
    """Decode an image file inside an installed package: H x W x 3, uint8, RGB.

    Raises:
        UserError: the file is missing or damaged.
    """
    try:
        return decode_image(read_file(package, path), path).pixels
    except SampleError as error:
        raise UserError(f"demo: {error.message}; reinstall {DISTRIBUTIONS[package]}") from None


def load_photograph(name: str) -> Image:
    """The cut and scaled photograph: H x W x 3, uint8, RGB, read-only.

    Raises:
        UserError: no such photograph, or its file cannot be had.
    """
    if name not in PHOTOGRAPHS:
        raise UserError(f"demo: no photograph {name!r}; photographs: {', '.join(PHOTOGRAPHS)}")
    photograph = PHOTOGRAPHS[name]
    left, top, right, bottom = photograph.crop
    cut = decode_file(photograph.package, photograph.path)[top:bottom, left:right]
    width, height = photograph.size
    pixels = resize_image(np.ascontiguousarray(cut), (height, width))
    pixels.flags.writeable = False
    return pixels


def load_texture(name: str) -> NDArray[np.uint8]:
    """A grey texture: H x W, uint8; the bricks, which stand upright in the file, are turned to lie.

    Raises:
        UserError: its file cannot be had.
    """
    grey = cv2.cvtColor(decode_file("skimage", TEXTURES[name]), cv2.COLOR_RGB2GRAY)
    return cv2.rotate(grey, cv2.ROTATE_90_CLOCKWISE) if name == "brick" else grey  # type: ignore[return-value]


def source_hash(name: str) -> str:
    """Hexadecimal SHA-256 of the file that a photograph is cut from."""
    photograph = PHOTOGRAPHS[name]
    return hashlib.sha256(read_file(photograph.package, photograph.path)).hexdigest()
