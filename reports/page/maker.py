"""Puts the page together: reads, draws, computes, writes, and says what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from imlbench.cli.progress import progress
from imlbench.errors import one_line
from imlbench.files import write_atomically
from reports.page import folders, writing
from reports.page.comparisons import compare_newest
from reports.page.data import page_data, run_entries
from reports.page.drawing import NOT_ASKED, Artist, missing, not_drawn
from reports.page.figures import page_figures
from reports.page.notes import table_notes
from reports.page.samples import make_gallery
from reports.page.selection import Pick
from reports.page.thumbnails import LEGEND

if TYPE_CHECKING:
    from imlbench.metrics import Conventions
    from imlbench.results.reading import ResultReader
    from reports.page.drawing import Place
    from reports.page.samples import Gallery
    from reports.page.selection import Selection


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was asked of the page besides its runs.

    Attributes:
        title: empty = the datasets' names.
        metrics: names of the metrics shown per sample, F1 first.
        conventions: of all metrics.
        limit: samples of each dataset in the gallery, None = all.
        pick: which samples, under a limit.
        seed: of the bootstrap and of a random pick.
        pictures: whether images and score maps are drawn.
    """

    title: str
    metrics: tuple[str, ...]
    conventions: Conventions
    limit: int | None
    pick: Pick
    seed: int
    pictures: bool


@dataclass
class PageMaker:
    """Makes the page, in one of three shapes.

    Attributes:
        reader: the results.
        selection: the runs.
        wishes: what was asked for.
        summarised: names of the metrics in the tables.
        roots: folders of datasets by label.
    """

    reader: ResultReader
    selection: Selection
    wishes: Wishes
    summarised: tuple[str, ...]
    roots: dict[str, Path]

    def read_gallery(self) -> Gallery:
        """The gallery without pictures."""
        wishes = self.wishes
        options = (wishes.metrics, wishes.conventions, wishes.limit, wishes.pick, wishes.seed)
        return make_gallery(self.reader, self.selection, *options)

    def write_single(self, page: Path, gallery: Gallery) -> None:
        """Everything in one file."""
        text = writing.page_text(writing.inline_block(self.data(gallery, writing.Inlined())))
        write_atomically(page, text)
        folders.drop_stale(folders.files_folder(page))
        self.tell(page, [page], gallery, "one file")

    def write_beside(self, page: Path, gallery: Gallery) -> None:
        """A page, and a folder beside it that holds the data and the pictures."""
        files = folders.files_folder(page)
        address = writing.url_of(files.name)
        with folders.replaced_folder(files) as fresh:
            self.write_data(fresh, f"{address}/{folders.PICTURES}", gallery)
        write_atomically(page, writing.page_text(writing.linked_block(f"{address}/{folders.DATA_FILE}")))
        self.tell(page, [page, files], gallery, f"with its folder {files.name}")

    def write_folder(self, folder: Path, gallery: Gallery) -> None:
        """A folder that holds the page, the data and the pictures."""
        with folders.replaced_folder(folder.resolve()) as fresh:
            self.write_data(fresh, folders.PICTURES, gallery)
            (fresh / folders.INDEX).write_text(
                writing.page_text(writing.linked_block(folders.DATA_FILE)), encoding="utf-8", newline="\n"
            )
        self.tell(folder / folders.INDEX, [folder], gallery, "with all of its folder")

    def write_data(self, folder: Path, address: str, gallery: Gallery) -> None:
        """Pictures and data in a folder; `address` is that of the pictures from the page."""
        data = self.data(gallery, writing.Filed(folder / folders.PICTURES, address))
        (folder / folders.DATA_FILE).write_text(writing.data_script(data), encoding="utf-8", newline="\n")

    def data(self, gallery: Gallery, place: Place) -> dict[str, Any]:
        """The page's data; pictures go to their place."""
        wishes = self.wishes
        shared = (wishes.conventions, wishes.seed)
        self.draw(gallery, place)
        runs = run_entries(self.reader, self.selection, self.summarised, *shared)
        comparisons, uncompared = compare_newest(self.reader, self.selection, runs, gallery, *shared)
        figures, undrawn = page_figures(self.reader, self.selection, *shared)
        tables = table_notes(self.reader, self.selection, self.summarised, *shared)
        notes = [*tables, *uncompared, *undrawn, *self.gallery_notes(gallery)]
        title = wishes.title or self.default_title()
        return page_data(title, notes, self.summarised, runs, figures, comparisons, gallery)

    def draw(self, gallery: Gallery, place: Place) -> None:
        """Draw the pictures where they are wanted."""
        if not self.wishes.pictures:
            not_drawn(gallery)
        elif gallery.samples:
            with progress("pictures") as bar:
                Artist(self.reader.path, self.selection, gallery, self.roots, place, bar).draw()

    def default_title(self) -> str:
        """Names of the datasets."""
        names = dict.fromkeys(stored.run.dataset_title for stored in self.selection.listed)
        return f"imlbench results: {', '.join(names)}"

    def gallery_notes(self, gallery: Gallery) -> Iterator[str]:
        """What the gallery holds, what its pictures mean, and what is missing."""
        for dataset, count in gallery.left_out.items():
            if count:
                way = f"drawn with seed {self.wishes.seed}" if self.wishes.pick == Pick.RANDOM else "by mean F1"
                yield (
                    f"Gallery: of {dataset}, {count:,} samples are left out; shown: {self.wishes.pick}, {way}. "
                    "Comparisons count all samples and name those that changed most among the shown ones."
                )
        if not self.wishes.pictures:
            yield f"Gallery: {NOT_ASKED}."
        elif gallery.samples:
            yield f"Pictures are reduced and compressed; every number is of the full images. {LEGEND}"
        for line in missing(self.selection, gallery):
            yield f"Pictures: {line}"

    def tell(self, page: Path, paths: Sequence[Path], gallery: Gallery, shape: str) -> None:
        """Say where the page is, how large its files and folders are together, and what it lacks."""
        size = writing.size_text(sum(writing.bytes_below(path) for path in paths))
        runs, samples = len(self.selection.listed), len(gallery.samples)
        typer.echo(one_line(f"written: {page} ({shape}; {size}; {runs} runs, {samples:,} samples in the gallery)"))
        for line in missing(self.selection, gallery):
            typer.echo(one_line(line))
