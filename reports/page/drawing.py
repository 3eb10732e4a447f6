"""Draws the gallery's pictures sample by sample, in a few threads; each sample is decoded once."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from imlbench.errors import SampleError, UserError, one_line
from imlbench.pictures import Pictures
from imlbench.results.reading import ResultReader
from reports.page import thumbnails

if TYPE_CHECKING:
    from imlbench.account import Progress
    from imlbench.loading import LoadedSample
    from reports.page.samples import Entry, Gallery
    from reports.page.selection import Selection

MOST_THREADS = 4
NOT_ASKED = "pictures were not asked for"
NO_ORIGINAL = "the dataset ships no original of this image"


class Place(Protocol):
    """Where pictures go.

    Attributes:
        side: longest side of a picture in pixels.
    """

    side: int

    def keep(self, name: str, data: bytes) -> str:
        """Keep a picture, from any thread.

        Args:
            name: a path made of digits and a suffix, such as "000/00012m.png".
            data: the encoded picture.

        Returns:
            What an <img> names as its src.
        """


@dataclass(slots=True)
class Missing:
    """Pictures that are not there for one reason.

    Attributes:
        subject: the dataset or the adapter.
        what: kind of picture.
        count: how many are missing.
        reason: why, with the first message where they differ.
    """

    subject: str
    what: str
    count: int
    reason: str

    def __str__(self) -> str:
        return f"{self.subject}, {self.what}: {self.count:,} ({self.reason})"


@dataclass
class Artist:
    """Draws all pictures of a gallery and notes them there.

    Attributes:
        results: the results folder or file, opened once in each thread.
        selection: the runs.
        gallery: what is drawn; its pictures and problems are filled in.
        roots: folders of datasets by label, where another than that of the run's command is wanted.
        place: where pictures go.
        progress: receives news.
    """

    results: Path
    selection: Selection
    gallery: Gallery
    roots: Mapping[str, Path]
    place: Place
    progress: Progress
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _stopped: threading.Event = field(default_factory=threading.Event, repr=False)

    def draw(self) -> None:
        """Draw everything; what cannot be drawn is noted with the sample or the result."""
        from imlbench.evaluation import single_threaded_opencv
        from imlbench.settings import available_cpus

        total = len(self.gallery.samples)
        entries = entries_by_sample(self.gallery)
        threads = max(1, min(MOST_THREADS, available_cpus(), total))
        self.progress.start(total)
        with single_threaded_opencv(), ThreadPoolExecutor(threads) as pool:
            shares = [range(start, total, threads) for start in range(threads)]
            futures = [pool.submit(self._draw_share, share, entries) for share in shares]
            try:
                for future in futures:
                    future.result()
            finally:
                # Without this an interruption would wait until all is drawn.
                self._stopped.set()

    def _draw_share(self, share: Sequence[int], entries: Sequence[Sequence[tuple[int, Entry]]]) -> None:
        """Draw one thread's samples; neither a reader nor what stands on it may be shared between threads."""
        with ResultReader(self.results) as reader:
            pictures = Pictures(reader, self.roots)
            try:
                for index in share:
                    if self._stopped.is_set():
                        return
                    self._draw_sample(pictures, index, entries[index])
            except BaseException:
                # A full disk for one thread is a full disk for all.
                self._stopped.set()
                raise

    def _draw_sample(self, pictures: Pictures, index: int, entries: Sequence[tuple[int, Entry]]) -> None:
        """Draw a sample and the score maps of all its runs."""
        shown = self.gallery.samples[index]
        try:
            loaded = pictures.load(shown.run, shown.facts.sample_id)
        except (SampleError, UserError) as error:
            shown.problem, shown.reason = told(error)
        else:
            self._draw_photographs(index, loaded)
            for run, entry in entries:
                if entry.row.status == "ok":
                    self._draw_map(pictures, loaded, run, entry)
        with self._lock:
            self.progress.advance(1, int(bool(shown.problem)))

    def _draw_photographs(self, index: int, loaded: LoadedSample) -> None:
        """Original, edited image and truth."""
        shown, side = self.gallery.samples[index], self.place.side
        if loaded.original is None:
            # An authentic image has none to be missed.
            if loaded.sample.scope != "authentic":
                shown.problem, shown.reason = NO_ORIGINAL, "no-original"
        else:
            original = thumbnails.photograph(loaded.original, side)
            shown.original = self.place.keep(f"{stem(index)}o.webp", original)
        shown.edited = self.place.keep(f"{stem(index)}e.webp", thumbnails.photograph(loaded.edited, side))
        shown.mask = self.place.keep(f"{stem(index)}m.png", thumbnails.mask_picture(loaded.mask, side))

    def _draw_map(self, pictures: Pictures, loaded: LoadedSample, run: int, entry: Entry) -> None:
        """The score map of one run."""
        stored = self.selection.listed[run]
        if entry.row.sample_key != self.gallery.samples[entry.sample].facts.sample_key:
            entry.problem, entry.reason = "this run scored other files than those that are shown", "other-content"
            return
        try:
            scores = pictures.score_map(stored, loaded)
        except SampleError as error:
            entry.problem, entry.reason = told(error)
            return
        picture = thumbnails.map_picture(scores, stored.run, self.place.side)
        entry.map = self.place.keep(f"{stem(entry.sample)}-{run}.png", picture)


def stem(index: int) -> str:
    """Path of a sample's pictures, made of its number only: its id is anybody's text."""
    return f"{index // 100:03}/{index:05}"


def told(error: SampleError | UserError) -> tuple[str, str]:
    """Message and class of an error; errors of a whole dataset are a class each."""
    message = one_line(error)
    return message, error.reason.value if isinstance(error, SampleError) else message


def entries_by_sample(gallery: Gallery) -> list[list[tuple[int, Entry]]]:
    """For each sample, the runs (by index) that have a result of it."""
    found: list[list[tuple[int, Entry]]] = [[] for _ in gallery.samples]
    for run, entries in gallery.results.items():
        for entry in entries:
            found[entry.sample].append((run, entry))
    return found


def not_drawn(gallery: Gallery) -> None:
    """Note with each sample that nobody asked for pictures."""
    for shown in gallery.samples:
        shown.problem = NOT_ASKED


def missing(selection: Selection, gallery: Gallery) -> Iterator[Missing]:
    """What is missing and why: images by dataset, score maps by adapter; each reason once."""
    counted: dict[tuple[str, str, str], Missing] = {}
    for subject, what, reason, problem in problems(selection, gallery):
        text = problem if reason == problem else f"{reason}; first: {problem}"
        counted.setdefault((subject, what, reason), Missing(subject, what, 0, text)).count += 1
    yield from counted.values()


def problems(selection: Selection, gallery: Gallery) -> Iterator[tuple[str, str, str, str]]:
    """Subject, kind of picture, reason and message of everything that is missing.

    Where a sample has no picture at all, its score maps are not told apart.
    """
    for shown in gallery.samples:
        if shown.reason:
            what = "samples without pictures" if shown.edited is None else "originals missing"
            yield shown.run.run.dataset_title, what, shown.reason, shown.problem
    for run, entries in gallery.results.items():
        stored = selection.listed[run].run
        for entry in entries:
            if entry.reason:
                title = f"{stored.adapter_title} on {stored.dataset_title}"
                yield title, "score maps missing", entry.reason, entry.problem
