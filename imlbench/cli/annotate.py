"""`imlbench annotate`: masks of pairs, single ones or whole folders, by any registered annotator."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imlbench.errors import UserError, one_line

if TYPE_CHECKING:
    from imlbench.annotation import Kind, Wish, Written
    from imlbench.annotation_sets import PairFolders
    from imlbench.jobs import Handle


def annotate(
    original: Annotated[Path, typer.Argument(help="The original image, or a folder of originals.")],
    edited: Annotated[Path, typer.Argument(help="The edited image, or a folder of them with the same names.")],
    instruction: Annotated[str | None, typer.Argument(help="The command that made the edit, if it is known.")] = None,
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="The mask (.png, 255 = edited), or a folder for them.")],
    overlay: Annotated[
        Path | None, typer.Option(help="Also the edited image with the region marked; file or folder.")
    ] = None,
    soft: Annotated[Path | None, typer.Option(help="Also the scores as 8-bit grey, 255 = certain.")] = None,
    annotator: Annotated[str, typer.Option(help="Annotator; `imlbench list annotators` shows them.")] = "sigma-lite",
    instructions: Annotated[
        Path | None, typer.Option(help="For folders: a .jsonl, .csv or .json file of names and instructions.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = "auto",
    batch_size: Annotated[int, typer.Option(min=1, help="Pairs per call of an annotator that works in batches.")] = 8,
    seed: Annotated[int, typer.Option(help="Of annotators that draw random numbers.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write anew what is there already.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Mark what was edited, given the original: a mask for a pair of images, or for each pair of two folders."""
    from imlbench.annotation import annotate_all
    from imlbench.annotation_sets import PairFolders

    places: dict[Kind, Path] = {"mask": out}
    places |= {"soft": soft} if soft else {}
    places |= {"overlay": overlay} if overlay else {}
    in_folders = folders_meant(original, edited)
    check_places(places, (original, edited), in_folders)
    found: list[Written] = []
    # What a third party's code prints must not end up in the JSON.
    with redirect_stdout(sys.stderr):
        handle = one_annotator(annotator, device, seed)
        if in_folders:
            if instruction is not None:
                raise UserError("one instruction for two folders: name a file of instructions with --instructions")
            pairs = PairFolders(original, edited, instructions)
            found += orphans(pairs)
            wishes = folder_wishes(pairs, places)
        else:
            if instructions is not None:
                raise UserError("--instructions is for folders; write a single pair's instruction after its images")
            wishes = iter([single_wish(original, edited, instruction, places)])
        for written in annotate_all(handle, wishes, batch_size, overwrite):
            found.append(written)
            complain(written)
    tell(found, as_json)


def folders_meant(original: Path, edited: Path) -> bool:
    """Whether the two arguments are folders; False where they are files.

    Raises:
        UserError: one is missing, or one is a folder and the other a file.
    """
    for role, path in (("original", original), ("edited", edited)):
        # Not Path.exists, which raises on a path that no file system takes.
        if not os.path.exists(path):
            raise UserError(f"{role}: no such file or folder: {one_line(path, 200)}")
    kinds = [os.path.isdir(path) for path in (original, edited)]
    if kinds[0] != kinds[1]:
        raise UserError(f"expected two images or two folders, found one of each: {original} and {edited}")
    return kinds[0]


def check_places(places: dict[Kind, Path], inputs: tuple[Path, Path], in_folders: bool) -> None:
    """Refuse outputs that would lie on each other or on the inputs.

    Raises:
        UserError: they would, or a place is of the wrong kind.
    """
    real = {kind: os.path.realpath(path) for kind, path in places.items()}
    if len(set(real.values())) < len(real):
        raise UserError("mask, soft and overlay need places of their own; two of them are the same")
    for kind, path in places.items():
        if not in_folders and path.suffix.lower() != ".png":
            raise UserError(f"{kind}: expected a file name ending in .png, found {one_line(path, 200)!r}")
        if os.path.lexists(path) and os.path.isdir(path) != in_folders:
            what = "a folder" if in_folders else "a file"
            raise UserError(f"{kind}: expected {what}, since the images are given as such, found {path}")
        for given in map(os.path.realpath, inputs):
            if real[kind] == given or (in_folders and os.path.commonpath((real[kind], given)) == given):
                raise UserError(f"{kind}: {path} is or lies in what is to be annotated; choose another place")


def one_annotator(name: str, device: str, seed: int) -> Handle:
    """The annotator of that name, not built yet.

    Raises:
        UserError: unknown, or a pattern that means several.
    """
    from imlbench.evaluation import resolve_devices
    from imlbench.jobs import annotator_handles

    handles = resolve_devices(annotator_handles([name], device, seed))
    if len(handles) > 1:
        raise UserError(f"--annotator {name} means {len(handles)} annotators; name one of them")
    return handles[0]


def single_wish(original: Path, edited: Path, instruction: str | None, places: dict[Kind, Path]) -> Wish:
    """What is wanted of a single pair."""
    from imlbench.annotation import Wish
    from imlbench.datasets.files import printable
    from imlbench.samples import Sample
    from imlbench.sources import FileSource

    # A file that the user names is read wherever a link leads: its own folder is its root.
    sources = [FileSource(*os.path.split(os.path.realpath(path))) for path in (edited, original)]
    name = printable(edited.name)
    return Wish(Sample(name, sources[0], sources[1], instruction=instruction), places)


def folder_wishes(pairs: PairFolders, places: dict[Kind, Path]) -> Iterator[Wish]:
    """What is wanted of each pair of two folders: files of the edited image's name."""
    from imlbench.annotation import Wish

    for key, sample in pairs.samples():
        yield Wish(sample, {kind: folder / f"{key}.png" for kind, folder in places.items()}, places)


def orphans(pairs: PairFolders) -> list[Written]:
    """Files and instructions without a partner, told of at once."""
    from imlbench.annotation import Written

    found = [
        Written(problem.name, "failed", reason=str(problem.reason), message=problem.message)
        for problem in pairs.problems()
    ]
    for written in found:
        complain(written)
    return found


def complain(written: Written) -> None:
    """A line about a pair that failed."""
    if written.status == "failed":
        typer.echo(f"imlbench: {written.reason}: {one_line(written.message)}", err=True)


def tell(found: list[Written], as_json: bool) -> None:
    """Print what came of it.

    Raises:
        typer.Exit: with code 1 where any pair failed.
    """
    counts = {status: sum(entry.status == status for entry in found) for status in ("written", "kept", "failed")}
    if as_json:
        typer.echo(json.dumps({**counts, "pairs": [row(entry) for entry in found]}, indent=2))
    elif len(found) == 1 and found[0].status != "failed":
        typer.echo(sentence(found[0]))
    elif len(found) != 1:
        kept = " (--overwrite writes them anew)" if counts["kept"] else ""
        typer.echo(f"{counts['written']} annotated, {counts['kept']} kept{kept}, {counts['failed']} failed")
    if counts["failed"]:
        raise typer.Exit(1)


def sentence(written: Written) -> str:
    """What came of a single pair, in words."""
    if written.share is None:
        return f"{written.id}: kept what is there; --overwrite writes it anew"
    listed = ", ".join(str(path) for path in written.files.values())
    notes = "".join(f"; {note}" for note in written.notes)
    return f"{written.id}: {100 * written.share:.2f} % of the pixels marked: {listed}{notes}"


def row(written: Written) -> dict[str, Any]:
    """What came of a pair, for JSON."""
    return {
        "id": written.id,
        "status": written.status,
        "files": {kind: str(path) for kind, path in written.files.items()},
        "marked_share": written.share,
        "reason": written.reason,
        "message": written.message,
        "notes": list(written.notes),
    }
