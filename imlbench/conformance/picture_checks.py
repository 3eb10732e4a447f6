"""Checks of what a detector makes of encoded files: JPEGs of several kinds, other formats, and none at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from imlbench.adapters import Picture
from imlbench.conformance.bench import Bench, copies, standard_pairs
from imlbench.conformance.comparing import any_fault, require_same, score_fault
from imlbench.conformance.inputs import ODD, STANDARD, jpeg_picture, picture_of
from imlbench.conformance.outcomes import CheckFailedError, CheckSkippedError
from imlbench.errors import one_line

if TYPE_CHECKING:
    from imlbench.adapters import Detection


def jpegs() -> list[Picture]:
    """JPEG files of several kinds: with and without subsampling, progressive, of one component, of an odd size."""
    return [
        jpeg_picture(STANDARD[0], quality=90, subsampling=2),
        jpeg_picture(STANDARD[1], quality=100, subsampling=0),
        jpeg_picture(STANDARD[2], quality=75, progressive=True),
        jpeg_picture(STANDARD[0], mode="L", quality=80),
        jpeg_picture(ODD[0], quality=85, subsampling=1),
        jpeg_picture((5, 3), quality=95),
    ]


def bare() -> list[Picture]:
    """The standard images without their files."""
    return [picture_of(pair, "") for pair in standard_pairs()]


def files(bench: Bench) -> str:
    """JPEG files of every kind and pixels without a file give valid results, the same one by one and in a batch."""
    pictures = [*jpegs(), *bare()]
    single = [detected(bench, picture) for picture in pictures]
    require_same(single, bench.detect_pictures(pictures), "one by one against a batch of several formats")
    return "JPEGs of several kinds and pixels without a file give valid results"


def detected(bench: Bench, picture: Picture) -> Detection:
    """A copy of what the detector says of one picture.

    Raises:
        CheckFailedError: it raises, or its result is not valid.
    """
    what = f"{picture.id} ({picture.format or 'no file'})"
    try:
        (detection,) = copies(bench.detect_pictures([picture]))
    except CheckFailedError:
        raise
    except Exception as error:
        raise CheckFailedError(f"{what}: raised {type(error).__name__}: {one_line(error, 160)}") from error
    fault = any_fault(detection.score_map, picture) or score_fault(detection.image_score, picture.id)
    if fault:
        raise CheckFailedError(f"{what}: {fault}")
    return detection


def card_file(bench: Bench) -> str:
    """A detector whose card does not say `reads_files` gives the same results without the files."""
    if getattr(bench.card, "reads_files", False):
        raise CheckSkippedError("the card says that the encoded file takes part")
    pictures = jpegs()
    without = [Picture(picture.id, picture.pixels) for picture in pictures]
    compared(bench, pictures, without, "reads_files=False, but without the file the result is another")
    return "the results do not depend on the encoded files"


def compared(bench: Bench, pictures: Sequence[Picture], others: Sequence[Picture], when: str) -> None:
    """Require the same of two lists of pictures."""
    require_same(copies(bench.detect_pictures(pictures)), bench.detect_pictures(others), when)


def card_image_score(bench: Bench) -> str:
    """`scores_images` says whether detections come with an image score."""
    says = bool(getattr(bench.card, "scores_images", False))
    found = {detection.image_score is not None for detection in bench.reference()}
    if found != {says}:
        given = "none for some images" if says else "one"
        raise CheckFailedError(f"scores_images={says}, but there is {given}")
    return "image scores, as declared" if says else "no image scores, as declared"
