"""From a sample to aligned arrays: decode, bring original and mask to the edited image's size, check.

A detector sees the edited image alone; what it sees of it is made here too.
"""

from __future__ import annotations

import hashlib
import io
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as PillowImage

from imlbench.adapters import Picture
from imlbench.differencing import difference_outside
from imlbench.errors import Reason, SampleError
from imlbench.images import (
    EXIF_ORIENTATION,
    FORMATS,
    TRANSPOSITIONS,
    Decoded,
    decode_image,
    resize_image,
    same_aspect,
)
from imlbench.masks import bounding_box, decode_mask_with_notes, fit_mask
from imlbench.samples import Pair

if TYPE_CHECKING:
    from imlbench.samples import Image, Mask, Sample
    from imlbench.sources import Source


@dataclass(frozen=True, slots=True)
class LoadedSample:
    """A decoded sample.

    Attributes:
        sample: what was decoded.
        edited: H x W x 3, uint8, RGB, read-only.
        aligned: the pair of original and edited, of the same size; None where the dataset has no original.
        mask: H x W, bool, True = edited; all False for authentic, all True for whole-image samples.
        box: rows and columns of the mask's bounding box.
        files: SHA-256 (hexadecimal) of each file's bytes, by "original", "edited", "mask".
        notes: conversions and resizings that were needed.
        data: the edited image's file, where it was loaded for a detector; else empty.
    """

    sample: Sample
    edited: Image
    aligned: Pair | None
    mask: Mask
    box: tuple[slice, slice]
    files: dict[str, str]
    notes: tuple[str, ...]
    data: bytes = b""

    @property
    def original(self) -> Image | None:
        """H x W x 3, uint8, RGB, read-only, at the edited image's size; None where the dataset has none."""
        return None if self.aligned is None else self.aligned.original

    def pair(self) -> Pair:
        """What an annotator gets to see.

        Raises:
            SampleError: the dataset has no original for this sample.
        """
        if self.aligned is None:
            raise SampleError(Reason.NO_ORIGINAL, f"{self.sample.id}: the dataset ships no original of this image")
        return self.aligned

    def picture(self) -> Picture:
        """What a detector gets to see; the sample was loaded with `load_alone`."""
        return picture_of(self.sample.id, self.edited, self.data)

    def content(self) -> str:
        """Hexadecimal SHA-256 over the hashes of the files and how the truth is read: the identity by content."""
        truth = (str(self.sample.mask_rule), self.sample.scope)
        return hashlib.sha256(repr((sorted(self.files.items()), truth)).encode()).hexdigest()

    def outside_difference(self) -> int | None:
        """Largest difference of a channel outside the mask, 0-255; None without original or outside."""
        return None if self.aligned is None else difference_outside(self.aligned, self.mask, self.box)


def load(sample: Sample) -> LoadedSample:
    """Decode a sample's files.

    Raises:
        SampleError: a file is missing, unreadable or too large, or sizes do not fit together.
    """
    files: dict[str, str] = {}
    edited = read(sample.edited, "edited", files)
    notes = edited.notes
    aligned = None
    if sample.original is not None:
        decoded = read(sample.original, "original", files)
        original, resized = fit_original(decoded.pixels, edited.pixels.shape, sample.original.name)
        aligned = Pair(sample.id, original, edited.pixels, sample.instruction, sample.caption)
        # A conversion that befell both images is worth one note.
        notes = tuple(dict.fromkeys((*notes, *decoded.notes, *resized)))
    mask, mask_notes = load_mask(sample, edited.pixels.shape, files)
    return LoadedSample(sample, edited.pixels, aligned, mask, bounding_box(mask), files, notes + mask_notes)


def load_alone(sample: Sample) -> LoadedSample:
    """Decode what a detector and its truth need: the edited image, whose file is kept, and the mask.

    The original's file is not decoded but hashed, so that a content has one name whoever looks at it. One that is
    missing or broken is no failure.

    Raises:
        SampleError: a file is missing, unreadable or too large, or sizes do not fit together.
    """
    data = sample.edited.read()
    files = {"edited": hashlib.sha256(data).hexdigest()}
    edited = decode_image(data, sample.edited.name)
    if sample.original is not None:
        with suppress(SampleError):
            files["original"] = hashlib.sha256(sample.original.read()).hexdigest()
    mask, mask_notes = load_mask(sample, edited.pixels.shape, files)
    notes = edited.notes + mask_notes
    return LoadedSample(sample, edited.pixels, None, mask, bounding_box(mask), files, notes, data)


def picture_of(name: str, pixels: Image, data: bytes) -> Picture:
    """What a detector sees of an encoded image.

    Args:
        name: the sample's id or the image's name.
        pixels: what `decode_image` made of `data`.
        data: the file.
    """
    with PillowImage.open(io.BytesIO(data), formats=FORMATS) as image:
        # Phones append further images to a JPEG, which then has another name.
        form = "JPEG" if image.format == "MPO" else str(image.format)
        orientation = image.getexif().get(EXIF_ORIENTATION, 1)
    return Picture(name, pixels, data, form, orientation if orientation in TRANSPOSITIONS else 1)


def read(source: Source, role: str, files: dict[str, str]) -> Decoded:
    """Decode an image and note its hash in `files`."""
    data = source.read()
    files[role] = hashlib.sha256(data).hexdigest()
    return decode_image(data, source.name)


def fit_original(original: Image, shape: tuple[int, ...], name: str) -> tuple[Image, tuple[str, ...]]:
    """The original at the edited image's size.

    Raises:
        SampleError: the aspect ratios differ by more than 2 %.
    """
    if original.shape == shape:
        return original, ()
    size, wanted = f"{original.shape[1]} x {original.shape[0]}", f"{shape[1]} x {shape[0]}"
    if not same_aspect(original.shape, shape):
        message = f"{name}: original is {size}, edited is {wanted}: aspect ratios differ by more than 2 %"
        raise SampleError(Reason.SIZE_MISMATCH, message)
    return resize_image(original, shape), (f"original resized from {size}",)


def load_mask(sample: Sample, shape: tuple[int, ...], files: dict[str, str]) -> tuple[Mask, tuple[str, ...]]:
    """The ground truth at the edited image's size, and notes."""
    if sample.mask is None or sample.mask_rule is None:
        if sample.scope == "local":
            raise SampleError(Reason.MISSING_PARTNER, f"{sample.id}: no mask")
        mask = np.full(shape[:2], sample.scope == "whole-image")
        mask.flags.writeable = False
        return mask, ()
    data = sample.mask.read()
    files["mask"] = hashlib.sha256(data).hexdigest()
    mask, notes = decode_mask_with_notes(data, sample.mask.name, sample.mask_rule)
    fitted, resized = fit_mask(mask, shape, sample.mask.name)
    return fitted, notes + resized
