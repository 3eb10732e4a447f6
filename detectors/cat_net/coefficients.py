"""Luma coefficients and their quantisation table, as a JPEG file stores them, through the library `jpeglib`."""

from __future__ import annotations

import ctypes
import io
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image as PillowImage

from detectors.borrowed import lacking_packages
from detectors.cat_net.jpeg_header import UnusualJpegError, read_header
from imlbench.errors import UserError, one_line

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.samples import Image

PACKAGE = "jpeglib"
INSTALL = "pip install 'imlbench[jpeg]'"
LIBRARY = "turbo210"
"""Of those that jpeglib has: libjpeg-turbo, by which Pillow decodes, so that both take the same files."""
_lock = threading.Lock()


class Luma(NamedTuple):
    """What a JPEG file stores of its luma.

    Attributes:
        coefficients: H x W int16, both multiples of 8: the quantised coefficients of each block in the block's place.
        table: 8 x 8 uint16, the quantisation steps, in the order of the coefficients in a block.
    """

    coefficients: NDArray[np.int16]
    table: NDArray[np.uint16]


def read_luma(data: bytes, shape: tuple[int, ...] | None = None) -> Luma:
    """The luma of an encoded JPEG.

    Args:
        data: the file.
        shape: (height, width, ...) that the picture must have; None = any.

    Raises:
        UnusualJpegError: luma's coefficients cannot be told, or the picture has another size.
        UserError: the package is missing, or another than the one that is understood here.
    """
    header = read_header(data)
    if shape is not None and (header.height, header.width) != shape[:2]:
        raise UnusualJpegError("another size than the picture's")
    rows, columns = header.blocks
    blocks = np.zeros((rows, columns, 8, 8), np.int16)
    tables = np.zeros((4, 8, 8), np.uint16)
    numbers = np.zeros(4, np.int16)
    call(data, blocks, tables, numbers)
    if not 0 <= numbers[0] < len(tables) or not tables[numbers[0]].any():
        raise UnusualJpegError("no quantisation table")
    coefficients = blocks.transpose(0, 2, 1, 3).reshape(rows * 8, columns * 8)
    return Luma(coefficients, tables[numbers[0]].copy())


def call(data: bytes, blocks: NDArray[np.int16], tables: NDArray[np.uint16], numbers: NDArray[np.int16]) -> None:
    """Let the library fill arrays of the first component's size.

    Its function on the level of Python writes each file anew to a temporary place and reads every component.

    Raises:
        UnusualJpegError: the library refuses the file.
        UserError: the package is missing, or another than the one that is understood here.
    """
    if lacks := lacking_packages("cat-net", ("jpeg",)):
        raise UserError(lacks)
    try:
        version: Any = import_module(PACKAGE).version
        reader: Any = import_module(f"{PACKAGE}._bind").CJpegLib.read_jpeg_dct
    except (ImportError, AttributeError) as error:
        reason = one_line(f"{type(error).__name__}: {error}", 160)
        raise UserError(f"cat-net: {PACKAGE} is not the one expected ({reason}): {INSTALL}") from error
    with _lock, readable(data) as path:
        before = version.get()
        version.set(LIBRARY)
        try:
            short = ctypes.POINTER(ctypes.c_short)
            unsigned = ctypes.POINTER(ctypes.c_ushort)
            pointers = (blocks.ctypes.data_as(short), None, None, None)
            reader(path, *pointers, tables.ctypes.data_as(unsigned), numbers.ctypes.data_as(short))
        except OSError as error:
            raise UnusualJpegError("coefficients that cannot be read") from error
        finally:
            if before:
                version.set(before)


@contextmanager
def readable(data: bytes) -> Iterator[str]:
    """A path under which the library, which takes nothing else, finds the bytes; in memory where the system can."""
    if not hasattr(os, "memfd_create"):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "picture.jpg")
            with open(path, "wb") as place:
                place.write(data)
            yield path
        return
    descriptor = os.memfd_create("picture")
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(data)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def saved_as_jpeg(pixels: Image, quality: int = 100, subsampling: int = 0) -> tuple[bytes, NDArray[np.uint8]]:
    """Encode pixels as a JPEG file.

    Args:
        pixels: H x W x 3, uint8, RGB.
        quality: Pillow's, 1 to 100.
        subsampling: Pillow's: 0 = 4:4:4, 2 = 4:2:0.

    Returns:
        The file, and its pixels, which differ from those given by rounding.
    """
    buffer = io.BytesIO()
    PillowImage.fromarray(pixels).save(buffer, "JPEG", quality=quality, subsampling=subsampling)
    return buffer.getvalue(), np.asarray(PillowImage.open(io.BytesIO(buffer.getvalue())).convert("RGB"))
