"""From a stored result back to what one looks at: images, mask and score map of a run's sample.

Score maps are read from the results folder where they were kept; adapters that need no accelerator are run again
where they were not.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imlbench import registry
from imlbench.counting import Truth
from imlbench.datasets.opening import open_dataset
from imlbench.errors import Reason, SampleError, UserError, one_line
from imlbench.images import open_image
from imlbench.jobs import describe, load_adapter
from imlbench.loading import LoadedSample, load
from imlbench.maps import MapFolder
from imlbench.perturb import CLEAN, Condition
from imlbench.results.records import unpack_histogram
from imlbench.samples import Pair
from imlbench.score_maps import LEVELS, checked_map, marked_pixels
from imlbench.scoring import perturbed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imlbench.datasets.base import Dataset
    from imlbench.results.reading import ResultReader, StoredRun
    from imlbench.results.records import Run
    from imlbench.samples import Mask, Sample, ScoreMap


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
        self.recompute = recompute
        self._located: dict[str, Located | UserError] = {}
        self._adapters: dict[str, Any] = {}
        self._pair: tuple[LoadedSample, str, Pair] | None = None

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
        sample = self.locate(stored).samples.get(sample_id)
        if sample is None:
            raise SampleError(Reason.MISSING_PARTNER, f"{sample_id}: no longer in {stored.run.dataset}")
        try:
            loaded = load(sample)
        except SampleError:
            raise
        except Exception as error:
            # Whatever a decoder or a file system throws is this sample's failure, as it is while scoring.
            raise SampleError(Reason.UNREADABLE, f"{sample_id}: {describe(error)}") from error
        scored = self._scored_content(stored, sample_id)
        if scored and scored != loaded.content():
            raise SampleError(Reason.UNREADABLE, f"{sample_id}: its files have changed since it was scored")
        return loaded

    def _scored_content(self, stored: StoredRun, sample_id: str) -> str:
        """Identity by content of what was scored, empty where nothing was."""
        statement = (
            "SELECT content FROM counts JOIN samples USING (sample_key) "
            "WHERE run_id = ? AND counts.sample_id = ? AND status = 'ok'"
        )
        rows = self.reader.query(statement, stored.run_id, sample_id)
        return str(rows[0][0]) if rows else ""

    def pair(self, stored: StoredRun, loaded: LoadedSample) -> Pair:
        """The pair under the run's condition, as the adapter saw it. The latest one is kept for the next run.

        Raises:
            UserError: the perturbation is not registered here, or lacks its weights.
            SampleError: the dataset has no original, or the perturbation refuses the image.
        """
        run = stored.run
        under = repr((run.perturbation, run.severity, run.target, seed_of(run)))
        if self._pair is None or self._pair[0] is not loaded or self._pair[1] != under:
            self._pair = loaded, under, self._perturbed(run, loaded)
        return self._pair[2]

    def _perturbed(self, run: Run, loaded: LoadedSample) -> Pair:
        """`pair`, computed."""
        try:
            return perturbed(loaded.pair(), condition_of(run), seed_of(run))
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
        adapter = self._adapter(stored.run)
        try:
            scores = adapter.annotate([self.pair(stored, loaded)])[0]
        except (SampleError, UserError) as error:
            raise SampleError(Reason.ADAPTER_ERROR, str(error)) from error
        except Exception as error:
            # An adapter may raise anything; the picture says so, and the others are drawn all the same.
            raise SampleError(Reason.ADAPTER_ERROR, f"{stored.run.adapter}: {describe(error)}") from error
        return checked_map(scores, loaded.mask.shape, stored.run.adapter)[0]

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

    def _adapter(self, run: Run) -> Any:
        """The adapter of a run.

        Raises:
            SampleError: it is not here, is another version, or is too heavy to be run for a picture.
        """
        if run.run_id not in self._adapters:
            self._adapters[run.run_id] = self._built(run)
        adapter = self._adapters[run.run_id]
        if isinstance(adapter, SampleError):
            raise adapter
        return adapter

    def _built(self, run: Run) -> Any:
        """The adapter, or why there is none."""
        again = f"run `imlbench {command_of(run)} --save-maps --overwrite always` to keep its maps"
        if not self.recompute or run.kind != "annotator":
            return SampleError(Reason.ADAPTER_ERROR, f"{run.adapter}: no map was kept; {again}")
        try:
            factory = load_adapter(registry.resolve("annotators", run.adapter))
            if factory.card.accelerated or factory.card.version != json.loads(run.card).get("version"):
                found = "needs a model" if factory.card.accelerated else "is another version than the one that scored"
                return SampleError(Reason.ADAPTER_ERROR, f"{run.adapter} {found}; {again}")
            return factory(device="cpu", seed=seed_of(run))
        except UserError as error:
            return SampleError(Reason.ADAPTER_ERROR, one_line(error))
        except Exception as error:
            # A third party's constructor may raise anything.
            return SampleError(Reason.ADAPTER_ERROR, f"{run.adapter} cannot be built: {describe(error)}")


def command_of(run: Run) -> str:
    """The command that makes runs of this kind."""
    evaluation = "annotate-eval" if run.kind == "annotator" else "detect-eval"
    return "robustness" if run.perturbation else evaluation


def seed_of(run: Run) -> int:
    """The seed of a run, 0 where it plays no part."""
    seed = json.loads(run.identity).get("seed")
    return seed if isinstance(seed, int) else 0


def condition_of(run: Run) -> Condition:
    """The condition of a run.

    Raises:
        UserError: its perturbation is not registered here, or refuses the severity.
    """
    if not run.perturbation:
        return CLEAN
    perturbation = registry.resolve("perturbations", run.perturbation).load()()
    return Condition(perturbation, run.severity, run.target)  # type: ignore[arg-type]


def decision(scores: ScoreMap, run: Run) -> Mask:
    """What the run marks as edited: H x W, bool."""
    marked: Mask = marked_pixels(scores, run.threshold).view(np.bool_)
    return marked


def certainty(scores: ScoreMap) -> NDArray[np.float32]:
    """Any score map as H x W, float32 in [0, 1]."""
    scale = np.float32(255 if scores.dtype == LEVELS else 1)
    return scores.astype(np.float32) / scale
