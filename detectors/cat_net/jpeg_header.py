"""What a JPEG file says of itself before its pixels: sizes, components, sampling. Read strictly, from hostile bytes.

The library that reads coefficients ends the whole process on some files. A file whose header is unusual in any way is
therefore not handed to it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

START, END, SCAN, ADOBE = 0xD8, 0xD9, 0xDA, 0xEE
BASELINE, EXTENDED, PROGRESSIVE = 0xC0, 0xC1, 0xC2
"""Huffman coded. Lossless, hierarchical and arithmetically coded files have other frames."""
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""All kinds of frames; the three others among these numbers are tables."""
LUMA_FIRST = (1, 3)
"""Numbers of components of which the first can be luma; four are CMYK or its like."""


class UnusualJpegError(ValueError):
    """A file whose luma coefficients cannot be told, and why, in a few words."""


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """The frame of a JPEG file whose first component is luma at full resolution.

    Attributes:
        height: in pixels.
        width: in pixels.
    """

    height: int
    width: int

    @property
    def blocks(self) -> tuple[int, int]:
        """Rows and columns of 8 x 8 blocks that hold luma."""
        return -(-self.height // 8), -(-self.width // 8)


def read_header(data: bytes) -> JpegHeader:
    """The frame of a file.

    Raises:
        UnusualJpegError: there is none, or luma is not its first component at full resolution in 8 bits.
    """
    if data[:2] != b"\xff\xd8":
        raise UnusualJpegError("no JPEG file")
    place, transform, frame = 2, None, b""
    while place + 4 <= len(data):
        sign, kind, length = struct.unpack_from(">BBH", data, place)
        body = data[place + 4 : place + 2 + length]
        if sign != 0xFF or length < 2 or len(body) != length - 2:
            raise UnusualJpegError("a damaged header")
        if kind in FRAMES:
            if frame or kind not in (BASELINE, EXTENDED, PROGRESSIVE):
                raise UnusualJpegError("neither a baseline nor a progressive file")
            frame = body
        elif kind == ADOBE and body[:5] == b"Adobe" and len(body) >= 12:
            transform = body[11]
        elif kind == SCAN:
            return header_of(frame, transform)
        place += 2 + length
    raise UnusualJpegError("no picture in it")


def header_of(frame: bytes, transform: int | None) -> JpegHeader:
    """A frame's sizes, where luma is its first component.

    Args:
        frame: the segment's content.
        transform: of Adobe's marker: 0 = colours are stored as they are, 1 = as luma and chroma; None = not said.

    Raises:
        UnusualJpegError: it is not, or not at full resolution in 8 bits.
    """
    if len(frame) < 6 or len(frame) != 6 + 3 * frame[5]:
        raise UnusualJpegError("a damaged header")
    precision, height, width, count = struct.unpack_from(">BHHB", frame)
    if precision != 8 or not height or not width:
        raise UnusualJpegError("no 8-bit picture of a stated size")
    if count not in LUMA_FIRST:
        raise UnusualJpegError(f"{count} components, not luma alone or luma and chroma")
    names = bytes(frame[6::3])
    if count > 1 and (transform == 0 or (transform is None and names == b"RGB")):
        raise UnusualJpegError("red, green, blue without luma")
    sampling = [(value >> 4, value & 15) for value in frame[7::3]]
    if not all(1 <= axis <= 4 for pair in sampling for axis in pair):
        raise UnusualJpegError("a damaged header")
    if count > 1 and sampling[0] != tuple(max(axis) for axis in zip(*sampling, strict=True)):
        raise UnusualJpegError("luma below full resolution")
    return JpegHeader(height, width)
