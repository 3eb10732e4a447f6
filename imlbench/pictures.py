"""From a stored result back to what one looks at: images, mask and score map of a run's sample.

Score maps are read from the results folder where they were kept; annotators and detectors that need no accelerator are
run again where they were not.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imlbench.authentic import PREFIX, WithOriginals
from imlbench.counting import Truth
from imlbench.datasets.opening import open_dataset
from imlbench.errors import Reason, SampleError, UserError
from imlbench.images import open_image
from imlbench.jobs import describe
from imlbench.loading import LoadedSample, load, load_alone, picture_of
from imlbench.maps import MapFolder
from imlbench.recomputing import Rebuilt, condition_of, seed_of
from imlbench.results.records import unpack_histogram
from imlbench.score_maps import LEVELS, checked_map, marked_pixels
from imlbench.serving import ANNOTATORS, DETECTORS, SERVICES, Service, said

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.adapters import Picture
    from imlbench.datasets.base import Dataset
    from imlbench.results.reading import ResultReader, StoredRun
    from imlbench.results.records import Run
    from imlbench.samples import Mask, Pair, Sample, ScoreMap


@dataclass(frozen=True, slots=True)
class Located:
    """A dataset that was found again, by sample id."""

    dataset: Dataset
    samples: Mapping[str, Sample]


class Pictures:
    """Images and score maps behind the runs of a results file. Not safe to use from several threads at once.

    Args:
        reader: the results.
        roots: folders of datasets by label or by name; where one is missing, the folder of the newest command.
        recompute: whether adapters that need no accelerator are run again for maps that were not kept.
    """

    def __init__(
        self, reader: ResultReader, roots: Mapping[str, str | Path] | None = None, recompute: bool = True
    ) -> None:
        self.reader = reader
        self.roots = dict(roots or {})
        self._rebuilt = Rebuilt(recompute)
        self._located: dict[str, Located | UserError] = {}
        self._originals: dict[str, dict[str, Sample]] = {}
        self._shown: tuple[LoadedSample, str, Any] | None = None

    @cached_property
    def maps(self) -> MapFolder:
        """Where score maps are kept."""
        return MapFolder(self.reader.path.parent / "maps")

    def locate(self, stored: StoredRun) -> Located:
        """The dataset of a run.

        Raises:
            UserError: its folder is gone, or it is not registered here.
        """
        label = stored.run.dataset
        if label not in self._located:
            try:
                dataset = open_dataset(label, self._root(stored))
                self._located[label] = Located(dataset, {sample.id: sample for sample in dataset.samples()})
            except UserError as error:
                self._located[label] = error
        found = self._located[label]
        if isinstance(found, UserError):
            raise found
        return found

    def _root(self, stored: StoredRun) -> str | Path | None:
        """The folder that was asked for, else that of the newest command which wrote to the run."""
        label = stored.run.dataset
        for name in (label, label.partition(":")[0]):
            if name in self.roots:
                return self.roots[name]
        recorded = [entry.get("root") for entry in self.reader.provenance(stored.run_id)]
        # Not Path.exists, which raises on a path that no file system takes.
        known = [root for root in recorded if isinstance(root, str) and os.path.exists(root)]
        return known[-1] if known else None

    def load(self, stored: StoredRun, sample_id: str) -> LoadedSample:
        """Decode a sample of a run, clean.

        Raises:
            UserError: the dataset is not there.
            SampleError: the sample is not there, cannot be read, or is not what was scored.
        """
        sample = self._sample(stored, sample_id)
        if sample is None:
            raise SampleError(Reason.MISSING_PARTNER, f"{sample_id}: no longer in {stored.run.dataset}")
        try:
            loaded = decoded(stored.run, sample)
        except SampleError:
            raise
        except Exception as error:
            # Whatever a decoder or a file system throws is this sample's failure, as it is while scoring.
            raise SampleError(Reason.UNREADABLE, f"{sample_id}: {describe(error)}") from error
        scored = self._scored_content(stored, sample_id)
        if scored and scored != loaded.content():
            raise SampleError(Reason.UNREADABLE, f"{sample_id}: its files have changed since it was scored")
        return loaded

    def _sample(self, stored: StoredRun, sample_id: str) -> Sample | None:
        """A sample of the dataset, or an original of it that a detector judged as an authentic image."""
        label, located = stored.run.dataset, self.locate(stored)
        if sample_id in located.samples or not sample_id.startswith(PREFIX):
            return located.samples.get(sample_id)
        if label not in self._originals:
            self._originals[label] = {sample.id: sample for sample in WithOriginals(located.dataset).originals()}
        return self._originals[label].get(sample_id)

    def _scored_content(self, stored: StoredRun, sample_id: str) -> str:
        """Identity by content of what was scored, empty where nothing was."""
        statement = (
            "SELECT content FROM counts JOIN samples USING (sample_key) "
            "WHERE run_id = ? AND counts.sample_id = ? AND status = 'ok'"
        )
        rows = self.reader.query(statement, stored.run_id, sample_id)
        return str(rows[0][0]) if rows else ""

    def pair(self, stored: StoredRun, loaded: LoadedSample) -> Pair:
        """The pair under the run's condition, as an annotator sees it. The latest one is kept for the next run.

        Raises:
            UserError: the perturbation is not registered here, or lacks its weights.
            SampleError: the dataset has no original, or the perturbation refuses the image.
        """
        pair: Pair = self._under_condition(ANNOTATORS, stored.run, loaded)
        return pair

    def picture(self, stored: StoredRun, loaded: LoadedSample) -> Picture:
        """The edited image under the run's condition, as a detector sees it. The latest one is kept.

        Raises:
            UserError: the perturbation is not registered here, or lacks its weights.
            SampleError: the file cannot be read any more, or the perturbation refuses the image.
        """
        picture: Picture = self._under_condition(DETECTORS, stored.run, loaded)
        return picture

    def _under_condition(self, service: Service, run: Run, loaded: LoadedSample) -> Any:
        """What adapters of a kind see of a sample under a run's condition."""
        under = repr((service.kind, run.perturbation, run.severity, run.target, seed_of(run)))
        if self._shown is None or self._shown[0] is not loaded or self._shown[1] != under:
            self._shown = loaded, under, self._perturbed(service, run, loaded)
        return self._shown[2]

    def _perturbed(self, service: Service, run: Run, loaded: LoadedSample) -> Any:
        """`_under_condition`, computed."""
        try:
            given = loaded.pair() if service is ANNOTATORS else with_file(loaded)
            return service.perturbed(given, condition_of(run), seed_of(run))
        except (SampleError, UserError):
            raise
        except Exception as error:
            # A perturbation may refuse an image by any exception, as an encoder does above its largest size.
            message = f"{run.perturbation} at severity {run.severity:g}: {describe(error)}"
            raise SampleError(Reason.ADAPTER_ERROR, message) from error

    def score_map(self, stored: StoredRun, loaded: LoadedSample) -> ScoreMap:
        """The run's score map of a sample: H x W of the mask; float32, uint8 levels or bool.

        Raises:
            SampleError: it was not kept and cannot be computed here; the message says what to do.
        """
        kept = self._kept(stored, loaded)
        if kept is not None:
            return kept
        run, service = stored.run, SERVICES[stored.run.kind]
        adapter = self._rebuilt.adapter(run)
        try:
            (answer,) = service.ask(adapter, [self._under_condition(service, run, loaded)])
            scores = answer if service is ANNOTATORS else said(answer, run.adapter).scores
        except (SampleError, UserError) as error:
            raise SampleError(Reason.ADAPTER_ERROR, str(error)) from error
        except Exception as error:
            # An adapter may raise anything; the picture says so, and the others are drawn all the same.
            raise SampleError(Reason.ADAPTER_ERROR, f"{run.adapter}: {describe(error)}") from error
        return checked_map(scores, loaded.mask.shape, run.adapter)[0]

    def _kept(self, stored: StoredRun, loaded: LoadedSample) -> ScoreMap | None:
        """The map that `--save-maps` kept; None where there is none, or it is not the one that was counted."""
        path = self.maps.path(stored.run, loaded.sample.id)
        try:
            grey = np.asarray(open_image(path.read_bytes(), path.name)[0].convert("L"))
        except (OSError, SampleError):
            # Missing or damaged: whoever asks gets it computed anew, or is told how to keep it anew.
            return None
        if grey.shape != loaded.mask.shape or not self._was_counted(stored, loaded, grey):
            return None
        return grey if stored.run.soft else grey >= 128

    def _was_counted(self, stored: StoredRun, loaded: LoadedSample, grey: NDArray[np.uint8]) -> bool:
        """Whether a kept map has the histogram that is stored: a later command may have scored without keeping."""
        statement = "SELECT histogram, tp, fp, fn, tn FROM counts WHERE run_id = ? AND sample_id = ? AND status = 'ok'"
        rows = self.reader.query(statement, stored.run_id, loaded.sample.id)
        found = Truth(loaded.mask, box=loaded.box).count(grey, stored.run.threshold).histogram
        return bool(rows) and np.array_equal(found, unpack_histogram(*rows[0]))


def decoded(run: Run, sample: Sample) -> LoadedSample:
    """A sample as one looks at it: with its original, which a detector's may lack.

    Raises:
        SampleError: a file is missing, unreadable or too large, or sizes do not fit together.
    """
    try:
        return load(sample)
    except SampleError:
        if run.kind == ANNOTATORS.kind:
            raise
        # A detector has not looked at the original: one that is missing or broken takes nothing from its result.
        return load_alone(sample)


def with_file(loaded: LoadedSample) -> Picture:
    """What a detector sees of a sample, whose file is read again where it was not kept.

    Raises:
        SampleError: the file is gone.
    """
    data = loaded.data or loaded.sample.edited.read()
    return picture_of(loaded.sample.id, loaded.edited, data)


def decision(scores: ScoreMap, run: Run) -> Mask:
    """What the run marks as edited: H x W, bool."""
    marked: Mask = marked_pixels(scores, run.threshold).view(np.bool_)
    return marked


def certainty(scores: ScoreMap) -> NDArray[np.float32]:
    """Any score map as H x W, float32 in [0, 1]."""
    scale = np.float32(255 if scores.dtype == LEVELS else 1)
    return scores.astype(np.float32) / scale
