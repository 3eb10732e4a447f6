"""`imlbench detect`: which pixels of images were manipulated, from the images alone."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imlbench.cards import Card
from imlbench.errors import UserError, one_line
from imlbench.report import Report

if TYPE_CHECKING:
    from imlbench.detection import Found, ImageWish
    from imlbench.jobs import Handle


def detect(
    images: Annotated[list[Path], typer.Argument(help="Images, and folders of images.")],
    *,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="The folder for maps and overlays; nothing is written elsewhere.")
    ],
    detector: Annotated[str, typer.Option(help="Detector; `imlbench list detectors` shows them.")] = "ela",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = "auto",
    batch_size: Annotated[int, typer.Option(min=1, help="Images per call of a detector that works in batches.")] = 8,
    seed: Annotated[int, typer.Option(help="Of detectors that draw random numbers.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Judge anew what is there already.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each image.")] = False,
) -> None:
    """Mark what was manipulated in images: NAME-map.png (255 = certain) and NAME-overlay.png for each."""
    from imlbench.detection import detect_all

    wishes = gathered(images, out)
    counts: Counter[str] = Counter()
    output = sys.stdout
    # What a third party's code prints must not end up in the JSON.
    with redirect_stdout(sys.stderr):
        handle = one_detector(detector, device, seed)
        for found in detect_all(handle, wishes, batch_size, overwrite):
            counts[found.status] += 1
            if as_json:
                typer.echo(json.dumps(row(found, handle.card.name)), file=output)
            elif found.status != "failed":
                typer.echo(sentence(found), file=output)
            if found.status == "failed":
                typer.echo(f"imlbench: {found.reason}: {one_line(found.message)}", err=True)
    if not as_json and len(wishes) > 1:
        kept = " (--overwrite judges them anew)" if counts["kept"] else ""
        typer.echo(f"{counts['written']} judged, {counts['kept']} kept{kept}, {counts['failed']} failed")
    if counts["failed"]:
        raise typer.Exit(1)


def one_detector(name: str, device: str, seed: int) -> Handle:
    """The detector of that name, not built yet.

    Raises:
        UserError: unknown, or a pattern that means several.
    """
    from imlbench.evaluation import resolve_devices
    from imlbench.jobs import detector_handles

    handles = resolve_devices(detector_handles([name], device, seed))
    if len(handles) > 1:
        raise UserError(f"--detector {name} means {len(handles)} detectors; name one of them")
    return handles[0]


def gathered(images: Sequence[Path], out: Path) -> list[ImageWish]:
    """What is wanted of each image: files of its name, below its folder's name where a folder was given.

    Raises:
        UserError: an argument is missing, a folder holds no image, the output is no folder, or two images would have
            the same files, or files that are judged.
    """
    from imlbench.datasets.files import printable, walk
    from imlbench.detection import ImageWish

    if os.path.lexists(out) and not os.path.isdir(out):
        raise UserError(f"-o: expected a folder, found a file: {one_line(out, 200)}")
    top = os.path.realpath(out)
    found: dict[str, tuple[str, str]] = {}
    for given in images:
        # Not Path.exists, which raises on a path that no file system takes.
        if not os.path.lexists(given):
            raise UserError(f"no such file or folder: {one_line(given, 200)}")
        real = os.path.realpath(given)
        if not os.path.isdir(given):
            found.setdefault(real, (str(given), os.path.basename(given)))
            continue
        if os.path.commonpath((top, real)) == top:
            raise UserError(f"-o: {one_line(out, 200)} is or holds what is to be judged; choose another folder")
        below = [path for path in walk(real) if not is_below(os.path.join(real, path), top)]
        if not below:
            raise UserError(f"{one_line(given, 200)}: no images in this folder")
        for path in below:
            found.setdefault(os.path.join(real, path), (os.path.join(str(given), path), path))
    targets = distinct({real: target for real, (_, target) in found.items()})
    wishes = [ImageWish(printable(name), source_of(real), out, targets[real]) for real, (name, _) in found.items()]
    written = {os.path.realpath(path) for wish in wishes for path in wish.files().values()}
    if overwritten := sorted(written & found.keys()):
        raise UserError(f"-o: {one_line(overwritten[0], 200)} is to be judged and to be written; choose another folder")
    return wishes


def is_below(path: str, folder: str) -> bool:
    """Whether a path lies in a folder: what was written before is not judged in its turn."""
    return os.path.commonpath((folder, path)) == folder


def source_of(real: str) -> Any:
    """The file that the user named, wherever a link leads: its own folder is its root."""
    from imlbench.sources import FileSource

    return FileSource(*os.path.split(real))


def distinct(targets: dict[str, str]) -> dict[str, str]:
    """Targets without suffix; with it where two files differ in nothing else.

    Raises:
        UserError: two images would have the same files.
    """
    bare = {real: os.path.splitext(target)[0] for real, target in targets.items()}
    shared = repeated(bare.values())
    chosen = {real: targets[real] if bare[real] in shared else bare[real] for real in targets}
    again = repeated(chosen.values())
    if again:
        twins = [real for real, target in chosen.items() if target in again][:2]
        raise UserError(
            f"{one_line(' and '.join(twins), 400)} would have the same files; judge them one after the other into "
            "folders of their own, or give a folder that holds both"
        )
    return chosen


def repeated(names: Iterable[str]) -> set[str]:
    """Names that occur more than once; on some file systems A and a are one."""
    counts = Counter(name.casefold() for name in names)
    return {name for name in names if counts[name.casefold()] > 1}


def sentence(found: Found) -> str:
    """What came of an image, in words."""
    if found.status == "kept":
        return f"{found.name}: kept what is there; --overwrite judges it anew"
    assert found.share is not None
    assert found.image_score is not None
    whose = "image score" if found.own_score else "largest score"
    listed = ", ".join(str(path) for path in found.files.values())
    notes = "".join(f"; {note}" for note in found.notes)
    marked = f"{100 * found.share:.2f} % of the pixels marked"
    return f"{found.name}: {whose} {found.image_score:.3f}, {marked}: {listed}{notes}"


def row(found: Found, detector: str) -> dict[str, Any]:
    """What came of an image, for JSON."""
    return {
        "image": found.name,
        "status": found.status,
        "detector": detector,
        "image_score": found.image_score,
        "image_score_from": None if found.image_score is None else "detector" if found.own_score else "map",
        "marked_share": found.share,
        "width": found.width,
        "height": found.height,
        "files": {kind: str(path) for kind, path in found.files.items()},
        "reason": found.reason,
        "message": found.message,
        "notes": list(found.notes),
    }


DETECT = Report(
    Card(
        name="detect",
        title="detect",
        version="1",
        summary="Mark what was manipulated in images, from the images alone.",
        licence="Apache-2.0",
        citation="imlbench, docs/detect.md",
    ),
    detect,
)
