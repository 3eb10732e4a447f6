"""A detector that runs as a command of the user's, in an environment of its own.

What the process does wrong stays with the picture at which it does it: a crash, a hang or a map that is none is that
picture's failure, and a new process goes on with the others.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from detectors.external.settings import ExternalSettings, settings_of
from imlbench.adapters import Detection, Detector, DetectorCard, Picture
from imlbench.cards import Weight
from imlbench.errors import Reason, SampleError, UserError
from imlbench.weights.checking import cached_digest
from imlbench.weights.places import variable, weights_root

if TYPE_CHECKING:
    from detectors.external.child import Child
    from detectors.external.protocol import Answer, Request

AT_ONCE = 16
"""Pictures that a process is asked for before it has answered; it may answer them in any order."""
UNANSWERED = 2
"""Processes in a row that have never answered, after which none is started again."""
SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "TIFF": ".tif", "BMP": ".bmp", "GIF": ".gif", "PPM": ".ppm"}


@dataclass(slots=True)
class Job:
    """A picture on its way: with its request, then with what became of it."""

    picture: Picture
    key: str
    request: Request | None = None
    detection: Detection | None = None
    failure: str = ""

    @property
    def done(self) -> bool:
        """Whether nothing more is to be tried."""
        return self.detection is not None or bool(self.failure)


class CardOfTheCommand:
    """A class attribute `card` that tells runs of other commands and other weights apart."""

    def __get__(self, instance: object, owner: Any = None) -> DetectorCard:
        declared: DetectorCard = owner.declared
        try:
            return full_card(declared, settings_of(declared.name))
        except UserError:
            # Listing shows the card all the same; building the detector says what is wrong.
            return declared


def full_card(card: DetectorCard, settings: ExternalSettings) -> DetectorCard:
    """The card with what the user has named: another command is another version, the weights are told by their hash.

    Raises:
        UserError: the weights cannot be read.
    """
    if not settings.command:
        return card
    weights: tuple[Weight, ...] = ()
    if settings.weights:
        path = Path(os.path.abspath(settings.weights))
        sha256 = cached_digest(path, weights_root())
        weights = (Weight(name=path.name, sha256=sha256, licence="the user's", source="named by the user"),)
    return replace(card, version=f"{card.version}+{settings.identity}", weights=weights)


class SubprocessDetector(Detector):
    """Asks a process in JSON lines (`detectors.external.protocol`). A subclass has `declared`, its card.

    Args:
        device: handed to the process as IMLBENCH_DEVICE.
        seed: of no meaning here.
        settings: the command and its patience; None = as the environment or the config file names them.

    Raises:
        UserError: no command is named, or the weights that go on the card cannot be read.
    """

    declared: ClassVar[DetectorCard]
    card: ClassVar[DetectorCard] = cast("DetectorCard", CardOfTheCommand())

    def __init__(self, device: str = "cpu", seed: int = 0, *, settings: ExternalSettings | None = None) -> None:
        super().__init__(device, seed)
        self.settings = settings or settings_of(self.declared.name)
        if not self.settings.command:
            raise UserError(self.missing())
        self.card = full_card(self.declared, self.settings)  # type: ignore[misc]
        self.child: Child | None = None
        self._folder = tempfile.mkdtemp(prefix="imlbench-")
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._count = 0
        self._answers = 0
        self._silent = 0
        self._reason = ""
        self._kept: dict[str, Job] = {}
        self._end = weakref.finalize(self, lambda: None)

    @classmethod
    def missing(cls) -> str:
        name = cls.declared.name
        if settings_of(name).command:
            return ""
        where = f"{variable(name)}_COMMAND"
        return f"{name}: needs a checkout: {where} names the command that runs it (docs/detectors.md)"

    def detect(self, pictures: Sequence[Picture]) -> list[Detection]:
        jobs = [self._job(picture) for picture in pictures]
        waiting = [job for job in jobs if not job.done]
        for start in range(0, len(waiting), AT_ONCE):
            self._judge(waiting[start : start + AT_ONCE])
        # Whoever asks again for those of a batch that failed gets what is known of them at once.
        self._kept = {job.key: job for job in jobs} if any(job.failure for job in jobs) else {}
        for job in jobs:
            if job.failure:
                raise SampleError(Reason.ADAPTER_ERROR, f"{self.declared.name}: {job.failure}")
        return [job.detection for job in jobs if job.detection is not None]

    def close(self) -> None:
        """End the process; the next picture starts another."""
        if self.child is not None:
            self._end.detach()
            self.child.end()
            self.child = None

    def _job(self, picture: Picture) -> Job:
        """A picture as a job, with what is known of it from the batch before."""
        content = picture.data if picture.data is not None else picture.pixels.tobytes()
        key = hashlib.sha256(repr((picture.id, picture.pixels.shape)).encode() + content).hexdigest()
        return self._kept.get(key) or Job(picture, key)

    def _judge(self, jobs: Sequence[Job]) -> None:
        """Ask for several at once; those that a dying or hanging process leaves behind once more, each alone."""
        self._ask(jobs)
        for job in jobs:
            if not job.done:
                self._ask([job])
                job.failure = job.failure or ("" if job.done else self._reason)

    def _ask(self, jobs: Sequence[Job]) -> None:
        """Ask for pictures and listen until all are answered, or the process dies, hangs or lies about which it has.

        Raises:
            UserError: the process cannot be started, or none has ever answered.
        """
        from detectors.external.child import ChildDiedError, ChildHangsError
        from detectors.external.protocol import LyingChildError

        try:
            child = self._living()
            patience = self.settings.picture_seconds
            until = time.monotonic() + patience + (0 if self._answers else self.settings.start_seconds)
            asked = {job.request.id: job for job in map(self._sent, jobs) if job.request}
            while asked:
                answer = self._heard(child, until)
                until = time.monotonic() + patience
                if answer.id:
                    self._take(asked, answer)
        except ChildHangsError:
            self._give_up(f"no answer within {self.settings.picture_seconds:g} seconds")
        except ChildDiedError as error:
            self._give_up(f"its process {error}")
        except LyingChildError as error:
            self._give_up(str(error))
        finally:
            self._sweep(jobs)

    def _living(self) -> Child:
        """The process, started where there is none."""
        from detectors.external.child import Child

        if self.child is None:
            if self._silent >= UNANSWERED:
                told = f"{self._silent} processes in a row without an answer: {self._reason}"
                raise UserError(f"{self.declared.name}: {told}; try the command by hand (docs/detectors.md)")
            self.child = Child(self.settings.command, self.settings.folder, {"IMLBENCH_DEVICE": self.device})
            self._answers = 0
            self._end = weakref.finalize(self, self.child.end)
        return self.child

    def _sent(self, job: Job) -> Job:
        """Write the picture where the process finds it, and ask for its map."""
        from detectors.external.protocol import Request

        self._count += 1
        place = os.path.join(self._folder, str(self._count))
        content, suffix = encoded(job.picture)
        with open(place + suffix, "wb") as file:
            file.write(content)
        height, width = job.picture.pixels.shape[:2]
        job.request = Request(str(self._count), place + suffix, f"{place}.npy", height, width)
        self._living().ask(job.request)
        return job

    def _heard(self, child: Child, until: float) -> Answer:
        """The next answer; what else the process prints is passed over, and does not buy it time."""
        from detectors.external.protocol import answer_of

        while True:
            line = child.hear(until)
            answer = answer_of(line)
            if answer is not None:
                self._answers += 1
                return answer
            child.remember(line)

    def _take(self, asked: dict[str, Job], answer: Answer) -> None:
        """Believe an answer, or hold it against its picture.

        Raises:
            LyingChildError: nothing of that id is waited for.
        """
        from detectors.external.protocol import LyingChildError, read_map

        job = asked.pop(answer.id, None)
        if job is None or job.request is None:
            raise LyingChildError(f"answered for {answer.id!r}, which it was not asked for")
        self._silent = 0
        if answer.error:
            job.failure = answer.error
            return
        try:
            job.detection = Detection(read_map(job.request), answer.score)
        except LyingChildError as error:
            job.failure = str(error)

    def _give_up(self, reason: str) -> None:
        """End a process that cannot be believed any more."""
        self._reason = reason
        if self.child is not None and not self._answers:
            self._silent += 1
        self.close()

    def _sweep(self, jobs: Sequence[Job]) -> None:
        """Remove the files of requests; a process that still writes one leaves it to the folder's end."""
        for job in jobs:
            if job.request is None:
                continue
            for path in (job.request.image, job.request.map):
                if os.path.lexists(path) and not os.path.isdir(path):
                    os.remove(path)
            job.request = None


def encoded(picture: Picture) -> tuple[bytes, str]:
    """The picture's own file and its ending; a PNG of the pixels where there is none, or it lies turned."""
    if picture.data is not None and picture.orientation == 1 and picture.format in SUFFIXES:
        return picture.data, SUFFIXES[picture.format]
    from imlbench.images import encode_png

    return encode_png(picture.pixels), ".png"
