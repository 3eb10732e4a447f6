"""As much of a sample as can be had: where `load` stops at the first broken file, this goes on to the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from imlbench.errors import Reason, SampleError
from imlbench.loading import LoadedSample, fit_original, load, load_mask, read
from imlbench.masks import decode_mask

if TYPE_CHECKING:
    from imlbench.samples import Image, Mask, Sample

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a sample, each as an array or as the reason why there is none.

    Attributes:
        sample: what was decoded.
        edited: H x W x 3, uint8, RGB.
        original: the same shape as `edited` where that could be read; None where the dataset has none.
        mask: H x W, bool, True = edited; of the file's own size where `edited` could not be read.
        loaded: the whole sample, None where any part is broken.
        other: why the whole could not be loaded although each part could.
    """

    sample: Sample
    edited: Image | SampleError
    original: Image | SampleError | None
    mask: Mask | SampleError
    loaded: LoadedSample | None = None
    other: SampleError | None = None

    def errors(self) -> list[SampleError]:
        """What is wrong with the sample, part by part; the same words are not repeated."""
        parts = (self.original, self.edited, self.mask, self.other)
        errors = [part for part in parts if isinstance(part, SampleError)]
        return list({error.message: error for error in errors}.values())


def load_parts(sample: Sample) -> Parts:
    """Decode a sample, or as much of it as can be decoded. Raises nothing that a broken file may cause."""
    loaded = attempt(sample, lambda: load(sample))
    if isinstance(loaded, LoadedSample):
        return Parts(sample, loaded.edited, loaded.original, loaded.mask, loaded)
    edited = attempt(sample, lambda: read(sample.edited, "edited", {}).pixels)
    shape = None if isinstance(edited, SampleError) else edited.shape
    original = None if sample.original is None else attempt(sample, lambda: original_part(sample, shape))
    mask = attempt(sample, lambda: mask_part(sample, shape))
    broken = any(isinstance(part, SampleError) for part in (edited, original, mask))
    return Parts(sample, edited, original, mask, other=None if broken else loaded)


def attempt(sample: Sample, function: Callable[[], T]) -> T | SampleError:
    """What `function` returns, or why it failed."""
    try:
        return function()
    except SampleError as error:
        return error
    except Exception as error:
        # A third party's source or a decoder may raise anything; it is this sample's failure, not the set's.
        return SampleError(Reason.UNREADABLE, f"{sample.id}: {type(error).__name__}: {error}")


def original_part(sample: Sample, shape: tuple[int, ...] | None) -> Image:
    """The original, fitted to the edited image where its shape is known."""
    assert sample.original is not None
    pixels = read(sample.original, "original", {}).pixels
    return pixels if shape is None else fit_original(pixels, shape, sample.original.name)[0]


def mask_part(sample: Sample, shape: tuple[int, ...] | None) -> Mask:
    """The mask, fitted to the edited image where its shape is known; 1 x 1 where there is neither file nor shape."""
    if shape is not None or sample.mask is None or sample.mask_rule is None:
        return load_mask(sample, shape or (1, 1), {})[0]
    return decode_mask(sample.mask.read(), sample.mask.name, sample.mask_rule)
